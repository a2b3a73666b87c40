"""One part of rows of others: what compacting and deleting make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pylogtap_collector.parts.building import spans
from pylogtap_collector.parts.columns import column_of
from pylogtap_collector.parts.numbers import number_first
from pylogtap_collector.parts.part import Head, Held, Part, pieces_of
from pylogtap_collector.parts.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.parts.numbers import Ints


def join(taken: Sequence[tuple[Part, Ints]]) -> Part:
    """
    Make a part of rows of others.

    Args:
        taken: Parts, and which of their rows; at least one row in all.
    """
    sources, source = _renumbered(taken, "source")
    forms, form = _renumbered(taken, "form")
    shapes, shape = _renumbered(taken, "shape")
    ids = np.concatenate([part.ids[rows] for part, rows in taken])
    times = np.concatenate([part.times[rows] for part, rows in taken])
    order = np.lexsort((ids, times, source))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    columns: dict[str, Any] = {
        "ids": ids[order], "times": times[order], "source": source[order], "form": form[order],
        "shape": shape[order],
    }  # fmt: skip
    columns["texts"], columns["pieces"] = _pieces(taken, forms, place)
    for name in dict.fromkeys(name for names in shapes for name in names):
        columns[name] = column_of(_values(taken, name, place))
    received: dict[int, int] = {}
    for part, _ in taken:
        received |= dict(zip(part.head.slices.tolist(), part.head.received.tolist(), strict=True))
    slices = np.unique(ids >> 16)
    head = Head(
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
        slices=slices,
        received=np.array([received[number] for number in slices.tolist()], np.int64),
        kinds={name: columns[name].kind for names in shapes for name in names},
        pieces=pieces_of(forms),
    )
    return Part(head, Held(columns))


def _renumbered(taken: Sequence[tuple[Part, Ints]], name: str) -> tuple[tuple[Any, ...], Ints]:
    """Return the things that rows of all parts have, and the number of each row's."""
    known: dict[Any, int] = {}
    found = []
    for part, rows in taken:
        things, codes = getattr(part.head, f"{name}s"), getattr(part, name)[rows]
        numbers = np.zeros(len(things), np.int64)
        for code in np.unique(codes).tolist():
            numbers[code] = known.setdefault(things[code], len(known))
        found.append(numbers[codes])
    return tuple(known), np.concatenate(found)


def _pieces(taken: Sequence[tuple[Part, Ints]], forms: Sequence[Any], place: Ints) -> tuple[Texts, Any]:
    """Return the pieces of messages, form by form and piece by piece in the order of rows."""
    gathered: dict[Any, list[tuple[Ints, list[list[str]]]]] = {}
    offset = 0
    for part, rows in taken:
        codes = part.form[rows]
        for code in np.unique(codes).tolist():
            mine = np.flatnonzero(codes == code)
            among = np.searchsorted(part.rows_of_form(code), rows[mine])
            pieces = [part.texts.some(texts[among].tolist()) for texts in part.pieces_of_form(code)]
            gathered.setdefault(part.head.forms[code], []).append((place[offset + mine], pieces))
        offset += len(rows)
    flat: list[str] = []
    for each in forms:
        found = gathered[each]
        order = np.argsort(np.concatenate([places for places, _ in found])).tolist()
        for number in range(each.pieces):
            values = [value for _, pieces in found for value in pieces[number]]
            flat += [values[index] for index in order]
    distinct, codes = number_first(flat)
    return Texts.of(distinct), codes


def _values(taken: Sequence[tuple[Part, Ints]], name: str, place: Ints) -> list[Any]:
    """Return the values of a column in the order of rows."""
    places: list[Ints] = []
    values: list[Any] = []
    offset = 0
    for part, rows in taken:
        if name in part.head.kinds:
            having = np.isin(rows, part.rows_of_column(name))
            among = np.searchsorted(part.rows_of_column(name), rows[having])
            places.append(place[offset + np.flatnonzero(having)])
            values += part.column(name).some(among.tolist())
        offset += len(rows)
    return [values[index] for index in np.argsort(np.concatenate(places)).tolist()]
