"""Streams of msgpack or JSON values, cut into single values before any of them is decoded; pure."""

from __future__ import annotations

import re

from pylogtap_collector.errors import Undecodable

MAX_VALUES = 1 << 20  # within one value: each takes a hundred bytes of memory, however few it has here
_JSON_MARK = re.compile(rb'["\\{}\[\]]')
_SPACE = b" \t\r\n"


def _sizes() -> list[int]:
    """Return bytes of a value by its first byte, its values apart; -n: n bytes of length follow."""
    sizes = [1] * 256
    for fixed in range(0xA0, 0xC0):  # str of up to 31 bytes
        sizes[fixed] = 1 + (fixed & 0x1F)
    sizes[0xC1] = 0  # never used
    for first, size in {0xCA: 5, 0xCB: 9, 0xCC: 2, 0xCD: 3, 0xCE: 5, 0xCF: 9}.items():  # float, uint
        sizes[first] = size
    for power, (integer, extension) in enumerate(zip(range(0xD0, 0xD4), range(0xD4, 0xD8), strict=True)):
        sizes[integer] = 1 + (1 << power)
        sizes[extension] = 2 + (1 << power)
    sizes[0xD8] = 18
    for firsts in ((0xC4, 0xC5, 0xC6), (0xC7, 0xC8, 0xC9), (0xD9, 0xDA, 0xDB)):  # bin, ext, str
        for power, first in enumerate(firsts):
            sizes[first] = -(1 << power)
    for first in (0xDC, 0xDD, 0xDE, 0xDF):  # array and map
        sizes[first] = -2 if not first & 1 else -4
    return sizes


_SIZES = _sizes()  # source: github.com/msgpack/msgpack/blob/master/spec.md


class MsgpackCutter:
    """
    Finds where values end, byte by byte read once, without building them.

    Attributes:
        max_bytes: Of one value.
    """

    def __init__(self, max_bytes: int) -> None:
        """
        Begin a stream.

        Args:
            max_bytes: Of one value.
        """
        self.max_bytes = max_bytes
        self._buffer = bytearray()
        self._at = 0  # what is before is understood
        self._left = 1  # values that are still to come until the outermost is complete
        self._count = 0
        self._broken: Undecodable | None = None

    @property
    def waiting(self) -> int:
        """Bytes of a value that is not complete."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """
        Return the values that are complete; those before what cannot be read, too.

        Args:
            data: Cut anywhere.

        Raises:
            Undecodable: This is no msgpack, or a value is too large; neither is anything that follows.
        """
        if self._broken is not None:
            raise self._broken
        self._buffer += data
        found, start = [], 0
        try:
            while start < len(self._buffer) and (end := self._scan(start)) is not None:
                found.append(bytes(self._buffer[start:end]))
                start = end
        except Undecodable as error:
            self._broken = error
            if not found:
                raise
        if start:
            del self._buffer[:start]
            self._at -= start
        return found

    def _scan(self, start: int) -> int | None:
        """Go on until a value is complete; return where it ends."""
        buffer, at, end, left, count = self._buffer, self._at, len(self._buffer), self._left, self._count
        most = start + self.max_bytes
        try:
            while left and at < end:
                first = buffer[at]
                size, children = _SIZES[first], 0
                if size < 0:
                    if at + 1 - size > end:
                        break
                    length = int.from_bytes(buffer[at + 1 : at + 1 - size])
                    if first >= 0xDC:
                        size, children = 1 - size, length << (first >> 1 & 1)
                    else:
                        size = 1 - size + length + (0xC7 <= first <= 0xC9)
                elif 0x80 <= first < 0xA0:
                    children = (first & 0x0F) << (first < 0x90)
                elif not size:
                    raise Undecodable("This is no msgpack: a byte 0xc1 stands where a value should begin.")
                if at + size > most or left + children > MAX_VALUES or count > MAX_VALUES:
                    raise Undecodable(
                        f"A message has more than {self.max_bytes} bytes, or {MAX_VALUES} values."
                    )
                if at + size > end:
                    break
                at += size
                count += 1
                left += children - 1
        finally:
            self._at, self._left, self._count = at, left, count
        if left:
            return None
        self._left, self._count = 1, 0
        return at


class JsonCutter:
    """
    Finds where arrays and objects end that follow each other, byte by byte read once.

    Attributes:
        max_bytes: Of one value.
    """

    def __init__(self, max_bytes: int) -> None:
        """
        Begin a stream.

        Args:
            max_bytes: Of one value.
        """
        self.max_bytes = max_bytes
        self._buffer = bytearray()
        self._at = 0
        self._depth = 0
        self._quoted = False
        self._broken: Undecodable | None = None

    @property
    def waiting(self) -> int:
        """Bytes of a value that is not complete."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """
        Return the values that are complete.

        Args:
            data: Cut anywhere.

        Raises:
            Undecodable: Something else stands between them, or one is too large.
        """
        if self._broken is not None:
            raise self._broken
        self._buffer += data
        found: list[bytes] = []
        try:
            while (value := self._next()) is not None:
                found.append(value)
        except Undecodable as error:
            self._broken = error
            if not found:
                raise
        return found

    def _next(self) -> bytes | None:
        if not self._at:
            self._buffer = self._buffer.lstrip(_SPACE + b",")
        buffer = self._buffer
        if buffer and buffer[0] not in b"[{":
            raise Undecodable("This is no JSON: an array or an object should begin here.")
        while (mark := _JSON_MARK.search(buffer, self._at)) is not None:
            byte, self._at = buffer[mark.start()], mark.end()
            if byte == 0x5C:  # a backslash
                if mark.end() == len(buffer):
                    self._at = mark.start()
                    return None
                self._at += 1
            elif byte == 0x22:
                self._quoted = not self._quoted
            elif not self._quoted:
                self._depth += 1 if byte in b"[{" else -1
                if not self._depth:
                    value = bytes(buffer[: self._at])
                    del buffer[: self._at]
                    self._at = 0
                    return value
        self._at = len(buffer)
        if self._at > self.max_bytes:
            raise Undecodable(f"A message has more than {self.max_bytes} bytes.")
        return None


def cut_array(data: bytes) -> list[bytes] | None:
    """
    Return the values of an array of msgpack, none of them decoded; None: it is no array.

    Args:
        data: One value, complete.
    """
    first = data[0] if data else 0
    if first & 0xF0 == 0x90:
        start = 1
    elif first in {0xDC, 0xDD}:
        start = 3 if first == 0xDC else 5
    else:
        return None
    return MsgpackCutter(len(data)).feed(data[start:]) if len(data) > start else []
