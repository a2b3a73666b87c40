"""Cases of test runs as they are read: `test_case`. Times are ns since the epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pylogtap_collector.errors import NotFound
from pylogtap_collector.storage.test_filters import RunFilter, conditions_of, label_condition

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from pylogtap_collector.access.visitor import Projects

_COLUMNS = """
    c.id, c.case_id, c.run, r.run, r.project, r.service, r.instance, r.outcome, r.heard, r.started,
    c.test, t.node, t.file, t."group", t.name, c.node, c.started, c.duration, c.setup, c.call, c.teardown,
    c.outcome, c.done, c.phase, c.attempts, c.worker, c.line, c.reason, c.exception_type,
    c.exception_message, c.failure, c.standing, c.labels, c.note, c.changed,
    r.commit_id, r.branch, c.failing, c.slowdown,
    (SELECT o.run FROM test_run AS o WHERE o.id = c.slowdown ->> '$.since_run'),
    CASE WHEN c.exception_type IS NOT NULL OR c.exception_message IS NOT NULL OR c.node <> t.node
        OR :whole THEN c.details END,
    CASE WHEN :whole THEN c.warnings END, CASE WHEN :whole THEN r.details END
"""
# In this order of tables, a page ends the search; else all cases would be sorted first.
_TEST = "LEFT JOIN test AS t ON t.id = c.test"
_BY_RUN = f"FROM test_run AS r CROSS JOIN test_case AS c ON c.run = r.id {_TEST}"
_BY_CASE = f"FROM test_case AS c CROSS JOIN test_run AS r ON r.id = c.run {_TEST}"
_GOES_ON = "c.outcome IS NULL AND NOT c.done AND r.outcome IS NULL AND r.heard > :alive"


class CaseRow(NamedTuple):
    """
    A row of `test_case`, with what its run and its test say of it; what stands last may be left out.

    Attributes:
        slow_since: Id of the run since which its test is slower.
    """

    id: int
    case_id: str
    run: int
    run_id: str
    project: str
    service: str
    instance: str
    run_outcome: str | None
    heard: int
    run_started: int
    test: int
    test_node: str
    file: str | None
    group: str | None
    name: str
    node: str
    started: int
    duration: float | None
    setup: float | None
    call: float | None
    teardown: float | None
    outcome: str | None
    done: int
    phase: str | None
    attempts: int
    worker: str | None
    line: int | None
    reason: str | None
    exception_type: str | None
    exception_message: str | None
    failure: int | None
    standing: str | None
    labels: str
    note: str | None
    changed: int
    commit: str | None
    branch: str | None
    failing: str | None
    slowdown: str | None
    slow_since: str | None
    details: bytes | None
    warnings: str | None
    run_details: str | None


class CaseFilter(NamedTuple):
    """
    Which cases are meant; None: any.

    Attributes:
        runs: Of which runs.
        run: Of the run of this id.
        test: Of this test.
        states: Words of :data:`pylogtap_collector.models.cases.CaseState`.
        standings: Words of :data:`pylogtap_collector.models.cases.Standing`.
        node: A part of the node.
        file: The file.
        failure: The group of failures.
        label: Name and value of a label; without a value, any is right.
        changed_after_ns: Those of which something came later.
    """

    runs: RunFilter = RunFilter()
    run: str | None = None
    test: int | None = None
    states: Collection[str] = ()
    standings: Collection[str] = ()
    node: str | None = None
    file: str | None = None
    failure: int | None = None
    label: tuple[str, str | None] | None = None
    changed_after_ns: int | None = None


def list_cases(
    connection: sqlite3.Connection,
    wanted: CaseFilter,
    limit: int,
    *,
    alive: int,
    behind: tuple[int, ...] | None = None,
) -> list[CaseRow]:
    """
    Return cases: those of the newest runs first, within a run the newest first.

    Where `changed_after_ns` is given, in the order of their changes instead.

    Args:
        connection: Reads.
        wanted: Which.
        limit: How many at most.
        alive: From :func:`pylogtap_collector.storage.test_run_rows.alive_after`.
        behind: From :func:`position_of`, of the case behind which to go on.
    """
    where, params = conditions_of(wanted.runs, alive)
    more, values = _conditions(wanted)
    where, params = [*where, *more], {**params, **values, "whole": False, "limit": limit}
    order, goes_on = _order(wanted)
    if behind is not None:
        where += goes_on
        params |= {f"p{index}": part for index, part in enumerate(behind)}
    tables = _BY_CASE if wanted.test is not None or wanted.failure is not None else _BY_RUN
    # Rows are chosen by what is small of them, and only those of the page are read whole.
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM (SELECT c.id {tables} WHERE {' AND '.join(where)} ORDER BY {order}"
        f" LIMIT :limit) AS chosen CROSS JOIN test_case AS c ON c.id = chosen.id"
        f" CROSS JOIN test_run AS r ON r.id = c.run {_TEST} ORDER BY {order}",
        params,
    )
    return [CaseRow(*row) for row in rows]


def _order(wanted: CaseFilter) -> tuple[str, list[str]]:
    """Return the order of a list, and the conditions that say where to go on."""
    if wanted.changed_after_ns is not None:
        return "c.changed, c.id", ["(c.changed, c.id) > (:p0, :p1)"]
    if wanted.run is not None:
        return "c.id DESC", ["c.id < :p2"]
    whole, part = "(r.started, r.id, c.id) < (:p0, :p1, :p2)", "(r.started, r.id) <= (:p0, :p1)"
    return "r.started DESC, r.id DESC, c.id DESC", [whole, part]


def position_of(row: CaseRow, wanted: CaseFilter) -> tuple[int, ...]:
    """
    Return where a page ends.

    Args:
        row: Its last case.
        wanted: What was asked for.
    """
    if wanted.changed_after_ns is not None:
        return row.changed, row.id
    return row.run_started, row.run, row.id


def _conditions(wanted: CaseFilter) -> tuple[list[str], dict[str, Any]]:
    where: list[str] = []
    params: dict[str, Any] = {}
    given = {
        "run_id": ("r.run = :run_id", wanted.run),
        "test": ("c.test = :test", wanted.test),
        "node": ("instr(lower(c.node), lower(:node))", wanted.node),
        "file": ("t.file = :file", wanted.file),
        "failure": ("c.failure = :failure", wanted.failure),
        "after": ("r.changed > :after AND c.changed > :after", wanted.changed_after_ns),
    }
    for name, (condition, value) in given.items():
        if value is not None:
            where.append(condition)
            params[name] = value
    if wanted.states:
        where.append(f"({' OR '.join(_is_in(state) for state in sorted(set(wanted.states)))})")
    if wanted.standings:
        where.append("c.standing IN (SELECT value FROM json_each(:standings))")
        params["standings"] = msgspec.json.encode(list(wanted.standings)).decode()
    if wanted.label is not None:
        where.append(label_condition("c"))
        params["label"], params["label_value"] = wanted.label
    return where, params


def _is_in(state: str) -> str:
    if state == "running":
        return f"({_GOES_ON})"
    if state == "interrupted":
        return f"(c.outcome IS NULL AND NOT ({_GOES_ON}))"
    return f"c.outcome = '{state}'" if state.isalpha() else "0"


def get_case(connection: sqlite3.Connection, case: str, projects: Projects) -> CaseRow:
    """
    Return a case with all that is known of it.

    Args:
        connection: Reads.
        case: Its id.
        projects: Of these projects alone; None: of any.

    Raises:
        NotFound: There is none, or none that may be seen.
    """
    row = connection.execute(
        f"SELECT {_COLUMNS} {_BY_CASE} WHERE c.case_id = :case", {"case": case, "whole": True}
    ).fetchone()
    found = None if row is None else CaseRow(*row)
    if found is None or not (projects is None or found.project in projects):
        raise NotFound(f"There is no test case {case}; it may have been deleted.")
    return found


def cases_by_row(connection: sqlite3.Connection, rows: Sequence[int]) -> dict[int, CaseRow]:
    """
    Return cases by the numbers of their rows.

    Args:
        connection: Reads.
        rows: The numbers.
    """
    found = connection.execute(
        f"SELECT {_COLUMNS} {_BY_CASE} WHERE c.id IN (SELECT value FROM json_each(:rows))",
        {"rows": msgspec.json.encode(rows).decode(), "whole": False},
    )
    return {row[0]: CaseRow(*row) for row in found}


def known_case(connection: sqlite3.Connection, cases: Collection[str]) -> str | None:
    """
    Return one of some ids that a case has; None: none has one.

    Args:
        connection: Reads.
        cases: The ids.
    """
    row = connection.execute(
        "SELECT case_id FROM test_case WHERE case_id IN (SELECT value FROM json_each(?)) LIMIT 1",
        (msgspec.json.encode(list(cases)).decode(),),
    ).fetchone()
    return None if row is None else str(row[0])


def ids_of_node(connection: sqlite3.Connection, run: int, node: str) -> set[str]:
    """
    Return the ids of the cases that a node has in a run.

    Args:
        connection: Reads.
        run: Number of the run's row.
        node: Its name.
    """
    rows = connection.execute("SELECT case_id FROM test_case WHERE run = ? AND node = ?", (run, node))
    return {case for (case,) in rows}
