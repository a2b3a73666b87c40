"""
Fluent Forward, version 1: bytes of a connection to messages, messages to events; pure.

Source: github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1. Every message, and every event in
it, is cut out before it is decoded, so that a bad one spoils no other. Text need not be UTF-8: Docker's
driver sends what a program wrote, as it is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import msgpack

from pylogtap_collector.errors import Undecodable
from pylogtap_collector.taps.cutting import JsonCutter, MsgpackCutter, cut_array
from pylogtap_collector.taps.packing import NS, Ns, decode, inflate_events
from pylogtap_collector.taps.values import MAX_TIME_NS, storable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_MESSAGE = 32 << 20  # bytes, compressed or not
_NIL = b"\xc0"
_MOST_SKIPPED = 1_000  # events of one message that cannot be read, until nothing more of it is looked at
_SLICE = 64 << 10  # bytes of packed events that are cut at once


class Event(NamedTuple):
    """
    One event of a message.

    Attributes:
        time_ns: Since the epoch; None: when it came.
        record: Named values, or text.
        size: Bytes that it came in, about.
    """

    time_ns: int | None
    record: dict[str, Any] | str
    size: int = 0


class Message:
    """
    A message: events of one tag.

    Attributes:
        tag: Theirs.
        chunk: What is to be sent back when all of them are stored; None: nothing is.
        skipped: Events that cannot be read; grows while :meth:`events` goes on.
        size: Bytes of all events, decompressed.
    """

    def __init__(
        self, tag: str, body: Any, chunk: bytes | None = None, skipped: int = 0, *, size: int = 0
    ) -> None:
        """
        Keep the parts.

        Args:
            tag: The tag.
            body: Packed events as bytes, or what a list of them holds: packed each, or decoded.
            chunk: The id that is acknowledged.
            skipped: Events that could not be read already.
            size: Bytes that it came in.
        """
        self.tag = tag
        self.chunk = chunk
        self.skipped = skipped
        self._body = body
        self.size = len(body) if isinstance(body, bytes) else size

    def events(self) -> Iterator[Event]:
        """Yield the events that can be read; decoded one after the other, so that few are in memory."""
        each = 0 if isinstance(self._body, bytes) else self.size // max(1, len(self._body))
        try:
            for packed in _cut(self._body) if isinstance(self._body, bytes) else self._body:
                event = _event(packed, each)
                if event is not None:
                    yield event
                    continue
                self.skipped += 1
                if self.skipped > _MOST_SKIPPED:  # nobody else has a turn until one can be read
                    return
        except Undecodable:  # packed events that are damaged; those before are good
            self.skipped += 1


class ForwardDecoder:
    """Takes what comes over a connection, gives messages; the first byte tells msgpack from JSON."""

    def __init__(self, max_inflated: int, max_message: int = MAX_MESSAGE) -> None:
        """
        Begin a connection.

        Args:
            max_inflated: Bytes of the events of one message, decompressed.
            max_message: Bytes of one message.
        """
        self._max_inflated = max_inflated
        self._max_message = max_message
        self._cutter: MsgpackCutter | JsonCutter | None = None

    @property
    def waiting(self) -> int:
        """Bytes of a message that is not complete."""
        return 0 if self._cutter is None else self._cutter.waiting

    @property
    def is_json(self) -> bool:
        """Whether the other side speaks JSON, and is to be answered so."""
        return isinstance(self._cutter, JsonCutter)

    def admit(self, max_message: int) -> None:
        """
        Let messages be larger from now on.

        Args:
            max_message: Bytes of one message.
        """
        self._max_message = max_message
        if self._cutter is not None:
            self._cutter.max_bytes = max_message

    def values(self, data: bytes) -> list[bytes]:
        """
        Return values that are complete, not decoded: messages, or what is said before them.

        Args:
            data: Cut anywhere.

        Raises:
            Undecodable: What comes is no Fluent Forward; nothing that follows can be read.
        """
        if self._cutter is None and data:
            kind = JsonCutter if data[0] in b"{[" else MsgpackCutter
            self._cutter = kind(self._max_message)
        return [] if self._cutter is None else self._cutter.feed(data)

    def message(self, value: bytes) -> Message | None:
        """
        Return the message that a value is; None where it is nil, which keeps a connection open.

        Args:
            value: One value, complete.

        Raises:
            Undecodable: The other side speaks another protocol.
        """
        if self.is_json:
            return self._json(value)
        if value == _NIL:
            return None
        parts = cut_array(value)
        if parts is None:
            raise Undecodable("This is no Fluent Forward: a message is an array.")
        if len(parts) < 2:
            return Message("", [], skipped=1)
        tag = decode(parts[0])
        events = cut_array(parts[1])
        packed = None if events is not None else _packed(parts[1])
        at = 3 if events is None and packed is None else 2
        said = decode(parts[at]) if len(parts) > at else None
        option: dict[str, Any] = said if isinstance(said, dict) else {}
        body: Any = events if events is not None else [tuple(parts[1:3])]
        skipped = 0
        if packed is not None:
            try:
                body = inflate_events(packed, option.get("compressed"), self._max_inflated)
            except Undecodable:
                body, skipped = b"", 1
        elif at == 3 and len(parts) < 3:
            body, skipped = [], 1
        chunk = _chunk(parts[at]) if "chunk" in option else None
        return Message(tag if isinstance(tag, str) else "", body, chunk, skipped, size=len(value))

    def _json(self, value: bytes) -> Message | None:
        try:
            parts = storable(json.loads(value.decode("utf-8", "backslashreplace")))
        except (ValueError, RecursionError):
            return Message("", [], skipped=1)
        if not isinstance(parts, list) or len(parts) < 2 or not isinstance(parts[0], str):
            return Message("", [], skipped=1)
        several = isinstance(parts[1], list) and all(isinstance(each, list) for each in parts[1])
        at = 2 if several else 3
        option = parts[at] if len(parts) > at and isinstance(parts[at], dict) else {}
        body = [[*each[:2]] for each in parts[1]] if several else [parts[1:3]]
        chunk = option.get("chunk")
        name = chunk.encode(errors="replace") if isinstance(chunk, str) else None
        return Message(parts[0], body, name, size=len(value))


def acknowledge(chunk: bytes, *, as_json: bool) -> bytes:
    """
    Return what says that a message is stored.

    Args:
        chunk: Its id, as it came.
        as_json: The other side speaks JSON.
    """
    try:
        return pack({"ack": chunk.decode()}, as_json=as_json)
    except UnicodeDecodeError:
        return pack({"ack": chunk}, as_json=False)


def pack(value: Any, *, as_json: bool) -> bytes:
    """
    Return an answer as the other side reads it.

    Args:
        value: The answer.
        as_json: It speaks JSON.
    """
    return json.dumps(value).encode() if as_json else bytes(msgpack.packb(value))


def _chunk(option: bytes) -> bytes | None:
    """Return the id of a message, byte by byte as it came."""
    pairs = msgpack.unpackb(option, raw=True, strict_map_key=False, object_pairs_hook=list)
    return next((value for key, value in pairs if key == b"chunk" and isinstance(value, bytes)), None)


def _cut(packed: bytes) -> Iterator[bytes]:
    cutter = MsgpackCutter(MAX_MESSAGE)
    for start in range(0, len(packed), _SLICE):
        yield from cutter.feed(packed[start : start + _SLICE])
    if cutter.waiting:
        raise Undecodable("The last packed event is cut, or damaged.")


def _event(packed: bytes | Sequence[Any], each: int) -> Event | None:
    """Return an event: of `[time, record]`, packed as a whole or in its parts, or decoded from JSON."""
    parts: Sequence[Any] | None = cut_array(packed) if isinstance(packed, bytes) else packed
    if parts is None or len(parts) < 2:
        return None
    when, record = (decode(part) if isinstance(part, bytes) else part for part in parts[:2])
    if isinstance(when, list) and when:  # Fluent Bit, from version 5 on: [time, metadata]
        when = when[0]
    return (
        Event(_time(when), record, len(packed) if isinstance(packed, bytes) else each)
        if isinstance(record, dict | str)
        else None
    )


def _time(value: Any) -> int | None:
    if isinstance(value, Ns):
        ns = int(value)
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MAX_TIME_NS / NS:
        ns = value * NS if isinstance(value, int) else round(value * 1_000_000) * 1_000
    else:
        return None
    return ns if 0 < ns <= MAX_TIME_NS else None


def _packed(part: bytes) -> bytes | None:
    """Return packed events, which come as bin or, of old senders, as str; None: it is neither."""
    first = part[0]
    if not (0xA0 <= first < 0xC0 or first in {0xC4, 0xC5, 0xC6, 0xD9, 0xDA, 0xDB}):
        return None
    return bytes(msgpack.unpackb(part, raw=True))
