"""Count records: over time, by the values of a field, by pattern. Times are ns since the epoch."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pylogtap_collector.models import FacetValue, Pattern
from pylogtap_collector.parts.conditions import ByForm
from pylogtap_collector.parts.evaluation import as_mask, count_of
from pylogtap_collector.parts.faces import class_of, number_pattern
from pylogtap_collector.parts.sealing import MINUTE_NS
from pylogtap_collector.query.ast import Everything
from pylogtap_collector.storage.annotations import every_annotation
from pylogtap_collector.storage.connections import check_deadline
from pylogtap_collector.storage.values import values_of_field
from pylogtap_collector.times import to_datetime

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

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
    total = 0
    for tier in tiers.all(connection, selection.since_ns, selection.until_ns):
        check_deadline()
        total += _count(tiers, evaluation, selection, tier)
    return total


def _count(tiers: Tiers, evaluation: Evaluation, selection: Selection, tier: Tier) -> int:
    key = selection.key_for(tier)
    known = tiers.shelf.remembered(key)
    if known is not None:
        return known
    if not evaluation.possible(tier.head, tier.words):
        total = 0
    elif selection.holds(tier):
        part = tier.open()
        total = count_of(evaluation.answer(part), part)
    else:
        total = len(selection.rows(evaluation, tier.open()))
    tiers.shelf.remember(key, total)
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


def by_time(
    tiers: Tiers,
    connection: sqlite3.Connection,
    selection: Selection,
    since_ns: int,
    step_ns: int,
    number: int,
) -> Ints:
    """
    Count records by stretch of time and class of level.

    Args:
        tiers: Where records are.
        connection: In a transaction.
        selection: Which; with both ends of its time, within the stretches.
        since_ns: Where the first stretch begins.
        step_ns: How long each is.
        number: How many there are.

    Returns:
        Counts: a row for each stretch, a column for each of LEVELS.
    """
    evaluation = selection.evaluation(connection)
    everything = isinstance(selection.query.tree, Everything)
    by_minute = since_ns % MINUTE_NS == 0 and step_ns % MINUTE_NS == 0
    rolled: list[Ints] = []  # minute, class, count
    cells: list[Ints] = []
    counts: list[Ints] = []
    for tier in _possible(tiers, connection, selection, evaluation):
        inside = everything and selection.holds(tier)
        if inside and by_minute:
            rolled.append(tier.minutes)
            continue
        if inside and (tier.first_time - since_ns) // step_ns == (tier.last_time - since_ns) // step_ns:
            _, classes, sums = tier.minutes
            cells.append((tier.first_time - since_ns) // step_ns * 8 + classes)
            counts.append(sums)
            continue
        part = tier.open()
        rows = slice(None) if inside else selection.rows(evaluation, part)
        classes = _classes(tiers, part.head)[part.form[rows]]
        cells.append((part.times[rows] - since_ns) // step_ns * 8 + classes)
        counts.append(np.ones(len(classes), np.int64))
    if rolled:
        minutes, classes, sums = np.concatenate(rolled, axis=1)
        cells.append((minutes * MINUTE_NS - since_ns) // step_ns * 8 + classes)
        counts.append(sums)
    found = np.bincount(
        np.concatenate([np.empty(0, np.int64), *cells]),
        np.concatenate([np.empty(0, np.int64), *counts]),
        minlength=number * 8,
    )
    return found.astype(np.int64).reshape(number, 8)[:, : len(LEVELS)]


def _classes(tiers: Tiers, head: Head) -> Ints:
    """Return the class of level of each form."""
    assert head.form_ids is not None
    return tiers.dictionary.classes(int(head.form_ids.max(initial=0)))[head.form_ids]


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
    if selection.holds(tier):
        return evaluation.answer(part)
    mask = np.zeros(part.head.rows, np.bool_)
    mask[selection.rows(evaluation, part)] = True
    return mask


class _Tally:
    """Counts of records by form, with the earliest and latest time of each."""

    def __init__(self) -> None:
        self._found: list[tuple[Ints, Ints, Ints, Ints]] = []

    def add(self, head: Head, counts: Ints, first: Ints, last: Ints) -> None:
        """Count rows of a part's forms."""
        assert head.form_ids is not None
        self._found.append((head.form_ids, counts, first, last))

    def totals(self) -> list[int]:
        """Return the counts of forms by their numbers."""
        totals: list[int] = np.bincount(self._all(0), self._all(1)).astype(np.int64).tolist()
        return totals

    def spans(self, numbers: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return the earliest and the latest time of forms by their numbers; right for the given ones."""
        forms = self._all(0)
        size = int(forms.max(initial=-1)) + 1
        wanted = np.zeros(size, np.bool_)
        wanted[list(numbers)] = True
        some = np.flatnonzero(wanted[forms] & (self._all(1) > 0))
        first, last = np.full(size, np.iinfo(np.int64).max), np.full(size, -1, np.int64)
        np.minimum.at(first, forms[some], self._all(2)[some])
        np.maximum.at(last, forms[some], self._all(3)[some])
        return first.tolist(), last.tolist()

    def _all(self, item: int) -> Ints:
        return np.concatenate([np.empty(0, np.int64), *[found[item] for found in self._found]])


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
        if everything and selection.holds(tier):
            tally.add(head, head.form_counts, head.form_first, head.form_last)
            continue
        part = tier.open()
        answer = _answer(evaluation, selection, tier, part)
        if isinstance(answer, bool | ByForm) and (isinstance(answer, bool) or not len(answer.slots)):
            every = answer.every if isinstance(answer, ByForm) else np.full(len(head.forms), answer)
            tally.add(head, head.form_counts * every, head.form_first, head.form_last)
            continue
        rows = np.flatnonzero(as_mask(answer, part))
        form, times = part.form[rows], part.times[rows]
        first, last = np.full(len(head.forms), np.iinfo(np.int64).max), np.full(len(head.forms), -1, np.int64)
        np.minimum.at(first, form, times)
        np.maximum.at(last, form, times)
        tally.add(head, np.bincount(form, minlength=len(head.forms)), first, last)
    return _patterns(tiers, tally, limit)


def _patterns(tiers: Tiers, tally: _Tally, limit: int) -> list[Pattern]:
    counts = tally.totals()
    forms_of: dict[str, list[int]] = {}
    forms = tiers.dictionary.forms(range(len(counts)))
    for number, count in enumerate(counts):
        if count:
            forms_of.setdefault(forms[number].pattern, []).append(number)
    totals = {text: sum([counts[number] for number in numbers]) for text, numbers in forms_of.items()}
    chosen = sorted(totals, key=lambda text: (-totals[text], number_pattern(text)))[:limit]
    first, last = tally.spans([number for text in chosen for number in forms_of[text]])
    found = []
    for text in chosen:
        numbers = forms_of[text]
        levels: Counter[str] = Counter()
        for number in numbers:
            levels[LEVELS[class_of(forms[number].severity)]] += counts[number]
        found.append(
            Pattern(
                id=number_pattern(text),
                template=text,
                count=totals[text],
                first=to_datetime(min(first[number] for number in numbers)),
                last=to_datetime(max(last[number] for number in numbers)),
                levels={name: levels[name] for name in LEVELS if name in levels},
            )
        )
    return found
