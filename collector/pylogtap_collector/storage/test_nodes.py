"""
Tests and the names they have had, `test` and `test_node`; what failures have in common, `test_failure`.

A test is found again in each run by its node. One that was renamed has several, and where a run has cases of
two of them after all, the older name gets a test of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pylogtap_collector.patterns import mask

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

_PATTERN_OF = 1_000  # characters of a message that tell failures apart
_TEST = (
    'INSERT INTO test (id, project, service, node, file, "group", name, first_seen, last_seen)'
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_SEEN = """
    UPDATE test SET first_seen = min(first_seen, ?1), last_seen = max(last_seen, ?1),
        file = coalesce(?2, file), "group" = coalesce(?3, "group"), name = coalesce(?4, name) WHERE id = ?5
"""


class Named(NamedTuple):
    """
    How a case of a node is called, and when it began.

    Attributes:
        file: The file it stands in.
        group: Class or describing block.
        name: Without these.
        started: When it began, ns since the epoch.
    """

    file: str | None
    group: str | None
    name: str | None
    started: int


class _Found(NamedTuple):
    test: int
    node: str  # that the test has now
    names: int  # that it has had


def derived_name(node: str) -> tuple[str | None, str | None, str]:
    """
    Return file, group and name as they stand in a node, such as `tests/test_cart.py::TestCart::test_total`.

    Args:
        node: The node; in parameters behind `[` anything may stand.
    """
    plain, bracket, parameters = node.partition("[")
    file, *rest = plain.split("::")
    if not rest:
        return None, None, node
    return file, "::".join(rest[:-1]) or None, f"{rest[-1]}{bracket}{parameters}"


def tests_for(
    connection: sqlite3.Connection,
    place: tuple[str, str],
    run: int,
    nodes: Mapping[str, Named],
    now_ns: int,
) -> dict[str, int]:
    """
    Return the test of each node of a run; those that nobody knows are made.

    Args:
        connection: In a transaction.
        place: Project and service.
        run: Number of the run's row.
        nodes: Those of new cases.
        now_ns: The time.
    """
    found = _find(connection, place, nodes)
    missing = [node for node in nodes if node not in found]
    tests = {node: each.test for node, each in found.items()}
    tests |= _make(connection, place, {node: nodes[node] for node in missing}, now_ns)
    renamed = {each.test for each in found.values() if each.names > 1}
    for test in renamed:
        mine = {node: named for node, named in nodes.items() if tests[node] == test}
        tests |= _apart(connection, place, (run, test), mine, now_ns)
    rows = []
    for node, each in found.items():
        file, group, name, started = nodes[node]
        named = (file, group, name) if node == each.node else (None, None, None)
        rows.append((started, *named, tests[node]))
    connection.executemany(_SEEN, rows)
    return tests


def _find(connection: sqlite3.Connection, place: tuple[str, str], nodes: Iterable[str]) -> dict[str, _Found]:
    rows = connection.execute(
        "SELECT n.node, t.id, t.node, (SELECT count(*) FROM test_node AS o WHERE o.test = t.id)"
        " FROM test_node AS n JOIN test AS t ON t.id = n.test"
        " WHERE n.project = ? AND n.service = ? AND n.node IN (SELECT value FROM json_each(?))",
        (*place, msgspec.json.encode(list(nodes)).decode()),
    )
    return {node: _Found(*rest) for node, *rest in rows}


def _make(
    connection: sqlite3.Connection, place: tuple[str, str], nodes: Mapping[str, Named], now_ns: int
) -> dict[str, int]:
    """Make a test for each node; where it is known already, let it have that one from now on."""
    if not nodes:
        return {}
    first = next_number(connection, "test")
    tests = {node: first + index for index, node in enumerate(nodes)}
    rows = []
    for node, (file, group, name, started) in nodes.items():
        named: tuple[str | None, str | None, str] = derived_name(node)
        if name is not None:
            named = (file, group, name)
        rows.append((tests[node], *place, node, *named, started, started))
    connection.executemany(_TEST, rows)
    connection.executemany(
        "INSERT OR REPLACE INTO test_node (project, service, node, test, since) VALUES (?, ?, ?, ?, ?)",
        [(*place, node, test, now_ns) for node, test in tests.items()],
    )
    return tests


def _apart(
    connection: sqlite3.Connection,
    place: tuple[str, str],
    run_and_test: tuple[int, int],
    nodes: Mapping[str, Named],
    now_ns: int,
) -> dict[str, int]:
    """Give nodes of one test that are in one run a test each, but for the name that it has now."""
    run, test = run_and_test
    (current,) = connection.execute("SELECT node FROM test WHERE id = ?", (test,)).fetchone()
    stored = connection.execute(
        "SELECT node, min(started) FROM test_case WHERE run = ? AND test = ? GROUP BY node", (run, test)
    ).fetchall()
    both = {node: Named(None, None, None, started) for node, started in stored} | dict(nodes)
    if len(both) < 2:
        return {}
    keeps = current if current in both else min(both)
    others = {node: named for node, named in both.items() if node != keeps}
    own = _make(connection, place, others, now_ns)
    connection.executemany(
        "UPDATE test_case SET test = ? WHERE run = ? AND test = ? AND node = ?",
        [(number, run, test, node) for node, number in own.items()],
    )
    return {node: number for node, number in own.items() if node in nodes}


def failures_for(
    connection: sqlite3.Connection, failures: Sequence[tuple[int, str, str, dict[str, Any], int]]
) -> dict[int, int]:
    """
    Return the numbers of groups of failures; those that nobody knows are made.

    Args:
        connection: In a transaction.
        failures: What tells each from the others here, project, service, the failure, and when it was.
    """
    patterns: dict[tuple[str, str, str], str] = {}
    numbers: dict[tuple[str, ...], int] = {}
    found: dict[int, int] = {}
    for key, project, service, failure, when in failures:
        kind, line = failure.get("type", ""), telling_line(failure.get("message", ""))
        pattern = patterns.get((kind, line, project)) or mask(line)
        patterns[kind, line, project] = pattern
        group = (project, service, kind, pattern)
        if group not in numbers:
            numbers[group] = _group(connection, group, when)
        found[key] = numbers[group]
    return found


def telling_line(message: str) -> str:
    """
    Return what of a message tells failures apart: its first line, and the next where that announces one.

    What follows is mostly how a runner explains it: values, and how they came about.

    Args:
        message: Of an exception.
    """
    lines = [line.strip() for line in message[: 2 * _PATTERN_OF].splitlines() if line.strip()]
    first = lines[0] if lines else ""
    if first.endswith(":") and len(lines) > 1:
        first = f"{first} {lines[1]}"
    return first[:_PATTERN_OF]


def _group(connection: sqlite3.Connection, group: tuple[str, ...], when: int) -> int:
    where = "project = ? AND service = ? AND type = ? AND pattern = ?"
    row = connection.execute(f"SELECT id, first_seen FROM test_failure WHERE {where}", group).fetchone()
    if row is None:
        cursor = connection.execute(
            "INSERT INTO test_failure (project, service, type, pattern, first_seen) VALUES (?, ?, ?, ?, ?)",
            (*group, when),
        )
        return cursor.lastrowid or 0
    if when < row[1]:
        connection.execute("UPDATE test_failure SET first_seen = ? WHERE id = ?", (when, row[0]))
    return int(row[0])


def next_number(connection: sqlite3.Connection, table: str) -> int:
    """
    Return the number that a row gets which is added next; none comes back.

    Args:
        connection: In a transaction.
        table: One whose numbers SQLite counts by AUTOINCREMENT.
    """
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
    return 1 + (row[0] if row else 0)
