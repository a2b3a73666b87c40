"""
The outcomes of runs in columns, `test_digest`, and which runs are to be assessed. Times are ns.

Assessing looks at all outcomes of a hundred runs. As rows of `test_case` these are millions; as columns of a
digest per run they are read in the time of a hundred rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import zstandard

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

STATES = ("", "passed", "failed", "error", "skipped", "xfailed", "xpassed", "running", "interrupted")
_INTERRUPTED = STATES.index("interrupted")
_CODES = {None: _INTERRUPTED} | {state: code for code, state in enumerate(STATES) if code}
_LEVEL = 1  # of zstd: it is written again when another run's arrival changes a standing


class Suite(NamedTuple):
    """Where runs are compared with each other: project and service."""

    project: str
    service: str


class Header(NamedTuple):
    """What has to be known of a run to compare it with others."""

    row: int
    started: int
    committed: int | None
    commit: str | None
    branch: str | None
    dirty: int | None
    whole: int | None
    outcome: str | None
    collected: int | None
    cases: int
    assessed: int | None
    changed: int
    python: str | None
    platform: str | None
    digested: int


class Digest(NamedTuple):
    """
    The cases of a run.

    Attributes:
        cases: Numbers of their rows.
        tests: Numbers of their tests, ascending.
        outcomes: Positions in `STATES`.
        attempts: How often each was tried, at most 255.
        durations: Seconds; NaN: not known.
        standings: As they are stored with the cases.
    """

    cases: NDArray[np.int64]
    tests: NDArray[np.int64]
    outcomes: NDArray[np.uint8]
    attempts: NDArray[np.uint8]
    durations: NDArray[np.float32]
    standings: NDArray[np.uint8]


_TYPES = (np.int64, np.int64, np.uint8, np.uint8, np.float32, np.uint8)
CaseColumns = tuple[int, int, str | None, int, float | None, str | None]


def make_digest(rows: Sequence[CaseColumns], standings: Sequence[str]) -> Digest:
    """
    Put the cases of a run into columns.

    Args:
        rows: Row, test, outcome, attempts, duration and standing of each.
        standings: What a standing is counted by.
    """
    code_of = {(name or None): code for code, name in enumerate(standings)}
    columns = (
        [row[0] for row in rows],
        [row[1] for row in rows],
        [_CODES[row[2]] for row in rows],
        [min(row[3], 255) for row in rows],
        [np.nan if row[4] is None else row[4] for row in rows],
        [code_of.get(row[5], 0) for row in rows],
    )
    made = [np.array(column, kind) for column, kind in zip(columns, _TYPES, strict=True)]
    return in_order_of_tests(_digest(made))


def in_order_of_tests(digest: Digest) -> Digest:
    """Return the same, in the order of the numbers of tests."""
    order = np.argsort(digest.tests, kind="stable")
    return _digest([column[order] for column in digest])


def pack_digest(digest: Digest) -> bytes:
    """Return what is stored of a digest."""
    cases, tests = (np.diff(column, prepend=0) for column in digest[:2])
    data = b"".join(np.ascontiguousarray(column).tobytes() for column in (cases, tests, *digest[2:]))
    return zstandard.ZstdCompressor(level=_LEVEL).compress(data)


def unpack_digest(stored: bytes) -> Digest:
    """Read what is stored of a digest."""
    data = zstandard.decompress(stored)
    count = len(data) // sum(np.dtype(kind).itemsize for kind in _TYPES)
    columns, at = [], 0
    for kind in _TYPES:
        column = np.frombuffer(data, kind, count, at)
        columns.append(column)
        at += column.nbytes
    return _digest([np.cumsum(columns[0]), np.cumsum(columns[1]), *columns[2:]])


def _digest(columns: Sequence[NDArray[Any]]) -> Digest:
    return Digest(*columns)


def suites_to_assess(connection: sqlite3.Connection, alive: int) -> list[Suite]:
    """
    Return the suites of which a run has ended or changed since it was assessed, or was deleted.

    Args:
        connection: Reads.
        alive: Runs that nothing was heard of since then have ended, too.
    """
    rows = connection.execute(
        "SELECT DISTINCT project, service FROM test_run"
        " WHERE assessed IS NULL AND (outcome IS NOT NULL OR heard <= ?)"
        " UNION SELECT project, service FROM test_digest"
        " WHERE NOT EXISTS (SELECT 1 FROM test_run AS r WHERE r.id = test_digest.run)",
        (alive,),
    )
    return [Suite(*row) for row in rows]


def read_headers(connection: sqlite3.Connection, suite: Suite, alive: int, limit: int) -> list[Header]:
    """
    Return the runs of a suite that have ended: the newest, and all that are to be assessed.

    Args:
        connection: Reads.
        suite: Which.
        alive: Runs that nothing was heard of since then have ended, too.
        limit: How many at most of both.
    """
    return [
        Header(*row)
        for row in connection.execute(
            f"""
            SELECT id, started, committed, commit_id, branch, dirty, whole, outcome, collected,
                passed + failed + errors + skipped + xfailed + xpassed, assessed, changed,
                details ->> '$.python', details ->> '$.platform',
                EXISTS (SELECT 1 FROM test_digest AS d WHERE d.run = r.id)
            FROM test_run AS r WHERE id IN (
                SELECT * FROM (SELECT id FROM test_run WHERE {_OF_SUITE} ORDER BY started DESC LIMIT :limit)
                UNION SELECT * FROM (SELECT id FROM test_run
                    WHERE {_OF_SUITE} AND assessed IS NULL ORDER BY started LIMIT :limit))
            """,
            {**suite._asdict(), "alive": alive, "limit": limit},
        )
    ]


_OF_SUITE = "project = :project AND service = :service AND (outcome IS NOT NULL OR heard <= :alive)"


def read_cases(
    connection: sqlite3.Connection, run: int, behind: tuple[int, int], limit: int
) -> list[CaseColumns]:
    """
    Return cases of a run by test: row, test, outcome, attempts, duration, standing.

    Args:
        connection: Reads.
        run: Row of the run.
        behind: Test, and row of the case, behind which to begin.
        limit: How many at most.
    """
    return connection.execute(
        "SELECT id, test, outcome, attempts, duration, standing FROM test_case"
        " WHERE run = ? AND (test, id) > (?, ?) ORDER BY test, id LIMIT ?",
        (run, *behind, limit),
    ).fetchall()


def read_digests(connection: sqlite3.Connection, runs: Iterable[int]) -> dict[int, bytes]:
    """
    Return what is stored of digests, by run.

    Args:
        connection: Reads.
        runs: Rows of the runs.
    """
    return dict(
        connection.execute(
            "SELECT run, body FROM test_digest WHERE run IN (SELECT value FROM json_each(?))",
            (msgspec.json.encode(list(runs)).decode(),),
        )
    )


def orphans(connection: sqlite3.Connection, suite: Suite) -> dict[int, int]:
    """
    Return the runs that are digested, and were deleted, with the times at which they began.

    Args:
        connection: Reads.
        suite: Whose.
    """
    rows = connection.execute(
        "SELECT run, started FROM test_digest WHERE project = ? AND service = ?"
        " AND NOT EXISTS (SELECT 1 FROM test_run AS r WHERE r.id = test_digest.run) ORDER BY run LIMIT 100",
        suite,
    )
    return dict(rows.fetchall())


def store_digest(
    connection: sqlite3.Connection, run: int, suite: Suite, started: int, digest: Digest, body: bytes
) -> None:
    """
    Store the digest of a run.

    Args:
        connection: In a transaction.
        run: Row of the run.
        suite: Where it belongs.
        started: When it began.
        digest: The digest.
        body: The same, packed.
    """
    flaky = np.count_nonzero((digest.outcomes == STATES.index("passed")) & (digest.attempts > 1))
    connection.execute(
        "INSERT INTO test_digest (run, project, service, started, work, flaky, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run) DO UPDATE SET started = excluded.started,"
        " work = excluded.work, flaky = excluded.flaky, body = excluded.body",
        (run, *suite, started, float(np.nansum(digest.durations)), int(flaky), body),
    )


def forget_digests(connection: sqlite3.Connection, runs: Iterable[int]) -> None:
    """
    Remove digests.

    Args:
        connection: In a transaction.
        runs: Rows of the runs.
    """
    connection.executemany("DELETE FROM test_digest WHERE run = ?", [(run,) for run in runs])


def set_assessed(
    connection: sqlite3.Connection, run: int, changed: int, baseline: int | None, now_ns: int
) -> None:
    """
    Note that a run was assessed, unless it has changed in the meantime.

    Args:
        connection: In a transaction.
        run: Row of the run.
        changed: Its time of change when it was looked at.
        baseline: The newest run that it was compared with.
        now_ns: The time.
    """
    connection.execute(
        "UPDATE test_run SET assessed = ? WHERE id = ? AND changed = ?", (now_ns, run, changed)
    )
    connection.execute("UPDATE test_digest SET baseline = ? WHERE run = ?", (baseline, run))
