// The shapes of the API of tests that several modules use; for editors and readers, nothing runs here.

/** @typedef {{type: string, message: string, stacktrace: string, file: string | null, line: number | null}} Failure */

/**
 * @typedef {object} Case  as `GET /api/v1/tests/cases` lists it
 * @property {string} id
 * @property {string} run
 * @property {number} test
 * @property {string} project
 * @property {string} service
 * @property {string} node
 * @property {string | null} file
 * @property {number | null} line
 * @property {string | null} group
 * @property {string} name
 * @property {string} state
 * @property {string | null} standing
 * @property {string | null} phase
 * @property {string | null} reason
 * @property {string} started
 * @property {number | null} duration_s
 * @property {number | null} setup_s
 * @property {number | null} call_s
 * @property {number | null} teardown_s
 * @property {number} attempts
 * @property {string | null} worker
 * @property {Failure | null} failure
 * @property {Record<string, string>} labels
 * @property {string | null} note
 * @property {string} changed
 * @property {string | null} commit  of its run
 * @property {string | null} branch  of its run
 * @property {string | null} failing_since  as of its run
 * @property {string | null} first_bad_commit  as of its run
 * @property {string | null} last_good_commit  as of its run
 */

/** @typedef {{outcome: string, duration_s: number | null, failure: Failure | null, name?: string}} Part */

/**
 * @typedef {object} CaseMore  what `GET /api/v1/tests/cases/{case}` says besides
 * @property {Record<string, string>} parameters
 * @property {string[]} markers
 * @property {Record<string, Part>} phases
 * @property {Part[]} earlier_attempts
 * @property {Part[]} subtests
 * @property {number} subtest_count
 * @property {Record<string, number>} fixtures
 * @property {[string, string][]} properties
 * @property {Record<string, string>} output
 * @property {{category: string, message: string, file: string | null, line: number | null, when: string | null}[]} warnings
 * @property {string[]} cut
 */

/** @typedef {Case & CaseMore} CaseDetail */

/**
 * @typedef {object} Run  as `GET /api/v1/tests/runs` lists it
 * @property {string} id
 * @property {string} project
 * @property {string} service
 * @property {string} instance
 * @property {string} state
 * @property {string | null} reason
 * @property {number | null} exit_status
 * @property {string} started
 * @property {string | null} ended
 * @property {number | null} duration_s
 * @property {string} runner
 * @property {string | null} runner_version
 * @property {string} source
 * @property {string | null} command
 * @property {string | null} commit
 * @property {string | null} committed
 * @property {string | null} branch
 * @property {boolean | null} dirty
 * @property {Record<string, string>} ci
 * @property {string | null} python
 * @property {string | null} platform
 * @property {string | null} host
 * @property {Record<string, string>} plugins
 * @property {string | null} seed
 * @property {number | null} workers
 * @property {boolean | null} whole
 * @property {number | null} collected
 * @property {number | null} deselected
 * @property {Record<string, number>} counts
 * @property {number} dropped
 * @property {number} warnings
 * @property {Record<string, string>} labels
 * @property {string | null} note
 * @property {string} changed
 */

/** @typedef {{score: number, commits: number, mixed_commits: number, reruns_passed: number, last: string | null, evidence: string[]}} Flakiness */
/** @typedef {{kind: string, before_s: number, now_s: number, ratio: number, since_run: string | null, since_commit: string | null}} Slowdown */

/**
 * @typedef {object} Test  as `GET /api/v1/tests` lists it
 * @property {number} id
 * @property {string} project
 * @property {string} service
 * @property {string} node
 * @property {string | null} file
 * @property {string | null} group
 * @property {string} name
 * @property {string[]} former_nodes
 * @property {string} first_seen
 * @property {string} last_seen
 * @property {string} state
 * @property {string | null} standing
 * @property {string} last_case
 * @property {string | null} failing_since
 * @property {string | null} first_bad_commit
 * @property {string | null} last_good_commit
 * @property {boolean} gone
 * @property {Flakiness | null} flakiness
 * @property {Slowdown | null} slowdown
 * @property {number | null} median_s
 * @property {number} runs
 * @property {number} failures
 * @property {string[]} recent
 */

/** @typedef {{test: Test, case: Case | null}} Finding */

export {};
