"""
The engine's log stream: bytes into frames, and frames into lines; cut anywhere.

A container without a terminal has its output in frames: a byte for the stream, three zeros, the length in
four bytes, then a time stamp, a space, and at most 16 KiB of a line. One with a terminal has no frames, only
lines behind stamps. A longer line comes in several pieces, each behind the same stamp, of which only the last
ends in a newline (sources: Docker Engine API, "Attach to a container"; moby `daemon/logger/copier.go`).
"""

from __future__ import annotations

import re
import struct
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

STDOUT, STDERR = "stdout", "stderr"
MAX_PIECE = 128 << 10  # bytes; a record may have 256 KiB, and fields may say again what its text says

_STREAMS = {0: STDOUT, 1: STDOUT, 2: STDERR}
_SYSTEM_ERROR = 3  # the engine's own words: it can't read on
_MAX_FRAME = 64 << 20  # no driver writes so long ones: the stream is damaged
_MAX_RAW = 1 << 20
_LONGEST_STAMP = 40
_STAMP = re.compile(
    rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9:]{4,6})"
)
_SECOND_NS = 1_000_000_000
_END_NS = 1 << 63  # what is stored


class LogBroken(Exception):
    """The engine can't read the log any further; the text says why."""


class Frame(NamedTuple):
    """
    A piece of what a container wrote.

    Attributes:
        stream: `stdout` or `stderr`.
        stamp: When, as the engine writes it; empty: it does not say.
        data: What, without stamp and newline.
        ends: Its line ends here.
    """

    stream: str
    stamp: str
    data: bytes
    ends: bool


class LogLine(NamedTuple):
    """
    A line, or a piece of one that is too long.

    Attributes:
        data: UTF-8 without the newline; bytes that are none are escaped in hex.
        stamp: When it began, as the engine writes it.
        part: 0, or the number of the piece, from 1 on.
        first: Number of the frame that it begins with.
        last: Number of the frame that it ends with.
    """

    data: bytes
    stamp: str
    part: int
    first: int
    last: int


def stamp_ns(stamp: str) -> int:
    """
    Return a stamp in ns since the epoch; 0: it cannot be read, or is before that or beyond the year 2262.

    Args:
        stamp: RFC 3339, with up to nine digits behind the point.
    """
    digits = stamp[20:].rstrip("Z").partition("+")[0].partition("-")[0] if stamp[19:20] == "." else ""
    zone = stamp[20 + len(digits) :] if digits else stamp[19:]
    try:
        found = _seconds(stamp[:19], zone) * _SECOND_NS + int(digits.ljust(9, "0"))
    except ValueError:
        return 0
    return found if 0 <= found < _END_NS else 0


@lru_cache(maxsize=256)
def _seconds(clock: str, zone: str) -> int:
    return int(datetime.fromisoformat(clock + (zone or "Z")).timestamp())


class FrameReader:
    """Takes chunks of a container's log, gives its frames."""

    def __init__(self, *, tty: bool = False) -> None:
        """
        Begin a stream.

        Args:
            tty: The container has a terminal.
        """
        self._tty = tty
        self._rest = bytearray()
        self._stamp: bytes | None = None  # of the line that has begun, of a terminal

    def feed(self, chunk: bytes) -> list[Frame]:
        """
        Return the frames that a chunk completes.

        Raises:
            LogBroken: The engine says so, or these are no frames.
        """
        self._rest += chunk
        return self._raw() if self._tty else self._framed()

    def close(self) -> list[Frame]:
        """Return the last frame of a terminal, which has no newline."""
        if not self._tty or not self._rest:
            return []
        if self._stamp is None:
            self._begin_line(final=True)
        return [self._take(len(self._rest), ends=False)]

    def _framed(self) -> list[Frame]:
        found: list[Frame] = []
        rest, at, size = self._rest, 0, len(self._rest)
        while size - at >= 8:
            kind, zeros, length = struct.unpack_from(">B3sI", rest, at)
            if kind > _SYSTEM_ERROR or zeros != b"\0\0\0" or length > _MAX_FRAME:
                raise LogBroken("the engine sent something else than frames of a log")
            if size - at - 8 < length:
                break
            data = bytes(rest[at + 8 : at + 8 + length])
            at += 8 + length
            if kind == _SYSTEM_ERROR:
                raise LogBroken(data.decode("utf-8", "replace").strip()[:300])
            stamp, text = _split_stamp(data)
            found.append(Frame(_STREAMS[kind], stamp, text.removesuffix(b"\n"), text.endswith(b"\n")))
        del rest[:at]
        return found

    def _raw(self) -> list[Frame]:
        found: list[Frame] = []
        while self._rest and (self._stamp is not None or self._begin_line(final=False)):
            stamp = self._stamp or b""
            newline = self._rest.find(b"\n")
            again = stamp + b" "
            # stamps of whole seconds, as Podman's, a program may well write itself
            inner = (
                self._rest.find(again, 0, newline if newline >= 0 else len(self._rest))
                if b"." in stamp
                else -1
            )
            if inner >= 0:
                found.append(self._take(inner, ends=False))
                del self._rest[: len(again)]
                self._stamp = stamp
            elif newline >= 0:
                found.append(self._take(newline, ends=True))
                del self._rest[:1]
            elif len(self._rest) > _MAX_RAW:
                found.append(self._take(len(self._rest) - _LONGEST_STAMP, ends=False))
                self._stamp = stamp
            else:
                break
        return found

    def _begin_line(self, *, final: bool) -> bool:
        """Take the stamp off the front of a line; False: more is needed to tell."""
        space = self._rest.find(b" ", 0, _LONGEST_STAMP)
        if space < 0 and len(self._rest) < _LONGEST_STAMP and b"\n" not in self._rest and not final:
            return False
        self._stamp = b""
        if space > 0 and _STAMP.fullmatch(self._rest, 0, space):
            self._stamp = bytes(self._rest[:space])
            del self._rest[: space + 1]
        return True

    def _take(self, size: int, *, ends: bool) -> Frame:
        data = bytes(self._rest[:size])
        del self._rest[:size]
        stamp, self._stamp = (self._stamp or b"").decode(), None
        return Frame(STDOUT, stamp, data.removesuffix(b"\r") if ends else data, ends)


