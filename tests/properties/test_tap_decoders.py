"""Decoders of other protocols take any bytes, however they are cut, hold little, and keep what is good."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import zlib
from typing import TYPE_CHECKING, Any

import msgpack
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pylogtap_collector.errors import Undecodable
from pylogtap_collector.taps.forward import ForwardDecoder, Message
from pylogtap_collector.taps.frames import FrameCutter
from pylogtap_collector.taps.gelf import MAGIC, Assembler, entry_of_gelf, unpack
from pylogtap_collector.taps.handshake import Handshake
from pylogtap_collector.taps.joining import Joiner, Line
from pylogtap_collector.taps.jsonlines import entry_of, read_line
from pylogtap_collector.taps.mixed import FrameReader, divide, messages_of, shown_key
from pylogtap_collector.taps.shipped import read_event
from pylogtap_collector.taps.syslog import entry_of_syslog, read_syslog
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from pylogtap_collector.taps.entries import Entry

DEFAULT = Place("shop", "cart", "one")
NOW = 1_767_225_600 * 10**9
LIMIT = 4_096
PIECES = st.sampled_from(
    [
        b"<34>",
        b"<13>1 ",
        b"57 <14>",
        b"9 <1>",
        b"2026-01-02T03:04:05Z ",
        b"Jan  2 03:04:05 ",
        b"web7 ",
        b"cart[7]: ",
        b"- ",
        b"[a@1 ",
        b'x="y"',
        b'q="\\"',
        b"]",
        b"\xef\xbb\xbf",
        b"\n",
        b"\r\n",
        b"\0",
        b"{",
        b"}",
        b'"',
        b"\\",
        b":",
        b'{"a":1}',
        b'{"version":"1.1","host":"h","short_message":"x","level":3}',
        b'{"message":"x","time":1e999}',
        b"Traceback (most recent call last):\n",
        b"ValueError: x\n",
        b"\xff\xfe",
        b"\xc3",
        b"\xa4",
        b"7",
        b"text ",
        MAGIC,
        b"\x1f\x8b\x08",
        b"\x78\x9c",
        b"[shop/a/b] ",
        b"*",
        b"opentelemetry",
        b"pylogtap@32473 key=",
    ]
)
STREAMS = st.lists(PIECES | st.binary(max_size=12), max_size=40).map(b"".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats() | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
NAMES = st.sampled_from(
    [
        "message",
        "msg",
        "log",
        "level",
        "severity",
        "time",
        "timestamp",
        "@timestamp",
        "@version",
        "extra",
        "host",
        "service",
        "project",
        "instance",
        "prefix",
        "path",
        "line",
        "lineno",
        "file",
        "error",
        "exception",
        "err",
        "log",
        "trace_id",
        "span_id",
        "pid",
        "process",
        "exc_info",
        "short_message",
        "full_message",
        "version",
        "_file",
        "_line",
        "_service",
        "_key",
        "container_name",
        "container_id",
        "source",
        "partial_message",
        "partial_id",
        "partial_ordinal",
        "partial_last",
        "com.docker.compose.project",
        "com.docker.compose.service",
        "pylogtap.prefix",
        "test_id",
    ]
)
RECORDS = st.dictionaries(NAMES | st.text(max_size=6), VALUES, max_size=8)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """Return bytes, cut at some places."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


def check(entry: Entry) -> None:
    """Make sure that an entry is one that can be stored."""
    assert isinstance(entry.message, str)
    assert 0 <= entry.severity <= 24
    assert entry.level
    assert all(entry.place)
    assert entry.time_ns is None or 0 <= entry.time_ns < 1 << 63
    assert all(isinstance(name, str) for name in entry.fields)
    if entry.exception is not None:
        assert all(isinstance(text, str) for text in entry.exception.values())


def read_all(frames: list[Any]) -> list[Entry]:
    """Return what the frames of one connection mean."""
    reader, joiner, found = FrameReader(), Joiner(), []
    for frame in frames:
        item = divide(frame.data, NOW)
        shown_key(item)
        entry = reader.read(frame, item, DEFAULT, NOW)
        found += joiner.take(entry, NOW) if isinstance(entry, Line) else [entry]
    return [*found, *joiner.flush()]


@settings(max_examples=150, deadline=None)
@example(b"<1>a\nb\n<2>c", [6])
@example(b"10 <1>a\nb\nc 4 <1>", [1])
@given(STREAMS, st.lists(st.integers(0, 1_000), max_size=6))
def test_lines_are_the_same_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    """Messages do not depend on how the network cut them; none but framing and empty lines is lost."""
    whole, parts = FrameCutter(64), FrameCutter(64)
    frames = [*whole.feed(data), *whole.flush()]
    cut = []
    for piece in pieces(data, cuts):
        cut += parts.feed(piece)
        assert parts.waiting <= 8 * 64 + 1
    assert [*cut, *parts.flush()] == frames
    assert not parts.waiting
    letters = bytes(byte for byte in data if byte not in b"\r\n\0 0123456789")
    kept = bytes(
        byte for byte in b"".join(frame.data for frame in frames) if byte not in b"\r\n\0 0123456789"
    )
    assert kept == letters
    for entry in read_all(frames):
        check(entry)


@settings(max_examples=100, deadline=None)
@given(STREAMS)
def test_datagrams_are_read_or_refused(data: bytes) -> None:
    """Any datagram is some messages, or an error of the protocol."""
    for datagram in (data, gzip.compress(data), zlib.compress(data)):
        try:
            messages = messages_of(datagram, LIMIT)
        except Undecodable:
            continue
        for message in messages:
            entry_or_text = divide(message, NOW)
            shown_key(entry_or_text)
    with contextlib.suppress(Undecodable):
        assert len(unpack(data, LIMIT)) <= max(LIMIT, len(data))


