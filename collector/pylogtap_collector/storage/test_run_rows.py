"""Test runs as they are read: `test_run`. Times are ns since the epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pylogtap_collector.errors import NotFound
from pylogtap_collector.models.cases import CaseCounts, TestRun
from pylogtap_collector.storage.test_filters import conditions_of
from pylogtap_collector.times import to_datetime

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from pylogtap_collector.access.visitor import Projects
    from pylogtap_collector.storage.test_filters import RunFilter

QUIET_NS = 60_000_000_000  # a run that nothing is heard of for so long counts as interrupted
_COLUMNS = (
    "id", "run", "project", "service", "instance", "started", "ended", "heard", "outcome", "exit_status",
    "reason", "duration", "runner", "source", "command", "commit_id", "committed", "branch", "dirty",
    "whole", "collected", "deselected", "passed", "failed", "errors", "skipped", "xfailed", "xpassed",
    "reran", "warnings", "dropped", "details", "labels", "note", "changed", "assessed",
)  # fmt: skip
_SELECT = f"""
    SELECT {", ".join(f"r.{name}" for name in _COLUMNS)}, CASE WHEN r.outcome IS NULL THEN
        (SELECT count(*) FROM test_case AS c WHERE c.run = r.id AND c.outcome IS NULL AND NOT c.done)
        ELSE 0 END
    FROM test_run AS r
"""
_decode_labels = msgspec.json.Decoder(dict[str, str]).decode
_decode_details = msgspec.json.Decoder(dict[str, Any]).decode


class RunRow(NamedTuple):
    """A row of `test_run`, and how many of its cases have begun and not ended."""

    id: int
    run: str
    project: str
    service: str
    instance: str
    started: int
    ended: int | None
    heard: int
    outcome: str | None
    exit_status: int | None
    reason: str | None
    duration: float | None
    runner: str
    source: str
    command: str | None
    commit_id: str | None
    committed: int | None
    branch: str | None
    dirty: int | None
    whole: int | None
    collected: int | None
    deselected: int | None
    passed: int
    failed: int
    errors: int
    skipped: int
    xfailed: int
    xpassed: int
    reran: int
    warnings: int
    dropped: int
    details: str
    labels: str
    note: str | None
    changed: int
    assessed: int | None
    running: int


def alive_after(now_ns: int, begun_ns: int) -> int:
    """
    Return the time since when something has to be heard of a run that goes on.

    Args:
        now_ns: The time.
        begun_ns: When we began to listen: nothing could be heard before.
    """
    return now_ns - QUIET_NS if begun_ns <= now_ns - QUIET_NS else -1


def list_runs(
    connection: sqlite3.Connection,
    wanted: RunFilter,
    limit: int,
    *,
    alive: int,
    before: tuple[int, int] | None = None,
) -> list[RunRow]:
    """
    Return runs, those that began last first.

    Args:
        connection: Reads.
        wanted: Which.
        limit: How many at most.
        alive: From :func:`alive_after`.
        before: When the run began behind which to go on, and the number of its row.
    """
    where, params = conditions_of(wanted, alive)
    if before is not None:
        where.append("(r.started, r.id) < (:started, :row)")
        params["started"], params["row"] = before
    rows = connection.execute(
        f"{_SELECT} WHERE {' AND '.join(where)} ORDER BY r.started DESC, r.id DESC LIMIT :limit",
        {**params, "limit": limit},
    )
    return [RunRow(*row) for row in rows]


def get_run(connection: sqlite3.Connection, run: str, projects: Projects) -> RunRow:
    """
    Return a run.

    Args:
        connection: Reads.
        run: Its id.
        projects: Of these projects alone; None: of any.

    Raises:
        NotFound: There is none, or none that may be seen.
    """
    row = connection.execute(f"{_SELECT} WHERE r.run = ?", (run,)).fetchone()
    found = None if row is None else RunRow(*row)
    if found is None or not (projects is None or found.project in projects):
        raise NotFound(f"There is no test run {run}; it may have been deleted.")
    return found


def runs_by_row(connection: sqlite3.Connection, rows: Sequence[int]) -> list[RunRow]:
    """
    Return runs, those that began first first.

    Args:
        connection: Reads.
        rows: Numbers of their rows.
    """
    found = connection.execute(
        f"{_SELECT} WHERE r.id IN (SELECT value FROM json_each(?)) ORDER BY r.started, r.id",
        (msgspec.json.encode(rows).decode(),),
    )
    return [RunRow(*row) for row in found]


def run_number(connection: sqlite3.Connection, run: str) -> int | None:
    """
    Return the number of the row of a run; None: there is none.

    Args:
        connection: Reads.
        run: Its id.
    """
    row = connection.execute("SELECT id FROM test_run WHERE run = ?", (run,)).fetchone()
    return None if row is None else int(row[0])


def run_of(row: RunRow, alive: int) -> TestRun:
    """
    Describe a run.

    Args:
        row: Its row.
        alive: From :func:`alive_after`.
    """
    details = _decode_details(row.details)
    state = row.outcome or ("running" if row.heard > alive else "interrupted")
    return TestRun.model_validate(
        {
            "id": row.run,
            **{
                name: getattr(row, name)
                for name in ("project", "service", "instance", "reason", "exit_status")
            },
            "state": state,
            "started": to_datetime(row.started),
            "ended": None if row.ended is None else to_datetime(row.ended),
            "duration_s": row.duration,
            **{name: getattr(row, name) for name in ("runner", "source", "command", "branch", "collected")},
            **{name: getattr(row, name) for name in ("deselected", "dropped", "warnings", "note")},
            "commit": row.commit_id,
            "committed": None if row.committed is None else to_datetime(row.committed),
            "dirty": None if row.dirty is None else bool(row.dirty),
            "whole": None if row.whole is None else bool(row.whole),
            **{name: details.get(name) for name in ("runner_version", "python", "platform", "host", "seed")},
            "workers": details.get("workers"),
            "ci": details.get("ci", {}),
            "plugins": details.get("plugins", {}),
            "counts": counts_of(row, running=state == "running"),
            "labels": _decode_labels(row.labels),
            "changed": to_datetime(row.changed),
        }
    )


def counts_of(row: RunRow, *, running: bool) -> CaseCounts:
    """
    Describe what became of a run's cases.

    Args:
        row: Its row.
        running: It goes on.
    """
    return CaseCounts(
        passed=row.passed,
        failed=row.failed,
        error=row.errors,
        skipped=row.skipped,
        xfailed=row.xfailed,
        xpassed=row.xpassed,
        running=row.running if running else 0,
        reran=row.reran,
    )
