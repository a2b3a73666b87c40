"""Parsers of test runners' output take anything, however long, and hold little of it."""

from __future__ import annotations

import json
import sys
from typing import Any

import msgpack
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pylogtap.cases.facts import MAX_MESSAGE, MAX_NAME, MAX_STACK
from pylogtap.text.runners import RUNNERS, CaseBegan, CaseSeen, Recognizer, RunEnded, RunSeen
from pylogtap.text.runners.recognition import recognize
from tests.support.runners import SAMPLES, gathered

OUTCOMES = {"passed", "failed", "error", "skipped", "xfailed", "xpassed"}
RUN_OUTCOMES = {"passed", "failed", "interrupted", "error", "empty"}
LINES = sorted({line for file in SAMPLES.glob("*.txt") for line in file.read_text().splitlines() if line})
MORE = [
    "", "=" * 29 + " test session starts " + "=" * 30, "=" * 35 + " FAILURES " + "=" * 35,
    "=" * 36 + " ERRORS " + "=" * 36, "=" * 27 + " short test summary info " + "=" * 28,
    "=" * 31 + " warnings summary " + "=" * 31, "_" * 30 + " TestA.test_b[x] " + "_" * 30,
    "-" * 29 + " Captured stdout call " + "-" * 29, "t/test_x.py::TestA::test_b[x] PASSED  [ 12%]",
    "t/test_x.py::TestA::test_b[x] FAILED", "t/test_x.py::TestA::test_b[x] RERUN", "PASSED",
    "t/test_x.py::TestA::test_b[x] SUBFAILED[m] (i=1)", "[gw0] [ 10%] PASSED t/test_x.py::test_a ",
    "FAILED t/test_x.py::TestA::test_b[x] - ValueError: no", "ERROR t/test_x.py",
    "SKIPPED [1] t/test_x.py:3: no",
    "t/test_x.py ..F.s  [ 50%]", "E       ValueError: no", "t/test_x.py:3: ValueError",
    "=== 1 failed, 2 passed in 0.12s ===", "3 passed in 0.01s", "!!!!!! KeyboardInterrupt !!!!!!",
    "INTERNALERROR> x", "collected 3 items / 1 deselected", "=" * 70, "-" * 70,
    "FAIL: test_a (m.C.test_a) [p] (i=1)", "ERROR: setUpClass (m.C)", "test_a (m.C.test_a) ... ok",
    "test_a (m.C.test_a)", "  test_a (m.C.test_a) (i=1) ... FAIL", "Ran 3 tests in 0.001s", "OK (skipped=1)",
    "FAILED (failures=1)", "Stdout:", "    # Subtest: a", "ok 1 - a {", "}",
    "    not ok 2 # TODO", "  ---", "  ...",
    "1..3", "Bail out! no", "\x1b[31mPASS\x1b[0m a.test.js", "\r", '{"Action":"fail","Elapsed":1e999}',
    '{"Action":"run","Package":["x"],"Test":1}', '{"Action":"build-output","Output":"x\\n"}',
]  # fmt: skip
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(LINES), st.sampled_from(MORE), st.text(max_size=60),
        st.builds("".join, st.lists(st.sampled_from([*MORE, *" []()", "::", " - "]), max_size=4)),
    ),
    max_size=60,
)  # fmt: skip


def check(case: Any) -> None:
    """Check that a case can be told."""
    assert 0 < len(case["node"]) <= MAX_NAME
    assert case.get("duration", 0) >= 0
    failure = case.get("failure", {})
    assert len(failure.get("message", "")) <= MAX_MESSAGE + 100
    assert len(failure.get("stacktrace", "")) <= MAX_STACK + 100
    assert set(failure) <= {"type", "message", "stacktrace", "file", "line"}
    packed = json.dumps(case)
    assert msgpack.packb(json.loads(packed), unicode_errors="surrogatepass")


@pytest.mark.parametrize("runner", [*RUNNERS, None])
@settings(deadline=None, max_examples=150)
@given(lines=TEXTS)
@example(lines=["(" * 5_000, "[" * 5_000, " " * 5_000 + "::", "x::" * 2_000 + " PASSED ("])
def test_any_text(runner: str | None, lines: list[str]) -> None:
    """Whatever comes, parsers go on; each case can be told, and the end is told last."""
    recognizer = Recognizer(runner)
    events = [event for number, line in enumerate(lines) for event in recognizer.feed(line, number)]
    events += recognizer.end()
    if events:
        assert isinstance(events[-1], RunEnded) or recognizer.parser is None
        assert isinstance(events[0], (RunSeen, RunEnded))
    for event in events:
        if isinstance(event, CaseSeen):
            check(event.case)
            assert event.case["outcome"] in OUTCOMES
        elif isinstance(event, CaseBegan):
            check(event.case)
        elif isinstance(event, RunEnded):
            assert event.totals.get("outcome", "passed") in RUN_OUTCOMES
    told = gathered(events)
    if recognizer.parser is not None and lines:
        assert all(case.get("done") for case in told.cases.values())


@given(line=st.text(max_size=300))
@example(line=" " * 3_999)
@example(line='{"Action":"' + "[" * 3_000)
def test_any_line(line: str) -> None:
    """Looking for a runner never fails."""
    assert recognize(line) in {None, *RUNNERS}


@pytest.mark.parametrize("runner", RUNNERS)
def test_little_is_held(runner: str) -> None:
    """However much comes, what is kept has a bound: long lines, many lines, many failures."""
    recognizer = Recognizer(runner)
    for number in range(300):
        for line in MORE:
            recognizer.feed(line.replace("test_", f"test_{number}_") + "x" * 2_000, number)
            recognizer.feed(line.replace("test_", f"test_{number}_"), number)
    assert _size(recognizer) < 64 << 20


def _size(thing: Any, seen: set[int] | None = None) -> int:
    """Return the bytes that an object and what it holds take."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return 0
    seen.add(id(thing))
    total = sys.getsizeof(thing)
    if isinstance(thing, dict):
        return total + sum(_size(key, seen) + _size(value, seen) for key, value in thing.items())
    if isinstance(thing, (list, tuple, set, frozenset)) or type(thing).__name__ == "deque":
        return total + sum(_size(item, seen) for item in thing)
    inner = getattr(thing, "__dict__", None)
    return total + (_size(inner, seen) if inner else 0)
