"""Inputs that grow: whoever reads one that is four times as long may take four times as long, not sixteen."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fuzz.target import Target

_SHORT = 8 << 10  # bytes
_TIMES = 4
_MOST = 10  # what is quadratic takes 16 times as long
_FAST_S = 0.1  # what is done in that, of some 32 KiB, is no matter
_ANY = (b"a", b" ", b"\n", b"\t", b"0", b"(", b"[", b"{", b'"', b"'", b"\\", b"%", b"%(", b":", b"/", b"-",
    b"=", b"a.",
        b"a b ", b"\xc3\xa4", b"\xff", b"\0", b"<", b"|", b",", b"\x1b[", b"a:", b'""', b"()", b"[]",
            b'"a" ', b"a=")  # fmt: skip


def patterns(target: Target) -> Iterator[tuple[bytes, bytes]]:
    """
    Yield beginnings, and what is to be repeated behind them.

    Args:
        target: Has words, and samples, each of which an input may begin with.
    """
    heads = (b"", *(sample[: len(sample) // 2] for sample in target.samples[:3]))
    for unit in dict.fromkeys(
        (*_ANY, *target.words, *(sample for sample in target.samples if len(sample) < 400))
    ):
        for head in heads:
            yield head, unit
    for one, other in zip(target.words, target.words[1:], strict=False):
        yield b"", one + other


def slow_growth(target: Target, head: bytes, unit: bytes, size: int = _SHORT) -> float | None:
    """
    Return how many times as long four times the input takes, where that is too long.

    Args:
        target: Reads it.
        head: What it begins with.
        unit: What is repeated.
        size: Bytes of the shorter input.
    """
    count = max(1, (size - len(head)) // len(unit))

    def read(times: int) -> None:
        target.read(head + unit * times)

    if _seconds(read, count * _TIMES) < _FAST_S:
        return None
    found = min(_seconds(read, count * _TIMES) / max(_seconds(read, count), 1e-4) for _ in range(3))
    return found if found > _MOST else None


def _seconds(read: Callable[[int], object], count: int) -> float:
    gc.collect()
    began = time.process_time()
    read(count)
    return time.process_time() - began
