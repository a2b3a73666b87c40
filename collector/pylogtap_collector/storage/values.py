"""How often each value of a field comes up in a part."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from pylogtap_collector.parts.conditions import FORM_FIELDS, SOURCE_FIELDS, ByForm
from pylogtap_collector.parts.evaluation import as_mask
from pylogtap_collector.parts.part import EXCEPTION, EXTRA, FIELD, MAIN_THREAD, SPAN, TEST, THREAD, TRACE
from pylogtap_collector.parts.rows import messages_of
from pylogtap_collector.query.fields import LABEL, attribute_values, text_form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pylogtap_collector.parts.conditions import Annotations, Answer
    from pylogtap_collector.parts.faces import Form
    from pylogtap_collector.parts.part import Part

_FORM_VALUES: dict[str, Callable[[Form], Any]] = {**FORM_FIELDS, "level": attrgetter("level")}
_EXTRAS = {"trace": TRACE, "span": SPAN, "test": TEST, "thread": THREAD, "exception": EXCEPTION}


def values_of_field(part: Part, answer: Answer, field: str, annotations: Annotations) -> Counter[str]:
    """
    Count the values of a field.

    Args:
        part: Holds the records.
        answer: Which of its rows count.
        field: Of the query language.
        annotations: Labels and note of each record that has some.
    """
    if field in _FORM_VALUES:
        return _counted(
            zip(map(_FORM_VALUES[field], part.head.forms), _form_counts(part, answer), strict=True)
        )
    if field in SOURCE_FIELDS:
        sources = map(SOURCE_FIELDS[field], part.head.sources)
        return _counted(zip(sources, _source_counts(part, answer), strict=True))
    mask = as_mask(answer, part)
    if field == "note" or field.startswith(LABEL):
        return _annotated(part, mask, field, annotations)
    if field == "message":
        return _counted((message, 1) for message in messages_of(part, np.flatnonzero(mask)))
    if field == "id":
        return _counted((log_id, 1) for log_id in part.ids[mask].tolist())
    if field in _EXTRAS:
        return _extras(part, mask, _EXTRAS[field])
    return _attributes(part, mask, field)


def _counted(found: Iterable[tuple[Any, int]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for value, count in found:
        text = None if value is None else text_form(value)
        if text is not None and count:
            counts[text] += count
    return counts


def _form_counts(part: Part, answer: Answer) -> list[int]:
    head = part.head
    if answer is True:
        return head.form_counts.tolist()  # type: ignore[no-any-return]
    if isinstance(answer, ByForm):
        counts = head.form_counts * answer.every
        counts = counts + np.bincount(part.forms_at(answer.slots), minlength=len(head.forms))
        return counts.tolist()  # type: ignore[no-any-return]
    return np.bincount(part.form[as_mask(answer, part)], minlength=len(head.forms)).tolist()  # type: ignore[no-any-return]


def _source_counts(part: Part, answer: Answer) -> list[int]:
    head = part.head
    if answer is True:
        return head.source_counts.tolist()  # type: ignore[no-any-return]
    return np.bincount(part.source[as_mask(answer, part)], minlength=len(head.sources)).tolist()  # type: ignore[no-any-return]


def _annotated(part: Part, mask: Any, field: str, annotations: Annotations) -> Counter[str]:
    counts: Counter[str] = Counter()
    for log_id in part.ids[mask].tolist() if annotations else ():
        labels, note = annotations.get(log_id, ({}, None))
        value = note if field == "note" else labels.get(field.removeprefix(LABEL))
        if value is not None:
            counts[value] += 1
    return counts


def _extras(part: Part, mask: Any, name: str) -> Counter[str]:
    column = f"{EXTRA}{name}"
    counts: Counter[str] = Counter()
    rows = part.rows_of_column(column) if column in part.head.kinds else np.empty(0, np.int64)
    if len(rows):
        places = np.flatnonzero(mask[rows]).tolist()
        found = part.column(column).some(places)
        counts = _counted((value[0] if name == EXCEPTION else value, 1) for value in found)
    if name == THREAD:
        others = int(np.count_nonzero(mask)) - int(np.count_nonzero(mask[rows]))
        counts[MAIN_THREAD] += others
        counts = +counts
    return counts


def _attributes(part: Part, mask: Any, path: str) -> Counter[str]:
    heads = [path, *(path[:place] for place, character in enumerate(path) if character == ".")]
    names = [key for key in heads if f"{FIELD}{key}" in part.head.kinds]
    if len(names) == 1:
        column = part.column(f"{FIELD}{names[0]}")
        places = np.flatnonzero(mask[part.rows_of_column(f"{FIELD}{names[0]}")])
        found: Iterable[Any] = column.some(places.tolist()) if len(places) < len(column) else column.values()
        if names[0] == path:
            return _elements(found)
        return _counted((value, 1) for each in found for value in attribute_values({names[0]: each}, path))
    objects: dict[int, dict[str, Any]] = {}
    for key in names:
        rows = part.rows_of_column(f"{FIELD}{key}").tolist()
        for row, value in zip(rows, part.column(f"{FIELD}{key}").values(), strict=True):
            if mask[row]:
                objects.setdefault(row, {})[key] = value
    return _counted((value, 1) for found in objects.values() for value in attribute_values(found, path))


def _elements(found: Iterable[Any]) -> Counter[str]:
    """Count values, those of an array one by one; an array in an array is none of them."""
    return _counted((each, 1) for value in found for each in (value if isinstance(value, list) else (value,)))
