"""What is known of tests beyond one run, `test_standing`, and joining of tests. Times are ns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from pylogtap_collector.storage.test_digests import Suite

_COLUMNS = (
    "test", "state", "standing", "last_case", "last_run", "failing_since", "first_bad", "last_good",
    "gone_run", "flaky", "flaky_bound", "flakiness", "slower", "slow_since", "slowdown", "median", "runs",
    "failures", "recent",
)  # fmt: skip
_STORE = (
    f"INSERT OR REPLACE INTO test_standing ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
)


class StandingRow(NamedTuple):
    """A row of `test_standing`."""

    test: int
    state: str
    standing: str | None
    last_case: int
    last_run: int
    failing_since: int | None
    first_bad: str | None
    last_good: str | None
    gone_run: int | None
    flaky: float | None
    flaky_bound: float | None
    flakiness: str | None
    slower: float | None
    slow_since: int | None
    slowdown: str | None
    median: float | None
    runs: int
    failures: int
    recent: str


class Failing(NamedTuple):
    """Since when a test fails: ns since the epoch, and revisions."""

    since: int | None
    first_bad: str | None
    last_good: str | None


class NodeName(NamedTuple):
    """How a test is called, and since when it is known."""

    test: int
    node: str
    file: str | None
    first_seen: int


def store_standings(connection: sqlite3.Connection, rows: Sequence[StandingRow]) -> None:
    """
    Store what is known of tests.

    Args:
        connection: In a transaction.
        rows: One per test; a test that is not there any more is left out.
    """
    connection.executemany(_STORE, rows)


def store_case_standings(connection: sqlite3.Connection, rows: Iterable[tuple[str | None, int]]) -> None:
    """
    Store how cases stand; since when is forgotten of those that do not fail.

    Args:
        connection: In a transaction.
        rows: Standing, and row of the case.
    """
    connection.executemany(
        "UPDATE test_case SET standing = ?1, failing ="
        " CASE WHEN ?1 IN ('new_failure', 'still_failing') THEN failing END WHERE id = ?2",
        rows,
    )


def forget_standings(connection: sqlite3.Connection, tests: Iterable[int]) -> None:
    """
    Remove what is known of tests of which no run is left.

    Args:
        connection: In a transaction.
        tests: Their numbers.
    """
    connection.executemany("DELETE FROM test_standing WHERE test = ?", [(test,) for test in tests])


def set_gone(connection: sqlite3.Connection, rows: Iterable[tuple[int | None, int]]) -> None:
    """
    Note which tests are gone.

    Args:
        connection: In a transaction.
        rows: Row of the run that made it certain, or None: it is not gone; and the test.
    """
    connection.executemany("UPDATE test_standing SET gone_run = ? WHERE test = ?", rows)


def read_gone(connection: sqlite3.Connection, suite: Suite) -> dict[int, int]:
    """
    Return the tests that are gone, with the run that made it certain.

    Args:
        connection: Reads.
        suite: Whose.
    """
    return dict(
        connection.execute(
            "SELECT s.test, s.gone_run FROM test_standing AS s JOIN test AS t ON t.id = s.test"
            " WHERE s.gone_run IS NOT NULL AND t.project = ? AND t.service = ?",
            suite,
        )
    )


def read_failing(connection: sqlite3.Connection, suite: Suite) -> dict[int, Failing]:
    """
    Return since when tests fail, of those that do.

    Args:
        connection: Reads.
        suite: Whose.
    """
    rows = connection.execute(
        "SELECT s.test, s.failing_since, s.first_bad, s.last_good FROM test_standing AS s"
        " JOIN test AS t ON t.id = s.test"
        " WHERE s.failing_since IS NOT NULL AND t.project = ? AND t.service = ?",
        suite,
    )
    return {test: Failing(*rest) for test, *rest in rows}


def read_names(connection: sqlite3.Connection, suite: Suite, behind: str, limit: int) -> list[NodeName]:
    """
    Return tests of a suite, by node.

    Args:
        connection: Reads.
        suite: Whose.
        behind: Node behind which to begin.
        limit: How many at most.
    """
    return [
        NodeName(*row)
        for row in connection.execute(
            "SELECT id, node, file, first_seen FROM test"
            " WHERE project = ? AND service = ? AND node > ? ORDER BY node LIMIT ?",
            (*suite, behind, limit),
        )
    ]


def join_tests(connection: sqlite3.Connection, pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """
    Give tests the names of others, which are the same by new names, and all that is known of those.

    Args:
        connection: In a transaction.
        pairs: The test that stays, and the one that it becomes one with.

    Returns:
        Those that were joined: not those that have a case in the same run, or are not there any more.
    """
    joined = []
    for stays, goes in pairs:
        new = connection.execute(
            'SELECT node, file, "group", name, first_seen, last_seen FROM test WHERE id = ?', (goes,)
        ).fetchone()
        together = connection.execute(
            "SELECT 1 FROM test_case AS a JOIN test_case AS b ON b.run = a.run AND b.test = ?"
            " WHERE a.test = ? LIMIT 1",
            (goes, stays),
        ).fetchone()
        if new is None or together is not None:
            continue
        changed = connection.execute(
            'UPDATE test SET node = ?, file = ?, "group" = ?, name = ?, first_seen = min(first_seen, ?),'
            " last_seen = max(last_seen, ?) WHERE id = ?",
            (*new, stays),
        )
        if not changed.rowcount:
            continue
        connection.execute("UPDATE test_case SET test = ? WHERE test = ?", (stays, goes))
        connection.execute("UPDATE test_node SET test = ? WHERE test = ?", (stays, goes))
        connection.execute("DELETE FROM test WHERE id = ?", (goes,))
        connection.execute("DELETE FROM test_standing WHERE test = ?", (goes,))
        joined.append((stays, goes))
    return joined