@settings(max_examples=100, deadline=None)
@given(STREAMS)
def test_syslog_is_always_a_message(data: bytes) -> None:
    """What is no syslog is text."""
    check(entry_of_syslog(read_syslog(data, NOW), DEFAULT, NOW))


@settings(max_examples=150, deadline=None)
@given(RECORDS)
def test_objects_are_always_entries(record: dict[str, Any]) -> None:
    """Whatever stands where a name is well known; and the object stays as it was."""
    before = repr(record)
    check(entry_of(record, DEFAULT, NOW))
    check(entry_of_gelf(record, DEFAULT, NOW))
    assert repr(record) == before


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60) | RECORDS.map(lambda record: json.dumps(record, default=repr).encode()))
def test_lines_of_json_are_read_or_refused(data: bytes) -> None:
    """There is no other error than the protocol's own."""
    with contextlib.suppress(Undecodable):
        check(entry_of(read_line(data), DEFAULT, NOW))


EVENTS = st.tuples(
    st.integers(0, 1 << 32) | st.floats() | st.none()
    | st.binary(min_size=8, max_size=8).map(lambda data: msgpack.ExtType(0, data)),
    RECORDS | st.text(max_size=20),
)  # fmt: skip
OPTIONS = st.fixed_dictionaries(
    {}, optional={"chunk": st.text(max_size=8), "size": VALUES, "compressed": VALUES}
)
MESSAGES = st.one_of(
    st.tuples(st.text(max_size=8), st.lists(EVENTS, max_size=4), OPTIONS).map(list),
    st.tuples(st.text(max_size=8), EVENTS, OPTIONS).map(lambda all_: [all_[0], *all_[1], all_[2]]),
    st.tuples(
        st.text(max_size=8), st.lists(EVENTS, max_size=4).map(lambda all_: b"".join(map(msgpack.packb, all_)))
    ).map(list),
    VALUES,
)
FORWARD = st.lists(MESSAGES.map(msgpack.packb) | st.binary(max_size=8), max_size=5).map(b"".join)


def only(packed: bytes) -> Message:
    """Return the one message that some bytes are."""
    decoder = ForwardDecoder(1 << 20)
    (value,) = decoder.values(packed)
    message = decoder.message(value)
    assert message is not None
    return message


def entries_of(decoder: ForwardDecoder, parts: list[bytes]) -> list[Entry]:
    """Return what a connection says, up to what is no Fluent Forward."""
    joiner, found = Joiner(), []
    with contextlib.suppress(Undecodable):
        for part in parts:
            for value in decoder.values(part):
                message = decoder.message(value)
                if message is None:
                    continue
                for event in message.events():
                    entry = read_event(message.tag, event, DEFAULT, NOW)
                    found += joiner.take(entry, NOW) if isinstance(entry, Line) else [entry]
    return [*found, *joiner.flush()]


@settings(max_examples=150, deadline=None)
@given(FORWARD, st.lists(st.integers(0, 1_000), max_size=6))
def test_forward_is_the_same_however_it_is_cut(data: bytes, cuts: list[int]) -> None:
    """Any bytes are messages, or an error of the protocol; what came before that counts."""
    whole = entries_of(ForwardDecoder(LIMIT, 1 << 16), [data])
    assert repr(entries_of(ForwardDecoder(LIMIT, 1 << 16), pieces(data, cuts))) == repr(whole)
    for entry in whole:
        check(entry)


@settings(max_examples=100, deadline=None)
@given(st.lists(RECORDS, min_size=1, max_size=6), st.binary(max_size=20), st.integers(0, 5))
def test_a_bad_event_spoils_none_before_it(records: list[Any], bad: bytes, place: int) -> None:
    """Of packed events, those before the bad one are kept; of listed ones, those behind it as well."""
    good = [msgpack.packb([1, {"n": number}]) for number in range(len(records))]
    place %= len(good) + 1
    packed = b"".join([*good[:place], bad, *good[place:]])
    message = only(msgpack.packb(["a.b", packed]))
    numbers = [event.record for event in message.events() if isinstance(event.record, dict)]
    assert numbers[:place] == [{"n": number} for number in range(place)]
    listed = [[1, {"n": number}] for number in range(len(records))]
    listed.insert(place, [1, 2, records])
    message = only(msgpack.packb(["a.b", listed]))
    assert [event.record for event in message.events()] == [{"n": number} for number in range(len(records))]
    assert message.skipped == 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=20), st.sampled_from("ab"), st.integers(0, 20)), max_size=30))
def test_parts_of_gelf_are_bounded(datagrams: list[tuple[bytes, str, int]]) -> None:
    """Whatever comes, little is held, and it goes with the time."""
    assembler, now = Assembler(100), 0
    for data, sender, seconds in datagrams:
        now += seconds * 10**9
        with contextlib.suppress(Undecodable):
            assembler.take(MAGIC + data, sender, now)
        assert assembler._size <= 100
    assembler.expire(now + 6 * 10**9)
    assert (assembler._size, assembler.waiting) == (0, False)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60) | VALUES.map(msgpack.packb))
def test_a_handshake_lets_nobody_in_who_does_not_know_the_key(ping: bytes) -> None:
    """Anything that is not the right PING is refused, with a reason."""
    answer = Handshake("the shared key", "here").answer(ping)
    assert answer.refusal
    assert answer.pong[1] is False
