"""
How the numbers of a chunk are stored: columns, in a msgpack array, compressed by zstd.

A column of whole numbers is packed by :mod:`pylogtap_collector.parts.numbers`. One of fractions says how it
is stored: all the same; whole numbers, or tenths and so on, as these or by their differences; or floats,
each as the bits in which it differs from the one before, byte by byte: what is measured changes little.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import zstandard

from pylogtap_collector.parts.numbers import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.parts.numbers import Ints

    Floats = np.ndarray[Any, np.dtype[np.float64]]

SAME, WHOLE, GROWING, BITS = "c", "i", "d", "f"
_SCALES = (1, 10, 100, 1_000, 10_000, 1_000_000)
_EXACT = float(1 << 52)  # beyond, a float has no digits behind the point
_LEVEL = 3
_FEW = 8  # numbers that show whether a scale can do
_encode, _decode = msgspec.msgpack.encode, msgspec.msgpack.decode
_local = threading.local()


def write(columns: Sequence[Any]) -> bytes:
    """
    Compress columns.

    Args:
        columns: From :func:`whole` and :func:`fractions`.
    """
    compressor = getattr(_local, "compressor", None)
    if compressor is None:
        compressor = _local.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    data: bytes = compressor.compress(_encode(columns))
    return data


def read(data: bytes) -> list[Any]:
    """
    Return the columns of a chunk, packed as they were.

    Args:
        data: From :func:`write`.
    """
    decompressor = getattr(_local, "decompressor", None)
    if decompressor is None:
        decompressor = _local.decompressor = zstandard.ZstdDecompressor()
    columns: list[Any] = _decode(decompressor.decompress(data))
    return columns


def whole(numbers: Ints) -> bytes:
    """Pack whole numbers of 64 bits."""
    return pack(numbers)


def unpack_whole(data: bytes, count: int) -> Ints:
    """
    Return whole numbers.

    Args:
        data: From :func:`whole`.
        count: How many there are.
    """
    return unpack(data, count)


def fractions(values: Floats) -> tuple[Any, ...]:
    """
    Pack finite fractions; what comes back is the same to the last bit.

    Args:
        values: At least one.
    """
    bits = values.view(np.int64)
    if (bits == bits[0]).all():
        return (SAME, float(values[0]))
    for scale in _SCALES:
        if _fits(values[:_FEW], scale) is None:
            continue
        numbers = _fits(values, scale)
        if numbers is not None:
            differences = np.diff(numbers)
            if np.ptp(differences) < np.ptp(numbers):
                return (GROWING, scale, int(numbers[0]), pack(differences))
            return (WHOLE, scale, pack(numbers))
    changed = bits.copy()
    changed[1:] ^= bits[:-1]
    return (BITS, np.ascontiguousarray(changed.view(np.uint8).reshape(-1, 8).T).tobytes())


def unpack_fractions(column: Sequence[Any], count: int) -> Floats:
    """
    Return fractions.

    Args:
        column: From :func:`fractions`.
        count: How many there are.
    """
    kind, *rest = column
    if kind == SAME:
        return np.full(count, rest[0], np.float64)
    if kind == BITS:
        planes = np.frombuffer(rest[0], np.uint8).reshape(8, count)
        changed = np.ascontiguousarray(planes.T).view(np.int64).ravel()
        floats: Floats = np.bitwise_xor.accumulate(changed).view(np.float64)
        return floats
    if kind == WHOLE:
        numbers = unpack(rest[1], count)
    else:
        numbers = np.empty(count, np.int64)
        numbers[0] = rest[1]
        numbers[1:] = unpack(rest[2], count - 1)
        numbers = np.cumsum(numbers)
    scaled: Floats = numbers / rest[0]
    return scaled


def _fits(values: Floats, scale: int) -> Ints | None:
    """Return values as whole numbers of a scale; None where that loses anything."""
    if not (np.abs(values) < _EXACT / scale).all():
        return None
    numbers: Ints = np.rint(values * scale).astype(np.int64)
    if not ((numbers / scale).view(np.int64) == values.view(np.int64)).all():  # also tells -0.0 from 0.0
        return None
    return numbers
