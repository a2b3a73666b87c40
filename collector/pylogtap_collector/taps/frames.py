"""
One stream that may be syslog, GELF, JSON lines or text: cut into messages; pure.

Syslog is framed by octet counting, or by LF (RFC 6587), or by NUL, as Python's handler does it. GELF ends
with NUL, JSON lines and text with LF.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_FRAME = 192 << 10  # bytes; what is longer comes in parts, each of which fits into a record
_OBJECT = 8  # times as long may an object of JSON be: a part of one is none
_COUNTED = re.compile(rb"([1-9][0-9]{0,8}) (?=<[0-9]{1,3}>)")
_COUNTED_SO_FAR = re.compile(rb"[1-9][0-9]{0,8}(?: (?:<[0-9]{0,3})?)?")  # may become the above
_SYSLOG = re.compile(rb"<[0-9]{1,3}>")
_MOST_EMPTY = 1_000  # line ends between lines of one message
_END = re.compile(rb"[\n\0]")
_GAP = b"\r\n\0"
_GAPS = re.compile(rb"[\r\n\0]*")
_LINE_ENDS = re.compile(rb"[\r\n]*")
_BEGINS = b"<{0123456789"  # by what a message begins that follows a line of syslog


class Frame(NamedTuple):
    """
    A message, without what ends it.

    Attributes:
        data: Its bytes.
        part: 0, or the number of the part of one that was too long, from 1 on.
    """

    data: bytes
    part: int = 0


class FrameCutter:
    """
    Takes chunks, gives messages; how the chunks are cut makes no difference.

    A line of syslog may be followed by lines that belong to it, such as a traceback: it is given when the
    next byte has come, or by :meth:`release`.
    """

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        """
        Begin a stream.

        Args:
            max_frame: Bytes of the longest message that stays whole; at least 64.
        """
        self._max = max(64, max_frame)
        self._buffer = bytearray()
        self._seen = 0  # there is no end before
        self._parts = 0  # given of the message that is not at its end yet
        self._octets = 0  # of it that are still to come; 0: it has no count
        self._many = False  # it is syslog, so may have several lines
        self._ended = False

    @property
    def waiting(self) -> int:
        """Bytes of a message that is not complete."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """Return the messages that are complete, and parts of one that is too long."""
        self._buffer += data
        return self._frames(final=False)

    def release(self) -> list[Frame]:
        """Return a message that is complete unless more of it comes; nothing has come for a while."""
        return self._frames(final=True)

    def flush(self) -> list[Frame]:
        """Return all that is left, also of a message without an end."""
        self._ended = True
        frames = self._frames(final=True)
        if self._buffer:
            frames.append(self._give(len(self._buffer), len(self._buffer)))
        self._octets = self._parts = self._seen = 0
        self._ended = False
        return frames

    def _frames(self, *, final: bool) -> list[Frame]:
        frames: list[Frame] = []
        while self._buffer and (frame := self._next(final=final)) is not None:
            if frame.data.strip(_GAP):
                frames.append(frame)
        return frames

    def _next(self, *, final: bool) -> Frame | None:
        if not self._octets and not self._parts and not self._seen:
            if gap := _GAPS.match(self._buffer):
                del self._buffer[: gap.end()]
            counted = _COUNTED.match(self._buffer)
            if counted is not None and int(counted[1]):
                self._octets = int(counted[1])
                del self._buffer[: counted.end()]
            elif not self._ended and _COUNTED_SO_FAR.fullmatch(self._buffer):
                return None
        return self._counted() if self._octets else self._delimited(final=final)

    def _counted(self) -> Frame | None:
        if self._octets > self._max:
            if len(self._buffer) < self._max:
                return None
            end = self._cut()
            self._octets -= end
            return self._give(end, end, more=True)
        if len(self._buffer) < self._octets:
            return None
        end, self._octets = self._octets, 0
        return self._give(end, end)

    def _delimited(self, *, final: bool) -> Frame | None:
        buffer = self._buffer
        if not self._parts:
            self._many = _SYSLOG.match(buffer) is not None
        most = self._max * _OBJECT if buffer[:1] == b"{" and not self._parts else self._max
        while (end := _END.search(buffer, self._seen)) is not None and end.start() <= most:
            self._seen = end.start()
            following = end.end()
            if buffer[end.start()] and self._many:
                if ends := _LINE_ENDS.match(buffer, following):
                    following = ends.end()
                if following - end.start() > min(self._max, _MOST_EMPTY):
                    return self._give(end.start(), following)  # nothing that follows belongs to it
                if following == len(buffer) and not final:
                    return None
                if following < len(buffer) and buffer[following] and buffer[following] not in _BEGINS:
                    self._seen = following
                    continue
            return self._give(end.start(), following)
        if len(buffer) > most:
            cut = self._cut()
            return self._give(cut, cut, more=True)
        if end is None:
            self._seen = len(buffer)
        return None

    def _cut(self) -> int:
        """Return where to cut a message that is too long: not within a character of UTF-8."""
        end = self._max
        while end > self._max - 3 and end < len(self._buffer) and self._buffer[end] & 0xC0 == 0x80:
            end -= 1
        within = end < len(self._buffer) and self._buffer[end] & 0xC0 == 0x80
        return self._max if within else end  # more of them than a character has: these are none

    def _give(self, end: int, following: int, *, more: bool = False) -> Frame:
        data = bytes(self._buffer[:end])
        del self._buffer[:following]
        self._seen = 0
        part = self._parts + 1 if more or self._parts else 0
        self._parts = part if more else 0
        return Frame(data, part)
