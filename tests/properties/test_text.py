"""The parser of foreign lines takes any bytes, however they are cut, and loses none."""

from __future__ import annotations

import itertools

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pylogtap.prefix import Prefix
from pylogtap.text import LineParser, ParsedRecord
from pylogtap.text.lines import LineSplitter
from pylogtap.text.parser import PART

DEFAULT = Prefix("shop", "cart", "one")
NOW = 1_767_225_600 * 10**9
# What the formats that are known are made of, in any order.
PIECES = st.sampled_from(
    [
        "\n",
        "\r\n",
        " ",
        "  ",
        "\t",
        "[",
        "]",
        "{",
        "}",
        '"',
        "|",
        ":",
        "=",
        " - ",
        "-",
        "<34>",
        "1 ",
        "a/b/c",
        "web-1  | ",
        "[pod/a/b] ",
        "12:00:01 ",
        "web.1 | ",
        "2024-05-04T03:02:01.123Z ",
        "May  4 03:02:01 ",
        "1767225600 ",
        "INFO",
        "error",
        "WARN ",
        "Traceback (most recent call last):\n",
        '  File "x"\n',
        "ValueError: bad\n",
        "\tat a.b(C)\n",
        "Caused by: x\n",
        "panic: no\n",
        "goroutine 1 [running]:\n",
        "  + Exception Group Traceback (most recent call last):\n",
        "During handling of the above exception, another exception occurred:\n",
        '{"a": 1}',
        "a=1 b=2",
        "\x1b[31m",
        "\x1b]8;;",
        "\x00",
        "é",
        "€",
        "999999999999999999999999",
        "[9999999999999999]",
        '{"time": 1e999}',
        '{"level": 1e3, "msg": "\\ud800"}',
        '127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 5',
        "I0504 03:02:01.123456    1 a.go:1] ",
    ]
)
LINES = st.lists(PIECES, max_size=30).map("".join)
BYTES = st.one_of(st.binary(max_size=300), LINES.map(str.encode))
# Text in which no form is known: words that begin no level, no name of a month, and no value.
WORD = st.text(st.sampled_from("ghjkqxyz"), min_size=1, max_size=8)
PLAIN = st.lists(WORD, min_size=1, max_size=6).map(" ".join)


def parse(chunks: list[bytes], max_line: int = 64) -> list[ParsedRecord]:
    """Return all records of some chunks."""
    parser = LineParser(DEFAULT, max_line=max_line, clock=lambda: NOW)
    records = [record for chunk in chunks for record in parser.feed(chunk)]
    return records + parser.flush()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Cut bytes at some places."""
    at = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in itertools.pairwise(at)]


@given(BYTES, st.lists(st.integers(0, 400), max_size=8))
@example("ä€\r\n".encode() * 40, [1, 64, 65])
def test_cuts_make_no_difference(data: bytes, places: list[int]) -> None:
    """The same bytes give the same records, in whatever chunks they come."""
    assert parse(cut(data, places)) == parse([data])


@given(BYTES)
@settings(max_examples=300)
def test_any_bytes_give_records(data: bytes) -> None:
    """No bytes break it; what it gives is well formed, and UTF-8 but for what JSON escaped."""
    for record in parse([data], max_line=1 << 20):
        assert record.severity in range(25)
        assert (record.level is None) == (record.severity == 0)
        assert record.time_ns is None or 0 <= record.time_ns < 1 << 63
        assert record.arrived_ns == NOW
        if b"\\u" not in data:
            record.message.encode()


@given(st.lists(st.one_of(PLAIN, st.just("")), max_size=20), st.booleans())
def test_plain_lines_lose_nothing(lines: list[str], windows: bool) -> None:
    """Each line in which nothing is known is a message, in its order; empty lines are none."""
    end = "\r\n" if windows else "\n"
    records = parse(["".join(line + end for line in lines).encode()], max_line=1 << 20)
    assert [record.message for record in records] == [line for line in lines if line]
    assert all(record == (DEFAULT, None, NOW, 0, None, None, record.message, {}, None) for record in records)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), PLAIN), max_size=30))
def test_sources_are_kept_apart(lines: list[tuple[str, str]]) -> None:
    """Whatever order the services' lines have, each service's messages are its own, in their order."""
    records = parse(["".join(f"{name}-1  | {line}\n" for name, line in lines).encode()], max_line=1 << 20)
    for service in "abc":
        said = [record.message for record in records if record.prefix.service == service]
        assert said == [line for name, line in lines if name == service]


@given(st.binary(max_size=400), st.integers(4, 40))
def test_pieces_of_long_lines_are_the_line(data: bytes, max_line: int) -> None:
    """Put together, the pieces are what was written, and none is longer than it may be."""
    line = data.replace(b"\n", b"").replace(b"\r", b"")
    splitter = LineSplitter(max_line)
    pieces = splitter.feed(line + b"\n")
    assert (
        b"".join(piece.text.encode() for piece in pieces) == line.decode("utf-8", "backslashreplace").encode()
    )
    assert [piece.part for piece in pieces] == ([0] if len(pieces) == 1 else list(range(1, len(pieces) + 1)))
    assert len(pieces) >= len(line) / max_line


def test_pieces_are_marked_in_records() -> None:
    """Whoever reads a piece of a line knows that it is one."""
    assert [record.fields.get(PART) for record in parse([b"x" * 100 + b"\ny\n"])] == [1, 2, None]
