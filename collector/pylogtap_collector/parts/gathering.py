"""
Records while they are gathered for a part, in the order of their arrival: by columns, a slice at a time.

What a slice's records have in common with each other is done once for all of them, and the records themselves
are let go at once, so that what comes next finds its memory still in the cache. Records that need care are
told one by one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import chain, count
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pylogtap_collector.parts.faces import write_pieces
from pylogtap_collector.parts.part import EXTRA, FIELD
from pylogtap_collector.parts.telling import (
    Told,
    is_portable,
    nanoseconds,
    simple_extras,
    tell,
    tell_unreadable,
)
from pylogtap_collector.wire import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from pylogtap_collector.parts.faces import Form, Layout, Source
    from pylogtap_collector.parts.numbers import Ints
    from pylogtap_collector.parts.reading import Batch
    from pylogtap_collector.parts.usual import Usual
    from pylogtap_collector.wire import Record

SLICE_BITS = 16  # of an id: the record's place in its slice
_LISTS = {list, type(None)}
_NUMBERS = ("ids", "times", "form", "source", "shape")
_PLAIN = {str, bool, type(None)}
_LATEST_S = float(1 << 63) / 1e9
_INT_LIMIT = 1 << 63
T = TypeVar("T")
Shape = tuple[tuple[str, ...], tuple[str, ...]]  # names of attributes, and of what only some records have


class Gathering:
    """
    Records by columns.

    Attributes:
        rows: How many there are.
        forms: Numbers of forms.
        sources: Numbers of sources.
        shapes: Numbers of shapes.
        texts: Numbers of pieces of messages.
        pieces: The pieces of all messages, by their numbers.
        values: For each column that only some records have, places and values at them.
        received: When each slice came, by its number.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.rows = 0
        self.forms: dict[Form, int] = {}
        self.sources: dict[Source, int] = {}
        self.shapes: dict[Shape, int] = {}
        self.texts: defaultdict[str, int] = defaultdict(count().__next__)
        self.pieces: list[int] = []
        self.values: dict[str, list[tuple[Ints, Sequence[Any]]]] = {}
        self.received: dict[int, int] = {}
        self._numbers: dict[str, list[Ints]] = {name: [] for name in _NUMBERS}

    def column(self, name: str) -> Ints:
        """Return the numbers of all records: `ids`, `times` in ns, `form`, `source` or `shape`."""
        return np.concatenate([np.empty(0, np.int64), *self._numbers[name]])

    def add(self, batch: Batch) -> None:
        """Gather the records of a slice."""
        self.received[batch.number] = batch.received
        ids = np.arange(len(batch)) + (batch.number << SLICE_BITS)
        careful: Collection[int] = range(len(batch))
        if batch.usual is not None:
            slices = _Slice(batch.usual, batch)
            careful = slices.careful()
            if not careful:
                self._add_usual(slices, ids)
                return
            if len(careful) < len(ids):
                plain = np.ones(len(ids), np.bool_)
                plain[list(careful)] = False
                self._add_usual(_Slice(batch.usual.some(plain.tolist()), batch), ids[plain])
        records, numbers = batch.records(), ids.tolist()
        self.add_told(
            (_told(records[place], batch), numbers[place], batch.received) for place in sorted(careful)
        )

    def _add_usual(self, found: _Slice, ids: Ints) -> None:
        sites = found.usual.sites
        faces = {site: face for site, face in found.faces.items() if face is not None}
        forms = {site: number_of(self.forms, form) for site, (form, _) in faces.items()}
        sources = {site: number_of(self.sources, source) for site, (_, source) in faces.items()}
        pieces = list(chain.from_iterable(filter(None, found.args)))
        if set(map(type, pieces)) - {str}:
            pieces = list(map(_text_of, pieces))
        self.pieces += map(self.texts.__getitem__, pieces)
        self._extend(
            ids=ids,
            times=found.times,
            form=list(map(forms.__getitem__, sites)),
            source=list(map(sources.__getitem__, sites)),
            shape=self._add_values(found),
        )

    def _add_values(self, found: _Slice) -> Ints:
        """Gather what only some records have; return the numbers of their shapes."""
        shape = np.empty(len(found.usual.sites), np.int64)
        extras = found.extras
        for names, places, columns in found.shaped:
            where = np.array(places, np.int64)
            shape[where] = number_of(self.shapes, (names, ()))
            for name, values in zip(names, columns, strict=True):
                self.values.setdefault(f"{FIELD}{name}", []).append((where + self.rows, values))
            for place in [place for place in places if place in extras] if extras else ():
                shape[place] = self._add_extras(names, extras[place] or {}, self.rows + place)
        return shape

    def _add_extras(self, names: tuple[str, ...], extras: dict[str, Any], row: int) -> int:
        where = np.array([row], np.int64)
        for name, value in extras.items():
            self.values.setdefault(f"{EXTRA}{name}", []).append((where, [value]))
        return number_of(self.shapes, (names, tuple(extras)))

    def add_told(self, records: Iterable[tuple[Told, int, int]]) -> None:
        """
        Gather records that are told already.

        Args:
            records: Each with its id, and when it came.
        """
        numbers: dict[str, list[int]] = {name: [] for name in _NUMBERS}
        values: dict[str, tuple[list[int], list[Any]]] = {}
        for row, (told, log_id, received_ns) in enumerate(records, self.rows):
            self.pieces += map(self.texts.__getitem__, told.pieces)
            shape = tuple(told.fields), tuple(told.extras)
            for prefix, items in ((FIELD, told.fields), (EXTRA, told.extras)):
                for name, value in items.items():
                    places, found = values.setdefault(f"{prefix}{name}", ([], []))
                    places.append(row)
                    found.append(value)
            numbers["ids"].append(log_id)
            numbers["times"].append(received_ns if told.time_ns is None else told.time_ns)
            numbers["form"].append(number_of(self.forms, told.form))
            numbers["source"].append(number_of(self.sources, told.source))
            numbers["shape"].append(number_of(self.shapes, shape))
        for name, (places, found) in values.items():
            self.values.setdefault(name, []).append((np.array(places, np.int64), found))
        self._extend(**numbers)

    def _extend(self, **columns: Sequence[int] | Ints) -> None:
        for name, found in columns.items():
            self._numbers[name].append(np.array(found, np.int64))
        self.rows += len(columns["ids"])


