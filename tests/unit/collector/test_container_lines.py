"""Frames of container logs become lines, lines become records, and these entries: with nothing lost."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pylogtap.prefix import Prefix
from pylogtap_collector.containers.echoes import Shipped, Written, without_echoes
from pylogtap_collector.containers.entries import entry_of
from pylogtap_collector.containers.frames import (
    MAX_PIECE,
    Frame,
    FrameReader,
    LineJoiner,
    LogBroken,
    stamp_ns,
)
from pylogtap_collector.containers.itself import own_container
from pylogtap_collector.containers.positions import Position, Seeker
from pylogtap_collector.containers.transcript import Transcript
from pylogtap_collector.wire import Place
from tests.support.readings import container

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.taps.entries import Entry

AT = "2026-11-27T09:15:30.422896364Z"
AT_NS = 1_795_770_930_422_896_364
LATER = "2026-11-27T09:15:31.000000001Z"
PLACE = Place("shop", "web", "web-1")
DEFAULT = Prefix(*PLACE)
ID = "ab" * 32


def entries(*frames: Frame) -> list[Entry]:
    """Return what frames of a container of compose become."""
    transcript = Transcript(DEFAULT, None)
    for frame in frames:
        transcript.take(frame)
    transcript.settle(ended=True)
    box = replace(container(), id=ID, name="shop-web-1", place=PLACE)
    return [entry_of(each, box, DEFAULT) for each in transcript.harvest()[0]]


def lines(*texts: str, stream: str = "stdout") -> list[Frame]:
    """Return a frame for each text."""
    return [
        Frame(stream, f"2026-11-27T09:15:30.{number:09d}Z", each.encode(), True)
        for number, each in enumerate(texts)
    ]


@pytest.mark.parametrize(
    ("stamp", "ns"),
    [
        (AT, AT_NS),
        ("2026-11-27T09:15:30Z", AT_NS // 10**9 * 10**9),
        ("2026-11-27T10:15:30+01:00", AT_NS // 10**9 * 10**9),
        ("2026-11-27T09:15:30.5Z", AT_NS // 10**9 * 10**9 + 500_000_000),
        ("", 0),
        ("yesterday", 0),
    ],
)
def test_stamps_keep_their_nanoseconds(stamp: str, ns: int) -> None:
    """Docker's stamps have nine digits, Podman's none and a zone."""
    assert stamp_ns(stamp) == ns


def test_the_engine_s_own_words_are_no_line() -> None:
    """What the engine says of a log that it cannot read on is an error, not something that was logged."""
    text = b"error from daemon in stream: Error grabbing logs: invalid character"
    with pytest.raises(LogBroken, match="Error grabbing logs"):
        FrameReader().feed(struct.pack(">B3xI", 3, len(text)) + text)
    with pytest.raises(LogBroken):
        FrameReader().feed(b"HTTP/1.1 500")


def test_a_terminal_s_last_words_have_no_newline() -> None:
    """They are read when the log ends; what is written behind them after a restart is found as new."""
    reader = FrameReader(tty=True)
    assert reader.feed(f"{AT} bye".encode()) == []
    (last,) = reader.close()
    assert last == Frame("stdout", AT, b"bye", False)
    transcript = Transcript(DEFAULT, None)
    transcript.take(last)
    seeker = Seeker(transcript.position, whole=True)
    (joined,) = FrameReader(tty=True).feed(f"{AT} bye{LATER} hello\r\n".encode())
    assert seeker.take(joined) == [Frame("stdout", LATER, b"hello", True)]


@pytest.mark.parametrize("size", [MAX_PIECE, MAX_PIECE + 1, 5 * MAX_PIECE + 77])
def test_a_very_long_line_comes_in_pieces(size: int) -> None:
    """Frames of 16 KiB are joined up to 128 KiB; what is longer comes in numbered pieces."""
    raw = bytes(97 + number % 26 for number in range(size))
    frames = [Frame("stdout", AT, raw[at : at + 16384], at + 16384 >= size) for at in range(0, size, 16384)]
    found = entries(*frames, *lines("short"))
    assert "".join(each.message for each in found[:-1]).encode() == raw
    assert max(len(each.message) for each in found) <= MAX_PIECE
    parts = [each.fields.get("pylogtap.part") for each in found]
    assert parts == [None, None] if size == MAX_PIECE else [*range(1, len(found)), None]


def test_bytes_that_are_no_text_stay_within_the_size_of_a_record() -> None:
    """They are escaped in hex, which takes four times the room."""
    found = entries(*[Frame("stdout", AT, b"\xff" * 16384, number == 7) for number in range(8)])
    assert "".join(each.message for each in found) == r"\xff" * (8 * 16384)
    assert max(len(each.message) for each in found) <= MAX_PIECE


def test_a_long_line_ends_where_another_stamp_begins() -> None:
    """Last words without a newline are a line of their own: the next run has another stamp."""
    found = LineJoiner().take(Frame("stdout", AT, b"bye", False), 0)
    joiner = LineJoiner()
    found += joiner.take(Frame("stdout", AT, b"bye", False), 0)
    found += joiner.take(Frame("stdout", LATER, b"hello", True), 1)
    assert [(line.data, line.first) for line in found] == [(b"bye", 0), (b"hello", 1)]


def test_podman_s_pieces_may_have_different_seconds() -> None:
    """Where stamps are whole seconds, a line may go on in the next one."""
    joiner = LineJoiner()
    found = joiner.take(Frame("stdout", "2026-11-27T09:15:30Z", b"one ", False), 0)
    found += joiner.take(Frame("stdout", "2026-11-27T09:15:31Z", b"line", True), 1)
    assert [line.data for line in found] == [b"one line"]


def test_a_traceback_is_one_record() -> None:
    """Also where the other stream writes in between; both are in their order."""
    trace = lines(
        "Traceback (most recent call last):", '  File "a.py", line 1', "ValueError: bad", stream="stderr"
    )
    found = entries(trace[0], *lines("out"), *trace[1:])
    assert [each.message for each in found] == ["ValueError: bad", "out"]
    assert found[0].exception is not None
    assert found[0].exception["stacktrace"].startswith("Traceback")
    assert (found[0].level, found[0].fields["stream"]) == ("error", "stderr")


def test_entries() -> None:
    """Level, logger, time and fields are what the line says; stderr is no error, and stdout is not said."""
    said, other, plain = entries(
        *lines(
            '{"level": "warning", "msg": "low", "logger": "disk", "left": 3, "ts": "2026-11-27T09:15:29.25Z"}'
        ),
        *lines("plain", stream="stderr"),
        *lines("[shop/cart/c1] elsewhere"),
    )
    assert (said.level, said.logger, said.message, said.time_ns) == (
        "warning",
        "disk",
        "low",
        1_795_770_929_250_000_000,
    )
    assert said.fields == {"left": 3, "container.id": "abababababab"}
    assert (plain.level, plain.time_ns) == ("info", 1_795_770_930_000_000_000)
    assert plain.fields["stream"] == "stderr"
    assert other.place == Place("shop", "cart", "c1")


def test_the_name_is_said_where_the_place_does_not_say_it() -> None:
    """A label that gives a container another place hides its name."""
    (found,) = (Transcript(DEFAULT, None),)
    found.take(lines("x")[0])
    found.settle()
    (record,) = found.harvest()[0]
    box = replace(container(), id=ID, name="odd", place=PLACE)
    assert entry_of(record, box, DEFAULT).fields["container.name"] == "odd"


def test_a_position_that_was_rotated_away() -> None:
    """What is later in its stream is new, and all of a stream that was never heard of before."""
    transcript = Transcript(DEFAULT, None)
    transcript.take(Frame("stdout", AT, b"known", True))
    seeker = Seeker(transcript.position, lost=True)
    early = Frame("stderr", "2026-11-27T09:15:29.000000001Z", b"early", True)
    left = [
        Frame("stdout", "2026-11-27T09:15:30.000000001Z", b"old", True),
        early,
        Frame("stdout", LATER, b"new", True),
    ]
    assert [each.data for frame in left for each in seeker.take(frame)] == [b"early", b"new"]


def test_a_position_in_a_line_whose_beginning_was_rotated_away() -> None:
    """Pieces of a line have one stamp, and can't be counted then: what the last one said tells it."""
    pieces = [Frame("stdout", AT, text, text == b"end") for text in (b"one", b"two", b"three", b"end")]
    transcript = Transcript(DEFAULT, None)
    for each in pieces[:2]:
        transcript.take(each)
    counted, lost = Seeker(transcript.position, whole=True), Seeker(transcript.position, lost=True)
    assert not [new for each in pieces[1:] for new in counted.take(each)]
    assert not counted.found
    assert [new for each in pieces[1:] for new in lost.take(each)] == pieces[2:]


