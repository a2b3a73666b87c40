"""Reports of test runs that other programs wrote: read, and stored as a run as all others are."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pylogtap import wire
from pylogtap.cases.identity import case_id
from pylogtap_collector.access.rights import Right
from pylogtap_collector.errors import NotFound
from pylogtap_collector.models.cases import ImportAnswer
from pylogtap_collector.reports.reading import ReportFormat, read
from pylogtap_collector.storage.test_run_rows import get_run, run_of
from pylogtap_collector.taps.test_events import TestEvent
from pylogtap_collector.times import to_ns

if TYPE_CHECKING:
    from datetime import datetime

    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.models.cases import TestRun
    from pylogtap_collector.reports.model import ParsedRun
    from pylogtap_collector.services.test_runs import TestRuns
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.wire import Place

_RUN_BYTES = 16


class Told(NamedTuple):
    """
    What is known of a run beside its report, and holds against it.

    Attributes:
        commit: Revision of the working tree.
        branch: Branch.
        started: When it began.
    """

    commit: str | None = None
    branch: str | None = None
    started: datetime | None = None


class TestImport:
    """Imports reports."""

    __test__ = False  # no class of tests, though its name begins as theirs do

    def __init__(self, engine: Engine, runs: TestRuns) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
            runs: Stores them.
        """
        self._engine = engine
        self._runs = runs

    async def add(
        self, body: bytes, place: Place, visitor: Visitor, form: ReportFormat | None, told: Told
    ) -> ImportAnswer:
        """
        Store the run of a report; once, however often the same report comes to the same place.

        Args:
            body: The report, decompressed.
            place: Where the run belongs.
            visitor: Who brings it.
            form: The report's format; None: it tells by itself.
            told: What is known beside it.

        Raises:
            NotFound: There is no such project for him.
            MissingRight: He may not deliver to it.
            Invalid: It is no report, or broken before its first case.
            Overloaded: Too much waits, or the disk cannot take it.
        """
        visitor.demand(Right.DELIVER, place.project)
        run = _run_id(place, body)
        parsed = await asyncio.to_thread(read, body, time.time_ns(), form)
        before = await self._known(run, place)
        if before is None:
            await self._runs.add(await asyncio.to_thread(_events, parsed, run, place, told), visitor)
        stored = before or await self._known(run, place)
        assert stored is not None
        if not visitor.may(Right.READ, place.project):  # what people say of it is not for him
            stored = stored.model_copy(update={"labels": {}, "note": None})
        return ImportAnswer(
            runs=[stored],
            cases=len(parsed.cases),
            repeated=before is not None,
            skipped=parsed.skipped,
        )

    async def _known(self, run: str, place: Place) -> TestRun | None:
        with suppress(NotFound):
            row = await self._engine.read(partial(get_run, run=run, projects=frozenset({place.project})))
            return run_of(row, self._runs.alive)
        return None


def _run_id(place: Place, body: bytes) -> str:
    digest = blake2b("\0".join((*place, "")).encode(), digest_size=_RUN_BYTES)
    digest.update(body)
    return digest.hexdigest()


def _events(parsed: ParsedRun, run: str, place: Place, told: Told) -> list[TestEvent]:
    """Return what would have been told of the run while it went on."""
    started = parsed.started if told.started is None else to_ns(told.started)
    later = started - parsed.started
    facts = cast("dict[str, Any]", dict(parsed.facts))
    facts |= {name: value for name, value in (("commit", told.commit), ("branch", told.branch)) if value}
    facts["collected"] = len(parsed.cases)
    events = [TestEvent(started, place, run, wire.TEST_BEGIN, facts)]
    seen = Counter[str]()
    for case in parsed.cases:
        node, began = case["node"], case["started"] + later
        each = {**case, "id": case_id(run, node, seen[node]), "started": began}
        seen[node] += 1
        events.append(TestEvent(began, place, run, wire.TEST_CASE, each))
    events += [TestEvent(started, place, run, wire.TEST_WARNING, each) for each in parsed.warnings]
    ended: dict[str, Any] = {"outcome": parsed.outcome, "exit": parsed.exit, "duration": parsed.duration}
    if parsed.reason:
        ended["reason"] = parsed.reason
    if parsed.dropped:
        ended["dropped"] = parsed.dropped
    events.append(TestEvent(started + round(parsed.duration * 1e9), place, run, wire.TEST_END, ended))
    return events
