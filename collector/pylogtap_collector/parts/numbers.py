"""
Columns of integers as bytes: offsets from the smallest, in as few bytes as the largest needs, plane by plane.

Planes (first the lowest byte of each number, then the next, …) keep what hardly varies together, which is
what a compressor needs; for sorted columns the differences are stored instead of the numbers.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    Ints = np.ndarray[Any, np.dtype[np.int64]]
    Codes = np.ndarray[Any, np.dtype[np.int32]]
    Mask = np.ndarray[Any, np.dtype[np.bool_]]

_HEAD = struct.Struct("<Bq")  # bytes of a number; what to add to each
T = TypeVar("T")
# Types by the bytes that they have.
_KINDS: tuple[tuple[int, Any], ...] = ((1, np.uint8), (2, np.uint16), (4, np.uint32), (8, np.uint64))
_LARGE = 8
_WHOLE = (1 << 64) - 1
_DIFFERENCES = 0x80  # flag beside the width


def pack(numbers: Ints, *, differences: bool = False) -> bytes:
    """
    Write a column.

    Args:
        numbers: int64.
        differences: Store each number's difference from the one before: for columns that grow.
    """
    if not len(numbers):
        return b""
    if differences:
        numbers = np.diff(numbers, prepend=np.int64(0))
    low = int(numbers.min())
    # Modulo 2**64: a difference of two int64 may need all of its bits.
    offsets = numbers.view(np.uint64) - np.uint64(low & 0xFFFF_FFFF_FFFF_FFFF)
    width = (int(offsets.max()).bit_length() + 7) // 8
    planes = np.ascontiguousarray(offsets.view(np.uint8).reshape(-1, 8)[:, :width].T)
    return _HEAD.pack(width | (_DIFFERENCES if differences else 0), low) + planes.tobytes()


def unpack(data: bytes, count: int) -> Ints:
    """
    Read a column.

    Args:
        data: From :func:`pack`.
        count: How many numbers there are.

    Returns:
        int64.
    """
    if not count:
        return np.empty(0, np.int64)
    head, low = _HEAD.unpack_from(data)
    numbers: Ints = _offsets(data, count, head & ~_DIFFERENCES)
    numbers = numbers.view(np.int64) if numbers.itemsize == _LARGE else numbers.astype(np.int64)
    if low:
        numbers += low  # modulo 2**64, as they were packed
    return np.cumsum(numbers) if head & _DIFFERENCES else numbers


def unpack_codes(data: bytes, count: int) -> Codes:
    """
    Read a column of numbers from 0 on that count things.

    Args:
        data: From :func:`pack`.
        count: How many numbers there are.

    Returns:
        int32.
    """
    if not count:
        return np.empty(0, np.int32)
    width, low = _HEAD.unpack_from(data)
    codes: Codes = _offsets(data, count, width).astype(np.int32)
    if low:
        codes += low
    return codes


def _offsets(data: bytes, count: int, width: int) -> Any:
    """Return what is added to the smallest number, in the smallest type that holds it."""
    size, kind = next((size, kind) for size, kind in _KINDS if width <= size)
    if size == _LARGE:  # fewer passes over so many bytes
        numbers = np.zeros((count, size), np.uint8)
        for plane in range(width):
            numbers[:, plane] = _plane(data, plane, count)
        return numbers.view(kind).ravel()
    offsets = _plane(data, 0, count).astype(kind) if width else np.zeros(count, kind)
    for plane in range(1, width):
        offsets |= _plane(data, plane, count).astype(kind) << kind(8 * plane)
    return offsets


def pick(data: bytes, count: int, places: Ints) -> Ints:
    """
    Read some numbers of a column that is not stored by differences.

    Args:
        data: From :func:`pack`.
        count: How many numbers there are.
        places: Of those that are read.
    """
    if not len(places):
        return np.empty(0, np.int64)
    width, low = _HEAD.unpack_from(data)
    numbers = np.full(len(places), low & _WHOLE, np.uint64)
    for plane in range(width):
        numbers += _plane(data, plane, count)[places].astype(np.uint64) << np.uint64(8 * plane)
    return numbers.view(np.int64)


def _plane(data: bytes, plane: int, count: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(data, np.uint8, count, _HEAD.size + plane * count)


def number_first(values: Collection[Any]) -> tuple[list[Any], Codes]:
    """
    Number values in the order in which they first appear.

    Args:
        values: Hashable.

    Returns:
        The different ones, and the number of each value.
    """
    numbers: defaultdict[Any, int] = defaultdict(count().__next__)
    codes = np.fromiter(map(numbers.__getitem__, values), np.int32, len(values))
    return list(numbers), codes


def renumber(values: Sequence[T], codes: Codes) -> tuple[list[T], Codes]:
    """
    Number values anew, in the order in which they first appear, without those that do not.

    Args:
        values: By their numbers.
        codes: Numbers of values.

    Returns:
        The values by their new numbers, and the new numbers in the place of the old ones.
    """
    first = np.full(len(values), len(codes), np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)  # of the same code, the last one stays
    rank = np.argsort(first)[: int(np.count_nonzero(first < len(codes)))]
    numbers = np.empty(len(values), np.int32)
    numbers[rank] = np.arange(len(rank), dtype=np.int32)
    return list(map(values.__getitem__, rank.tolist())), numbers[codes]


def sorted_unique(hashes: np.ndarray[Any, np.dtype[np.uint64]]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Return the different ones of some numbers, in their order: sooner than `numpy.unique`."""
    ordered = np.sort(hashes)
    fresh = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=fresh[1:])
    return ordered[fresh]
