"""From records in the order of their arrival to a part: by columns, and where needed record by record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pylogtap_collector.parts.columns import Unfit, column_of
from pylogtap_collector.parts.numbers import number_first
from pylogtap_collector.parts.part import EXTRA, FIELD, Head, Part
from pylogtap_collector.parts.telling import (
    Told,
    is_portable,
    portable_fields,
    simple_extras,
    tell,
    tell_unreadable,
)
from pylogtap_collector.parts.texts import Texts
from pylogtap_collector.wire import UNREADABLE, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pylogtap_collector.parts.faces import Form, Source
    from pylogtap_collector.parts.numbers import Codes, Ints
    from pylogtap_collector.parts.reading import Batch
    from pylogtap_collector.parts.sites import CallSite

_SLICE_BITS = 16  # of an id: the record's place in its slice
_LARGEST = (1 << _SLICE_BITS) - 1
_LISTS = {list, type(None)}
_RECORDS = {Record}
_LATEST_S = float(1 << 63) / 1e9
T = TypeVar("T")
_NO_FIELDS: dict[str, Any] = {}


class _Rows:
    """Records while they are gathered, in the order of their arrival."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.times: list[int | float] = []
        self.pieces: list[Sequence[Any]] = []
        self.fields: list[dict[str, Any]] = []
        self.form: list[int] = []
        self.source: list[int] = []
        self.extras: dict[int, dict[str, Any]] = {}
        self.when: dict[int, int] = {}  # ns since the epoch, of those whose time is not a usual number
        self.forms: dict[Form, int] = {}
        self.sources: dict[Source, int] = {}
        self._faces: dict[tuple[tuple[CallSite, Source] | None, int], tuple[int, int] | None] = {}

    def add(self, batch: Batch) -> None:
        """Gather the records of a slice."""
        records: list[Any] = batch.records
        first_id = batch.number << _SLICE_BITS
        self.ids += range(first_id, first_id + len(records))
        if set(map(type, records)) == _RECORDS and [record.more for record in records].count(None) == len(
            records
        ):
            args = [record.args for record in records]
            if set(map(type, args)) <= _LISTS:
                keys = [
                    record.site << _SLICE_BITS | len(found) if found else record.site << _SLICE_BITS
                    for record, found in zip(records, args, strict=True)
                ]
                faces = {key: self._face(batch, key >> _SLICE_BITS, key & _LARGEST) for key in set(keys)}
                if None not in faces.values():
                    self._add_usual(records, args, [faces[key] for key in keys])
                    return
        for record in records:
            self._add_one(record, batch)

    def _add_usual(self, records: list[Any], args: list[Any], faces: list[Any]) -> None:
        self.form += [face[0] for face in faces]
        self.source += [face[1] for face in faces]
        self.pieces += args
        self.fields += [record.fields or _NO_FIELDS for record in records]
        self.times += [record.time for record in records]

    def _add_one(self, record: Record | Told, batch: Batch) -> None:
        if type(record) is Record:
            args = record.args
            size = 0 if args is None else len(args) if type(args) is list else -1
            face = self._face(batch, record.site, size)
            extras = simple_extras(record.more, batch.reader.definitions) if record.more else {}
            if face is not None and extras is not None:
                self._add_usual([record], [args], [face])
                if extras:
                    self.extras[len(self.times) - 1] = extras
                return
        self._add_carefully(record, batch)

    def _face(self, batch: Batch, number: int, size: int) -> tuple[int, int] | None:
        """Return form and source of records that need no care; None where each needs some."""
        known = batch.reader.site(number)
        if (known, size) in self._faces:
            return self._faces[known, size]
        site, source = known or (None, None)
        form = None
        if site is not None and site.template is not None:
            if size == 0:
                form = site.bare
            elif site.layout is not None and site.layout.plain and len(site.layout.conversions) == size:
                form = site.filled
        if source is None or form is None:
            face = None
        else:
            face = number_of(self.forms, form), number_of(self.sources, source)
        self._faces[known, size] = face
        return face

    def _add_carefully(self, record: Any, batch: Batch) -> None:
        self.add_told(record if type(record) is Told else _tell(record, batch), batch.received)

    def add_told(self, told: Told, received: int) -> None:
        """Gather a record that is told already; its id is added apart."""
        place = len(self.times)
        self.form.append(number_of(self.forms, told.form))
        self.source.append(number_of(self.sources, told.source))
        self.pieces.append(told.pieces)
        self.fields.append(told.fields)
        self.times.append(0.0)
        self.when[place] = received if told.time_ns is None else told.time_ns
        if told.extras:
            self.extras[place] = told.extras


