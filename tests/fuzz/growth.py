"""Inputs that grow: whoever reads one that is four times as long may take four times as long, not sixteen."""

from __future__ import annotations

import gc
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fuzz.target import Target

_SHORT = 16 << 10  # bytes
_TIMES = 4
_MOST = 10  # what is quadratic takes 16 times as long
_FAST_S = 0.1  # what is done in that, of 64 KiB, is no matter
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


def slow_growth(target: Target, head: bytes, unit: bytes) -> float | None:
    """
    Return how many times as long four times the input takes, where that is too long.

    Args:
        target: Reads it.
        head: What it begins with.
        unit: What is repeated.
    """
    count = max(1, (_SHORT - len(head)) // len(unit))
    longer = head + unit * count * _TIMES
    if _seconds(target, longer) < _FAST_S:
        return None
    found = min(_ratio(target, head + unit * count, longer) for _ in range(3))
    return found if found > _MOST else None


def _ratio(target: Target, short: bytes, longer: bytes) -> float:
    return _seconds(target, longer) / max(_seconds(target, short), 1e-4)


def _seconds(target: Target, data: bytes) -> float:
    gc.collect()
    began = time.process_time()
    with suppress(AssertionError):  # that is found by others; here it is about time
        target.read(data)
    return time.process_time() - began
