"""Hooks of pytest in the process that runs cases: this one, or a worker of pytest-xdist."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap import context
from pylogtap.cases.failures import type_of

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from pylogtap.cases.guard import Guard
    from pylogtap.cases.items import Items
    from pylogtap.cases.logs import Logs
    from pylogtap.cases.telling import Telling

ATTRIBUTE = "_pylogtap"  # of a report that a worker sends to its controller: what only the worker knows
LEAST_SETUP_S = 0.001  # a fixture that took less is not told of


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
        self._types: dict[str, str] = {}
        self._fixtures: dict[str, float] = {}
        self.head: Any = None

    @pytest.hookimpl
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Find cases that are the same but for their place."""
        with self._guard:
            self._items.count_twins(session.items)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, None]:
        """Run everything for a case, from here until all of it has been reported."""
        with self._guard:
            self._types.clear()
            self._fixtures.clear()
            self.head = head = self._items.describe(item)
            context.set_process_case(head["id"])
            if self._logs is not None:
                self._logs.open()
            if self._telling is not None:
                self._telling.start(head, item.nodeid)
        outcome = yield
        with self._guard:
            if self._logs is not None:
                self._logs.close()
            context.set_process_case(self._outer)
            if self._telling is not None and self.head is not None:
                self._telling.leave(self.head["id"], is_complete=outcome.excinfo is None)
            self.head = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> None:
        """Remember which exception ended a phase: a report does not say it."""
        if call.excinfo is not None:
            with self._guard:
                self._types[call.when] = type_of(call.excinfo)
        if self._logs is not None:
            self._logs.hold()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, Any, None]:
        """Measure how long a fixture takes."""
        began = time.perf_counter()
        yield
        took = time.perf_counter() - began
        if took >= LEAST_SETUP_S:
            self._fixtures[str(fixturedef.argname)] = took

    def take(self, when: str) -> tuple[str | None, dict[str, float]]:
        """
        Return what is known of a phase beside its report, once: the exception's class, seconds of fixtures.

        Args:
            when: The phase.
        """
        fixtures, self._fixtures = self._fixtures, {}
        return self._types.pop(when, None), fixtures


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
                type_name, fixtures = self._running.take(str(report.when))
                facts = {"head": head if report.when == "setup" else {"id": head["id"]}}
                report.__dict__[ATTRIBUTE] = {**facts, "type": type_name, "fixtures": fixtures}

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
