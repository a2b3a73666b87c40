"""JSON lines of the plugin pytest-reportlog (https://github.com/pytest-dev/pytest-reportlog)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pylogtap.cases.facts import MAX_ITEMS, CaseFacts, RunFacts, RunOutcome
from pylogtap_collector.errors import Invalid
from pylogtap_collector.reports import longrepr, nodes, values
from pylogtap_collector.reports.attempts import Tries
from pylogtap_collector.reports.lines import objects
from pylogtap_collector.reports.model import MAX_CASES, ParsedRun, Skipped, outcome_of
from pylogtap_collector.reports.values import NS, text, time_ns, word

TYPE = "$report_type"
# pytest's exit codes (source: pytest's reference, `pytest.ExitCode`).
_OUTCOMES: dict[int, RunOutcome] = {
    0: "passed", 1: "failed", 2: "interrupted", 3: "error", 4: "error", 5: "empty",
}  # fmt: skip
_CUT = "the report ends before the run did"


@dataclass
class _State:
    """
    What was read so far.

    Attributes:
        tries: Of each case, by node and how often that was run before.
        collected: Cases that stand for what could not be collected.
    """

    tries: dict[str, list[Tries]] = field(default_factory=dict)
    order: list[Tries] = field(default_factory=list)
    collected: list[CaseFacts] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    workers: set[str] = field(default_factory=set)
    version: str = ""
    status: int | None = None
    first: int | None = None
    last: int = 0
    known: int = 0


def read(data: bytes, now_ns: int) -> ParsedRun:
    """
    Read a report; one that breaks off says what there is until then.

    Args:
        data: The file.
        now_ns: When it is read, ns since the epoch.

    Raises:
        Invalid: There is no line of such a report.
    """
    state, skipped = _State(), Skipped()
    for number, document in objects(data, skipped):
        _take(state, document, number, skipped)
    if not state.known:
        raise Invalid(
            'There is no line of pytest-reportlog; each is a JSON object with a member "$report_type". '
            + " ".join(skipped.sentences()[:1])
        )
    cases = [*state.collected, *(each.case() for each in state.order)]
    started = state.first or now_ns
    for case in state.collected:
        case.setdefault("started", started)
    for case in cases:
        case.setdefault("started", started)
    parsed = ParsedRun(
        _facts(state), cases, started, max(0, state.last - started) / NS, outcome_of(cases), state.status
    )
    if state.status is None:
        parsed.outcome, parsed.reason = "interrupted", _CUT
    else:
        parsed.outcome = _OUTCOMES.get(state.status, "error")
    parsed.warnings = state.warnings
    parsed.skipped, parsed.dropped = skipped.sentences(), skipped.dropped
    return parsed


def _facts(state: _State) -> RunFacts:
    facts = RunFacts(runner="pytest", source="import")
    if state.version:
        facts["runner_version"] = state.version
    if state.workers:
        facts["workers"] = len(state.workers)
    return facts


def _take(state: _State, document: dict[str, Any], number: int, skipped: Skipped) -> None:
    kind = word(document.get(TYPE))
    state.known += bool(kind)
    if kind == "SessionStart":
        state.version = text(document.get("pytest_version"))
    elif kind == "SessionFinish":
        status = document.get("exitstatus")
        state.status = status if isinstance(status, int) and 0 <= status < 1 << 15 else None
    elif kind == "WarningMessage":
        _take_warning(state, document)
    elif kind == "CollectReport":
        _take_collected(state, document)
    elif kind in {"TestReport", "SubTestReport", "SubtestReport"}:
        node = document.get("nodeid")
        if not isinstance(node, str) or not node:
            skipped.note(f'line {number}: a report without a "nodeid"')
        elif node not in state.tries and len(state.order) >= MAX_CASES:
            skipped.note(f"line {number}: more than {MAX_CASES:,} cases", 1)
        else:
            _take_report(state, node, document)


def _take_report(state: _State, node: str, document: dict[str, Any]) -> None:
    known = state.tries.setdefault(node, [])
    if not known or known[-1].ended_before(document):
        known.append(Tries(node))
        state.order.append(known[-1])
    known[-1].take(document)
    if isinstance(worker := document.get("worker_id"), str) and len(state.workers) < MAX_ITEMS:
        state.workers.add(worker)
    _take_times(state, document)


def _take_times(state: _State, document: dict[str, Any]) -> None:
    began, ended = time_ns(document.get("start")), time_ns(document.get("stop"))
    if began is not None:
        state.first = began if state.first is None else min(state.first, began)
    state.last = max(state.last, ended or 0)


def _take_collected(state: _State, document: dict[str, Any]) -> None:
    """Take what could not be collected, or was skipped as a whole, as a case of its own."""
    node, outcome = document.get("nodeid"), word(document.get("outcome"))
    if not isinstance(node, str) or outcome not in {"failed", "skipped"} or len(state.collected) >= MAX_CASES:
        return
    name = nodes.of_pytest(node or "?")
    case = CaseFacts(node=name.node, name=name.name, phase="collect", done=True)
    if name.file:
        case["file"] = name.file
    if outcome == "failed":
        case["outcome"], case["failure"] = "error", longrepr.failure_of(document.get("longrepr"))
    else:
        case["outcome"], case["reason"] = "skipped", longrepr.reason_of(document.get("longrepr"))
    state.collected.append(case)


def _take_warning(state: _State, document: dict[str, Any]) -> None:
    if len(state.warnings) >= MAX_ITEMS * 10:
        return
    warning: dict[str, Any] = {
        "category": text(document.get("category")) or "Warning",
        "message": text(document.get("message")),
    }
    for name, source in (("file", "filename"), ("when", "when")):
        if said := text(document.get(source)):
            warning[name] = said
    if (number := values.line(document.get("lineno"))) is not None:
        warning["line"] = number
    state.warnings.append(warning)
