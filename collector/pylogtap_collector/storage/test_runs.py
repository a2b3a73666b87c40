"""
Test runs, `test_run`: what happens in them is applied here. Times are ns since the epoch.

Events may come in any order, and again: what comes says all that is known so far, a case that is done stays
as it is, and everything that is kept of times is the earliest or the latest of what was told.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from pylogtap import wire
from pylogtap_collector.storage.places import ensure_places
from pylogtap_collector.storage.test_cases import Told, store_cases, tell
from pylogtap_collector.storage.test_warnings import store_warnings

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from pylogtap_collector.taps.test_events import TestEvent

COUNTS = ("passed", "failed", "errors", "skipped", "xfailed", "xpassed", "reran", "warnings")
# Members of RunFacts that have a column, by its name; all others stand in `details`.
_COLUMNS = {
    "runner": "runner", "source": "source", "command": "command", "commit": "commit_id",
    "committed": "committed", "branch": "branch", "dirty": "dirty", "whole": "whole",
    "collected": "collected", "deselected": "deselected",
}  # fmt: skip
_ADDED = ", ".join(f"{name} = {name} + ?" for name in COUNTS)
_UPDATE = f"""
    UPDATE test_run SET started = min(started, ?), heard = max(heard, ?), changed = ?, {_ADDED} WHERE id = ?
"""
_END = """
    UPDATE test_run SET outcome = ?, exit_status = ?, reason = ?, duration = ?, dropped = ?, ended = ?
    WHERE id = ?
"""
_MICROSECOND_NS = 1_000  # the API's times have no more


@dataclass(slots=True)
class Applied:
    """
    What became of events.

    Attributes:
        runs: Numbers of the rows of runs that something was told of.
        ended: Of these, those that have ended and of which something is to be looked at.
        begun: Runs among them that nobody knew.
        cases: Cases that nobody knew.
    """

    runs: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    begun: int = 0
    cases: int = 0


@dataclass(slots=True)
class RunDraft:
    """
    A run while events are applied.

    Attributes:
        row: Number of its row.
        project: Where it belongs; events that name another project are not its own.
        service: Likewise.
        details: What is told of it beyond its columns.
        has_ended: It has an outcome.
        started: The earliest time that was told of.
        facts: What is told of it now.
        end: How it has ended, and when, where that is told now.
        added: By how much counts grow.
        touched: Something of it was told now.
        cases_changed: Something was told of a case.
        details_changed: `details` are to be stored.
    """

    row: int
    project: str
    service: str
    details: dict[str, Any]
    has_ended: bool
    started: int
    facts: dict[str, Any] = field(default_factory=dict)
    end: tuple[dict[str, Any], int] | None = None
    added: Counter[str] = field(default_factory=Counter)
    touched: bool = False
    cases_changed: bool = False
    details_changed: bool = False


def apply_events(connection: sqlite3.Connection, events: Sequence[TestEvent], received_ns: int) -> Applied:
    """
    Store what happens in test runs.

    Args:
        connection: In a transaction.
        events: With sound values.
        received_ns: When they came, by our clock.
    """
    applied = Applied()
    if not events:
        return applied
    changed = next_change(connection, received_ns)
    drafts = _open(connection, events, received_ns, applied)
    told: dict[str, Told] = {}
    warnings: list[tuple[RunDraft, TestEvent]] = []
    for event in events:
        draft = drafts[event.run]
        if event.place.project != draft.project:
            continue  # whoever may deliver to one project changes nothing in another
        draft.touched, draft.started = True, min(draft.started, event.time_ns)
        if event.kind in {wire.TEST_CASE, wire.TEST_START}:
            tell(told, draft, event)
        elif event.kind == wire.TEST_BEGIN:
            draft.facts.update(event.facts)
        elif event.kind == wire.TEST_WARNING:
            warnings.append((draft, event))
        elif event.kind == wire.TEST_END:
            draft.end = (event.facts, event.time_ns)
    applied.cases = store_cases(connection, told, changed)
    store_warnings(connection, warnings, changed)
    for draft in filter(lambda each: each.touched, drafts.values()):
        _store(connection, draft, received_ns, changed)
        applied.runs.append(draft.row)
        if draft.end is not None or (draft.has_ended and draft.cases_changed):
            applied.ended.append(draft.row)
    forget_assessment(connection, applied.ended)
    return applied


def next_change(connection: sqlite3.Connection, now_ns: int) -> int:
    """
    Return the time of a change: later than that of all before, so that who asks for later ones misses none.

    Args:
        connection: In the transaction of the change.
        now_ns: The time.
    """
    last = connection.execute("SELECT max(changed) FROM test_run").fetchone()[0] or 0
    return max(now_ns // _MICROSECOND_NS * _MICROSECOND_NS, int(last) + _MICROSECOND_NS)


def forget_assessment(connection: sqlite3.Connection, rows: Iterable[int]) -> None:
    """
    Let runs be compared with those before them once more.

    Args:
        connection: In a transaction.
        rows: Numbers of their rows.
    """
    connection.executemany("UPDATE test_run SET assessed = NULL WHERE id = ?", [(row,) for row in rows])


def _open(
    connection: sqlite3.Connection, events: Sequence[TestEvent], received_ns: int, applied: Applied
) -> dict[str, RunDraft]:
    """Return the runs of events; those that nobody knows are made."""
    first = {event.run: event for event in reversed(events)}
    names = msgspec.json.encode(list(first)).decode()
    drafts = {
        run: RunDraft(row, project, service, msgspec.json.decode(details), outcome is not None, started)
        for run, row, project, service, details, outcome, started in connection.execute(
            "SELECT run, id, project, service, details, outcome, started FROM test_run"
            " WHERE run IN (SELECT value FROM json_each(?))",
            (names,),
        )
    }
    for run, event in first.items():
        if run in drafts:
            continue
        cursor = connection.execute(
            "INSERT INTO test_run (run, project, service, instance, started, heard, runner, source,"
            " details, labels, changed) VALUES (?, ?, ?, ?, ?, ?, 'unknown', 'plugin', '{}', '{}', 0)",
            (run, *event.place, event.time_ns, received_ns),
        )
        row, (project, service, _) = cursor.lastrowid or 0, event.place
        drafts[run] = RunDraft(row, project, service, {}, has_ended=False, started=event.time_ns)
        applied.begun += 1
    ensure_places(connection, {event.place for event in first.values()}, received_ns)
    return drafts


def _store(connection: sqlite3.Connection, draft: RunDraft, received_ns: int, changed: int) -> None:
    counts = [draft.added[name] for name in COUNTS]
    connection.execute(_UPDATE, (draft.started, received_ns, changed, *counts, draft.row))
    columns = {_COLUMNS[name]: value for name, value in draft.facts.items() if name in _COLUMNS}
    if rest := {name: value for name, value in draft.facts.items() if name not in _COLUMNS}:
        draft.details.update(rest)
        draft.details_changed = True
    if draft.details_changed:
        columns["details"] = msgspec.json.encode(draft.details).decode()
    if columns:
        assignments = ", ".join(f"{name} = ?" for name in columns)
        connection.execute(f"UPDATE test_run SET {assignments} WHERE id = ?", (*columns.values(), draft.row))
    if draft.end is not None:
        facts, time_ns = draft.end
        named = [facts.get(name) for name in ("outcome", "exit", "reason", "duration")]
        connection.execute(_END, (*named, facts.get("dropped", 0), time_ns, draft.row))
