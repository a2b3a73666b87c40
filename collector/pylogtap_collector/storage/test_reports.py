"""What a run says that those before it did not, and groups of failures. Times are ns since the epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from pylogtap_collector.access.visitor import Projects

_NEWEST = 5


class Named(NamedTuple):
    """A case that a report names; `why` is a standing, or `reran`, or `slower`."""

    why: str
    test: int
    case: int


class GroupRow(NamedTuple):
    """A group of failures, and how many there are of it in the time asked for."""

    id: int
    project: str
    service: str
    type: str
    pattern: str
    first_seen: int
    last_seen: int
    cases: int
    tests: int
    runs: int


class FailureFilter(NamedTuple):
    """
    Which failures are meant; None: any.

    Attributes:
        projects: Those that may be seen.
        project: The project.
        service: The service.
        run: Row of the run.
        since_ns: Of cases that began from then on.
        until_ns: Of cases that began before.
    """

    projects: Projects = None
    project: str | None = None
    service: str | None = None
    run: int | None = None
    since_ns: int | None = None
    until_ns: int | None = None


def named_cases(connection: sqlite3.Connection, run: int, standings: Sequence[str]) -> list[Named]:
    """
    Return the cases of a run that stand out, by node.

    Args:
        connection: Reads.
        run: Row of the run.
        standings: How they stand.
    """
    rows = connection.execute(
        "SELECT CASE WHEN c.attempts > 1 AND c.outcome = 'passed' THEN 'reran' ELSE c.standing END,"
        " c.test, c.id"
        " FROM test_case AS c WHERE c.run = :run AND (c.standing IN (SELECT value FROM json_each(:standings))"
        " OR (c.attempts > 1 AND c.outcome = 'passed')) ORDER BY c.node, c.id",
        {"run": run, "standings": msgspec.json.encode(list(standings)).decode()},
    )
    return [Named(*row) for row in rows]


def slower_cases(connection: sqlite3.Connection, run: int, limit: int) -> list[Named]:
    """
    Return the cases of a run that took longer than they had, those by most first.

    Args:
        connection: Reads.
        run: Row of the run.
        limit: How many at most.
    """
    rows = connection.execute(
        "SELECT 'slower', test, id FROM test_case WHERE run = ? AND slowdown IS NOT NULL"
        " ORDER BY slowdown ->> '$.ratio' DESC, id LIMIT ?",
        (run, limit),
    )
    return [Named(*row) for row in rows]


def gone_tests(connection: sqlite3.Connection, run: int, limit: int) -> list[int]:
    """
    Return the tests of which a run made it certain that they are gone, by node.

    Args:
        connection: Reads.
        run: Row of the run.
        limit: How many at most.
    """
    rows = connection.execute(
        "SELECT s.test FROM test_standing AS s JOIN test AS t ON t.id = s.test"
        " WHERE s.gone_run = ? ORDER BY t.node LIMIT ?",
        (run, limit),
    )
    return [test for (test,) in rows]


def baseline_of(connection: sqlite3.Connection, run: int) -> int | None:
    """
    Return the row of the newest run that a run was compared with.

    Args:
        connection: Reads.
        run: Row of the run.
    """
    row = connection.execute("SELECT baseline FROM test_digest WHERE run = ?", (run,)).fetchone()
    return row[0] if row else None


def works(connection: sqlite3.Connection, runs: Sequence[int]) -> dict[int, tuple[float, int]]:
    """
    Return how many seconds the cases of runs took together, and how many passed in a later attempt.

    Args:
        connection: Reads.
        runs: Rows of the runs.
    """
    found: dict[int, tuple[float, int]] = {}
    for run in runs:
        row = connection.execute("SELECT work, flaky FROM test_digest WHERE run = ?", (run,)).fetchone()
        found[run] = (
            row
            or connection.execute(
                "SELECT total(duration), count(*) FILTER (WHERE attempts > 1 AND outcome = 'passed')"
                " FROM test_case WHERE run = ?",
                (run,),
            ).fetchone()
        )
    return found


def failure_groups(connection: sqlite3.Connection, wanted: FailureFilter, limit: int) -> list[GroupRow]:
    """
    Return groups of failures, the largest first.

    Args:
        connection: Reads.
        wanted: Which failures.
        limit: How many groups at most.
    """
    where, values = _conditions(wanted)
    rows = connection.execute(
        "SELECT f.id, f.project, f.service, f.type, f.pattern, f.first_seen, max(c.started),"
        " count(*) AS cases, count(DISTINCT c.test), count(DISTINCT c.run)"
        f" FROM test_case AS c JOIN test_failure AS f ON f.id = c.failure WHERE {' AND '.join(where)}"
        " GROUP BY f.id ORDER BY cases DESC, f.id LIMIT :limit",
        {**values, "limit": limit},
    )
    return [GroupRow(*row) for row in rows]


def newest_of(connection: sqlite3.Connection, group: int, wanted: FailureFilter) -> list[int]:
    """
    Return rows of the newest cases of a group.

    Args:
        connection: Reads.
        group: Its number.
        wanted: Which failures.
    """
    where, values = _conditions(wanted)
    rows = connection.execute(
        "SELECT c.id FROM test_case AS c JOIN test_failure AS f ON f.id = c.failure"
        f" WHERE c.failure = :group AND {' AND '.join(where)}"
        " ORDER BY c.started DESC, c.id DESC LIMIT :newest",
        {**values, "group": group, "newest": _NEWEST},
    )
    return [row for (row,) in rows]


def _conditions(wanted: FailureFilter) -> tuple[list[str], dict[str, Any]]:
    where, values = ["c.failure IS NOT NULL"], {}
    given = {
        "project": ("f.project = :project", wanted.project),
        "service": ("f.service = :service", wanted.service),
        "run": ("c.run = :run", wanted.run),
        "since": ("c.started >= :since", wanted.since_ns),
        "until": ("c.started < :until", wanted.until_ns),
    }
    for name, (condition, value) in given.items():
        if value is not None:
            where.append(condition)
            values[name] = value
    if wanted.projects is not None:
        where.append("f.project IN (SELECT value FROM json_each(:projects))")
        values["projects"] = msgspec.json.encode(sorted(wanted.projects)).decode()
    return where, values
