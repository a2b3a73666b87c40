"""What happens in test runs, frame by frame, as a client tells of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgpack

from pylogtap import wire
from pylogtap.cases.identity import case_id
from pylogtap_collector.access.visitor import local
from pylogtap_collector.storage.test_case_rows import CaseFilter
from tests.support.segments import SegmentBuilder

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from pylogtap_collector.assembly import Collector

RUN = "5b8efff798038103d269b633813fc60c"
SUITE = "shop/checkout/tests"
START_NS = 1_700_000_000_000_000_000


class Suite(SegmentBuilder):
    """A segment in which somebody tells of a test run."""

    def __init__(self, run: str = RUN, prefix: str = SUITE) -> None:
        """
        Begin.

        Args:
            run: The run's id.
            prefix: Where it belongs.
        """
        super().__init__(prefix)
        self.run = run

    def tell(
        self, event: int, facts: Any = None, *, when: int | None = None, place: str | None = None
    ) -> int:
        """Append an event, and return where its frame begins."""
        return self.put(told(event, facts, when=when, place=place or self.prefix, run=self.run))

    def begin(self, **facts: Any) -> None:
        """Tell that the run begins."""
        self.tell(wire.TEST_BEGIN, {"runner": "pytest", **facts})

    def start(self, node: str, **facts: Any) -> str:
        """Tell that a case begins, and return its id."""
        case = case_id(self.run, node)
        self.tell(wire.TEST_START, {"id": case, "node": node, **facts})
        return case

    def case(self, node: str, outcome: str | None = "passed", **facts: Any) -> str:
        """Tell all there is to know of a case, and return its id."""
        case = case_id(self.run, node)
        known = {"id": case, "node": node, "done": outcome is not None, **facts}
        self.tell(wire.TEST_CASE, known if outcome is None else {**known, "outcome": outcome})
        return case

    def finish(self, outcome: str = "passed", **facts: Any) -> None:
        """Tell that the run has ended."""
        self.tell(wire.TEST_END, {"outcome": outcome, "exit": 0, "duration": 1.5, **facts})


def told(event: int, facts: Any, *, when: int | None = None, place: str = SUITE, run: str = RUN) -> bytes:
    """
    Return the payload of an event.

    Args:
        event: One of `wire.TEST_*`.
        facts: What it tells.
        when: Ns since the epoch; None: now.
        place: Where the run belongs.
        run: Its id.
    """
    moment = time.time_ns() if when is None else when
    known = {} if facts is None else facts
    packed: bytes = msgpack.packb([0, wire.KIND_TEST, moment, place, run, event, known])
    return packed


def failure(message: str = "assert 3 == 4", kind: str = "AssertionError") -> Mapping[str, Any]:
    """Return why something failed."""
    return {"type": kind, "message": message, "stacktrace": "test_cart.py:3: in test_total", "line": 3}


async def run_of(store: Collector, run: str = RUN) -> Any:
    """Return a run."""
    return await store.services.test_runs.one(run, local())


async def cases_of(store: Collector, **wanted: Any) -> list[Any]:
    """Return cases, oldest first."""
    page = await store.services.test_cases.page(CaseFilter(**wanted), limit=1000)
    return page.items[::-1]


async def rows(store: Collector, select: str, *params: Any) -> list[tuple[Any, ...]]:
    """Return what a statement finds."""

    def find(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
        return connection.execute(select, params).fetchall()

    return await store.engine.read(find)


async def change(store: Collector, statement: str, *params: Any) -> None:
    """Do a statement."""

    def job(connection: sqlite3.Connection) -> None:
        connection.execute(statement, params)

    await store.engine.write(job)