def number_of(known: dict[T, int], thing: T) -> int:
    """Return the number of a thing, a new one where it has none."""
    return known.setdefault(thing, len(known))


def named(shape: Shape) -> tuple[str, ...]:
    """Return the names of the columns of a shape."""
    fields, extras = shape
    return (*(f"{FIELD}{name}" for name in fields), *(f"{EXTRA}{name}" for name in extras))


def face_of(batch: Batch, site: int, size: int) -> tuple[Form, Source] | None:
    """
    Return form and source of records that need no care.

    Args:
        batch: Their slice.
        site: Number of their call site.
        size: How many arguments they have.

    Returns:
        None where each needs some.
    """
    known = batch.reader.site(site)
    if known is None or known[0].template is None:
        return None
    place, source = known
    if size == 0:
        return place.bare, source
    if place.layout is not None and not place.layout.keys and len(place.layout.conversions) == size:
        return place.filled, source
    return None


class _Slice:
    """What is seen of the usual records of a slice, before it is known whether some of them need care."""

    def __init__(self, usual: Usual, batch: Batch) -> None:
        self.usual = usual
        self._odd: set[int] = set()
        sizes = self._sizes()
        by_site = dict(
            zip(usual.sites, sizes, strict=True)
        )  # one call site mostly has one number of arguments
        expected = list(map(by_site.__getitem__, usual.sites))
        if expected != sizes:
            self._odd.update(place for place, size in enumerate(sizes) if size != expected[place])
        self.faces = {site: face_of(batch, site, size) for site, size in by_site.items()}
        self.args = self._written(batch, by_site)
        self.times, self._timeless = _nanoseconds(usual.times)
        self.shaped = usual.by_shape()
        self.extras: dict[int, dict[str, Any] | None] = {}
        if any(usual.more):
            definitions = batch.reader.definitions
            self.extras = {
                place: simple_extras(more, definitions) for place, more in enumerate(usual.more) if more
            }

    def _sizes(self) -> list[int]:
        args = self.usual.args
        kinds = set(map(type, args))
        if kinds == {list}:
            return list(map(len, args))
        if not kinds <= _LISTS:
            self._odd.update(place for place, found in enumerate(args) if type(found) not in _LISTS)
        return [len(found) if type(found) is list else 0 for found in args]

    def _written(self, batch: Batch, sizes: dict[int, int]) -> Sequence[Any]:
        """Return arguments; of templates with other conversions than `%s`, what these make of them."""
        layouts: dict[int, Layout] = {}
        for site, face in self.faces.items():
            known = batch.reader.site(site) if face is not None and sizes[site] else None
            if known is not None and known[0].layout is not None and known[0].layout.written:
                layouts[site] = known[0].layout
        if not layouts:
            return self.usual.args
        args = list(self.usual.args)
        for place, site in enumerate(self.usual.sites):
            if site in layouts and place not in self._odd:
                args[place] = pieces = write_pieces(layouts[site], args[place])
                if pieces is None:
                    self._odd.add(place)
        return args

    def careful(self) -> set[int]:
        """Return which records need care."""
        found = self._odd
        found.update(self._timeless)
        unclear = {site for site, face in self.faces.items() if face is None}
        if unclear:
            found.update(place for place, site in enumerate(self.usual.sites) if site in unclear)
        found.update(place for place, extras in self.extras.items() if extras is None)
        for _, places, columns in self.shaped:
            for values in columns:
                if not _is_plain(values):
                    found.update(
                        place for place, value in zip(places, values, strict=True) if not is_portable(value)
                    )
        return found


