"""
JUnit XML (https://github.com/testmoapp/junitxml), in the dialects of many runners.

There is no one schema: what is common to all is read, and what some add, such as Surefire's attempts
(https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report.xsd).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap.cases.facts import MAX_ITEMS, MAX_TEXT, Attempt, CaseFacts, Failure, RunFacts
from pylogtap_collector.reports import failures, values
from pylogtap_collector.reports.junit_dialects import PYTEST, merge_pytest, name_of, runner_of, split_output
from pylogtap_collector.reports.junit_tree import Part, RawCase, Suite, Tree, read_tree
from pylogtap_collector.reports.model import ParsedRun, Skipped, outcome_of
from pylogtap_collector.reports.values import NS, seconds, text, time_ns

if TYPE_CHECKING:
    from collections.abc import Iterable

_FAILED = ("failure", "error")
_PASSED_LATER = ("flakyFailure", "flakyError")
_FAILED_AGAIN = ("rerunFailure", "rerunError")
_STATUS = {  # attributes `status` and `result`, of CTest, GoogleTest, PHPUnit and others
    "fail": "failed", "failed": "failed", "failure": "failed", "error": "error", "disabled": "skipped",
    "notrun": "skipped", "skipped": "skipped", "ignored": "skipped", "pending": "skipped",
    "suppressed": "skipped",
}  # fmt: skip
_SETUP, _TEARDOWN = "failed on setup with ", "failed on teardown with "  # as pytest says it


def read(data: bytes, now_ns: int) -> ParsedRun:
    """
    Read a report.

    Args:
        data: The document.
        now_ns: When it is read, ns since the epoch: when the run ended, if it does not say.

    Raises:
        Invalid: It is no JUnit XML.
    """
    skipped = Skipped()
    tree = read_tree(data, skipped)
    runner = runner_of(tree)
    cases = [_case(raw, runner) for raw in tree.cases]
    if runner == PYTEST:
        cases = merge_pytest(cases)
    duration = _duration(tree, cases)
    told = [tree.root, *(suite.attributes for suite in tree.suites)]
    begins = filter(None, (time_ns(each.get("timestamp")) for each in told))
    started = min(begins, default=max(1, now_ns - round(duration * NS)))
    _place_in_time(tree, cases, started)
    parsed = ParsedRun(_facts(tree, runner), cases, started, duration, outcome_of(cases))
    if tree.broken:
        parsed.outcome, parsed.reason = "interrupted", f"the report ends too soon: {tree.broken}"
    parsed.skipped, parsed.dropped = skipped.sentences(), skipped.dropped
    return parsed


def _facts(tree: Tree, runner: str) -> RunFacts:
    facts = RunFacts(runner=runner, source="import")
    for suite in tree.suites:
        if version := suite.properties.get("go.version"):
            facts.setdefault("runner_version", text(version))
        if host := suite.attributes.get("hostname"):
            facts.setdefault("host", text(host))
    return facts


def _duration(tree: Tree, cases: list[CaseFacts]) -> float:
    whole = seconds(tree.root.get("time"))
    if whole:
        return whole
    of_suites = [
        found
        for suite in tree.suites
        if suite.parent is None and (found := seconds(suite.attributes.get("time"))) is not None
    ]
    return sum(of_suites) or sum(case.get("duration", 0.0) for case in cases)


def _place_in_time(tree: Tree, cases: list[CaseFacts], started: int) -> None:
    """Give each case that does not say when it began the time at which those before it in its suite ended."""
    clocks: dict[int, int] = {}
    for raw, case in zip(tree.cases, cases, strict=False) if len(tree.cases) == len(cases) else ():
        key = id(raw.suite)
        at = clocks.get(key) or _start_of(raw.suite) or started
        case.setdefault("started", at)
        clocks[key] = case["started"] + round(case.get("duration", 0.0) * NS)
    at = started
    for case in cases:
        at = case.setdefault("started", at) + round(case.get("duration", 0.0) * NS)


def _start_of(suite: Suite | None) -> int | None:
    while suite is not None:
        if (found := time_ns(suite.attributes.get("timestamp"))) is not None:
            return found
        suite = suite.parent
    return None


def _case(raw: RawCase, runner: str) -> CaseFacts:
    name = name_of(raw, runner)
    case = CaseFacts(node=name.node, name=name.name, outcome=_outcome(raw), done=True)
    if name.file:
        case["file"] = name.file
    if name.group:
        case["group"] = name.group
    if (number := values.line(raw.attributes.get("line"), 1 if runner == PYTEST else 0)) is not None:
        case["line"] = number
    if (began := time_ns(raw.attributes.get("timestamp"))) is not None:
        case["started"] = began
    if (took := seconds(raw.attributes.get("time"))) is not None:
        case["duration"] = took
    _add_failures(case, raw, runner)
    _add_attempts(case, raw)
    if raw.properties:
        case["properties"] = [(text(key), text(value)) for key, value in raw.properties[:MAX_ITEMS]]
    if output := _output(raw, runner):
        case["output"] = output
    return case


def _outcome(raw: RawCase) -> str:
    kinds = {part.kind for part in raw.parts}
    if "failure" in kinds:
        return "failed"
    if "error" in kinds:
        return "error"
    if "skipped" in kinds or "disabled" in kinds:
        expected = any(part.attributes.get("type") == "pytest.xfail" for part in raw.parts)
        return "xfailed" if expected else "skipped"
    for name in ("result", "status"):
        if found := _STATUS.get(raw.attributes.get(name, "").lower()):
            return found
    return "passed"


def _add_failures(case: CaseFacts, raw: RawCase, runner: str) -> None:
    found = [part for part in raw.parts if part.kind in _FAILED]
    if found:
        first = _failure(found[0], runner)
        if more := [part.text or part.attributes.get("message", "") for part in found[1:]]:
            stack = "\n\n".join([first.get("stacktrace", ""), *more])
            first["stacktrace"] = text(stack, MAX_TEXT)
        case["failure"] = first
        said = found[0].attributes.get("message", "")
        if runner == PYTEST and (not raw.attributes.get("classname") or said == "collection failure"):
            case["phase"] = "collect"
        elif runner == PYTEST and found[0].kind == "error":
            case["phase"] = "teardown" if said.startswith(_TEARDOWN) else "setup"
    for part in raw.parts:
        if part.kind == "skipped" and (said := part.attributes.get("message") or part.text.strip()):
            case["reason"] = text(said)


def _failure(part: Part, runner: str) -> Failure:
    said = part.attributes.get("message", "")
    stack = part.text if part.text.strip() else part.inner("stackTrace")
    if runner == PYTEST:
        for begin in (_SETUP, _TEARDOWN):
            if said.startswith(begin):
                said = said.removeprefix(begin).removeprefix('"').removesuffix('"')
        return failures.of_pytest("" if said == "collection failure" else said, stack)
    return failures.failure(part.attributes.get("type", ""), said, stack)


def _add_attempts(case: CaseFacts, raw: RawCase) -> None:
    """Add the attempts before the last: Surefire and nextest write those that failed."""
    passed_later = [part for part in raw.parts if part.kind in _PASSED_LATER]
    failed_again = [part for part in raw.parts if part.kind in _FAILED_AGAIN]
    attempts = [_attempt(part) for part in passed_later]
    if failed_again and "failure" in case:  # what stands first was first
        attempts.append(Attempt(outcome=case["outcome"], failure=case["failure"]))
        attempts += [_attempt(part) for part in failed_again]
        last = attempts.pop()
        case["failure"], case["outcome"] = last["failure"], last["outcome"]
    if attempts:
        case["attempts"] = attempts[-MAX_ITEMS:]


def _attempt(part: Part) -> Attempt:
    outcome = "error" if part.kind.endswith("Error") else "failed"
    attempt = Attempt(outcome=outcome, failure=_failure(part, ""))
    if (took := seconds(part.attributes.get("time"))) is not None:
        attempt["duration"] = took
    return attempt


def _output(raw: RawCase, runner: str) -> dict[str, str]:
    pairs: Iterable[tuple[str, str]] = (
        (part.kind.removeprefix("system-"), part.text)
        for part in raw.parts
        if part.kind in {"system-out", "system-err"}
    )
    found: dict[str, str] = {}
    for kind, said in pairs:
        pieces = split_output(said) if runner == PYTEST else {f"std{kind}": said}
        for name, piece in pieces.items():
            if piece.strip():
                found[name] = text("\n".join(filter(None, (found.get(name), piece.strip("\n")))), MAX_TEXT)
    return found
