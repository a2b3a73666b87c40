"""Inputs like those that are sound, but for what an accident or an attack changes: by chance, repeatable."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

    from tests.fuzz.target import Target

_ODD = (b"\0", b"\xff", b"\n", b"\x80", b"\xc3", b"\x7f", b"9" * 20, b"\xff" * 4, b"\0" * 8, b"\xed\xa0\x80")
_MOST = 1 << 16  # bytes


def mutations(target: Target, chance: random.Random, known: Sequence[bytes] = ()) -> Iterator[bytes]:
    """
    Yield inputs without an end.

    Args:
        target: Has sound ones, and words.
        chance: Decides.
        known: Further inputs to begin with.
    """
    begun = [*target.samples, *known, *(word * 3 for word in target.words)]
    words = [*target.words, *_ODD]
    while True:
        data = chance.choice(begun)
        for _ in range(chance.randint(1, 4)):
            data = _changed(data, chance, words, begun)[:_MOST]
        yield data


def _changed(data: bytes, chance: random.Random, words: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    """Return bytes with one change."""
    start = chance.randint(0, len(data))
    end = min(len(data), start + chance.choice((0, 1, 2, 4, 8, 40, 400)))
    kind = chance.randrange(8)
    if kind == 0:
        return data[:start] + data[end:]
    if kind == 1:
        return data[:start] + chance.choice(words) + data[end:]
    if kind == 2:
        return data[:end] + data[start:end] * chance.choice((1, 2, 50)) + data[end:]
    if kind == 3:
        return data[:start] + chance.randbytes(end - start) + data[end:]
    if kind == 4:
        other = chance.choice(others)
        at = chance.randint(0, len(other))
        return data[:start] + other[at : at + chance.choice((4, 40, 400))] + data[end:]
    if kind == 5:
        return data[:start]
    if kind == 6 and data:
        at = start % len(data)
        return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
    return data[:start] + chance.choice(words) * chance.choice((1, 2, 30)) + data[start:]