def _is_plain(values: Sequence[Any]) -> bool:
    """Tell whether JSON can say values exactly, and none of them is a structure."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return all(-_INT_LIMIT <= edge < _INT_LIMIT for edge in (min(values), max(values)))
    if kinds == {float}:
        return all(map(math.isfinite, values))
    return not kinds - _PLAIN


def _nanoseconds(times: Sequence[int | float]) -> tuple[Ints, Sequence[int]]:
    """Return times in ns, and the places of those that are none."""
    kinds = set(map(type, times))
    if kinds == {float}:
        seconds = np.array(times, np.float64)
        sound = np.isfinite(seconds) & (seconds >= 0) & (seconds < _LATEST_S)
        if sound.all():
            return np.rint(seconds * 1e6).astype(np.int64) * 1000, ()
    elif kinds == {int} and min(times) >= 0 and max(times) < _INT_LIMIT:
        return np.array(times, np.int64), ()
    found = list(map(nanoseconds, times))
    return (
        np.array([0 if time is None else time for time in found], np.int64),
        [place for place, time in enumerate(found) if time is None],
    )


def _text_of(value: Any) -> str:
    """Return what `%s` makes of a value."""
    try:
        return str(value)
    except RecursionError:
        return f"({type(value).__name__} nested too deeply)"


def _told(record: Record | Told, batch: Batch) -> Told:
    if isinstance(record, Told):
        return record
    definitions = batch.reader.definitions
    known = batch.reader.site(record.site)
    if known is None:
        reason = "its call site is not defined"
    else:
        try:
            return tell(record, *known, definitions)
        except UNREADABLE as error:
            reason = str(error)
    return tell_unreadable(batch.payload(record), reason, definitions)
