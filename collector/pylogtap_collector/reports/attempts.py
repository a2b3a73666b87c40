"""A case of pytest, put together of the reports of its phases, attempts and parts."""

from __future__ import annotations

from typing import Any

from pylogtap.cases.facts import (
    MAX_ITEMS,
    MAX_NAME,
    MAX_SUBTESTS,
    MAX_TEXT,
    Attempt,
    CaseFacts,
    Phase,
    Subtest,
)
from pylogtap_collector.reports import longrepr, nodes, values
from pylogtap_collector.reports.model import BAD
from pylogtap_collector.reports.values import seconds, shown, text, time_ns, word

_PHASES = ("setup", "call", "teardown")
_CONTEXT = "_subtest.context"
_CAPTURED = "Captured "


class Tries:
    """
    Takes the reports of one case.

    Attributes:
        node: Its node.
    """

    def __init__(self, node: str) -> None:
        """Begin with none."""
        self.node = node
        self._attempts: list[Attempt] = []
        self._phases: dict[str, dict[str, Any]] = {}
        self._subtests: list[Subtest] = []
        self._subtest_count = self._passing = 0
        self._output: dict[str, str] = {}
        self._again = False  # what was read last is to be run again
        self._crash: dict[str, Any] | None = None
        self._first: dict[str, Any] = {}
        self._took = 0.0

    def ended_before(self, document: dict[str, Any]) -> bool:
        """Tell whether a report belongs to another execution of the same node, one that is no new attempt."""
        is_first = document.get("when") == "setup" and _CONTEXT not in document
        return is_first and "teardown" in self._phases and not self._again

    def take(self, document: dict[str, Any]) -> None:
        """Take the next report."""
        when, is_part = word(document.get("when")), _CONTEXT in document
        # pytest-rerunfailures tells of the parts of an attempt before it tells of the setup.
        if self._again and ("teardown" in self._phases if is_part else when == "setup"):
            self._begin_again()
        if is_part:
            self._take_part(document)
            return
        if not self._first:
            self._first = document
        self._took += seconds(document.get("duration")) or 0.0
        if when in _PHASES:
            self._phases[when] = document
        else:  # xdist's words for a worker that is gone
            self._crash = document
        self._again = self._again or document.get("outcome") == "rerun"
        sections = document.get("sections")
        for section in sections[:MAX_ITEMS] if isinstance(sections, list) else ():
            self._take_section(section)

    def _take_section(self, section: Any) -> None:
        if not (isinstance(section, list) and len(section) == 2 and isinstance(section[0], str)):
            return
        kind, _, phase = section[0].removeprefix(_CAPTURED).partition(" ")
        name = f"{phase} {kind}".strip()[:100]
        if len(self._output) < MAX_ITEMS:
            self._output[text(name)] = text(section[1], MAX_TEXT)

    def _take_part(self, document: dict[str, Any]) -> None:
        self._subtest_count += 1
        outcome = _outcome(document, "call")
        self._passing += outcome == "passed"
        if len(self._subtests) >= MAX_SUBTESTS or (outcome == "passed" and self._passing > MAX_ITEMS):
            return
        part = Subtest(name=_name_of(document[_CONTEXT]), outcome=outcome)
        if (took := seconds(document.get("duration"))) is not None:
            part["duration"] = took
        if outcome == "failed":
            part["failure"] = longrepr.failure_of(document.get("longrepr"))
        self._subtests.append(part)

    def _begin_again(self) -> None:
        attempt = Attempt(outcome="failed")
        attempt["duration"] = sum(seconds(each.get("duration")) or 0.0 for each in self._phases.values())
        for phase in _PHASES:
            report = self._phases.get(phase, {})
            if word(report.get("outcome")) in {"rerun", "failed"}:
                attempt["outcome"] = "failed" if phase == "call" else "error"
                attempt["failure"] = longrepr.failure_of(report.get("longrepr"))
                break
        for part in self._subtests:  # which may have failed where no phase says why
            if "failure" in part and not attempt.get("failure", {}).get("message"):
                attempt["failure"] = part["failure"]
        self._attempts = [*self._attempts, attempt][-MAX_ITEMS:]
        self._phases, self._again, self._output = {}, False, {}
        self._subtests, self._subtest_count, self._passing = [], 0, 0

    def case(self) -> CaseFacts:
        """Return what all reports say together."""
        name = nodes.of_pytest(self.node)
        case = CaseFacts(node=name.node, name=name.name, duration=self._took)
        if name.file:
            case["file"] = name.file
        if name.group:
            case["group"] = name.group
        self._add_outcome(case)
        self._add_origin(case)
        if self._attempts:
            case["attempts"] = self._attempts
        if self._subtest_count:
            case["subtests"], case["subtest_count"] = self._subtests, self._subtest_count
        if self._output:
            case["output"] = self._output
        case["phases"] = {name: _phase(name, each) for name, each in self._phases.items()}
        return case

    def _add_origin(self, case: CaseFacts) -> None:
        first = self._first
        location = first.get("location")
        if isinstance(location, list) and len(location) == 3:
            if (number := values.line(location[1], 1)) is not None:
                case["line"] = number
            if isinstance(location[0], str):
                case.setdefault("file", text(location[0], MAX_NAME))
        if (began := time_ns(first.get("start"))) is not None:
            case["started"] = began
        if isinstance(first.get("worker_id"), str):
            case["worker"] = text(first["worker_id"])
        for report in reversed(self._phases.values()):
            found = report.get("user_properties")
            if isinstance(found, list) and found:
                pairs = [each for each in found[:MAX_ITEMS] if isinstance(each, list) and len(each) == 2]
                case["properties"] = [(text(shown(key)), text(shown(value))) for key, value in pairs]
                break

    def _add_outcome(self, case: CaseFacts) -> None:
        if self._crash is not None:
            case["outcome"], case["phase"], case["crashed"], case["done"] = "failed", "call", True, True
            case["failure"] = longrepr.failure_of(self._crash.get("longrepr"))
            return
        if "call" not in self._phases and not any(
            each.get("outcome") != "passed" for each in self._phases.values()
        ):
            return  # it began, and nobody knows how it ended
        case["outcome"], case["done"] = "passed", True
        for phase in _PHASES:
            report = self._phases.get(phase)
            outcome = "passed" if report is None else _outcome(report, phase)
            if report is None or outcome == "passed":
                continue
            case["outcome"], case["phase"] = outcome, phase
            if outcome in BAD or outcome == "xfailed":
                case["failure"] = longrepr.failure_of(report.get("longrepr"))
            reason = text(report.get("wasxfail")) or longrepr.reason_of(report.get("longrepr"))
            if reason:
                case["reason"] = reason
            break


