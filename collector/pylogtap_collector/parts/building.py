"""From records in the order of their arrival to a part, whose rows are ordered by source and time."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from pylogtap_collector.parts.columns import column_of
from pylogtap_collector.parts.gathering import SLICE_BITS, Gathering, named
from pylogtap_collector.parts.numbers import renumber
from pylogtap_collector.parts.part import Head, Held, Part, pieces_of
from pylogtap_collector.parts.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pylogtap_collector.parts.numbers import Codes, Ints
    from pylogtap_collector.parts.reading import Batch
    from pylogtap_collector.parts.telling import Told


def build(batches: Iterable[Batch], skip: Iterable[int] = ()) -> Part:
    """
    Make a part of the records of some slices.

    Args:
        batches: In the order of their numbers; at least one record.
        skip: Ids of records that are left out.
    """
    found = Gathering()
    for batch in batches:
        found.add(batch)
    return _part(found, skip)


def build_told(records: Iterable[tuple[int, Told]], received: dict[int, int]) -> Part:
    """
    Make a part of records that are told already.

    Args:
        records: Id and record, at least one, in the order of their ids.
        received: When each slice of theirs came, ns since the epoch, by its number; in the order of these.
    """
    found = Gathering()
    found.received |= received
    found.add_told((told, log_id, received[log_id >> SLICE_BITS]) for log_id, told in records)
    return _part(found, ())


def _part(found: Gathering, skip: Iterable[int]) -> Part:
    """Order what was gathered, and put it into columns."""
    ids, times, source = (found.column(name) for name in ("ids", "times", "source"))
    order = np.lexsort((ids, times, source))
    skipped = np.array(list(skip), np.int64)
    if len(skipped):
        order = order[~np.isin(ids[order], skipped)]
    form = found.column("form")
    columns: dict[str, Any] = {
        "ids": ids[order], "times": times[order],
        "source": source[order].astype(np.int32), "form": form[order].astype(np.int32),
    }  # fmt: skip
    columns["texts"], columns["pieces"] = _pieces(found, form, order)
    shapes = _shapes(found, order, columns)
    return Part(_head(found, columns, shapes), Held(columns))


def _pieces(found: Gathering, form: Ints, order: Ints) -> tuple[Texts, Codes]:
    """Return all pieces of messages, form by form and piece by piece, as texts and their numbers."""
    pieces = pieces_of(list(found.forms))
    sizes = pieces[form]
    starts = np.cumsum(sizes) - sizes  # of each record's pieces, in the order of arrival
    counts = np.bincount(form[order], minlength=len(pieces))
    rows = order[np.argsort(form[order], kind="stable")]
    forms, sizes = form[rows], sizes[rows]
    places = np.arange(len(rows)) - (np.cumsum(counts) - counts)[forms]  # among the rows of the form
    begins = (np.cumsum(counts * pieces) - counts * pieces)[forms] + places
    codes = np.array(found.pieces, np.int32)
    arranged = np.empty(int(sizes.sum()), np.int32)
    for piece in range(int(sizes.max(initial=0))):
        some = np.flatnonzero(sizes > piece)
        arranged[begins[some] + piece * counts[forms[some]]] = codes[starts[rows[some]] + piece]
    texts, arranged = renumber(list(found.texts), arranged)
    return Texts.of(texts), arranged


def _shapes(found: Gathering, order: Ints, columns: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Fill in the columns that only some rows have, and the number of each row's shape; return the shapes."""
    used, shape = np.unique(found.column("shape")[order], return_inverse=True)
    columns["shape"] = shape.astype(np.int32)
    known = list(found.shapes)
    shapes = tuple([named(known[number]) for number in used.tolist()])
    rows = np.full(found.rows, -1, np.int64)
    rows[order] = np.arange(len(order))
    for name in dict.fromkeys(chain.from_iterable(shapes)):
        parts = found.values[name]
        where = rows[np.concatenate([places for places, _ in parts])]
        values = list(chain.from_iterable([values for _, values in parts]))
        sorting = np.argsort(where)
        columns[name] = column_of(values, sorting[np.searchsorted(where[sorting], 0) :])
    return shapes


def _head(found: Gathering, columns: dict[str, Any], shapes: tuple[tuple[str, ...], ...]) -> Head:
    ids, times, form, source = columns["ids"], columns["times"], columns["form"], columns["source"]
    forms, sources = tuple(found.forms), tuple(found.sources)
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
        **spans(form, times, len(forms)),
        slices=np.array(list(found.received), np.int64),
        received=np.array(list(found.received.values()), np.int64),
        kinds={name: columns[name].kind for names in shapes for name in names},
        pieces=pieces_of(forms),
    )


def spans(form: Codes | Ints, times: Ints, count: int) -> dict[str, Ints]:
    """
    Return the earliest and the latest time of each form.

    Args:
        form: Number of each row's form.
        times: Of each row, ns since the epoch.
        count: How many forms there are.
    """
    first, last = np.full(count, np.iinfo(np.int64).max), np.full(count, -1, np.int64)
    np.minimum.at(first, form, times)
    np.maximum.at(last, form, times)
    return {"form_first": first, "form_last": last}
