"""Hooks of pytest in the process that runs cases: this one, or a worker of pytest-xdist."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap import context
from pylogtap.cases.progress import part_of

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from pylogtap.cases.guard import Guard
    from pylogtap.cases.items import Items
    from pylogtap.cases.logs import Logs
    from pylogtap.cases.telling import Telling

ATTRIBUTE = "_pylogtap"  # of a report that a worker sends to its controller: what only the worker knows
LEAST_SETUP_S = 0.001  # a fixture that took less is not told of
_NONE: dict[str, float] = {}


class Running:
    """
    Knows which case runs.

    Attributes:
        head: What is known of it; None between two cases.
    """

    def __init__(self, items: Items, logs: Logs | None, guard: Guard, telling: Telling | None) -> None:
        """
        Bind what it works with.

        Args:
            items: Describes items.
            logs: Sends what they log; None: nothing is sent.
            guard: Keeps our mistakes to us.
            telling: Tells of the run, where this process does; else facts travel with the reports.
        """
        self._items, self._logs, self._guard, self._telling = items, logs, guard, telling
        self._outer = context.current_case()  # where this run is a part of another run's case
        self._fixtures: dict[str, float] = {}
        self.head: Any = None

    @pytest.hookimpl
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Find cases that are the same but for their place."""
        with self._guard:
            self._items.count_twins(session.items)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Run everything for a case, from here until all of it has been reported."""
        logs, telling = self._logs, self._telling
        with self._guard:
            self.head = head = self._items.describe(item)
            context.set_process_case(head["id"])
            if logs is not None:
                logs.open()
            if telling is not None:
                telling.start(head, item.nodeid)
        is_complete = False
        try:
            result = yield
            is_complete = True
            return result
        finally:
            with self._guard:
                if logs is not None:
                    logs.close()
                context.set_process_case(self._outer)
                if telling is not None and self.head is not None:
                    telling.leave(self.head["id"], is_complete=is_complete)
                self.head = None
                self._fixtures.clear()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, Any, Any]:
        """Measure how long a fixture takes."""
        began = time.perf_counter()
        try:
            return (yield)
        finally:
            took = time.perf_counter() - began
            if took >= LEAST_SETUP_S:
                self._fixtures[str(fixturedef.argname)] = took

    def hold(self) -> None:
        """Come back among the root logger's handlers, where what just ran has cleared them."""
        if self._logs is not None:
            self._logs.hold()

    def take(self) -> dict[str, float]:
        """Return seconds of fixtures that were set up since it was asked last; come back as by `hold`."""
        self.hold()
        if not self._fixtures:
            return _NONE
        fixtures, self._fixtures = self._fixtures, {}
        return fixtures


class Attaching:
    """Lets what a worker knows travel with its reports."""

    def __init__(self, running: Running, guard: Guard) -> None:
        """
        Bind what knows.

        Args:
            running: Of the same process.
            guard: Keeps our mistakes to us.
        """
        self._running, self._guard, self._deselected = running, guard, 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Put it on a report before that is sent: plain values alone."""
        with self._guard:
            head = self._running.head
            if head is not None:
                shown = head if report.when == "setup" else {"id": head["id"]}
                facts = {"head": shown, "fixtures": self._running.take(), "part": part_of(report)}
                report.__dict__[ATTRIBUTE] = facts

    @pytest.hookimpl
    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count what is not to run."""
        self._deselected += len(items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell the controller what it cannot know."""
        with self._guard:
            output: dict[str, Any] = session.config.workeroutput  # type: ignore[attr-defined]
            output["pylogtap_deselected"] = self._deselected
            output["pylogtap_trouble"] = self._guard.trouble
