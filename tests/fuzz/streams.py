"""Readers of connections and datagrams of other shippers, and of what a container engine says."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgpack
import zstandard

from pylogtap.prefix import Prefix
from pylogtap_collector.containers.entries import entry_of
from pylogtap_collector.containers.events import EventMark, _read
from pylogtap_collector.containers.frames import FrameReader, LogBroken
from pylogtap_collector.containers.happenings import moment
from pylogtap_collector.containers.lifecycle import Lifecycle
from pylogtap_collector.containers.model import read_container
from pylogtap_collector.containers.positions import Position, Seeker
from pylogtap_collector.containers.readings import read_stats
from pylogtap_collector.containers.transcript import Transcript
from pylogtap_collector.errors import Undecodable
from pylogtap_collector.taps.forward import ForwardDecoder
from pylogtap_collector.taps.frames import Frame, FrameCutter
from pylogtap_collector.taps.gelf import MAGIC, Assembler
from pylogtap_collector.taps.handshake import Handshake
from pylogtap_collector.taps.joining import Joiner, Line
from pylogtap_collector.taps.mixed import FrameReader as MessageReader
from pylogtap_collector.taps.mixed import divide, messages_of, shown_key
from pylogtap_collector.taps.shipped import read_event
from tests.fuzz.target import END, HERE, LIMIT, MADE, NOW, Target, check_entries, check_texts, made
from tests.fuzz.vocabulary import ENGINE, SYSLOG_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pylogtap_collector.taps.entries import Entry


_LONGEST = 64  # bytes of a message, so that inputs reach what is done with longer ones
_CONTAINER = read_container({"Id": "a" * 64, "Name": "/web", "State": {"Running": True}})


def read_lines(data: bytes) -> None:
    """Any stream of syslog, GELF, JSON and text: the same messages however it is cut, and little is held."""
    whole, cut = FrameCutter(_LONGEST), FrameCutter(_LONGEST)
    frames = [*whole.feed(data), *whole.flush()]
    found = []
    for at in range(0, len(data), 7):
        found += cut.feed(data[at : at + 7])
        assert cut.waiting <= 8 * _LONGEST + 7, f"{cut.waiting} bytes wait"
    assert [*found, *cut.flush()] == frames
    check_entries(_entries(frames))
    whole = FrameCutter()
    check_entries(_entries([*whole.feed(data), *whole.flush()]))


def _entries(frames: Iterable[Frame]) -> list[Entry]:
    reader, joiner, found = MessageReader(), Joiner(), []
    for frame in frames:
        item = divide(frame.data, NOW)
        shown_key(item)
        entry = reader.read(frame, item, HERE, NOW)
        found += joiner.take(entry, NOW) if isinstance(entry, Line) else [entry]
    return [*found, *joiner.flush()]


def read_datagram(data: bytes) -> None:
    """Any datagram, compressed or not: messages that become entries, or the protocol's error."""
    packed = (data, gzip.compress(data), zlib.compress(data))
    with suppress(Undecodable):
        messages = [messages_of(datagram, LIMIT) for datagram in packed]
        check_entries(_entries(map(Frame, messages[0])))
        if data[:1] not in {b"\x1f", b"\x78"}:  # else it was decompressed itself
            assert messages[1:] == messages[:1] * 2


def read_parts(data: bytes) -> None:
    """Any datagrams as parts of messages, their length before each: little is held, and it goes with time."""
    assembler, now, at = Assembler(400), 0, 0
    while at < len(data):
        size, step = divmod(data[at], 4)
        now += step * 10**9
        with suppress(Undecodable):
            message = assembler.take(MAGIC + data[at + 1 : at + 1 + size], "x", now)
            if message is not None:
                messages_of(message, LIMIT)
        assert assembler._size <= 400
        at += 1 + size
    assembler.expire(now + 6 * 10**9)
    assert (assembler._size, assembler.waiting) == (0, False)


