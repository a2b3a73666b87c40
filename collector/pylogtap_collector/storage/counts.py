"""Count records: over time, by the values of a field, by pattern. Times are ns since the epoch."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pylogtap_collector.models import FacetValue, Pattern
from pylogtap_collector.query.fields import LABEL, attribute_values, text_form
from pylogtap_collector.storage.rows import to_datetime

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from pylogtap_collector.storage.logs import Selection

# OpenTelemetry gives each class four severities, from 1 on; 0 is unknown.
LEVELS = ("unknown", "trace", "debug", "info", "warning", "error", "critical")
_CLASS = "(recent.severity + 3) / 4"
_COLUMNS = {
    "level": "recent.level", "project": "recent.project", "service": "recent.service",
    "instance": "recent.instance", "logger": "recent.logger", "message": "recent.message",
    "template": "recent.template", "pattern": "recent.pattern", "trace": "recent.trace_id",
    "span": "recent.span_id", "test": "recent.test_id", "exception": "recent.exception_type",
    "file": "recent.file", "line": "recent.line", "function": "recent.function", "pid": "recent.pid",
    "thread": "recent.thread", "id": "recent.id",
    "note": "(SELECT note FROM annotation WHERE log_id = recent.id)",
}  # fmt: skip
_LABELS = "(SELECT labels FROM annotation WHERE log_id = recent.id)"
_MOST_VALUES = 50_000  # of an attribute: bounds memory
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


class Span(NamedTuple):
    """A stretch of time, its end not included."""

    since_ns: int
    until_ns: int


def span(connection: sqlite3.Connection) -> Span | None:
    """Return the time from the first record to behind the last; None where there is none."""
    first, last = connection.execute(
        "SELECT (SELECT min(time) FROM recent), (SELECT max(time) FROM recent)"
    ).fetchone()
    return None if first is None else Span(first, last + 1)


def by_time(
    connection: sqlite3.Connection, selection: Selection, since_ns: int, step_ns: int
) -> dict[tuple[int, str], int]:
    """
    Count records by stretch of time and class of level.

    Args:
        connection: Reads.
        selection: Which.
        since_ns: Where the first stretch begins.
        step_ns: How long each is.

    Returns:
        Counts by number of the stretch and class; only where there are any.
    """
    where, params = selection.where()
    rows = connection.execute(
        f"SELECT (recent.time - ?) / ?, {_CLASS}, count(*) FROM recent WHERE {where} GROUP BY 1, 2",
        (since_ns, step_ns, *params),
    )
    return {(bucket, LEVELS[level]): count for bucket, level, count in rows}


def by_value(
    connection: sqlite3.Connection, selection: Selection, field: str, limit: int
) -> list[FacetValue]:
    """
    Count records by the values of a field, each element of an array by itself.

    Records without the field are not counted, nor are structures. Of a field that has more than 50,000
    different values, those that come up after these are not counted.

    Args:
        connection: Reads.
        selection: Which.
        field: A field of the query language.
        limit: How many values at most; the most frequent come first.
    """
    where, params = selection.where()
    column = _COLUMNS.get(field)
    if column is not None:
        rows = connection.execute(
            f"""
            SELECT CAST({column} AS TEXT) AS value, count(*) FROM recent
            WHERE {where} AND {column} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?
            """,
            (*params, limit),
        )
        return [FacetValue(value=value, count=count) for value, count in rows]
    objects = _LABELS if field.startswith(LABEL) else "recent.attributes"
    written = connection.execute(
        f"SELECT {objects} AS object FROM recent WHERE {where} AND object IS NOT NULL", params
    )
    counts = _count_values((_decode_object(text) for (text,) in written), field.removeprefix(LABEL))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [FacetValue(value=value, count=count) for value, count in ranked[:limit]]


def _count_values(objects: Iterable[dict[str, Any]], path: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for found in objects:
        for value in attribute_values(found, path):
            text = text_form(value)
            if text is not None and (text in counts or len(counts) < _MOST_VALUES):
                counts[text] += 1
    return counts


def by_pattern(connection: sqlite3.Connection, selection: Selection, limit: int) -> list[Pattern]:
    """
    Count records by pattern.

    Args:
        connection: Reads.
        selection: Which.
        limit: How many patterns at most; the most frequent come first.
    """
    where, params = selection.where()
    classes = ", ".join(f"sum({_CLASS} = {number})" for number in range(len(LEVELS)))
    rows = connection.execute(
        f"""
        SELECT found.*, pattern.template FROM (
            SELECT recent.pattern AS id, count(*) AS total, min(recent.time), max(recent.time), {classes}
            FROM recent WHERE {where} GROUP BY 1 ORDER BY total DESC, id LIMIT ?
        ) AS found LEFT JOIN pattern USING (id) ORDER BY found.total DESC, found.id
        """,
        (*params, limit),
    )
    return [
        Pattern(
            id=number,
            template=template or "",
            count=total,
            first=to_datetime(first),
            last=to_datetime(last),
            levels={name: count for name, count in zip(LEVELS, counts, strict=True) if count},
        )
        for number, total, first, last, *counts, template in rows
    ]