def test_a_position_that_cannot_be_read_is_the_beginning() -> None:
    """Whatever is stored as one."""
    for text in ("", "null", "{}", '["stdout",{},{},null]', '["stdout",{"stdout":1},{},null]'):
        assert Position.parse(text) is None


def echoed(shipped: Sequence[Shipped], *texts: str) -> list[str]:
    """Return the lines that are kept."""
    found = entries(*lines(*texts, stream="stderr"))
    return [each.message for each in without_echoes([Written(each, AT_NS) for each in found], shipped)]


def test_lines_that_a_client_has_shipped_are_left_out() -> None:
    """In the client's own layout, in the program's, or as it is; a plain print stays."""
    shipped = [Shipped(AT_NS - 1_000_000, text) for text in ("cart is full", "no such item", "bare words")]
    kept = echoed(
        shipped,
        "09:15:30.422 WARNING  shop.cart cart is full user=7",
        "2026-11-27 09:15:30,422 ERROR shop.items: no such item",
        "bare words",
        "printed",
    )
    assert kept == ["printed"]


def test_each_shipped_record_accounts_for_one_line() -> None:
    """What is printed more often than it was shipped, or at another time, is kept."""
    shipped = [Shipped(AT_NS, "again"), Shipped(AT_NS - 60_000_000_000, "long ago")]
    assert echoed(shipped, "again", "again", "long ago") == ["again", "long ago"]