def read_forward(data: bytes) -> None:
    """Any connection of Fluent Forward: the same events however it is cut, or the protocol's error."""
    whole = _forwarded([data])
    assert repr(_forwarded([data[at : at + 5] for at in range(0, len(data), 5)])) == repr(whole)
    check_entries(whole)


def read_packed(data: bytes) -> None:
    """Any packed events, compressed in each way: those before what is damaged are kept."""
    for method, packed in (
        ("text", data),
        ("gzip", gzip.compress(data[:20]) + gzip.compress(data[20:])),
        ("zstd", zstandard.compress(data[:20]) + zstandard.compress(data[20:])),
        ("gzip", data),
        ("zstd", data),
    ):
        check_entries(_forwarded([msgpack.packb(["a.b", packed, {"compressed": method, "chunk": "x"}])]))
    Handshake("the shared key", "here").answer(data)


def _forwarded(parts: Iterable[bytes]) -> list[Entry]:
    decoder, joiner, found = ForwardDecoder(1 << 14, 1 << 16), Joiner(), []
    with suppress(Undecodable):
        for part in parts:
            for value in decoder.values(part):
                message = decoder.message(value)
                for event in message.events() if message is not None else ():
                    entry = read_event(message.tag if message else "", event, HERE, NOW)
                    found += joiner.take(entry, NOW) if isinstance(entry, Line) else [entry]
    return [*found, *joiner.flush()]


def read_container_log(data: bytes) -> None:
    """Any log of a container, with a terminal and without: records that can be stored, or a damaged log."""
    for tty in (False, True):
        reader, transcript = FrameReader(tty=tty), Transcript(Prefix(*HERE), None)
        seeker = Seeker(None)
        try:
            for at in range(0, len(data), 50):
                for frame in reader.feed(data[at : at + 50]):
                    for new in seeker.take(frame):
                        transcript.take(new)
            for frame in reader.close():
                transcript.take(frame)
        except LogBroken:
            assert not tty
        transcript.settle(cut=True, ended=True)
        found, position = transcript.harvest()
        check_entries(entry_of(each, _CONTAINER, Prefix(*HERE)) for each in found)
        if position is not None:
            assert Position.parse(str(position)) == position


def read_engine(data: bytes) -> None:
    """Any answer of an engine, and what was kept of one: something is read, or nothing."""
    documents: list[Any] = [made(data[1:], ENGINE)] if data[:1] == MADE else []
    with suppress(ValueError, RecursionError):
        documents.append(json.loads(data))
    for document in documents:
        event = _read(json.dumps(document).encode())
        if event is not None:
            assert 0 <= event.time_ns < END
            assert -END <= event.exit_code < END
            check_texts([event.action, event.detail, event.attributes])
            EventMark("5 1").passes(event)
        reading = read_stats(_CONTAINER, document)
        assert reading is None or 0 < reading.time_ns < END
    text = data.decode("latin-1")
    position = Position.parse(text)
    if position is not None:
        assert Position.parse(str(position)) == position
        transcript, seeker = Transcript(Prefix(*HERE), position), Seeker(position)
        for frame in _FRAMES:
            for new in seeker.take(frame):
                transcript.take(new)
    assert EventMark(text).since
    assert 0 <= moment(text, 1) < END
    Lifecycle().restore("a" * 64, text)


def _framed(stream: int, text: bytes) -> bytes:
    payload = b"2026-01-02T03:04:05.678901234Z " + text
    return struct.pack(">B3xI", stream, len(payload)) + payload


