r"""
Marks in a program's output that tell the command apart what the handler has shipped already.

A log line that the program itself prints would otherwise be kept twice: as a record and as output. The text
of such a line travels behind a mark that says how many bytes it takes::

    ESC _ pylogtap: TOKEN : LENGTH ESC \        an application program command, ECMA-48, 8.3.2

The token is new for each run, so that no program's output can pretend. The command takes marks out again.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

TAP = "PYLOGTAP_TAP"  # environment variable: TOKEN, then DEVICE:INODE of each tapped output
_BEGIN = "\x1b_pylogtap:"
_END = "\x1b\\"
_MOST_DIGITS = 12


class Tap(NamedTuple):
    """
    What a program under `pylogtap run` knows of the command.

    Attributes:
        token: Stands in each mark.
        outputs: Device and inode of what the command reads; marks must go nowhere else.
    """

    token: str
    outputs: frozenset[tuple[int, int]]

    @classmethod
    def create(cls, outputs: Iterable[int]) -> Self:
        """
        Make a tap for new outputs.

        Args:
            outputs: File descriptors of the program's ends.
        """
        return cls(os.urandom(8).hex(), frozenset(identity(fd) for fd in outputs))

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self | None:
        """Read a tap from the environment; None where there is none."""
        token, *outputs = environment.get(TAP, "").split()[:9] or [""]
        pairs = [output.partition(":") for output in outputs]
        return (
            cls(token, frozenset((int(device), int(inode)) for device, _, inode in pairs)) if token else None
        )

    def __str__(self) -> str:
        """Return the value of the environment variable."""
        return " ".join([self.token, *(f"{device}:{inode}" for device, inode in sorted(self.outputs))])

    def mark(self, length: int) -> str:
        """Return the mark in front of so many bytes."""
        return f"{_BEGIN}{self.token}:{length}{_END}"


def identity(fd: int) -> tuple[int, int]:
    """
    Return what tells an open file from all others.

    Raises:
        OSError: The descriptor is closed.
    """
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


class Unmarker:
    """Takes the marks out of a stream of bytes."""

    def __init__(self, token: str) -> None:
        """
        Expect the marks of one run.

        Args:
            token: The run's token.
        """
        self._begin = f"{_BEGIN}{token}:".encode()
        self._end = _END.encode()
        self._held = b""  # may be the beginning of a mark
        self._left = 0  # bytes of shipped text that are still to come

    def feed(self, chunk: bytes) -> Iterator[tuple[bytes, bool]]:
        """
        Take bytes in, and yield them again without marks.

        Args:
            chunk: Some bytes, cut anywhere.

        Yields:
            Bytes, and whether the handler has shipped what they say.
        """
        data, self._held = self._held + chunk, b""
        while data:
            if self._left:
                piece, data = data[: self._left], data[self._left :]
                self._left -= len(piece)
                yield piece, True
                continue
            start = data.find(self._begin[:1])
            if start < 0:
                yield data, False
                return
            if start:
                yield data[:start], False
            size = self._mark_size(data[start:])
            if size is None:
                self._held = data[start:]
                return
            if not size:
                yield data[start : start + 1], False
            data = data[start + max(size, 1) :]

    def rest(self) -> bytes:
        """Return what was held back, at the end of the stream."""
        held, self._held = self._held, b""
        return held

    def _mark_size(self, data: bytes) -> int | None:
        """Return how many bytes a mark takes: 0: it is none; None: more is needed to tell."""
        if not data.startswith(self._begin):
            return None if self._begin.startswith(data) else 0
        digits, end, _ = data[len(self._begin) :][: _MOST_DIGITS + 2].partition(self._end)
        if not end:
            whole = digits.removesuffix(self._end[:1])
            return None if len(digits) <= _MOST_DIGITS and (not whole or whole.isdigit()) else 0
        if not digits.isdigit():
            return 0
        self._left = int(digits)
        return len(self._begin) + len(digits) + len(end)
