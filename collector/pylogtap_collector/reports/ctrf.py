"""The Common Test Report Format (https://ctrf.io), versions 0.0.x and 1.0."""

from __future__ import annotations

import re
from typing import Any

from pylogtap.cases.facts import MAX_ITEMS, MAX_NAME, MAX_TEXT, Attempt, CaseFacts, Failure, RunFacts
from pylogtap_collector.errors import Invalid
from pylogtap_collector.reports import failures, nodes, values
from pylogtap_collector.reports.lines import parsed
from pylogtap_collector.reports.model import MAX_CASES, ParsedRun, Skipped, outcome_of
from pylogtap_collector.reports.values import NS, seconds, shown, text, time_ns, word

_MS = 0.001  # seconds
_MS_NS = 1_000_000
_LEAST_MS = 100_000_000_000  # ms: in the year 1973; as seconds, beyond all that is meant
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_CI = {
    "buildUrl": "url", "buildName": "job", "buildNumber": "run", "buildId": "build",
    "repositoryUrl": "repository",
}  # fmt: skip
_STATES = {"passed": "passed", "failed": "failed", "skipped": "skipped", "pending": "skipped"}
_PHASES = {"setup_failed": "setup", "teardown_failed": "teardown"}  # `rawStatus` of pytest-json-ctrf


def read(data: bytes, now_ns: int) -> ParsedRun:
    """
    Read a report.

    Args:
        data: The document.
        now_ns: When it is read, ns since the epoch: when the run ended, if it does not say.

    Raises:
        Invalid: It is no JSON, or no report.
    """
    document = parsed(data.removeprefix(b"\xef\xbb\xbf"))
    if document is None:
        raise Invalid("The report is no well-formed JSON, or is nested too deeply.")
    results = _map(_map(document).get("results"))
    tests = results.get("tests")
    if not isinstance(tests, list):
        raise Invalid('The report is no CTRF: there is no list "tests" in its "results".')
    skipped = Skipped()
    cases = list[CaseFacts]()
    for number, test in enumerate(tests[:MAX_CASES]):
        if isinstance(test, dict) and isinstance(test.get("name"), str):
            cases.append(_case(test))
        else:
            skipped.note(f'results.tests[{number}]: no object with a "name"', 1)
    if len(tests) > MAX_CASES:
        skipped.note(f"more than {MAX_CASES:,} cases", len(tests) - MAX_CASES)
    summary = _map(results.get("summary"))
    duration = _duration(summary, cases)
    begins = [found for found in (_moment(summary.get("start")), *_begins(cases)) if found]
    started = min(begins, default=max(1, now_ns - round(duration * NS)))
    at = started
    for case in cases:
        at = case.setdefault("started", at) + round(case.get("duration", 0.0) * NS)
    run = ParsedRun(_facts(results), cases, started, duration, outcome_of(cases))
    run.skipped, run.dropped = skipped.sentences(), skipped.dropped
    return run


def _begins(cases: list[CaseFacts]) -> list[int]:
    return [case["started"] for case in cases if "started" in case]


def _moment(value: Any) -> int | None:
    """Return a point in time; early reporters wrote seconds where milliseconds are asked for."""
    is_seconds = isinstance(value, int | float) and value < _LEAST_MS
    return time_ns(value, NS if is_seconds else _MS_NS)


def _duration(summary: dict[str, Any], cases: list[CaseFacts]) -> float:
    if found := seconds(summary.get("duration"), _MS):
        return found
    start, stop = _moment(summary.get("start")), _moment(summary.get("stop"))
    if start and stop and stop >= start:
        return (stop - start) / NS
    return sum(case.get("duration", 0.0) for case in cases)


def _facts(results: dict[str, Any]) -> RunFacts:
    tool, environment = _map(results.get("tool")), _map(results.get("environment"))
    facts = RunFacts(runner=text(tool.get("name"), 200) or "ctrf", source="import")
    if version := text(tool.get("version"), 200):
        facts["runner_version"] = version
    commit = environment.get("commit")
    if isinstance(commit, str) and _COMMIT.fullmatch(commit.lower()):
        facts["commit"] = commit.lower()
    if branch := text(environment.get("branchName"), MAX_NAME):
        facts["branch"] = branch
    platform = [text(environment.get(name), 200) for name in ("osPlatform", "osRelease")]
    if any(platform):
        facts["platform"] = " ".join(filter(None, platform))
    ci = {
        name: text(str(environment[source]), MAX_NAME)
        for source, name in _CI.items()
        if isinstance(environment.get(source), str | int)
    }
    if ci:
        facts["ci"] = ci
    return facts


