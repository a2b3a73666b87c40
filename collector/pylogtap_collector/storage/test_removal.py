"""Remove test runs and cases, and what nothing is left of: tests and groups of failures. Times are ns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pylogtap_collector.storage.places import LEVELS
from pylogtap_collector.storage.test_runs import forget_assessment, next_change
from pylogtap_collector.storage.test_standings import forget_standings

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

_RECOUNT = """
    UPDATE test_run SET changed = ?1, passed = f.passed, failed = f.failed, errors = f.errors,
        skipped = f.skipped, xfailed = f.xfailed, xpassed = f.xpassed, reran = f.reran
    FROM (
        SELECT count(*) FILTER (WHERE outcome = 'passed') AS passed,
            count(*) FILTER (WHERE outcome = 'failed') AS failed,
            count(*) FILTER (WHERE outcome = 'error') AS errors,
            count(*) FILTER (WHERE outcome = 'skipped') AS skipped,
            count(*) FILTER (WHERE outcome = 'xfailed') AS xfailed,
            count(*) FILTER (WHERE outcome = 'xpassed') AS xpassed,
            count(*) FILTER (WHERE outcome IS NOT NULL AND attempts > 1) AS reran
        FROM test_case WHERE run = ?2
    ) AS f WHERE id = ?2
"""


def delete_runs(connection: sqlite3.Connection, rows: Sequence[int]) -> int:
    """
    Remove runs, their cases, and what nothing is left of.

    Their digests stay until what is known of the tests in them was looked at again.

    Args:
        connection: In a transaction.
        rows: Numbers of their rows.

    Returns:
        How many cases that were.
    """
    if not rows:
        return 0
    runs = (msgspec.json.encode(list(rows)).decode(),)
    inside = "run IN (SELECT value FROM json_each(?))"
    tests, failures = _named_by(connection, inside, runs)
    removed = connection.execute(f"DELETE FROM test_case WHERE {inside}", runs).rowcount
    connection.execute("DELETE FROM test_run WHERE id IN (SELECT value FROM json_each(?))", runs)
    _forget(connection, tests, failures)
    return removed


def delete_case(connection: sqlite3.Connection, row: int, run: int, now_ns: int) -> None:
    """
    Remove a case, and what nothing is left of; its run is counted anew.

    Args:
        connection: In a transaction.
        row: Number of its row.
        run: Number of its run's row.
        now_ns: The time.
    """
    tests, failures = _named_by(connection, "id = ?", (row,))
    connection.execute("DELETE FROM test_case WHERE id = ?", (row,))
    connection.execute(_RECOUNT, (next_change(connection, now_ns), run))
    forget_assessment(connection, [run])
    _forget(connection, tests, failures)


def shrink_run(connection: sqlite3.Connection, row: int, most: int) -> bool:
    """
    Remove some cases of a run that is to go, and the run with its last.

    Args:
        connection: In a transaction.
        row: Number of its row.
        most: How many cases.

    Returns:
        Whether there is more of it.
    """
    found = connection.execute("SELECT id FROM test_case WHERE run = ? LIMIT ?", (row, most)).fetchall()
    if len(found) < most:
        delete_runs(connection, [row])
        return False
    cases = (msgspec.json.encode([number for (number,) in found]).decode(),)
    inside = "id IN (SELECT value FROM json_each(?))"
    tests, failures = _named_by(connection, inside, cases)
    connection.execute(f"DELETE FROM test_case WHERE {inside}", cases)
    _forget(connection, tests, failures)
    return True


def runs_under(connection: sqlite3.Connection, path: Sequence[str], limit: int = -1) -> list[int]:
    """
    Return the numbers of the rows of the test runs of a place and of those under it.

    Args:
        connection: Reads.
        path: One to three names.
        limit: How many at most; -1: all.
    """
    where = " AND ".join(f"{column} = ?" for column in LEVELS[: len(path)])
    rows = connection.execute(f"SELECT id FROM test_run WHERE {where} LIMIT ?", (*path, limit))
    return [row for (row,) in rows]


def old_runs(connection: sqlite3.Connection, until_ns: int, limit: int) -> list[int]:
    """
    Return the numbers of the rows of runs that are to go, the oldest first.

    Args:
        connection: Reads.
        until_ns: Those that began before, and of which nothing was heard since.
        limit: How many at most.
    """
    rows = connection.execute(
        "SELECT id FROM test_run WHERE started < ?1 AND heard < ?1 ORDER BY started LIMIT ?2",
        (until_ns, limit),
    )
    return [row for (row,) in rows]


def _named_by(
    connection: sqlite3.Connection, where: str, params: Sequence[int | str]
) -> tuple[list[int], list[int]]:
    """Return the tests and the groups of failures that cases belong to."""
    found = []
    for column in ("test", "failure"):
        rows = connection.execute(f"SELECT DISTINCT {column} FROM test_case WHERE {where}", params)
        found.append([number for (number,) in rows if number is not None])
    return found[0], found[1]


def _forget(connection: sqlite3.Connection, tests: Iterable[int], failures: Iterable[int]) -> None:
    """Remove those of some tests and groups of failures that no case belongs to; date the others."""
    chosen = (msgspec.json.encode(list(tests)).decode(),)
    inside = "id IN (SELECT value FROM json_each(?))"
    empty = "NOT EXISTS (SELECT 1 FROM test_case AS c WHERE c.test = test.id)"
    gone = connection.execute(f"DELETE FROM test WHERE {inside} AND {empty} RETURNING id", chosen).fetchall()
    connection.executemany("DELETE FROM test_node WHERE test = ?", gone)
    forget_standings(connection, [test for (test,) in gone])
    connection.execute(
        "UPDATE test SET first_seen = (SELECT min(started) FROM test_case AS c WHERE c.test = test.id),"
        f" last_seen = (SELECT max(started) FROM test_case AS c WHERE c.test = test.id) WHERE {inside}",
        chosen,
    )
    connection.execute(
        f"DELETE FROM test_failure WHERE {inside}"
        " AND NOT EXISTS (SELECT 1 FROM test_case AS c WHERE c.failure = test_failure.id)",
        (msgspec.json.encode(list(failures)).decode(),),
    )