def number_of(known: dict[T, int], thing: T) -> int:
    """Return the number of a thing, a new one where it has none."""
    return known.setdefault(thing, len(known))


def _tell(record: Any, batch: Batch) -> Told:
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


def build(batches: Sequence[Batch], skip: Iterable[int] = ()) -> Part:
    """
    Make a part of the records of some slices.

    Args:
        batches: In the order of their numbers; at least one record.
        skip: Ids of records that are left out.
    """
    rows = _Rows()
    for batch in batches:
        rows.add(batch)
    return _part(rows, {batch.number: batch.received for batch in batches}, skip)


def build_told(found: Iterable[tuple[int, Told]], received: dict[int, int]) -> Part:
    """
    Make a part of records that are told already.

    Args:
        found: Id and record, at least one, in the order of their ids.
        received: When each slice of theirs came, ns since the epoch, by its number; in the order of these.
    """
    rows = _Rows()
    for log_id, told in found:
        rows.ids.append(log_id)
        rows.add_told(told, received[log_id >> _SLICE_BITS])
    return _part(rows, received, ())


def _part(rows: _Rows, received: dict[int, int], skip: Iterable[int]) -> Part:
    """Order what was gathered, and put it into columns."""
    times = _times(rows, received)
    ids = np.array(rows.ids, np.int64)
    source, form = np.array(rows.source, np.int32), np.array(rows.form, np.int32)
    order = np.lexsort((ids, times, source))
    skipped = np.array(list(skip), np.int64)
    if len(skipped):
        order = order[~np.isin(ids[order], skipped)]
    ids, times, source, form = ids[order], times[order], source[order], form[order]
    places: list[int] = order.tolist()
    columns: dict[str, Any] = {"ids": ids, "times": times, "source": source, "form": form}
    columns["texts"], columns["pieces"] = _pieces(rows, places, form)
    try:
        shapes = _shapes(rows, places, columns, mended=False)
    except Unfit:
        _mend_fields(rows)
        shapes = _shapes(rows, places, columns, mended=True)
    return Part(_head(rows, columns, shapes, received), columns.__getitem__)


def _times(rows: _Rows, received: dict[int, int]) -> Ints:
    """Return the times of rows in ns; a time that is none is that of the slice's arrival, and is noted."""
    kinds = set(map(type, rows.times))
    if kinds == {int}:
        try:
            times = np.array(rows.times, np.int64)
            odd = np.flatnonzero(times < 0).tolist()
        except OverflowError:
            times = np.array([time if time < 1 << 63 else -1 for time in rows.times], np.int64)
            odd = np.flatnonzero(times < 0).tolist()
    else:
        seconds = np.array(rows.times, np.float64)
        sound = np.isfinite(seconds) & (seconds >= 0) & (seconds < _LATEST_S)
        times = np.rint(np.where(sound, seconds, 0.0) * 1e6).astype(np.int64) * 1000
        odd = np.flatnonzero(~sound).tolist()
        if kinds != {float}:  # some are whole numbers: ns
            for place, time in enumerate(rows.times):
                if type(time) is int:
                    times[place] = time if 0 <= time < 1 << 63 else -1
            odd = [place for place in odd if type(rows.times[place]) is float]
            odd += np.flatnonzero(times < 0).tolist()
    for place, when in rows.when.items():
        times[place] = when
    for place in set(odd) - rows.when.keys():
        times[place] = received[rows.ids[place] >> _SLICE_BITS]
        rows.fields[place] = portable_fields(rows.fields[place], ["time"])
    return times