def _case(test: dict[str, Any]) -> CaseFacts:
    name = _name(test)
    outcome, phase = _outcome(test)
    case = CaseFacts(node=name.node, name=name.name, outcome=outcome, done=True)
    if name.file:
        case["file"] = name.file
    if name.group:
        case["group"] = name.group
    if phase:
        case["phase"] = phase
    if (number := values.line(test.get("line"))) is not None:
        case["line"] = number
    if (began := _moment(test.get("start"))) is not None:
        case["started"] = began
    took = seconds(test.get("duration"), _MS)
    attempts = _attempts(test)
    if took is not None:
        case["duration"] = took + sum(each.get("duration", 0.0) for each in attempts)
    if attempts:
        case["attempts"] = attempts
    if outcome in {"failed", "error", "xfailed"} and (test.get("message") or test.get("trace")):
        case["failure"] = _failure(test)
    elif said := text(test.get("message")):
        case["reason"] = said
    _add_details(case, test)
    return case


def _add_details(case: CaseFacts, test: dict[str, Any]) -> None:
    tags = test.get("tags")
    if isinstance(tags, list) and tags:
        case["markers"] = [text(each, 200) for each in tags[:MAX_ITEMS] if isinstance(each, str)]
    if parameters := _map(test.get("parameters")):
        case["parameters"] = _texts(parameters)
    if worker := text(test.get("threadId"), 200):
        case["worker"] = worker
    properties = {**_map(test.get("labels")), **_map(test.get("extra"))}
    properties |= {name: test[name] for name in ("type", "browser", "device") if name in test}
    if properties:
        case["properties"] = list(_texts(properties).items())
    output = {name: said for name in ("stdout", "stderr") if (said := _output(test.get(name)))}
    if output:
        case["output"] = output
    steps = test.get("steps")
    if isinstance(steps, list) and steps:
        found = [_map(each) for each in steps[:MAX_ITEMS]]
        case["subtests"] = [
            {"name": text(each.get("name"), MAX_NAME) or "?", "outcome": _outcome(each)[0]} for each in found
        ]
        case["subtest_count"] = len(steps)


def _name(test: dict[str, Any]) -> nodes.Named:
    """Name a test by its file, its suites and its name, none of them twice."""
    name, file, suite = test["name"], test.get("filePath"), test.get("suite")
    file = file.replace("\\", "/") if isinstance(file, str) else ""
    if file and name.startswith(f"{file}{nodes.SEPARATOR}"):
        return nodes.of_pytest(name)
    if isinstance(suite, str):  # 0.0.x: one text
        suite = suite.split(" > ")
    groups = [each for each in suite if isinstance(each, str)][:20] if isinstance(suite, list) else []
    if groups and groups[0] == file:
        del groups[0]
    while groups and name.startswith((f"{groups[0]} ", f"{groups[0]}{nodes.SEPARATOR}")):
        del groups[0]  # many reporters give the whole title as the name
    is_here = not re.match(r"/|[A-Za-z]:/", file)
    return nodes.named(file if is_here else "", groups, name, shown=file)


def _outcome(test: dict[str, Any]) -> tuple[str, str]:
    """Return the outcome of a test or an attempt, and the phase that made it so; empty: not known."""
    status, raw = word(test.get("status")), word(test.get("rawStatus"))
    if raw in {"xfailed", "xpassed"}:
        return raw, "call"
    if status == "failed" and raw in _PHASES:
        return "error", _PHASES[raw]
    if status in _STATES:
        return _STATES[status], ""
    return ("error" if test.get("message") or test.get("trace") else "skipped"), ""


def _failure(test: dict[str, Any]) -> Failure:
    message, trace = (
        test.get(name) if isinstance(test.get(name), str) else "" for name in ("message", "trace")
    )
    if re.search(r"^\S[^:\n]*\.py:\d+: \w+$", str(trace), re.MULTILINE):
        return failures.of_pytest(str(message), str(trace))
    return failures.failure("", str(message), str(trace))


def _attempts(test: dict[str, Any]) -> list[Attempt]:
    """Return the attempts before the last; where they are only counted, these failed."""
    told, retries = test.get("retryAttempts"), test.get("retries")
    if isinstance(told, list) and told:
        return [_attempt(each) for each in told[-MAX_ITEMS:] if isinstance(each, dict)]
    if isinstance(retries, int) and not isinstance(retries, bool) and retries > 0:
        return [Attempt(outcome="failed") for _ in range(min(retries, MAX_ITEMS))]
    return []


def _attempt(told: dict[str, Any]) -> Attempt:
    attempt = Attempt(outcome=_outcome(told)[0])
    if (took := seconds(told.get("duration"), _MS)) is not None:
        attempt["duration"] = took
    if told.get("message") or told.get("trace"):
        attempt["failure"] = _failure(told)
    return attempt


def _texts(members: dict[str, Any]) -> dict[str, str]:
    pairs = list(members.items())[:MAX_ITEMS]
    return {text(key, 200): text(shown(each), 2_000) for key, each in pairs}


def _output(lines: Any) -> str:
    if isinstance(lines, list):
        return text("\n".join(each for each in lines if isinstance(each, str)), MAX_TEXT)
    return text(lines, MAX_TEXT)


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
