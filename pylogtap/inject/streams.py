"""Inside a tapped program: its standard output and error, which mark what the handler has shipped."""

from __future__ import annotations

import io
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pylogtap.inject.marks import identity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap.inject.marks import Tap

_PIECE = 1000  # characters: with its mark at most PIPE_BUF bytes, which no other process can write into


class _Showing(threading.local):
    """Whether this thread is just printing a record that was shipped."""

    depth = 0


_showing = _Showing()


@contextmanager
def showing() -> Iterator[None]:
    """Mark what this thread prints meanwhile as shipped."""
    _showing.depth += 1
    try:
        yield
    finally:
        _showing.depth -= 1


class MarkedStream(io.TextIOWrapper):
    """
    A standard stream of a tapped program.

    Attributes:
        tap: Says which outputs are tapped: the program may point its streams elsewhere later.
    """

    tap: Tap

    def write(self, text: str, /) -> int:
        """Write, behind a mark if this says what was shipped."""
        if not (_showing.depth and text and self._is_tapped()):
            return super().write(text)
        pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
        sizes = [len(piece.encode(self.encoding, self.errors or "strict")) for piece in pieces]
        self.flush()
        for piece, size in zip(pieces, sizes, strict=True):
            super().write(self.tap.mark(size) + piece)
            self.flush()
        return len(text)

    def _is_tapped(self) -> bool:
        try:
            return identity(self.fileno()) in self.tap.outputs
        except (OSError, ValueError):  # closed
            return False


def replace(tap: Tap) -> None:
    """
    Put marked streams in the place of the standard ones, where these are tapped.

    They write each line when it is complete, so that it is kept even if the program is killed right after.

    Args:
        tap: The tap.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, io.TextIOWrapper) or identity(stream.fileno()) not in tap.outputs:
            continue
        if "a".encode(stream.encoding) != b"a":  # a mark is ASCII
            continue
        encoding, errors, through = stream.encoding, stream.errors, stream.write_through
        marked = MarkedStream(
            stream.detach(), encoding=encoding, errors=errors, newline="\n", line_buffering=True,
            write_through=through,
        )  # fmt: skip
        marked.tap = tap
        marked.mode = "w"  # type: ignore[misc]  # Python sets it in the same way
        setattr(sys, name, marked)
        setattr(sys, f"__{name}__", marked)
