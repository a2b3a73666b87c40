"""
Columns of values of one kind each: texts, whole numbers, fractions, or whatever JSON can say.

A column holds a value for each row that has one, in the order of the rows; where rows lack it is known by
their shape, see :class:`~pylogtap_collector.parts.part.Part`.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import numpy as np

from pylogtap_collector.parts import numbers, shorthand
from pylogtap_collector.parts.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pylogtap_collector.parts.numbers import Codes, Ints, Mask

    Floats = np.ndarray[Any, np.dtype[np.float64]]

TEXT, WHOLE, SCALED, FLOAT, ANY = "t", "i", "s", "f", "j"
_SCALES = (1, 10, 100, 1_000, 10_000, 1_000_000)
_SCALABLE = float(1 << 52)  # beyond, a float has no digits behind the point
_encode, _decode = msgspec.msgpack.encode, msgspec.msgpack.decode


class Column(Protocol):
    """Values of some rows."""

    kind: str

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def values(self) -> Sequence[Any]:
        """Return all of them."""
        ...

    def some(self, places: Sequence[int]) -> list[Any]:
        """Return the values at some places."""
        ...

    def matching(self, test: Callable[[Any], bool]) -> Mask:
        """Return which of them pass a test; it is asked once for each different value that is known."""
        ...

    def write(self) -> list[bytes]:
        """Return them as sections, each to be compressed by itself."""
        ...


class TextColumn:
    """Texts; each different one is stored once."""

    kind = TEXT

    def __init__(self, distinct: Texts, codes: Codes) -> None:
        self.distinct = distinct
        self.codes = codes

    def __len__(self) -> int:
        return len(self.codes)

    def values(self) -> Sequence[Any]:
        """Return all of them."""
        distinct = self.distinct.values
        return [distinct[code] for code in self.codes.tolist()]

    def some(self, places: Sequence[int]) -> list[Any]:
        """Return the values at some places."""
        return self.distinct.some(self._codes_at(places).tolist())

    def _codes_at(self, places: Sequence[int]) -> Ints | Codes:
        return self.codes[np.asarray(places, np.int64)]

    def matching(self, test: Callable[[Any], bool]) -> Mask:
        """Return which of them pass a test."""
        hits = np.fromiter(map(test, self.distinct.values), np.bool_, len(self.distinct))
        return hits[self.codes]

    def write(self) -> list[bytes]:
        """Return them as sections, each to be compressed by itself."""
        arranged, order = shorthand.arrange(self.distinct.values)
        codes = order[self.codes].astype(np.int64)
        return [*shorthand.write(arranged), numbers.pack(codes, differences=False)]


class _StoredTexts(TextColumn):
    """Texts whose numbers are read when they are asked for."""

    def __init__(self, distinct: Texts, packed: bytes, count: int) -> None:
        self.distinct = distinct
        self._packed = packed
        self._count = count

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    @cached_property
    def codes(self) -> Codes:  # type: ignore[override]
        """The number of each value."""
        return numbers.unpack_codes(self._packed, self._count)

    def _codes_at(self, places: Sequence[int]) -> Ints | Codes:
        return numbers.pick(self._packed, self._count, np.asarray(places, np.int64))


class NumberColumn:
    """Whole numbers of 64 bits, or fractions with few digits as whole numbers of a scale."""

    def __init__(self, whole: Ints, scale: int = 0) -> None:
        self.kind = SCALED if scale else WHOLE
        self.whole = whole
        self.scale = scale

    def __len__(self) -> int:
        return len(self.whole)

    @cached_property
    def numbers(self) -> Ints | Floats:
        """The values as they were."""
        return self.whole / self.scale if self.scale else self.whole

    def values(self) -> Sequence[Any]:
        """Return all of them."""
        found: list[Any] = self.numbers.tolist()
        return found

    def some(self, places: Sequence[int]) -> list[Any]:
        """Return the values at some places."""
        whole = self._whole_at(places)
        found: list[Any] = (whole / self.scale if self.scale else whole).tolist()
        return found

    def _whole_at(self, places: Sequence[int]) -> Ints:
        return self.whole[np.asarray(places, np.int64)]

    def matching(self, test: Callable[[Any], bool]) -> Mask:
        """Return which of them pass a test."""
        distinct, codes = np.unique(self.numbers, return_inverse=True)
        hits = np.fromiter(map(test, distinct.tolist()), np.bool_, len(distinct))
        return hits[codes]

    def write(self) -> list[bytes]:
        """Return them as sections, each to be compressed by itself."""
        return [_encode(self.scale), numbers.pack(self.whole)]


class _StoredNumbers(NumberColumn):
    """Numbers that are read when they are asked for."""

    def __init__(self, scale: int, packed: bytes, count: int) -> None:
        self.kind = SCALED if scale else WHOLE
        self.scale = scale
        self._packed = packed
        self._count = count

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    @cached_property
    def whole(self) -> Ints:  # type: ignore[override]
        """The values times the scale."""
        return numbers.unpack(self._packed, self._count)

    def _whole_at(self, places: Sequence[int]) -> Ints:
        return numbers.pick(self._packed, self._count, np.asarray(places, np.int64))


class FloatColumn:
    """Fractions as they are."""

    kind = FLOAT

    def __init__(self, floats: Floats) -> None:
        self.numbers = floats

    def __len__(self) -> int:
        return len(self.numbers)

    def values(self) -> Sequence[Any]:
        """Return all of them."""
        found: list[Any] = self.numbers.tolist()
        return found

    def some(self, places: Sequence[int]) -> list[Any]:
        """Return the values at some places."""
        return [self.numbers[place].item() for place in places]

    def matching(self, test: Callable[[Any], bool]) -> Mask:
        """Return which of them pass a test."""
        return np.fromiter(map(test, self.numbers.tolist()), np.bool_, len(self.numbers))

    def write(self) -> list[bytes]:
        """Return them as sections, each to be compressed by itself."""
        return [np.ascontiguousarray(self.numbers.view(np.uint8).reshape(-1, 8).T).tobytes()]


class AnyColumn:
    """Values of several kinds, or structures."""

    kind = ANY

    def __init__(self, found: Sequence[Any]) -> None:
        self._values = found

    def __len__(self) -> int:
        return len(self._values)

    def values(self) -> Sequence[Any]:
        """Return all of them."""
        return self._values

    def some(self, places: Sequence[int]) -> list[Any]:
        """Return the values at some places."""
        return [self._values[place] for place in places]

    def matching(self, test: Callable[[Any], bool]) -> Mask:
        """Return which of them pass a test."""
        return np.fromiter(map(test, self._values), np.bool_, len(self._values))

    def write(self) -> list[bytes]:
        """Return them as sections, each to be compressed by itself."""
        return [_encode(self._values)]


def column_of(values: Sequence[Any], order: Ints | None = None) -> Column:
    """
    Choose the kind of column for values.

    Args:
        values: What JSON can say.
        order: Places of those that become the column; None: all, as they stand.
    """
    kinds = set(map(type, values))
    if kinds == {str}:
        distinct, codes = numbers.number_first(values)
        if order is not None:
            distinct, codes = numbers.renumber(distinct, codes[order])
        return TextColumn(Texts.of(distinct), codes)
    if kinds == {int}:
        whole = np.array(values, np.int64)
        return NumberColumn(whole if order is None else whole[order])
    if kinds == {float}:
        floats = np.array(values, np.float64)
        return _floats(floats if order is None else floats[order])
    return AnyColumn(values if order is None else list(map(values.__getitem__, order.tolist())))


def _floats(array: Floats) -> NumberColumn | FloatColumn:
    """Store fractions as whole numbers of the first scale that gives exactly them again."""
    if (
        len(array)
        and np.abs(array).max() < _SCALABLE / _SCALES[-1]
        and not (np.signbit(array) & (array == 0)).any()
    ):
        for scale in _SCALES:
            whole = np.rint(array * scale)
            if (whole / scale == array).all():
                return NumberColumn(whole.astype(np.int64), scale)
    return FloatColumn(array)


def read_column(kind: str, count: int, sections: Sequence[bytes]) -> Column:
    """
    Read a column.

    Args:
        kind: Its kind.
        count: How many values it has.
        sections: What its `write` returned.
    """
    if kind == TEXT:
        return _StoredTexts(shorthand.read(sections), sections[shorthand.SECTIONS], count)
    if kind in {WHOLE, SCALED}:
        return _StoredNumbers(_decode(sections[0]), sections[1], count)
    if kind == FLOAT:
        planes = np.frombuffer(sections[0], np.uint8).reshape(8, count)
        return FloatColumn(np.ascontiguousarray(planes.T).view(np.float64).ravel())
    return AnyColumn(_decode(sections[0]))
