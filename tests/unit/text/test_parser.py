"""Sources are kept apart, what waits is given in time, and what is too long is divided, not lost."""

from __future__ import annotations

import pytest

from pylogtap.prefix import Prefix
from pylogtap.text import LineParser, ParsedRecord
from pylogtap.text import parser as parser_module
from pylogtap.text.parser import PART

DEFAULT = Prefix("shop", "cart", "one")
TRACE = ["Traceback (most recent call last):", '  File "x.py", line 1, in f', "    g()", "ValueError: bad"]


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        """Begin in 2026."""
        self.now = 1_767_225_600 * 10**9

    def __call__(self) -> int:
        """Return the present, ns since the epoch."""
        return self.now


def parse(*lines: str, project: str | None = None) -> list[ParsedRecord]:
    """Return the records of some lines."""
    parser = LineParser(DEFAULT, project)
    return parser.feed("".join(f"{line}\n" for line in lines)) + parser.flush()


def test_mixed_services_are_put_together_one_by_one() -> None:
    """Tracebacks of two services whose lines alternate are one record each."""
    mixed = [f"{name}  | {line}" for line in TRACE for name in ("web-1", "db-2 ")]
    records = parse(*mixed, "web-1  | next", project="mall")
    failures = [record for record in records if record.exception]
    assert [str(record.prefix) for record in failures] == ["mall/web/web-1", "mall/db/db-2"]
    assert all(record.exception["stacktrace"] == "\n".join(TRACE) for record in failures if record.exception)
    assert [record.message for record in records if not record.exception] == ["next"]


def test_a_traceback_below_a_line_with_its_own_prefix_needs_none() -> None:
    """The program wrote the prefix itself, so only the first line has it."""
    failed, following = parse("[a/b/c] ERROR: order failed", *TRACE, "next")
    assert (str(failed.prefix), failed.message) == ("a/b/c", "order failed")
    assert failed.exception is not None
    assert (following.prefix, following.message) == (DEFAULT, "next")


def test_a_prefix_of_the_program_wins_over_the_runners() -> None:
    """Who wrote the line knows best."""
    (record,) = parse("web-1  | [a/b/c] hello")
    assert (str(record.prefix), record.message) == ("a/b/c", "hello")


@pytest.mark.parametrize(
    "line", ["id  | name", "web  | hello", "a | b", "|", "[x] y", "[a/b", "2024-05-04 03:02:01"]
)
def test_what_is_no_prefix_stays_in_the_message(line: str) -> None:
    """Bars and brackets of ordinary text are text."""
    (record,) = parse(line)
    assert (record.prefix, record.message) == (DEFAULT, line)


def test_colours_are_removed() -> None:
    """The message can be searched; links and cursor movements go as well."""
    (record,) = parse("\x1b[1;31mfailed\x1b[0m \x1b]8;;http://x\x07here\x1b]8;;\x07\x1b[2K")
    assert record.message == "failed here"


def test_the_last_record_waits_for_more_lines() -> None:
    """It is given when the next begins, when it is asked for, or when it has waited long enough."""
    clock = Clock()
    parser = LineParser(DEFAULT, clock=clock)
    assert parser.feed("one\n") == []
    assert [record.message for record in parser.feed("two\nth")] == ["one"]
    assert parser.flush_older_than(0.5) == []
    clock.now += 10**9
    assert [record.message for record in parser.flush_older_than(0.5)] == ["two"]
    assert [record.message for record in parser.flush()] == ["th"]
    assert parser.flush() == []


def test_a_record_that_grows_is_not_cut() -> None:
    """The wait for further lines begins anew with each of them."""
    clock = Clock()
    parser = LineParser(DEFAULT, clock=clock)
    parser.feed("ERROR failed\nTraceback (most recent call last):\n")
    for line in (
        '  File "a.py", line 1, in <module>\n',
        "    1/0\n",
        "ZeroDivisionError: division by zero\n",
    ):
        clock.now += 4 * 10**8
        assert parser.flush_older_than(0.5) == []
        assert parser.feed(line) == []
    clock.now += 6 * 10**8
    (record,) = parser.flush_older_than(0.5)
    assert record.exception is not None
    assert record.exception["type"] == "ZeroDivisionError"


def test_arrival_is_that_of_the_first_line() -> None:
    """What has no time of its own can be given that."""
    clock = Clock()
    parser = LineParser(DEFAULT, clock=clock)
    began = clock.now
    parser.feed("one\n")
    clock.now += 5
    (record,) = parser.feed("  more\ntwo\n")
    assert (record.arrived_ns, record.time_ns, record.message) == (began, None, "one\n  more")


def test_a_long_line_comes_in_pieces() -> None:
    """Nothing of it is lost; the pieces are numbered, and no character is cut."""
    parser = LineParser(DEFAULT, max_line=10)
    text = "ä€" * 20
    records = parser.feed(f"{text}\nshort\n") + parser.flush()
    pieces = records[:-1]
    assert "".join(record.message for record in pieces) == text
    assert [record.fields[PART] for record in pieces] == list(range(1, len(pieces) + 1))
    assert (records[-1].message, records[-1].fields) == ("short", {})


def test_a_long_record_comes_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback without end does not fill the memory; the pieces share the level and the time."""
    monkeypatch.setattr(parser_module, "MAX_LINES", 10)
    lines = ["2024-05-04 03:02:01 ERROR: deep", *(f"  at {number}" for number in range(35))]
    records = parse(*lines)
    assert "\n".join(record.message for record in records) == "\n".join(["deep", *lines[1:]])
    assert [record.fields[PART] for record in records] == [1, 2, 3, 4]
    assert {(record.level, record.time_ns) for record in records} == {("error", records[0].time_ns)}


def test_unfinished_sources_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefixes without end do not fill the memory."""
    monkeypatch.setattr(parser_module, "MAX_SOURCES", 5)
    parser = LineParser(DEFAULT)
    records = parser.feed("".join(f"[a/b/c{number}] hello\n" for number in range(20)))
    assert len(records) == 15
    assert len(parser.flush()) == 5


def test_bytes_that_are_no_text_are_shown() -> None:
    """They stand in the message in hex, whether they come as bytes or as Python's surrogates."""
    for chunk in (b"caf\xe9 \xff\n", b"caf\xe9 \xff\n".decode("utf-8", "surrogateescape")):
        parser = LineParser(DEFAULT)
        (record,) = parser.feed(chunk) + parser.flush()
        assert record.message == r"caf\xe9 \xff"
    parser = LineParser(DEFAULT)
    (record,) = parser.feed("\ud800!\n") + parser.flush()
    assert record.message == r"\ud800!"


def test_the_ends_of_windows_lines_are_no_part_of_them() -> None:
    """A carriage return before the line's end is part of that."""
    assert [record.message for record in parse("one\r", "two\r")] == ["one", "two"]
