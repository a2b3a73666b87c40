"""Readers of lines: of programs, of runners before them, and of test runners."""

from __future__ import annotations

import itertools
import math

from pylogtap.cases.facts import MAX_MESSAGE, MAX_NAME, MAX_STACK
from pylogtap.prefix import Prefix
from pylogtap.text import LineParser, ParsedRecord
from pylogtap.text.lines import LineSplitter
from pylogtap.text.runners import RUNNERS, CaseBegan, CaseSeen, Recognizer, RunEnded, RunSeen
from pylogtap.text.structured import read_structured
from pylogtap.text.times import find_time, glimpse_time, read_time
from pylogtap.text.tracebacks import find_failure
from pylogtap_collector.taps.plain import entry_of_lines, entry_of_text
from tests.fuzz.target import END, HERE, NOW, Target, check_entries, check_texts
from tests.fuzz.vocabulary import LINE_WORDS, RUNNER_WORDS
from tests.support.runners import SAMPLES

_LINES = (
    b"2026-01-02T03:04:05.678Z INFO [main] shop.cart - paid n=1\n",
    b"[a/b/c] 2026-01-02 03:04:05,678 - a - ERROR - no\nTraceback (most recent call last):\n  File\nE: x\n",
    b'web-1  | {"time": "2026-01-02T03:04:05Z", "level": 30, "msg": "x", "pid": 1, "hostname": "h"}\n',
    b'<34>1 2026-01-02T03:04:05Z host app 7 ID [a@1 x="y"] text\nMay  4 03:02:01 host app[7]: text\n',
    b'127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 5 "-" "curl"\n',
    b"I0504 03:02:01.123456    1 a.go:1] text\npanic: no\n\ngoroutine 1 [running]:\nmain.f(0x1)\n\t/a.go:1\n",
    b'level=info msg="a b" n=1.5\nE, [2026-01-02T03:04:05.1 #7] ERROR -- app: x\n',
    b'Exception in thread "main" java.lang.IllegalStateException: x\n\tat a.b(C.java:1)\nCaused by: E: y\n',
    b"12:00:01 web.1   | [ERROR] x\n[pod/a/b] x\n\x1b[31mred\x1b[0m\n",
    b"01-02 03:04:05.678  123  456 E Tag: x\n1767225600 2026.01.02 R1 2026-01-02-03.04.05.678 R1 RAS x\n",
)  # fmt: skip


def read_lines(data: bytes) -> None:
    """Any output: records that can be stored, the same however it was cut, and none is held back."""
    whole = _parsed([data])
    third = max(1, len(data) // 3)
    assert _parsed([data[at : at + third] for at in range(0, len(data), third)]) == whole
    for record in whole:
        assert record.severity in range(25)
        assert record.time_ns is None or 0 <= record.time_ns < END
        assert all(record.prefix)


def read_text(data: bytes) -> None:
    """Any text of several lines: one entry, with the exception that it tells of."""
    text = data.decode("utf-8", "backslashreplace")
    check_entries([entry_of_text(text, HERE, NOW), entry_of_lines(text, HERE)])
    failure = find_failure(text.split("\n"))
    assert failure is None or failure.stacktrace in text


def read_times(data: bytes) -> None:
    """Any text where a time may stand, and values of JSON that may be one."""
    text = data.decode("utf-8", "surrogateescape")
    for start in range(min(3, len(text))):
        moment = find_time(text, start, NOW)
        assert moment is None or (0 <= moment.ns < END and start < moment.end <= len(text))
    for found in (glimpse_time(text, NOW), read_time(text, NOW)):
        assert found is None or 0 <= found < END
    structured = read_structured(text.strip(), NOW)
    assert structured is None or structured.time_ns is None or 0 <= structured.time_ns < END


def read_pieces(data: bytes) -> None:
    """Any bytes as lines that may be too long: put together, the pieces are what was written."""
    splitter = LineSplitter(16)
    halves = (data[: len(data) // 2], data[len(data) // 2 :])
    pieces = list(itertools.chain(*map(splitter.feed, halves), splitter.flush()))
    once = LineSplitter(16)
    assert pieces == [*once.feed(data), *once.flush()]
    shown = (line.removesuffix(b"\r").decode("utf-8", "backslashreplace") for line in data.split(b"\n"))
    assert "".join(piece.text for piece in pieces) == "".join(shown)


def read_output(data: bytes) -> None:
    """Any output of any test runner: cases that can be told, and the end of the run is told last."""
    lines = data.decode("utf-8", "backslashreplace").split("\n")
    for runner in (*RUNNERS, None):
        recognizer = Recognizer(runner)
        events = [event for number, line in enumerate(lines) for event in recognizer.feed(line, number)]
        events += recognizer.end()
        if events:
            assert isinstance(events[0], RunSeen | RunEnded)
            assert isinstance(events[-1], RunEnded) or recognizer.parser is None
        for event in events:
            if isinstance(event, CaseSeen | CaseBegan):
                _check_case(event.case)


def _check_case(case: object) -> None:
    assert isinstance(case, dict)
    assert 0 < len(case["node"]) <= MAX_NAME
    took = case.get("duration", 0.0)
    assert math.isfinite(took)
    assert took >= 0
    failure = case.get("failure", {})
    assert len(failure.get("message", "")) <= MAX_MESSAGE + 100
    assert len(failure.get("stacktrace", "")) <= MAX_STACK + 100
    check_texts(case)


def _parsed(chunks: list[bytes]) -> list[ParsedRecord]:
    parser = LineParser(Prefix(*HERE), max_line=256, clock=lambda: NOW)
    records = [record for chunk in chunks for record in parser.feed(chunk)]
    records += parser.flush()
    assert not parser.waiting
    return records


_OUTPUTS = tuple(path.read_bytes()[:3_000] for path in sorted(SAMPLES.glob("*.txt")))
LINES = (
    Target("lines", read_lines, _LINES, LINE_WORDS),
    Target("texts", read_text, _LINES, LINE_WORDS),
    Target("moments", read_times, tuple(line[:60] for line in _LINES), LINE_WORDS),
    Target("pieces", read_pieces, (b"a" * 40 + b"\n" + "é€".encode() * 20, b"x\r\ny"), (b"\n", b"\r",
        b"\xc3", b"\xe2\x82")),
    Target("runners", read_output, _OUTPUTS, RUNNER_WORDS),
)  # fmt: skip
