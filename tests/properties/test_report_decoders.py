"""Whatever comes as a report becomes a run that can be stored, or is refused; nothing else happens."""

from __future__ import annotations

import json
import math
from typing import Any
from xml.sax.saxutils import quoteattr

import msgpack
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pylogtap.cases.facts import MAX_ITEMS, MAX_NAME, MAX_STACK, CaseFacts
from pylogtap_collector.errors import Invalid
from pylogtap_collector.reports.model import MAX_SKIPPED, ParsedRun
from pylogtap_collector.reports.reading import read
from tests.support.reports import REPORTS, report

NOW = 1_795_200_000 * 10**9
OUTCOMES = {"passed", "failed", "error", "skipped", "xfailed", "xpassed"}
KEYS = st.sampled_from(
    [
        "$report_type", "nodeid", "when", "outcome", "longrepr", "sections", "duration", "start", "stop",
        "location", "user_properties", "wasxfail", "worker_id", "_subtest.context", "msg", "kwargs",
        "reprcrash",
        "reprtraceback", "reprentries", "chain", "path", "lineno", "message", "data", "lines", "reprfileloc",
        "exitstatus", "category", "filename", "results", "tests", "tool", "summary", "environment", "name",
        "status", "rawStatus", "suite", "filePath", "retries", "retryAttempts", "tags", "parameters",
        "stdout",
        "steps", "line", "trace", "extra", "labels", "commit", "buildNumber", "threadId", "extraline",
    ]
)  # fmt: skip
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        [
            "TestReport", "CollectReport", "SubTestReport", "SessionFinish", "WarningMessage", "setup",
            "call",
            "teardown", "rerun", "failed", "skipped", "passed", "t.py::a", "t.py::B::c[x::y]",
            "\ud83d", "a\0b",
            "\x1b[31mred", "E  ValueError: x", 2**63, -1, 1e308, 10**400,
        ]
    ),
)  # fmt: skip
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(KEYS, st.text(max_size=4)), inner, max_size=6)
    ),
    max_leaves=30,
)
NODES = st.fixed_dictionaries(
    {"$report_type": st.sampled_from(["TestReport", "CollectReport", "SubTestReport"]),
     "nodeid": st.sampled_from(["t.py::a", "t.py::B::c[x]", "t.py"])},
    optional={
        "when": st.sampled_from(["setup", "call", "teardown", "???"]),
        "outcome": st.sampled_from(["passed", "failed", "skipped", "rerun"]) | LEAVES,
        "longrepr": DOCUMENTS, "sections": DOCUMENTS, "duration": LEAVES, "start": LEAVES, "stop": LEAVES,
        "location": DOCUMENTS, "user_properties": DOCUMENTS, "wasxfail": LEAVES, "worker_id": LEAVES,
        "_subtest.context": DOCUMENTS,
    },
)  # fmt: skip
NAMES = st.sampled_from(
    [
        "testsuites", "testsuite", "testcase", "failure", "error", "skipped", "system-out", "system-err",
        "properties", "property", "flakyFailure", "rerunError", "stackTrace", "x:testcase", "other",
    ]
)  # fmt: skip
ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        [
            "name", "classname", "file", "line", "time", "timestamp", "message", "type", "status", "result",
            "value",
        ]
    ),
    st.one_of(
        st.text(st.characters(min_codepoint=32, max_codepoint=0xD7FF), max_size=10),
        st.sampled_from(
            ["pytest", "-1", "1e400", "nan", "1,234.5", "9999-12-31T23:59:59Z", "0001-01-01", "a.B.c"]
        ),
    ),
    max_size=5,
)  # fmt: skip
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=0xD7FF, exclude_characters="<&"), max_size=20)


@st.composite
def elements(draw: st.DrawFn, depth: int = 0) -> str:
    """Return an element with some in it."""
    name = draw(NAMES)
    head = "".join(f" {key}={quoteattr(value)}" for key, value in draw(ATTRIBUTES).items())
    inner = draw(st.lists(elements(depth + 1), max_size=3)) if depth < 4 else []
    return f"<{name}{head}>{draw(TEXTS)}{''.join(inner)}</{name}>"


def check(body: bytes) -> ParsedRun | None:
    """Read something, and make sure that what comes of it can be stored."""
    try:
        run = read(body, NOW)
    except Invalid:
        return None
    assert 0 < run.started < 1 << 63
    assert math.isfinite(run.duration)
    assert run.duration >= 0
    assert len(run.skipped) <= MAX_SKIPPED
    msgpack.packb(
        [run.facts, run.cases, run.warnings, run.skipped, run.reason]
    )  # no lone surrogate, none too large
    for case in run.cases:
        check_case(case)
    return run


def check_case(case: CaseFacts) -> None:
    """Make sure that a case holds what its type says, and not too much."""
    assert case["node"]
    assert case["name"]
    assert len(case["node"]) <= MAX_NAME + 60
    assert 0 < case["started"] < 1 << 63
    assert case.get("duration", 0.0) >= 0
    if case.get("done"):
        assert case["outcome"] in OUTCOMES
    for attempt in case.get("attempts", ()):
        assert attempt["outcome"] in OUTCOMES
    assert len(case.get("attempts", ())) <= MAX_ITEMS
    assert len(case.get("failure", {}).get("stacktrace", "")) <= MAX_STACK + 100


@given(st.sampled_from(REPORTS), st.data())
@settings(max_examples=150)
def test_damaged_reports(name: str, data: st.DataObject) -> None:
    """A report with bytes cut out, altered or doubled is read as far as it goes, or refused."""
    body = report(name)
    at = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(at, min(len(body), at + 200)))
    put = data.draw(st.one_of(st.binary(max_size=20), st.just(body[at:end] * 2), st.just(b"")))
    check(body[:at] + put + body[end:])


@given(st.sampled_from(REPORTS), st.floats(0, 1))
def test_cut_reports(name: str, part: float) -> None:
    """A report that breaks off tells of the cases before the break, and never of others."""
    body = report(name)
    whole, cut = read(body, NOW), check(body[: int(len(body) * part)])
    if cut is not None:
        assert len(cut.cases) <= len(whole.cases)
        known = {case["node"] for case in whole.cases}
        assert all(case["node"] in known for case in cut.cases[:-1])  # the last name may be a part of one


@given(st.lists(DOCUMENTS | NODES, max_size=8))
@example([{"$report_type": "TestReport", "nodeid": "[", "when": "call"}])
def test_any_lines(documents: list[Any]) -> None:
    """Any lines of JSON, some of which look like those of a report log."""
    check("\n".join(json.dumps(each) for each in [{"$report_type": "SessionStart"}, *documents]).encode())


@given(st.lists(DOCUMENTS, max_size=6), DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_any_ctrf(tests: list[Any], tool: Any, summary: Any, environment: Any) -> None:
    """Any JSON where CTRF has its parts."""
    named = [{**each, "name": str(each.get("name"))} if isinstance(each, dict) else each for each in tests]
    results = {"tests": named, "tool": tool, "summary": summary, "environment": environment}
    check(json.dumps({"results": results}).encode())


@given(st.lists(elements(), max_size=4), ATTRIBUTES)
def test_any_elements(inner: list[str], attributes: dict[str, str]) -> None:
    """Any elements within each other, of those that reports are made of and others."""
    head = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    check(f"<testsuites{head}>{''.join(inner)}</testsuites>".encode())


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"<", b"{", b"<testsuite>", b"\xff\xfe", b'{"$report_type":']),
)
def test_any_bytes(body: bytes, start: bytes) -> None:
    """Any bytes at all."""
    check(start + body)