_LOG = (
    _framed(1, b"ready\n")
    + _framed(2, b"Traceback (most recent call last):\n")
    + _framed(2, b"  x\n")
    + _framed(1, b"a")
)
_FRAMES = FrameReader().feed(_LOG)
_STAMP = b"2026-01-02T03:04:05.678901234Z "
_TERMINAL = _STAMP + b"a\r\n" + _STAMP + b"b" + _STAMP + b"c\r\n"
_SYSLOG = (
    b'<34>1 2026-01-02T03:04:05Z web7 cart 7 ID [a@1 x="y"][pylogtap@32473 key="k"] \xef\xbb\xbfno\n',
    b"<13>Jan  2 03:04:05 web7 cart[7]: no\nTraceback (most recent call last):\nE: x\n<14>x: y\n",
    b"57 <14>1 2026-01-02T03:04:05Z - - - - - a counted message!!!9 <1>second",
    b'{"message":"x","level":3}\nplain text\n',
    b'{"version":"1.1","host":"h","short_message":"x","level":3,"_file":"a.py","_line":5,"timestamp":1767225600.5}\0',
)  # fmt: skip
_FORWARD = (
    msgpack.packb(["a.b", [[1767225600, {"message": "x"}]], {"chunk": "p8n9gmxTQVC8/nh2wlKKeQ=="}]),
    msgpack.packb(["a.b", 1767225600.5, {"log": "x", "container_id": "a" * 64, "source": "stdout"}]),
    msgpack.packb(["a.b", msgpack.packb([msgpack.ExtType(0, bytes(8)), {"log": "x",
        "partial_message": "true", "partial_id": "i",
                                         "partial_ordinal": "1", "partial_last": "false"}])]),
    b'["a.b", [[1767225600, {"message": "x"}]], {"chunk": "x"}]', msgpack.packb(["HELO", {"nonce": b"x",
        "auth": b""}]),
)  # fmt: skip
_PACKED = tuple(msgpack.packb([1767225600, {"log": "x", "n": n}]) * 3 for n in (1, None, 1.5))
_MSGPACK = (b"\x92", b"\x93", b"\x81\xa3log", b"\xc0", b"\xc4\x05", b"\xd9\x05", b"\xdb\0\0\0\x05",
    b"\xdd\0\0\0\x05", b"\xdf\0\0\0\x05",
            b"\xd7\x00", b"\xd7\xff", b"\xc7\x0c\xff", b"\xc1", b"\xa5chunk", b"\xaacompressed", b"\xa4gzip",
            b"\xa4zstd", b"\xff" * 4)  # fmt: skip
_DIED = (
    b'{"Type":"container","Action":"die","Actor":{"ID":"a","Attributes":{"exitCode":"137","name":"web"}},"timeNano":1767225600000000000}'
)  # fmt: skip
_STATS = (
    b'{"read":"2026-01-02T03:04:05.6Z","cpu_stats":{"cpu_usage":{"total_usage":5,"percpu_usage":[1]},"online_cpus":2},"memory_stats":'
    b'{"usage":9,"limit":99,"stats":{"inactive_file":1}},"networks":{"eth0":{"rx_bytes":1}},"pids_stats":{"current":1}}'
)  # fmt: skip
_POSITION = b'["stdout",{"stdout":["2026-01-02T03:04:05.678901234Z",1]},{"stdout":1},5,1234]'
_KNOWN = (
    *(f'"{name}"'.encode() for name in ENGINE),
    *b"[ ] { } , : 1e999 -1 null 99999999999999999999".split(),
)
STREAMS = (
    Target("syslog-stream", read_lines, _SYSLOG, SYSLOG_WORDS),
    Target("datagrams", read_datagram, _SYSLOG, SYSLOG_WORDS),
    Target("gelf-parts", read_parts, (b"\x30" + b"i" * 8 + b"\0\2ab" + b"\x30" + b"i" * 8 + b"\1\2cd",),
        (b"\x30iiiiiiii", b"\0\2", b"\1\2")),
    Target("forward", read_forward, _FORWARD, _MSGPACK),
    Target("forward-packed", read_packed, _PACKED, _MSGPACK),
    Target("container-logs", read_container_log, (_LOG, _TERMINAL),
           (_framed(1, b"x\n"), _framed(2, b"y"), b"\1\0\0\0\0\0\0\x20", b"2026-01-02T03:04:05Z ",
               b"9999-12-31T23:59:59+00:00 ",
            b"0001-01-01T00:00:00.5Z ", b"\n", b" ")),
    Target("engine", read_engine, (_DIED, _STATS, _POSITION, b"1767225600000000000 2",
        MADE + bytes(range(256))), _KNOWN),
)  # fmt: skip
