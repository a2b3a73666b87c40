"""Bytes into lines: of any length, of any bytes, cut anywhere. Nothing is lost, and little is held."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_LINE = 1 << 20  # bytes; what is longer comes in pieces
# ECMA-48 control sequences: CSI (colours, cursor), OSC (titles, links), and two-character escapes.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~]?)")


class Line(NamedTuple):
    """
    A line without its end.

    Attributes:
        text: What it says; bytes that are no UTF-8 are escaped in hex.
        part: 0, or the number of the piece of a line that was too long, from 1 on.
    """

    text: str
    part: int = 0


class LineSplitter:
    """Takes chunks, gives lines. How the chunks were cut makes no difference."""

    def __init__(self, max_line: int = MAX_LINE) -> None:
        """
        Begin a stream.

        Args:
            max_line: Bytes of the longest line that stays whole; at least 4, the longest character.
        """
        self._max = max(4, max_line)
        self._rest = b""
        self._parts = 0  # pieces given of the line that is not at its end yet

    def feed(self, chunk: bytes | str) -> list[Line]:
        """Return the lines that end in a chunk, and the pieces of one that is too long."""
        data = chunk if isinstance(chunk, bytes) else _encode(chunk)
        *whole, rest = (self._rest + data).split(b"\n") if self._rest else data.split(b"\n")
        lines: list[Line] = []
        for raw in whole:
            if not self._parts and len(raw) <= self._max:
                lines.append(Line(_decode(raw)))
            else:
                self._end(self._cut(raw, lines), lines)
        self._rest = self._cut(rest, lines) if len(rest) > self._max else rest
        return lines

    def flush(self) -> list[Line]:
        """Return the last line, where it has no end."""
        lines: list[Line] = []
        rest, self._rest = self._rest, b""
        if rest or self._parts:
            self._end(rest, lines)
        return lines

    def _end(self, raw: bytes, lines: list[Line]) -> None:
        part = self._parts + 1 if self._parts else 0
        self._parts = 0
        lines.append(Line(_decode(raw), part))

    def _cut(self, raw: bytes, lines: list[Line]) -> bytes:
        """Take pieces from the front of a line until the rest is short enough, and return that."""
        start = 0
        while len(raw) - start > self._max:
            end = start + self._max
            while end > start + self._max - 3 and raw[end] & 0xC0 == 0x80:  # within a UTF-8 character
                end -= 1
            if raw[end] & 0xC0 == 0x80:  # more of them than a character has: these are none
                end = start + self._max
            self._parts += 1
            lines.append(Line(raw[start:end].decode("utf-8", "backslashreplace"), self._parts))
            start = end
        return raw[start:]


def strip_escapes(text: str) -> str:
    """Return text without colours and other terminal controls. Linear in its length."""
    return _ESCAPES.sub("", text)


def _decode(raw: bytes) -> str:
    return raw.removesuffix(b"\r").decode("utf-8", "backslashreplace")


def _encode(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")  # bytes that were no text, as sys.stdin gives them
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")
