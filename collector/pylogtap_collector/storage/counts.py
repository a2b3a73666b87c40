"""Count records: over time, by the values of a field, by pattern. Times are ns since the epoch."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pylogtap_collector.models import FacetValue, Pattern
from pylogtap_collector.parts.conditions import ByForm
from pylogtap_collector.parts.evaluation import as_mask, count_of, is_lasting
from pylogtap_collector.parts.faces import number_pattern
from pylogtap_collector.parts.sealing import MINUTE_NS
from pylogtap_collector.query.ast import Everything
from pylogtap_collector.storage.annotations import every_annotation
from pylogtap_collector.storage.connections import check_deadline
from pylogtap_collector.storage.values import values_of_field
from pylogtap_collector.times import to_datetime

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from pylogtap_collector.parts.conditions import Answer
    from pylogtap_collector.parts.evaluation import Evaluation
    from pylogtap_collector.parts.numbers import Ints
    from pylogtap_collector.parts.part import Head, Part
    from pylogtap_collector.storage.logs import Selection
    from pylogtap_collector.storage.tiers import Tier, Tiers

# OpenTelemetry gives each class four severities, from 1 on; 0 is unknown.
LEVELS = ("unknown", "trace", "debug", "info", "warning", "error", "critical")
_MOST_VALUES = 50_000  # of a field: bounds memory


class Span(NamedTuple):
    """A stretch of time, its end not included."""

    since_ns: int
    until_ns: int


def span(tiers: Tiers, connection: sqlite3.Connection) -> Span | None:
    """Return the time from the first record to behind the last; None where there is none."""
    found = tiers.all(connection)
    if not found:
        return None
    return Span(min(tier.first_time for tier in found), max(tier.last_time for tier in found) + 1)


def count(tiers: Tiers, connection: sqlite3.Connection, selection: Selection) -> int:
    """
    Count records.

    Args:
        tiers: Where records are.
        connection: In a transaction.
        selection: Which.
    """
    evaluation = selection.evaluation(connection)
    return sum(
        _count(tiers, evaluation, selection, tier)
        for tier in _possible(tiers, connection, selection, evaluation)
    )


def _count(tiers: Tiers, evaluation: Evaluation, selection: Selection, tier: Tier) -> int:
    whole = _is_inside(tier, selection)
    key = (str(selection.query), tier.block.id) if tier.block is not None and whole else None
    if key is not None and is_lasting(selection.query.tree):
        known = tiers.shelf.answers.get(key)
        if known is not None:
            return known  # type: ignore[return-value]
    if whole:
        part = tier.open()
        total = count_of(evaluation.answer(part), part)
    else:
        total = len(selection.rows(evaluation, tier.open()))
    if key is not None and is_lasting(selection.query.tree):
        tiers.shelf.answers.put(key, total, 2 * len(key[0]) + 100)
    return total


def _possible(
    tiers: Tiers, connection: sqlite3.Connection, selection: Selection, evaluation: Evaluation
) -> Iterator[Tier]:
    """Yield the parts that may have records of a selection."""
    everything = isinstance(selection.query.tree, Everything)
    for tier in tiers.all(connection, selection.since_ns, selection.until_ns):
        check_deadline()
        if everything or evaluation.possible(tier.head, tier.words):
            yield tier


def _is_inside(tier: Tier, selection: Selection) -> bool:
    """Tell whether all records of a part lie within the selection's stretch of time."""
    return (
        (selection.since_ns is None or selection.since_ns <= tier.first_time)
        and (selection.until_ns is None or tier.last_time < selection.until_ns)
        and (selection.last_id is None or tier.last_id <= selection.last_id)
    )


