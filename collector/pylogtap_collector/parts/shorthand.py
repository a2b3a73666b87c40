"""Texts written small: numbers as numbers, runs of hexadecimal digits in half their room, and lines."""

from __future__ import annotations

import re
import struct
from functools import cached_property
from itertools import compress
from operator import eq
from typing import TYPE_CHECKING

import numpy as np

from pylogtap_collector.parts import numbers
from pylogtap_collector.parts.texts import MARK, Texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pylogtap_collector.parts.numbers import Codes, Ints
    from pylogtap_collector.parts.texts import Lifted

_HEX_RUN = re.compile(rb"([0-9a-f]{8,255})")
_HEAD = struct.Struct("<IIIIB")  # numbers, lines, runs, different runs; flags
_IS_ESCAPED, _IS_ASCII = 1, 2
SECTIONS = 6  # that texts are written in
_DIGITS = 19  # of the largest whole number of 64 bits
_LARGEST = (1 << 63) - 1


def arrange(values: Sequence[str]) -> tuple[Texts, Codes]:
    """
    Arrange different texts so that they can be written small.

    Args:
        values: Different texts.

    Returns:
        The texts in their new order, and the new number of each.
    """
    integers, whole = _whole_numbers(values)
    plain = Texts.of(list(compress(values, (~whole).tolist())))
    order = np.empty(len(values), np.int32)
    order[np.concatenate([np.flatnonzero(whole), np.flatnonzero(~whole)])] = np.arange(len(values))
    parts = _HEX_RUN.split(plain.raw)
    runs: Lifted = b"\n".join(parts[1::2]).decode().split("\n") if len(parts) > 1 else ()
    return Texts(integers, MARK.join(parts[0::2]), plain.count, runs, escaped=plain.escaped), order


def _whole_numbers(values: Sequence[str]) -> tuple[Ints, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Return the texts that are whole numbers of 64 bits as Python writes them, and which these are."""
    decimal = np.fromiter(map(str.isdecimal, values), np.bool_, len(values))
    found = list(compress(values, decimal.tolist()))
    if found and max(map(len, found)) > _DIGITS:
        short = [len(value) <= _DIGITS for value in found]
        decimal[decimal] = short
        found = list(compress(found, short))
    integers = list(map(int, found))
    same = list(map(eq, map(str, integers), found))
    if integers and max(integers) > _LARGEST:
        same = [equal and number <= _LARGEST for equal, number in zip(same, integers, strict=True)]
    if not all(same):
        decimal[decimal] = same
        integers = list(compress(integers, same))
    return np.array(integers, np.int64), decimal


class Runs:
    """Runs of hexadecimal digits, as they are stored; made texts when they are asked for."""

    def __init__(self, codes: Ints, lengths: Ints, digits: bytes) -> None:
        """
        Take runs.

        Args:
            codes: The number of each.
            lengths: Of the different ones.
            digits: Of these, each filled up to whole bytes.
        """
        self._codes = codes
        self._lengths = lengths
        self._digits = digits

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._codes)

    def __getitem__(self, place: int) -> str:
        """Return one of them."""
        code = int(self._codes[place])
        begin, end = self._starts[code : code + 2].tolist()
        return self._digits[begin:end].hex()[: int(self._lengths[code])]

    def __iter__(self) -> Iterator[str]:
        """Yield all of them."""
        digits = self._digits.hex()
        starts = (self._starts[:-1] * 2).tolist()
        known = [
            digits[start : start + length]
            for start, length in zip(starts, self._lengths.tolist(), strict=True)
        ]
        return map(known.__getitem__, self._codes.tolist())

    @cached_property
    def _starts(self) -> Ints:
        return np.concatenate([[0], np.cumsum((self._lengths + 1) >> 1)])


def write(texts: Texts) -> list[bytes]:
    """
    Write texts as sections, each to be compressed by itself.

    Args:
        texts: From :func:`arrange`.
    """
    different, codes = numbers.number_first(list(texts.runs))
    flags = _IS_ESCAPED * texts.escaped + _IS_ASCII * texts.raw.isascii()
    digits = "".join([run if len(run) % 2 == 0 else run + "0" for run in different])
    lengths = np.fromiter(map(len, different), np.int64, len(different))
    return [
        _HEAD.pack(len(texts.integers), texts.count, len(texts.runs), len(different), flags),
        numbers.pack(texts.integers),
        texts.raw,
        numbers.pack(codes.astype(np.int64)),
        numbers.pack(lengths),
        bytes.fromhex(digits),
    ]


class _Stored(Texts):
    """Texts whose sections are read when they are asked for."""

    def __init__(self, sections: Sequence[bytes]) -> None:
        self._sections = sections
        self.whole, self.count, self.marks, self._different, flags = _HEAD.unpack(sections[0])
        self._is_escaped = bool(flags & _IS_ESCAPED)

    @cached_property
    def integers(self) -> Ints:  # type: ignore[override]
        """Those that are whole numbers."""
        return numbers.unpack(self._sections[1], self.whole)

    def _integers_at(self, codes: Sequence[int]) -> list[int]:
        places = np.array(codes, np.int64)
        found: list[int] = numbers.pick(self._sections[1], self.whole, places).tolist()
        return found

    @cached_property
    def runs(self) -> Lifted:  # type: ignore[override]
        """What the marks in lines stand for."""
        if not self.marks:
            return ()
        codes, lengths, digits = (self._sections[place] for place in (3, 4, 5))
        return Runs(numbers.unpack(codes, self.marks), numbers.unpack(lengths, self._different), digits)

    @cached_property
    def _lines(self) -> tuple[bytes, bool]:
        return self._sections[2], self._is_escaped


def read(sections: Sequence[bytes]) -> Texts:
    """
    Read texts, as far as they are asked for.

    Args:
        sections: From :func:`write`.
    """
    return _Stored(sections)