def test_a_short_message_is_not_found_by_chance() -> None:
    """Within other words a message has to be long enough."""
    assert echoed([Shipped(AT_NS, "ok")], "it looks okay to me", "looked: not") == [
        "it looks okay to me",
        "looked: not",
    ]


def test_a_crash_that_was_shipped() -> None:
    """A traceback on stderr echoes the record of the same exception."""
    trace = ["Traceback (most recent call last):", '  File "a.py", line 1', "ValueError: bad"]
    assert not echoed([Shipped(AT_NS, "uncaught exception", "ValueError: bad")], *trace)
    assert echoed([Shipped(AT_NS, "uncaught exception", "KeyError: 1")], *trace) == ["ValueError: bad"]


@pytest.mark.parametrize(
    ("cgroup", "mounts", "host", "expected"),
    [
        (f"12:cpu:/docker/{ID}\n", "", "web", ID),
        (f"0::/system.slice/docker-{ID}.scope\n", "", "web", ID),
        (f"0::/machine.slice/libpod-{ID}.scope/container\n", "", "web", ID),
        (
            "0::/\n",
            f"1 2 8:1 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw - ext4 /dev/sda rw",
            "web",
            ID,
        ),
        ("0::/\n", "", "0123456789ab", "0123456789ab"),
        (
            "0::/user.slice\n",
            f"1 2 0:9 / /var/lib/docker/containers/{ID}/mounts/shm rw - tmpfs shm rw",
            "pc",
            "",
        ),
    ],
)
def test_the_container_that_a_process_runs_in(cgroup: str, mounts: str, host: str, expected: str) -> None:
    """Its cgroup tells it, or what engines mount into it, or its name; a host's own mounts do not."""
    assert own_container(cgroup, mounts, host) == expected
