"""Hooks of pytest in the process that tells of a run: the only one, or the controller of pytest-xdist."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap.cases.facts import MAX_NAME, CaseFacts, shorten
from pylogtap.cases.failures import failure_of
from pylogtap.cases.identity import case_id
from pylogtap.cases.progress import CRASHED, Progress, part_of
from pylogtap.cases.running import ATTRIBUTE
from pylogtap.values import well_formed

if TYPE_CHECKING:
    from pylogtap.cases.guard import Guard
    from pylogtap.cases.reporter import Reporter
    from pylogtap.cases.running import Running
    from pylogtap.redact import Redactor


class Telling:
    """
    Follows cases by their reports. What is known of a case is forgotten when the case is done.

    Attributes:
        counts: How many cases ended in each way.
        uncollected: How many of these are collectors that did not pass.
        broken: How many of those failed; the others were skipped.
        running: Runs the cases, where that is in this process.
        every_worker: Each worker runs all cases.
    """

    every_worker = False

    def __init__(self, reporter: Reporter, root: str, redactor: Redactor, guard: Guard) -> None:
        """
        Bind a reporter.

        Args:
            reporter: Of the run.
            root: The folder that paths are relative to.
            redactor: Judges names.
            guard: Keeps our mistakes to us.
        """
        self._reporter, self._root, self._redactor, self._guard = reporter, root, redactor, guard
        self._open: dict[str, Progress] = {}
        self._last: dict[str, tuple[str, str]] = {}  # by worker: node and id of its last case
        self.counts: dict[str, int] = {}
        self.uncollected = self.broken = 0
        self.running: Running | None = None

    def start(self, head: CaseFacts, node: str) -> None:
        """
        Begin a case.

        Args:
            head: What is known of it.
            node: Its whole node.
        """
        self._open[head["id"]] = Progress(head, node)
        self._reporter.start(head)

    def start_unseen(self, case: str, node: str, location: tuple[str, int | None, str]) -> None:
        """
        Begin a case that another process runs.

        Args:
            case: Its id.
            node: Its node.
            location: As pytest has it.
        """
        if case not in self._open:  # else it is run again
            head = self.head_of(node, location)
            head["id"], head["started"] = case, time.time_ns()
            self.start(head, node)

    def leave(self, case: str, *, is_complete: bool) -> None:
        """
        End a case that has ended without a report of its end, or was interrupted.

        Args:
            case: Its id.
            is_complete: It was not interrupted. What was, stays as it was told last.
        """
        progress = self._open.get(case)
        if progress is None:
            return
        progress.take_waiting(self._root)
        if is_complete and progress.phases:
            progress.done = True
            self._tell(progress)
        self._open.pop(case, None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Take what became of a phase; what nearly every phase comes to waits for the case's end."""
        running = self.running
        if (
            running is not None
            and report.outcome == "passed"
            and report.when != "teardown"
            and type(report) is pytest.TestReport
            and running.head is not None
        ):
            progress = self._open.get(running.head["id"])
            if progress is not None:
                progress.waiting.append(report)
                if report.when == "setup":
                    running.hold()
                return
        self._take(report)

    def _take(self, report: Any) -> None:
        """Take what became of a phase, and tell of the case where that is due."""
        with self._guard:
            running = self.running
            if running is not None:
                head = running.head
                fixtures, part = running.take(), part_of(report)
                progress: Progress | None = self._open.get(head["id"]) if head is not None else None
            else:
                facts = report.__dict__.pop(ATTRIBUTE, None)
                fixtures, part = (facts["fixtures"], facts["part"]) if facts else ({}, None)
                progress = self._progress_of(report, facts["head"] if facts else None)
            if progress is None:
                progress = self._unknown(report)
            elif progress.waiting:
                progress.take_waiting(self._root)
            if fixtures:
                progress.fixtures.update(fixtures)
            if part is not None:
                progress.take_subtest(report, part, self._root)
                return
            progress.take(report, self._root)
            if progress.done:
                case = progress.head["id"]
                self._open.pop(case, None)
                if running is None:
                    self._last[progress.head.get("worker", "")] = progress.node, case
                self._tell(progress)
            elif report.outcome not in {"passed", "skipped"} and not progress.again:
                self._reporter.tell(progress.facts(self._redactor))

    def _progress_of(self, report: Any, head: Any) -> Progress | None:
        """Return the case that a worker's report is about."""
        if head is None:  # it was made here, as the worker has died
            worker = worker_of(report)
            for known in self._open.values():
                if known.node == report.nodeid and known.head.get("worker", worker) == worker:
                    return known
            return None
        progress = self._open.get(head["id"])
        if progress is None:
            progress = self._open[head["id"]] = Progress(head, report.nodeid)
            self._reporter.start(head)
        elif "started" in head:
            progress.head = head
        return progress

    def _unknown(self, report: Any) -> Progress:
        """Begin a case that is first heard of by its report: its worker died, or a plugin made it up."""
        head = self.head_of(report.nodeid, report.location)
        if worker := worker_of(report):
            head["worker"] = worker
        head["id"] = case_id(self._reporter.run, report.nodeid, 0, self.id_worker(worker))
        progress = self._open[head["id"]] = Progress(head, report.nodeid)
        progress.done = report.when == CRASHED
        return progress

    def id_worker(self, worker: str) -> str:
        """Return what of a worker's name is a part of its cases' ids."""
        return "" if self.running is not None or not self.every_worker else worker

    def case_of(self, node: str) -> str:
        """
        Return the id of the case that a node has, or had last.

        Args:
            node: The node.
        """
        if self.running is not None and self.running.head is not None:
            return str(self.running.head["id"])
        for last_node, case in self._last.values():
            if last_node == node:
                return case
        return case_id(self._reporter.run, node)

    def head_of(self, node: str, location: tuple[str, int | None, str] | None) -> CaseFacts:
        """
        Return what is known of a case without its item.

        Args:
            node: Its node.
            location: As pytest has it: file, line from 0 on, name.
        """
        head: CaseFacts = {
            "id": "",
            "node": well_formed(shorten(node, MAX_NAME)),
            "name": well_formed(shorten(_name_of(node), MAX_NAME)),
        }
        if location is not None:
            head["file"] = well_formed(str(location[0]))
            if location[1] is not None:
                head["line"] = location[1] + 1
        return head

    def _tell(self, progress: Progress) -> None:
        facts = progress.facts(self._redactor)
        outcome = facts["outcome"]
        self.counts[outcome] = self.counts.get(outcome, 0) + 1
        self._reporter.tell(facts)

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tell of a collector that failed, as of a case; also of one that was skipped, as JUnit XML does."""
        if report.outcome == "passed":
            return
        with self._guard:
            node = report.nodeid or "."
            head = self.head_of(node, report.location)
            if worker := worker_of(report):
                head["worker"] = worker
            head["id"] = case_id(self._reporter.run, node, 0, self.id_worker(worker))
            self.uncollected += 1
            self.broken += report.outcome == "failed"
            progress = Progress(head, node)
            progress.take_collection(report, failure_of(report, self._root))
            self._tell(progress)


def worker_of(report: Any) -> str:
    """Return the name of the worker of pytest-xdist that a report came from; empty: there is none."""
    node = getattr(report, "node", None)
    return str(getattr(getattr(node, "gateway", None), "id", ""))


def _name_of(node: str) -> str:
    """Return the last part of a node; what stands in brackets is one with it, whatever it holds."""
    front, bracket, parameters = node.partition("[")
    return front.rpartition("::")[2] + bracket + parameters
