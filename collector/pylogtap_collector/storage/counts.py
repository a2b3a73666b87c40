"""Count records: over time, by the values of a field, by pattern. Times are ns since the epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pylogtap_collector.models import FacetValue, Pattern
from pylogtap_collector.storage.predicates import compile_field
from pylogtap_collector.storage.rows import to_datetime

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.storage.logs import Selection

# OpenTelemetry gives each class four severities, from 1 on; 0 is unknown.
LEVELS = ("unknown", "trace", "debug", "info", "warning", "error", "critical")
_CLASS = "(recent.severity + 3) / 4"


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
    Count records by the values of a field; records without it are not counted.

    Args:
        connection: Reads.
        selection: Which.
        field: A field of the query language.
        limit: How many values at most; the most frequent come first.
    """
    where, params = selection.where()
    value, values = compile_field(field)
    rows = connection.execute(
        f"""
        SELECT CAST(value AS TEXT), count(*) FROM (SELECT {value} AS value FROM recent WHERE {where})
        WHERE value IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?
        """,
        (*values, *params, limit),
    )
    return [FacetValue(value=text, count=count) for text, count in rows]


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