def by_time(
    tiers: Tiers, connection: sqlite3.Connection, selection: Selection, since_ns: int, step_ns: int
) -> dict[tuple[int, str], int]:
    """
    Count records by stretch of time and class of level.

    Args:
        tiers: Where records are.
        connection: In a transaction.
        selection: Which; with both ends of its time.
        since_ns: Where the first stretch begins.
        step_ns: How long each is.

    Returns:
        Counts by number of the stretch and class; only where there are any.
    """
    evaluation = selection.evaluation(connection)
    everything = isinstance(selection.query.tree, Everything)
    by_minute = since_ns % MINUTE_NS == 0 and step_ns % MINUTE_NS == 0
    cells: list[Ints] = []
    counts: list[Ints] = []
    for tier in _possible(tiers, connection, selection, evaluation):
        if everything and _is_inside(tier, selection):
            first, last = ((time - since_ns) // step_ns for time in (tier.first_time, tier.last_time))
            if first == last:
                classes = np.bincount(_classes(tier.head), tier.head.form_counts, minlength=8).astype(
                    np.int64
                )
                cells.append(first * 8 + np.flatnonzero(classes))
                counts.append(classes[classes > 0])
                continue
            if by_minute and tier.block is not None:
                minutes, classes, found = tier.summary.minutes
                cells.append((minutes * MINUTE_NS - since_ns) // step_ns * 8 + classes)
                counts.append(found)
                continue
        part = tier.open()
        rows = slice(None) if everything and _is_inside(tier, selection) else selection.rows(evaluation, part)
        classes = _classes(part.head)[part.form[rows]]
        cell, found = np.unique((part.times[rows] - since_ns) // step_ns * 8 + classes, return_counts=True)
        cells.append(cell)
        counts.append(found)
    return _summed(cells, counts)


def _summed(cells: list[Ints], counts: list[Ints]) -> dict[tuple[int, str], int]:
    if not cells:
        return {}
    distinct, places = np.unique(np.concatenate(cells), return_inverse=True)
    totals = np.bincount(places, np.concatenate(counts)).astype(np.int64)
    return {
        (cell >> 3, LEVELS[cell & 7]): total
        for cell, total in zip(distinct.tolist(), totals.tolist(), strict=True)
    }


def _classes(head: Head) -> Ints:
    """Return the class of level of each form."""
    return np.array([(form.severity + 3) // 4 for form in head.forms], np.int64)


def by_value(
    tiers: Tiers, connection: sqlite3.Connection, selection: Selection, fields: list[str], limit: int
) -> list[list[FacetValue]]:
    """
    Count records by the values of fields, each element of an array by itself.

    Records without a field are not counted, nor are structures. Of a field that has more than 50,000
    different values, those that come up after these are not counted.

    Args:
        tiers: Where records are.
        connection: In a transaction.
        selection: Which.
        fields: Of the query language.
        limit: How many values of each at most; the most frequent come first.
    """
    evaluation = selection.evaluation(connection)
    annotations = every_annotation(connection)
    totals: list[Counter[str]] = [Counter() for _ in fields]
    for tier in _possible(tiers, connection, selection, evaluation):
        part = tier.open()
        answer = _answer(evaluation, selection, tier, part)
        for total, field in zip(totals, fields, strict=True):
            for value, times in values_of_field(part, answer, field, annotations).items():
                if value in total or len(total) < _MOST_VALUES:
                    total[value] += times
    return [
        [
            FacetValue(value=value, count=times)
            for value, times in sorted(total.items(), key=lambda item: (-item[1], item[0]))[:limit]
        ]
        for total in totals
    ]


def _answer(evaluation: Evaluation, selection: Selection, tier: Tier, part: Part) -> Answer:
    if _is_inside(tier, selection):
        return evaluation.answer(part)
    mask = np.zeros(part.head.rows, np.bool_)
    mask[selection.rows(evaluation, part)] = True
    return mask


class _Tally:
    """Counts of patterns by their numbers."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {}
        self.facts: list[tuple[Ints, Ints, Ints, Ints, Ints]] = []

    def add(self, head: Head, counts: Ints, first: Ints, last: Ints) -> None:
        """Count rows of forms."""
        some = np.flatnonzero(counts)
        texts = self.texts
        numbers = [texts.setdefault(head.forms[form].pattern, len(texts)) for form in some.tolist()]
        self.facts.append(
            (np.array(numbers, np.int64), counts[some], first[some], last[some], _classes(head)[some])
        )


def by_pattern(
    tiers: Tiers, connection: sqlite3.Connection, selection: Selection, limit: int
) -> list[Pattern]:
    """
    Count records by pattern.

    Args:
        tiers: Where records are.
        connection: In a transaction.
        selection: Which.
        limit: How many patterns at most; the most frequent come first.
    """
    evaluation = selection.evaluation(connection)
    tally = _Tally()
    everything = isinstance(selection.query.tree, Everything)
    for tier in _possible(tiers, connection, selection, evaluation):
        head = tier.head
        if everything and _is_inside(tier, selection):
            tally.add(head, head.form_counts, head.form_first, head.form_last)
            continue
        part = tier.open()
        answer = _answer(evaluation, selection, tier, part)
        if isinstance(answer, bool | ByForm) and (isinstance(answer, bool) or not len(answer.rows)):
            every = answer.every if isinstance(answer, ByForm) else np.full(len(head.forms), answer)
            tally.add(head, head.form_counts * every, head.form_first, head.form_last)
            continue
        rows = np.flatnonzero(as_mask(answer, part))
        form, times = part.form[rows], part.times[rows]
        first, last = np.full(len(head.forms), np.iinfo(np.int64).max), np.full(len(head.forms), -1, np.int64)
        np.minimum.at(first, form, times)
        np.maximum.at(last, form, times)
        tally.add(head, np.bincount(form, minlength=len(head.forms)), first, last)
    return _patterns(tally, limit)


def _patterns(tally: _Tally, limit: int) -> list[Pattern]:
    if not tally.facts:
        return []
    numbers, counts, first, last, classes = map(np.concatenate, zip(*tally.facts, strict=True))
    size = len(tally.texts)
    totals = np.bincount(numbers, counts, minlength=size).astype(np.int64)
    earliest, latest = np.full(size, np.iinfo(np.int64).max), np.full(size, -1, np.int64)
    np.minimum.at(earliest, numbers, first)
    np.maximum.at(latest, numbers, last)
    levels = np.bincount(numbers * 8 + classes, counts, minlength=size * 8).astype(np.int64).reshape(size, 8)
    texts = list(tally.texts)
    ranked = sorted(range(size), key=lambda place: (-totals[place], number_pattern(texts[place])))
    return [
        Pattern(
            id=number_pattern(texts[place]),
            template=texts[place],
            count=int(totals[place]),
            first=to_datetime(int(earliest[place])),
            last=to_datetime(int(latest[place])),
            levels={name: int(found) for name, found in zip(LEVELS, levels[place], strict=False) if found},
        )
        for place in ranked[:limit]
        if totals[place]
    ]