def _mend_fields(rows: _Rows) -> None:
    """Replace attributes that JSON cannot say."""
    for place, fields in enumerate(rows.fields):
        if not all(map(is_portable, fields.values())):
            rows.fields[place] = portable_fields(fields, [])


def _pieces(rows: _Rows, places: Sequence[int], form: Codes) -> tuple[Texts, Codes]:
    """Return all pieces of messages, form by form and piece by piece, as texts and their numbers."""
    pieces = rows.pieces
    by_form = [pieces[place] for place in np.array(places)[np.argsort(form, kind="stable")].tolist()]
    counts = np.bincount(form, minlength=len(rows.forms)).tolist()
    flat: list[Any] = []
    position = 0
    for known, count in zip(rows.forms, counts, strict=True):
        if known.pieces:
            for column in zip(*by_form[position : position + count], strict=True):
                flat += column
        position += count
    if set(map(type, flat)) - {str}:
        flat = list(map(_text_of, flat))
    distinct, codes = number_first(flat)
    return Texts.of(distinct), codes


def _text_of(value: Any) -> str:
    """Return what `%s` makes of a value."""
    try:
        return str(value)
    except RecursionError:
        return f"({type(value).__name__} nested too deeply)"


def _shapes(
    rows: _Rows, places: Sequence[int], columns: dict[str, Any], *, mended: bool
) -> tuple[tuple[str, ...], ...]:
    """Fill in the columns that only some rows have, and the number of each row's shape; return the shapes."""
    fields = [rows.fields[place] for place in places]
    extras = rows.extras
    keys: list[tuple[str | None, ...]] = [*map(tuple, fields)]
    if extras:
        for row, place in enumerate(places):
            if place in extras:
                keys[row] = (*keys[row], None, *extras[place])
    known, shape = number_first(keys)
    columns["shape"] = shape
    shapes = tuple(map(_named, known))
    for name in dict.fromkeys(name for shape_names in shapes for name in shape_names):
        bare = name[len(FIELD) :]
        having = np.array([name in shape_names for shape_names in shapes], np.bool_)
        some = range(len(fields)) if having.all() else np.flatnonzero(having[shape]).tolist()
        if name.startswith(FIELD) and len(some) == len(fields):
            values = [found[bare] for found in fields]
        elif name.startswith(FIELD):
            values = [fields[row][bare] for row in some]
        else:
            values = [extras[places[row]][bare] for row in some]
        columns[name] = column_of(values, mended=mended)
    return shapes


def _named(keys: tuple[str | None, ...]) -> tuple[str, ...]:
    """Return the names of the columns of a shape: attributes, and behind the None what only some have."""
    split = keys.index(None) if None in keys else len(keys)
    return (*(f"{FIELD}{key}" for key in keys[:split]), *(f"{EXTRA}{key}" for key in keys[split + 1 :]))


def _head(
    rows: _Rows, columns: dict[str, Any], shapes: tuple[tuple[str, ...], ...], received: dict[int, int]
) -> Head:
    ids, times, form, source = columns["ids"], columns["times"], columns["form"], columns["source"]
    forms, sources = tuple(rows.forms), tuple(rows.sources)
    return Head(
        rows=len(ids),
        first_id=int(ids.min()),
        last_id=int(ids.max()),
        first_time=int(times.min()),
        last_time=int(times.max()),
        sources=sources,
        forms=forms,
        shapes=shapes,
        source_counts=np.bincount(source, minlength=len(sources)),
        form_counts=np.bincount(form, minlength=len(forms)),
        **_spans(form, times, len(forms)),
        slices=np.array(list(received), np.int64),
        received=np.array(list(received.values()), np.int64),
        kinds={name: columns[name].kind for names in shapes for name in names},
    )


def _spans(form: Codes, times: Ints, count: int) -> dict[str, Ints]:
    """Return the earliest and the latest time of each form."""
    first, last = np.full(count, np.iinfo(np.int64).max), np.full(count, -1, np.int64)
    np.minimum.at(first, form, times)
    np.maximum.at(last, form, times)
    return {"form_first": first, "form_last": last}
