"""The step of test runs: `test_run`, `test` and its nodes, `test_case`, `test_failure`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap_collector.storage.migrations.steps import migrations

if TYPE_CHECKING:
    from sqlite_utils import Database

# AUTOINCREMENT, which sqlite-utils does not offer: a number must never come back.
_TABLES = (
    """
    CREATE TABLE test_run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run TEXT NOT NULL UNIQUE, -- 32 hex digits, made by who tells of it
        project TEXT NOT NULL,
        service TEXT NOT NULL,
        instance TEXT NOT NULL,
        started INTEGER NOT NULL, -- ns since the epoch, as all times here
        ended INTEGER,
        heard INTEGER NOT NULL, -- when something of it came last, by our clock
        outcome TEXT, -- NULL: it has not ended
        exit_status INTEGER,
        reason TEXT,
        duration REAL, -- seconds, as all durations here
        runner TEXT NOT NULL,
        source TEXT NOT NULL,
        command TEXT,
        commit_id TEXT,
        committed INTEGER,
        branch TEXT,
        dirty INTEGER,
        whole INTEGER, -- the whole suite was asked for
        collected INTEGER,
        deselected INTEGER,
        passed INTEGER NOT NULL DEFAULT 0, -- cases, as far as they have ended
        failed INTEGER NOT NULL DEFAULT 0,
        errors INTEGER NOT NULL DEFAULT 0,
        skipped INTEGER NOT NULL DEFAULT 0,
        xfailed INTEGER NOT NULL DEFAULT 0,
        xpassed INTEGER NOT NULL DEFAULT 0,
        reran INTEGER NOT NULL DEFAULT 0, -- of these, those that took more than one attempt
        warnings INTEGER NOT NULL DEFAULT 0,
        dropped INTEGER NOT NULL DEFAULT 0,
        details TEXT NOT NULL, -- a JSON object: the rest of pylogtap.cases.facts.RunFacts
        labels TEXT NOT NULL, -- a JSON object
        note TEXT,
        changed INTEGER NOT NULL, -- when something of it or its cases came last; grows from change to change
        assessed INTEGER -- when its cases were compared with those before; NULL: not since it changed
    ) STRICT
    """,
    """
    CREATE TABLE test (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        project TEXT NOT NULL,
        service TEXT NOT NULL,
        node TEXT NOT NULL, -- the name it has now
        file TEXT,
        "group" TEXT,
        name TEXT NOT NULL,
        first_seen INTEGER NOT NULL,
        last_seen INTEGER NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE test_node ( -- all names that a test has had
        project TEXT NOT NULL,
        service TEXT NOT NULL,
        node TEXT NOT NULL,
        test INTEGER NOT NULL,
        since INTEGER NOT NULL,
        PRIMARY KEY (project, service, node)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE test_failure ( -- what failures have in common
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        project TEXT NOT NULL,
        service TEXT NOT NULL,
        type TEXT NOT NULL,
        pattern TEXT NOT NULL,
        first_seen INTEGER NOT NULL,
        UNIQUE (project, service, type, pattern)
    ) STRICT
    """,
    """
    CREATE TABLE test_case (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        case_id TEXT NOT NULL UNIQUE, -- 32 hex digits
        run INTEGER NOT NULL,
        test INTEGER NOT NULL,
        node TEXT NOT NULL, -- the name it had then
        started INTEGER NOT NULL,
        duration REAL,
        setup REAL,
        call REAL,
        teardown REAL,
        outcome TEXT, -- NULL: it has not ended
        done INTEGER NOT NULL,
        phase TEXT,
        attempts INTEGER NOT NULL DEFAULT 1,
        worker TEXT,
        line INTEGER,
        reason TEXT,
        exception_type TEXT,
        exception_message TEXT,
        failure INTEGER, -- of test_failure
        standing TEXT, -- against the runs before it: see the API's description
        warnings TEXT, -- a JSON array: those of pylogtap.wire.TEST_WARNING that came while it ran
        details BLOB, -- a JSON object, by zstd where that is worth it: the rest of CaseFacts
        labels TEXT NOT NULL, -- a JSON object
        note TEXT,
        changed INTEGER NOT NULL -- when something of it came last, by our clock, see test_run
    ) STRICT
    """,
    "CREATE INDEX idx_test_run_place ON test_run (project, service, started)",
    "CREATE INDEX idx_test_run_started ON test_run (started)",
    "CREATE INDEX idx_test_run_changed ON test_run (changed)",
    "CREATE INDEX idx_test_run_open ON test_run (heard) WHERE outcome IS NULL",
    "CREATE INDEX idx_test_place ON test (project, service, node)",
    "CREATE INDEX idx_test_node_test ON test_node (test)",
    "CREATE INDEX idx_test_case_run ON test_case (run, test)",
    "CREATE INDEX idx_test_case_order ON test_case (run)",  # lists are in the order of rows
    "CREATE INDEX idx_test_case_changed ON test_case (run, changed)",
    "CREATE INDEX idx_test_case_open ON test_case (run) WHERE outcome IS NULL",
    "CREATE INDEX idx_test_case_test ON test_case (test, started)",
    "CREATE INDEX idx_test_case_failure ON test_case (failure, started) WHERE failure IS NOT NULL",
)


@migrations(name="0013_cases")
def _cases(db: Database) -> None:
    for statement in _TABLES:
        db.execute(statement)
