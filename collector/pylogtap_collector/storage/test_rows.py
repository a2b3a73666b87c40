"""Tests as they are read, with what is known of them: `test` and `test_standing`. Times are ns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pylogtap_collector.errors import NotFound

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Sequence

    from pylogtap_collector.access.visitor import Projects
    from pylogtap_collector.models.tests import TestOrder

_LAST_CASE = (
    "(SELECT c.id FROM test_case AS c WHERE c.test = t.id ORDER BY c.started DESC, c.id DESC LIMIT 1)"
)
_SELECT = f"""
    SELECT t.id, t.project, t.service, t.node, t.file, t."group", t.name, t.first_seen, t.last_seen,
        coalesce((SELECT c.id FROM test_case AS c WHERE c.id = s.last_case), {_LAST_CASE}), s.standing,
        s.failing_since, s.first_bad, s.last_good, s.gone_run, s.flakiness, s.slowdown, s.median, s.runs,
        s.failures, s.recent, %s
    FROM test AS t LEFT JOIN test_standing AS s ON s.test = t.id
"""
_NAMED = "t.id IN (SELECT n.test FROM test_node AS n WHERE instr(lower(n.node), lower(:node)))"
_KEYS: dict[str, tuple[str, str]] = {
    "node": ("t.node", ">"),
    "flaky": ("coalesce(s.flaky_bound, 0.0)", "<"),
    "slowest": ("coalesce(s.median, 0.0)", "<"),
    "slower": ("coalesce(s.slower, 0.0)", "<"),
    "last_seen": ("t.last_seen", "<"),
}


class KnownRow(NamedTuple):
    """
    A row of `test`, with that of `test_standing`, if there is one.

    Attributes:
        last_case: Row of the case; None: there is none left.
        key: What it is ordered by.
    """

    id: int
    project: str
    service: str
    node: str
    file: str | None
    group: str | None
    name: str
    first_seen: int
    last_seen: int
    last_case: int | None
    standing: str | None
    failing_since: int | None
    first_bad: str | None
    last_good: str | None
    gone_run: int | None
    flakiness: str | None
    slowdown: str | None
    median: float | None
    runs: int | None
    failures: int | None
    recent: str | None
    key: str | float


class WantedTests(NamedTuple):
    """
    Which tests are meant; None: any.

    Attributes:
        projects: Those that may be seen.
        project: The project.
        service: The service.
        node: A part of the node, or of one that it had before; case does not count.
        state: What became of it when it ran last.
        standing: How that compares with the runs before.
        flaky: It is.
        slower: It is.
        gone: It is.
    """

    projects: Projects = None
    project: str | None = None
    service: str | None = None
    node: str | None = None
    state: str | None = None
    standing: str | None = None
    flaky: bool | None = None
    slower: bool | None = None
    gone: bool | None = None


def list_tests(
    connection: sqlite3.Connection,
    wanted: WantedTests,
    order: TestOrder,
    limit: int,
    behind: tuple[str | float, int] | None = None,
) -> list[KnownRow]:
    """
    Return tests.

    Args:
        connection: Reads.
        wanted: Which.
        order: By node ascending, by all others descending.
        limit: How many at most.
        behind: Key and number of the one behind which to begin.
    """
    key, beyond = _KEYS[order]
    where, values = _conditions(wanted)
    if behind is not None:
        where.append(f"({key}, t.id) {beyond} (:key, :behind)")
        values["key"], values["behind"] = behind
    direction = "ASC" if beyond == ">" else "DESC"
    rows = connection.execute(
        f"{_SELECT % key} WHERE {' AND '.join(where)}"
        f" ORDER BY {key} {direction}, t.id {direction} LIMIT :limit",
        {**values, "limit": limit},
    )
    return [KnownRow(*row) for row in rows]


def get_test(connection: sqlite3.Connection, test: int, projects: Projects) -> KnownRow:
    """
    Return a test.

    Args:
        connection: Reads.
        test: Its number.
        projects: That may be seen.

    Raises:
        NotFound: There is none, or none that may be seen.
    """
    row = connection.execute(f"{_SELECT % '0.0'} WHERE t.id = ?", (test,)).fetchone()
    found = None if row is None else KnownRow(*row)
    if found is None or not (projects is None or found.project in projects):
        raise NotFound(f"There is no test {test}; it may have been deleted, or be another by a new name.")
    return found


def tests_by_number(connection: sqlite3.Connection, tests: Collection[int]) -> dict[int, KnownRow]:
    """
    Return tests by number.

    Args:
        connection: Reads.
        tests: Their numbers.
    """
    found = connection.execute(
        f"{_SELECT % '0.0'} WHERE t.id IN (SELECT value FROM json_each(?))", (_json(tests),)
    )
    return {row[0]: KnownRow(*row) for row in found}


def former_nodes(connection: sqlite3.Connection, tests: Collection[int]) -> dict[int, list[str]]:
    """
    Return the names that tests had before, oldest first.

    Args:
        connection: Reads.
        tests: Their numbers.
    """
    found: dict[int, list[str]] = {}
    rows = connection.execute(
        "SELECT n.test, n.node FROM test_node AS n JOIN test AS t ON t.id = n.test AND t.node <> n.node"
        " WHERE n.test IN (SELECT value FROM json_each(?)) ORDER BY n.since, n.node",
        (_json(tests),),
    )
    for test, node in rows:
        found.setdefault(test, []).append(node)
    return found


def names_by_row(connection: sqlite3.Connection, table: str, rows: Iterable[int]) -> dict[int, str]:
    """
    Return ids by the numbers of rows; of those that are there.

    Args:
        connection: Reads.
        table: `test_case` or `test_run`.
        rows: The numbers.
    """
    column = {"test_case": "case_id", "test_run": "run"}[table]
    return dict(
        connection.execute(
            f"SELECT id, {column} FROM {table} WHERE id IN (SELECT value FROM json_each(?))",
            (_json(list(rows)),),
        )
    )


def _conditions(wanted: WantedTests) -> tuple[list[str], dict[str, Any]]:
    where, values = ["1"], {}
    given = {
        "project": ("t.project = :project", wanted.project),
        "service": ("t.service = :service", wanted.service),
        "node": (_NAMED, wanted.node),
        "state": ("s.state = :state", wanted.state),
        "standing": ("s.standing = :standing", wanted.standing),
        "flaky": ("(s.flaky IS NOT NULL) = :flaky", wanted.flaky),
        "slower": ("(s.slower IS NOT NULL) = :slower", wanted.slower),
        "gone": ("(s.gone_run IS NOT NULL) = :gone", wanted.gone),
    }
    for name, (condition, value) in given.items():
        if value is not None:
            where.append(condition)
            values[name] = value
    if wanted.projects is not None:
        where.append("t.project IN (SELECT value FROM json_each(:projects))")
        values["projects"] = _json(sorted(wanted.projects))
    return where, values


def _json(values: Collection[Any] | Sequence[Any]) -> str:
    return msgspec.json.encode(list(values)).decode()
