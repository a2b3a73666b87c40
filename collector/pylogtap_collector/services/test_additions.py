"""
Test runs that no client of ours has told of: they take the way that all others take, as slices.

Beside what happened, records are stored of what people look for in the logs: each case that failed, under its
id, and how the run ended; worded as :mod:`pylogtap.cases.reporter` does.
"""

from __future__ import annotations

import asyncio
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from pylogtap import wire
from pylogtap.cases.facts import MAX_MESSAGE, fit, shorten
from pylogtap.redact import Redactor
from pylogtap_collector.access.rights import Right
from pylogtap_collector.services.segments import Made, Segment, slices_of
from pylogtap_collector.storage.test_cases import BAD
from pylogtap_collector.taps.entries import Entry
from pylogtap_collector.taps.test_events import sound_event
from pylogtap_collector.wire import encode_record

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.services.ingest import Ingest
    from pylogtap_collector.taps.test_events import TestEvent

    Job = Callable[[sqlite3.Connection], None]

_ROOM = wire.MAX_SEGMENT_BYTES - wire.MAX_RECORD_BYTES - (8 << 10)
_TRIES = 3  # of making a case smaller, so that it fits
_LARGE = ("output", "attempts", "subtests")
_ERROR, _INFO = 17, 9  # severities of OpenTelemetry


class TestAdditions:
    """Stores what happened in test runs, and what the logs say of it."""

    __test__ = False  # no class of tests, though its name begins as theirs do

    def __init__(self, ingest: Ingest) -> None:
        """
        Bind what it needs.

        Args:
            ingest: The way in.
        """
        self._ingest = ingest

    async def add(
        self,
        events: Sequence[TestEvent],
        visitor: Visitor,
        *,
        runners: Mapping[str, str] | None = None,
        before: Job | None = None,
        after: Job | None = None,
    ) -> list[int]:
        """
        Store events, all or none; when this returns, they are on the disk.

        Args:
            events: What happened; values that are not sound are left out.
            visitor: Who adds them.
            runners: What runs the runs that begin not here, by their ids.
            before: What is done first in the same transaction; if it raises, nothing is stored.
            after: What is done last in it.

        Returns:
            The numbers of the rows of the runs.

        Raises:
            NotFound: There is no such project for whoever adds them.
            MissingRight: He may not add to a project.
            Overloaded: Too much waits, or the disk cannot take it. Nothing is stored.
        """
        for project in dict.fromkeys(event.place.project for event in events):
            visitor.demand(Right.DELIVER, project)
        made = await asyncio.to_thread(partial(_slices, events, dict(runners or {}), time.time_ns()))
        stored = await self._ingest.add(made, visitor.where(Right.DELIVER), before=before, after=after)
        rows = (row for each in stored if each.tests is not None for row in each.tests.runs)
        return list(dict.fromkeys(rows))


def _slices(events: Iterable[TestEvent], runners: dict[str, str], now_ns: int) -> list[Made]:
    sound = [each for event in events if (each := sound_event(event)) is not None]
    made: list[Made] = []
    identity = os.urandom(16)
    segment = Segment(identity)
    for event in sound:
        if len(segment.data) > _ROOM:
            made.append(Made(identity, bytes(segment.data)))
            identity = os.urandom(16)
            segment = Segment(identity)
        segment.put(_payload(event))
        if event.kind == wire.TEST_BEGIN and "runner" in event.facts:
            runners[event.run] = event.facts["runner"]
    made.append(Made(identity, bytes(segment.data)))
    entries = list(_entries(sound, runners))
    return made + slices_of(entries, iter(lambda: os.urandom(16), b""), Redactor(), now_ns)


def _payload(event: TestEvent) -> bytes:
    head = [0, wire.KIND_TEST, event.time_ns, "/".join(event.place), event.run, event.kind]
    facts = event.facts
    payload = encode_record([*head, facts])
    for _ in range(_TRIES):
        if len(payload) <= wire.MAX_RECORD_BYTES:
            return payload
        facts = fit(facts, len(payload), wire.MAX_RECORD_BYTES)
        payload = encode_record([*head, facts])
    if len(payload) <= wire.MAX_RECORD_BYTES:
        return payload
    return encode_record([*head, {name: value for name, value in facts.items() if name not in _LARGE}])


def _entries(events: Iterable[TestEvent], runners: Mapping[str, str]) -> Iterator[Entry]:
    for event in events:
        runner = runners.get(event.run, "unknown")
        if event.kind == wire.TEST_CASE and event.facts.get("done") and event.facts.get("outcome") in BAD:
            yield _failed(event, runner)
        elif event.kind == wire.TEST_END:
            yield _ended(event, runner)


def _failed(event: TestEvent, runner: str) -> Entry:
    case = event.facts
    failure = case.get("failure", {})
    first = (failure.get("message") or case.get("reason") or "").split("\n", 1)[0]
    text = f"{case['node']} {case['outcome']}" + (f": {first}" if first else "")
    names = ("node", "outcome", "phase", "duration")
    return Entry(
        event.place,
        shorten(text, MAX_MESSAGE),
        event.time_ns,
        _ERROR,
        "error",
        runner,
        {"run": event.run, **{name: case[name] for name in names if name in case}},
        {name: failure.get(name, "") for name in ("type", "message", "stacktrace")} if failure else None,
        test_id=case["id"],
    )


def _ended(event: TestEvent, runner: str) -> Entry:
    outcome = event.facts["outcome"]
    well = outcome in {"passed", "empty"}
    fields: dict[str, Any] = {"run": event.run, **event.facts}
    text = f"test run of {runner} ended: {outcome}"
    severity, level = (_INFO, "info") if well else (_ERROR, "error")
    return Entry(event.place, text, event.time_ns, severity, level, runner, fields)