def _outcome(report: dict[str, Any], phase: str) -> str:
    """Return what a phase makes of its case."""
    outcome, expected = word(report.get("outcome")), "wasxfail" in report
    if outcome == "skipped":
        return "xfailed" if expected else "skipped"
    if outcome in {"failed", "rerun"}:
        return "failed" if phase == "call" else "error"
    return "xpassed" if expected and phase == "call" else "passed"


def _phase(name: str, report: dict[str, Any]) -> Phase:
    said = word(report.get("outcome"))
    outcome = "failed" if said == "rerun" else said
    phase = Phase(outcome=text(outcome, 20), duration=seconds(report.get("duration")) or 0.0)
    if _outcome(report, name) in BAD:
        phase["failure"] = longrepr.failure_of(report.get("longrepr"))
    return phase


def _name_of(context: Any) -> str:
    """Name a part as pytest does: `[message] (name=value)`."""
    if not isinstance(context, dict):
        return "?"
    kwargs = context.get("kwargs")
    pairs = [f"{key}={value}" for key, value in kwargs.items()] if isinstance(kwargs, dict) else []
    said = [f"[{context['msg']}]"] if isinstance(context.get("msg"), str) else []
    return text(" ".join([*said, *([f"({', '.join(pairs)})"] if pairs else [])]), MAX_NAME) or "(<subtest>)"
