"""Rows of a part as the records that people see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pylogtap_collector.models import Log, LoggedException, ProcessPlace, SourcePlace
from pylogtap_collector.parts.part import (
    EXCEPTION,
    FIELD,
    MAIN_THREAD,
    SPAN,
    TEST,
    THREAD,
    TRACE,
)
from pylogtap_collector.times import to_datetime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.parts.numbers import Ints
    from pylogtap_collector.parts.part import Part

_ATTRIBUTES = len(FIELD)


def logs_of(part: Part, rows: Ints) -> list[Log]:
    """
    Make records of some rows. They were validated when they were stored, so this is not repeated.

    Args:
        part: Holds them.
        rows: Which, in the order in which they are returned.
    """
    messages = messages_of(part, rows)
    values = values_of(part, rows)
    forms, sources, head = part.some("form", rows).tolist(), part.some("source", rows).tolist(), part.head
    return [
        _log(log_id, time, received, head.forms[form], head.sources[source], message, found)
        for log_id, time, received, form, source, message, found in zip(
            part.some("ids", rows).tolist(),
            part.some("times", rows).tolist(),
            part.received(rows).tolist(),
            forms,
            sources,
            messages,
            values,
            strict=True,
        )
    ]


def messages_of(part: Part, rows: Ints) -> list[str]:
    """
    Return the messages of some rows.

    Args:
        part: Holds them.
        rows: Which, in the order in which they are returned.
    """
    messages = [""] * len(rows)
    forms = part.some("form", rows)
    for form in np.unique(forms).tolist():
        wanted = np.flatnonzero(forms == form)
        places = np.searchsorted(part.rows_of_form(form), rows[wanted])
        for place, message in zip(wanted.tolist(), part.messages(form, places.tolist()), strict=True):
            messages[place] = message
    return messages


def messages_at(part: Part, slots: Ints) -> list[str]:
    """
    Return the messages of rows by their slots, see :meth:`Part.rows_at`: less of the part has to be loaded.

    Args:
        part: Holds them.
        slots: Growing.
    """
    messages: list[str] = []
    forms, counts = np.unique(part.forms_at(slots), return_counts=True)
    begin = 0
    for form, count in zip(forms.tolist(), counts.tolist(), strict=True):
        among = slots[begin : begin + count] - part.slots_of_form(form)[0]
        messages += part.messages(form, among.tolist())
        begin += count
    return messages


def values_of(part: Part, rows: Ints) -> list[dict[str, Any]]:
    """
    Return for each row its values by the names of their columns, in the order of its shape.

    Args:
        part: Holds the rows.
        rows: Which, in the order in which they are returned.
    """
    shapes, head = part.some("shape", rows), part.head
    found: list[dict[str, Any]] = [dict.fromkeys(head.shapes[shape]) for shape in shapes.tolist()]
    for name in {name for shape in np.unique(shapes).tolist() for name in head.shapes[shape]}:
        having = part.shapes_of_column(name)
        wanted = np.flatnonzero(having[shapes])
        places = rows if having.all() else np.searchsorted(part.rows_of_column(name), rows[wanted])
        for place, value in zip(wanted.tolist(), part.column(name).some(places.tolist()), strict=True):
            found[place][name] = value
    return found


def _log(
    log_id: int, time: int, received: int, form: Any, source: Any, message: str, values: dict[str, Any]
) -> Log:
    attributes: dict[str, Any] = {}
    extras: dict[str, Any] = {}
    for name, value in values.items():
        (attributes if name.startswith(FIELD) else extras)[name[_ATTRIBUTES:]] = value
    return Log.model_construct(
        id=log_id,
        time=to_datetime(time),
        received=to_datetime(received),
        level=form.level,
        severity_number=form.severity,
        project=source.project,
        service=source.service,
        instance=source.instance,
        logger=form.logger,
        message=message,
        template=form.template,
        pattern_id=form.pattern_id,
        attributes=attributes,
        exception=_exception(extras.get(EXCEPTION)),
        trace_id=extras.get(TRACE),
        span_id=extras.get(SPAN),
        source=SourcePlace.model_construct(file=form.file, line=form.line, function=form.function),
        process=ProcessPlace.model_construct(
            pid=source.pid, thread=extras.get(THREAD, None if source.pid is None else MAIN_THREAD)
        ),
        test_id=extras.get(TEST),
        labels={},
        note=None,
    )


def _exception(found: Sequence[Any] | None) -> LoggedException | None:
    if found is None:
        return None
    kind, message, stack, arguments = found
    return LoggedException.model_construct(type=kind, message=message, stacktrace=stack, arguments=arguments)
