"""Cases of test runs, `test_case`: what is told of them is stored here. Times are ns since the epoch."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import zstandard

from pylogtap import wire
from pylogtap_collector.storage.test_nodes import Named, derived_name, failures_for, tests_for

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from pylogtap_collector.storage.test_runs import RunDraft
    from pylogtap_collector.taps.test_events import TestEvent

BAD = frozenset({"failed", "error"})
COUNT_OF = {
    "passed": "passed", "failed": "failed", "error": "errors",
    "skipped": "skipped", "xfailed": "xfailed", "xpassed": "xpassed",
}  # fmt: skip
PHASES = ("setup", "call", "teardown")
# Members of CaseFacts that columns have, `failure` in part; all others stand in `details`.
_IN_COLUMNS = frozenset(
    {"id", "node", "line", "started", "duration", "outcome", "done", "phase", "worker", "reason", "failure"}
)
_WORTH_PACKING = 400  # bytes of details
_TOLD = (
    "duration", "setup", "call", "teardown", "outcome", "done", "phase", "attempts", "worker", "line",
    "reason", "exception_type", "exception_message", "failure", "details", "changed",
)  # fmt: skip
_INSERT = (
    f"INSERT INTO test_case (case_id, run, test, node, labels, started, {', '.join(_TOLD)})"
    f" VALUES (?, ?, ?, ?, '{{}}', {', '.join('?' * (len(_TOLD) + 1))})"
)
_UPDATE = (
    "UPDATE test_case SET started = min(started, ?), "
    f"{', '.join(f'{name} = ?' for name in _TOLD)} WHERE id = ?"
)
_compress = zstandard.ZstdCompressor(level=3, write_checksum=False).compress
_encode = msgspec.json.Encoder().encode
_decode_details = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(slots=True)
class Told:
    """
    What is told of a case, by all events that are applied together.

    Attributes:
        run: Its run.
        facts: The newest that are all there is to know.
        whole: They are more than what is known before it runs.
        started: The earliest time told of.
    """

    run: RunDraft
    facts: dict[str, Any]
    whole: bool
    started: int


class _Known(NamedTuple):
    """A row, as far as it matters for what follows."""

    row: int
    run: int
    started: int
    outcome: str | None
    done: int
    attempts: int


def tell(told: dict[str, Told], run: RunDraft, event: TestEvent) -> None:
    """
    Take up what an event tells of a case.

    Args:
        told: What events before it tell, by the id of the case.
        run: Its run.
        event: Of the kind TEST_START or TEST_CASE.
    """
    facts, whole = event.facts, event.kind == wire.TEST_CASE
    started = facts.get("started", event.time_ns)
    known = told.get(facts["id"])
    if known is None:
        told[facts["id"]] = Told(run, facts, whole, started)
        return
    if known.run is not run:
        return  # an id is that of a case in one run
    known.started = min(known.started, started)
    if whole and not (known.facts.get("done") and not facts.get("done")):
        known.facts, known.whole = facts, True


def store_cases(connection: sqlite3.Connection, told: Mapping[str, Told], changed: int) -> int:
    """
    Store what is told of cases, and count it with their runs.

    Args:
        connection: In a transaction.
        told: By the id of the case.
        changed: The time of the change.

    Returns:
        How many of them nobody knew.
    """
    if not told:
        return 0
    known = _known(connection, told)
    new = {case: each for case, each in told.items() if case not in known}
    more: dict[str, Told] = {}
    for case, each in told.items():
        row = known.get(case)
        if row is None or row.run != each.run.row:
            continue
        if each.whole and not (row.done and not each.facts.get("done")):
            more[case] = each
        elif each.started < row.started:
            connection.execute("UPDATE test_case SET started = ? WHERE id = ?", (each.started, row.row))
    failures = _failures(connection, [*new.values(), *more.values()])
    tests = _tests(connection, new, changed)
    connection.executemany(_INSERT, _new_rows(new, tests, failures, changed))
    connection.executemany(_UPDATE, _changed_rows(more, known, failures, changed))
    return len(new)


def _known(connection: sqlite3.Connection, cases: Iterable[str]) -> dict[str, _Known]:
    rows = connection.execute(
        "SELECT case_id, id, run, started, outcome, done, attempts FROM test_case"
        " WHERE case_id IN (SELECT value FROM json_each(?))",
        (_encode(list(cases)).decode(),),
    )
    return {case: _Known(*rest) for case, *rest in rows}


def _tests(connection: sqlite3.Connection, new: Mapping[str, Told], now_ns: int) -> dict[str, int]:
    """Return the number of the test of each new case."""
    by_run: defaultdict[int, list[tuple[str, Told]]] = defaultdict(list)
    for case, each in new.items():
        by_run[each.run.row].append((case, each))
    found: dict[str, int] = {}
    for row, mine in by_run.items():
        run = mine[0][1].run
        nodes: dict[str, Named] = {}
        for _, each in mine:
            facts = each.facts
            nodes[facts["node"]] = Named(
                facts.get("file"), facts.get("group"), facts.get("name"), each.started
            )
        tests = tests_for(connection, (run.project, run.service), row, nodes, now_ns)
        found.update((case, tests[each.facts["node"]]) for case, each in mine)
    return found


def _failures(connection: sqlite3.Connection, told: Sequence[Told]) -> dict[int, int]:
    """Return the number of the group of each failure, by the identity of what is told."""
    failed = [each for each in told if each.facts.get("outcome") in BAD and each.facts.get("failure")]
    return failures_for(
        connection,
        [
            (id(each), each.run.project, each.run.service, each.facts["failure"], each.started)
            for each in failed
        ],
    )


def _new_rows(
    new: Mapping[str, Told], tests: Mapping[str, int], failures: Mapping[int, int], changed: int
) -> Iterable[tuple[Any, ...]]:
    for case, each in new.items():
        row = _columns(each.facts, failures.get(id(each)), changed)
        _count(each, None, 1)
        yield (case, each.run.row, tests[case], each.facts["node"], each.started, *row)


def _changed_rows(
    more: Mapping[str, Told], known: Mapping[str, _Known], failures: Mapping[int, int], changed: int
) -> Iterable[tuple[Any, ...]]:
    for case, each in more.items():
        row = known[case]
        _count(each, row.outcome, row.attempts)
        yield (each.started, *_columns(each.facts, failures.get(id(each)), changed), row.row)


def _count(told: Told, outcome: str | None, attempts: int) -> None:
    """Count a case with its run: as what it is now, and no more as what it was."""
    run, now = told.run, told.facts.get("outcome")
    run.cases_changed = True
    if outcome is not None:
        run.added[COUNT_OF[outcome]] -= 1
        run.added["reran"] -= attempts > 1
    if now is not None:
        run.added[COUNT_OF[now]] += 1
        run.added["reran"] += bool(told.facts.get("attempts"))


def _columns(facts: dict[str, Any], failure: int | None, changed: int) -> tuple[Any, ...]:
    get = facts.get
    why, phases = get("failure") or {}, get("phases") or {}
    return (
        get("duration"),
        *[phases[name].get("duration") if name in phases else None for name in PHASES],
        get("outcome"),
        get("done", False),
        get("phase"),
        1 + len(get("attempts", ())),
        get("worker"),
        get("line"),
        get("reason"),
        why.get("type"),
        why.get("message"),
        failure,
        pack_details(facts),
        changed,
    )


def pack_details(facts: dict[str, Any]) -> bytes | None:
    """
    Return what no column has of a case, as it is stored; None: nothing.

    Args:
        facts: Of the case.
    """
    rest = {name: value for name, value in facts.items() if value and name not in _IN_COLUMNS}
    if facts.get("failure"):
        more = {name: value for name, value in facts["failure"].items() if name not in {"type", "message"}}
        if more:
            rest["failure"] = more
    if all(_is_usual(name, phase) for name, phase in rest.get("phases", {}).items()):
        rest.pop("phases", None)  # the columns say it all
    file, group, name = (rest.get(part) for part in ("file", "group", "name"))
    if name is not None and (file, group, name) == derived_name(facts["node"]):
        for part in ("file", "group", "name"):
            rest.pop(part, None)
    if not rest:
        return None
    data = _encode(rest)
    return _compress(data) if len(data) > _WORTH_PACKING else data


def unpack_details(stored: bytes | None) -> dict[str, Any]:
    """Return what no column has of a case."""
    if stored is None:
        return {}
    return _decode_details(stored if stored[:1] == b"{" else zstandard.decompress(stored))


def _is_usual(name: str, phase: dict[str, Any]) -> bool:
    return len(phase) == 2 and "duration" in phase and phase.get("outcome") == "passed" and name in PHASES
