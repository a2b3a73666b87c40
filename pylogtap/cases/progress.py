"""What becomes of one case: from the reports of its phases to its outcome, as pytest's JUnit XML has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pylogtap.cases.facts import MAX_ITEMS, MAX_MESSAGE, MAX_SUBTESTS, MAX_TEXT, CaseFacts, shorten
from pylogtap.cases.failures import failure_of, reason_of
from pylogtap.redact import REDACTED
from pylogtap.values import safe_text, well_formed

if TYPE_CHECKING:
    from pylogtap.cases.facts import Attempt, Failure, Phase, Subtest
    from pylogtap.redact import Redactor

CRASHED = "???"  # how pytest-xdist marks its report of a case whose process died
_MAX_PASSED_OUTPUT = 4 << 10  # characters of one captured text of a case that did not fail
_MAX_PASSED_SUBTESTS = 50
_MAX_PART = 500  # characters of the name of a part
_FOLLOWING = {None: "setup", "setup": "call", "call": "teardown", "teardown": "teardown"}


class Progress:
    """
    One case.

    Attributes:
        head: What was known when it began.
        node: Its whole node, which `head` may hold shortened.
        failing: Whether something went wrong in this attempt.
        again: This attempt failed, and another one follows.
        done: Nothing will follow.
        waiting: Reports of phases that passed, and are not taken yet.
    """

    __slots__ = (
        "_attempt_s", "_earlier_s", "_failure", "_outcome", "_phase", "_properties", "_reason",
        "_sections", "_subtest_count", "_subtests", "again", "attempts", "crashed", "done", "failing",
        "fixtures", "head", "node", "phases", "waiting",
    )  # fmt: skip

    def __init__(self, head: CaseFacts, node: str) -> None:
        """
        Begin.

        Args:
            head: What is known.
            node: Its whole node.
        """
        self.head, self.node = head, node
        self.attempts: list[Attempt] = []
        self.fixtures: dict[str, float] = {}
        self._earlier_s = 0.0
        self.crashed = False
        self.waiting: list[Any] = []
        self._begin_attempt()

    def _begin_attempt(self) -> None:
        self.phases: dict[str, Phase] = {}
        self._outcome = "passed"
        self._phase: str | None = None
        self._reason: str | None = None
        self._failure: Failure | None = None
        self._subtests: list[Subtest] = []
        self._subtest_count = 0
        self._sections: Any = ()
        self._properties: Any = ()
        self._attempt_s = 0.0
        self.again = self.done = self.failing = False

    def _begin_next_attempt(self) -> None:
        self._earlier_s += self._attempt_s
        self._begin_attempt()

    def take(self, report: Any, root: str) -> None:
        """
        Take what a phase's report says.

        Args:
            report: Of pytest.
            root: The folder that paths are relative to.
        """
        when = report.when
        if when == "setup" and self.again:
            self._begin_next_attempt()
        duration = report.duration
        self._attempt_s += duration
        outcome = report.outcome
        self._sections, self._properties = report.sections, report.user_properties
        if outcome == "passed":
            if when == "call":
                if self.failing:  # a part of it failed
                    outcome = "failed"
                elif hasattr(report, "wasxfail"):
                    self._settle("xpassed", when, reason=reason_of(report))
            self.phases[when] = {"outcome": outcome, "duration": duration}
        else:
            self._take_uncommon(report, root)
        if when == "teardown":
            self.done = not self.again

    def take_waiting(self, root: str) -> None:
        """Take the reports that wait, as :meth:`take` does."""
        for report in self.waiting:
            self.take(report, root)
        self.waiting.clear()

    def _take_uncommon(self, report: Any, root: str) -> None:
        """Take a report of a phase that was skipped, failed, or is to be run again."""
        when = report.when
        if report.outcome == "skipped":
            self.phases[when] = {"outcome": "skipped", "duration": report.duration}
            self._settle(
                "xfailed" if hasattr(report, "wasxfail") else "skipped", when, reason=reason_of(report)
            )
            return
        failure = failure_of(report, root)
        if when == CRASHED:
            when = _FOLLOWING[next(reversed(self.phases), None)]
            self.crashed, self.done = True, True
            self._settle("error", when, failure=failure)
        else:
            self._settle("failed" if when == "call" else "error", when, failure=failure)
        phase: Phase = {"outcome": "failed", "duration": report.duration}
        if self._failure is not failure:  # the case's own failure stands in the case
            phase["failure"] = failure
        self.phases[when] = phase
        if report.outcome == "rerun":
            self._give_up_attempt()

    def _settle(
        self, outcome: str, phase: str, *, reason: str | None = None, failure: Failure | None = None
    ) -> None:
        """Say how it ended, unless something worse has been said before."""
        if self.failing or (self._outcome != "passed" and failure is None):
            return
        self._outcome, self._phase, self._reason, self._failure = outcome, phase, reason, failure
        self.failing = failure is not None

    def _give_up_attempt(self) -> None:
        """Keep what is known of an attempt that is followed by another one, once."""
        self.done = False
        if self.again:
            return
        self.again = True
        attempt: Attempt = {"outcome": self._outcome, "duration": self._attempt_s}
        if self._failure:
            attempt["failure"] = self._failure
        self.attempts.append(attempt)

    def take_subtest(self, report: Any, name: str, root: str) -> None:
        """
        Take the report of a part of the case.

        Args:
            report: Of pytest's or pytest-subtests' own kind.
            name: What tells the part from the others.
            root: As of a phase.
        """
        if self.again:  # pytest-rerunfailures reports an attempt's setup only when its call is over
            self._begin_next_attempt()
        self._subtest_count += 1
        outcome = report.outcome
        if hasattr(report, "wasxfail"):
            outcome = "xfailed" if outcome == "skipped" else "xpassed"
        if len(self._subtests) >= (_MAX_PASSED_SUBTESTS if outcome == "passed" else MAX_SUBTESTS):
            return
        part: Subtest = {"name": name, "outcome": outcome, "duration": report.duration}
        if outcome == "failed":
            part["failure"] = failure_of(report, root)
            self._settle("failed", "call", failure=part["failure"])
        self._subtests.append(part)

    def take_collection(self, report: Any, failure: Failure) -> None:
        """
        Take the report of a collector that did not pass: what it collects cannot run.

        Args:
            report: Of the collector.
            failure: Why, unless it was skipped.
        """
        self._sections = report.sections
        self._phase = "collect"
        if report.outcome == "skipped":
            self._outcome, self._reason = "skipped", reason_of(report)
        else:
            self._outcome, self._failure, self.failing = "error", failure, True
        self.done = True

    def facts(self, redactor: Redactor) -> CaseFacts:
        """
        Return all that is known so far.

        Args:
            redactor: Judges names of properties.
        """
        facts: CaseFacts = {
            **self.head,
            "duration": self._earlier_s + self._attempt_s,
            "outcome": self._outcome,
            "phases": self.phases,
        }
        if self._outcome != "passed":
            self._add_why(facts)
        if attempts := self.attempts[:-1] if self.again else self.attempts:
            facts["attempts"] = attempts[-MAX_ITEMS:]
        if self._subtest_count:
            facts["subtests"], facts["subtest_count"] = self._subtests, self._subtest_count
        if self.fixtures:
            facts["fixtures"] = self.fixtures
        if self._properties:
            facts["properties"] = _properties(self._properties, redactor)
        if self._sections:
            facts["output"] = self._output()
        if self.done:
            facts["done"] = True
        return facts

    def _add_why(self, facts: CaseFacts) -> None:
        if self._phase:
            facts["phase"] = self._phase
        if self._reason:
            facts["reason"] = self._reason
        if self._failure:
            facts["failure"] = self._failure
        if self.crashed:
            facts["crashed"] = True

    def _output(self) -> dict[str, str]:
        most = MAX_TEXT if self.failing else _MAX_PASSED_OUTPUT
        output: dict[str, str] = {}
        for header, content in self._sections[:MAX_ITEMS]:
            kind, _, rest = str(header).removeprefix("Captured ").partition(" ")
            name = f"{rest} {kind}" if rest in {"setup", "call", "teardown"} else str(header)
            name = well_formed(name[:200])
            output[name] = well_formed(shorten(output.get(name, "") + str(content), most))
        return output


def part_of(report: Any) -> str | None:
    """
    Return the name of the part of a case that a report is about; None: it is about all of the case.

    Args:
        report: Of pytest, where the case ran: pytest-xdist changes what it sends.
    """
    context = getattr(report, "context", None)
    if context is None or not hasattr(context, "kwargs"):
        return None
    values = ", ".join(f"{name}={safe_text(value)[:_MAX_PART]}" for name, value in context.kwargs.items())
    words = [
        f"[{safe_text(context.msg)}]" if context.msg is not None else "",
        f"({values})" if values else "",
    ]
    return well_formed(shorten(" ".join(filter(None, words)) or "(<subtest>)", _MAX_PART))


def _properties(properties: Any, redactor: Redactor) -> list[tuple[str, str]]:
    return [
        (
            well_formed(shorten(safe_text(name), 200)),
            REDACTED
            if redactor.is_secret(safe_text(name))
            else well_formed(shorten(safe_text(value), MAX_MESSAGE)),
        )
        for name, value in properties[:MAX_ITEMS]
    ]