def _split_stamp(data: bytes) -> tuple[str, bytes]:
    space = data.find(b" ", 0, _LONGEST_STAMP)
    if space < 0:
        whole = data.removesuffix(b"\n")  # an empty line may come without the space
        return (whole.decode(), data[len(whole) :]) if _STAMP.fullmatch(whole) else ("", data)
    return (data[:space].decode(), data[space + 1 :]) if _STAMP.fullmatch(data, 0, space) else ("", data)


class LineJoiner:
    """
    Joins the frames of one stream to lines.

    What is too long is cut where a frame ends: a piece can then be stored without the rest.

    Attributes:
        parts: Pieces given of the line that has not ended yet.
        since: Number of the first frame that is held back; None: none is.
    """

    def __init__(self, parts: int = 0, stamp: str = "") -> None:
        """
        Begin, maybe within a line.

        Args:
            parts: Pieces given of that line.
            stamp: Its stamp.
        """
        self.parts = parts
        self.since: int | None = None
        self._stamp = stamp
        self._held = bytearray()
        self._last = 0

    def take(self, frame: Frame, number: int) -> list[LogLine]:
        """
        Return the lines that a frame completes.

        Args:
            frame: Of this stream.
            number: Counts frames.
        """
        found: list[LogLine] = []
        if (self.parts or self.since is not None) and not _continues(self._stamp, frame.stamp):
            found += self.finish()
        if self.since is None and not self.parts:
            self._stamp = frame.stamp
        *whole, rest = frame.data.split(b"\n")
        for data in whole:  # of drivers that keep several lines as one
            self._add(data, number, found)
            self._end(found)
            self._stamp = frame.stamp
        if frame.ends or rest:
            self._add(rest, number, found)
        if frame.ends:
            self._end(found)
        return found

    def pause(self) -> list[LogLine]:
        """Return what is held back, as a piece of a line that may go on."""
        found: list[LogLine] = []
        if self.since is not None:
            self._give(found, whole=False)
        return found

    def finish(self) -> list[LogLine]:
        """Return the last line, where it has no end."""
        found: list[LogLine] = []
        if self.since is not None:
            self._end(found)
        self.parts = 0
        return found

    def _add(self, data: bytes, number: int, found: list[LogLine]) -> None:
        if self.since is not None and len(self._held) + len(data) > MAX_PIECE:
            self._give(found, whole=False)
        if self.since is None:
            self.since = number
        self._held += data
        self._last = number
        if len(self._held) > MAX_PIECE:  # one frame alone
            self._give(found, whole=False)

    def _end(self, found: list[LogLine]) -> None:
        if self.since is not None:
            self._give(found, whole=True)
        self.parts = 0

    def _give(self, found: list[LogLine], *, whole: bool) -> None:
        pieces = _cut(bytes(self._held))
        numbered = not whole or self.parts or len(pieces) > 1
        for piece in pieces:
            self.parts += 1
            part = self.parts if numbered else 0
            found.append(LogLine(piece, self._stamp, part, self.since or 0, self._last))
        self._held.clear()
        self.since = None


def _continues(stamp: str, following: str) -> bool:
    """Tell whether a frame may continue a line: it has its stamp, where stamps are fine enough."""
    if stamp == following:
        return True
    return "." not in stamp + following and 0 <= stamp_ns(following) - stamp_ns(stamp) <= _SECOND_NS


def _cut(raw: bytes) -> list[bytes]:
    data = raw.decode("utf-8", "backslashreplace").encode()
    pieces: list[bytes] = []
    while len(data) > MAX_PIECE:
        end = MAX_PIECE
        while data[end] & 0xC0 == 0x80:  # within a UTF-8 character
            end -= 1
        pieces.append(data[:end])
        data = data[end:]
    return [*pieces, data]
