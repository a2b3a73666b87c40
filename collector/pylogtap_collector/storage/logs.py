"""Read records from `recent`: pages, single ones, neighbours, ids. Times are ns since the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pylogtap_collector.storage.predicates import compile_where
from pylogtap_collector.storage.rows import COLUMNS, Row, to_log

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from pylogtap_collector.models import Log, Order
    from pylogtap_collector.query import Query

_SELECT = f"""
    SELECT {COLUMNS}, annotation.labels, annotation.note
    FROM recent LEFT JOIN annotation ON annotation.log_id = recent.id
"""
_WIDTH = len(Row._fields)


@dataclass(frozen=True, slots=True)
class Selection:
    """
    Which records are meant.

    Attributes:
        query: The condition.
        since_ns: Only records from then on.
        until_ns: Only records before.
        last_id: Only records up to this one: what came later is not meant.
    """

    query: Query
    since_ns: int | None = None
    until_ns: int | None = None
    last_id: int | None = None

    def where(self) -> tuple[str, list[Any]]:
        """Return the condition as SQL over the columns of `recent`, and its parameters."""
        condition, values = compile_where(self.query)
        parts, params = [f"({condition})"], list(values)
        for sql, bound in (
            ("recent.time >= ?", self.since_ns),
            ("recent.time < ?", self.until_ns),
            ("recent.id <= ?", self.last_id),
        ):
            if bound is not None:
                parts.append(sql)
                params.append(bound)
        return " AND ".join(parts), params


class Found(NamedTuple):
    """A record with its exact place in the order of time."""

    time_ns: int
    log: Log


def page(
    connection: sqlite3.Connection,
    selection: Selection,
    order: Order,
    limit: int,
    behind: tuple[int, int] | None = None,
) -> list[Found]:
    """
    Return records in the order of their time; those of the same time in the order of arrival.

    Args:
        connection: Reads.
        selection: Which.
        order: `asc`: the oldest first.
        limit: How many at most.
        behind: Time and id of the record behind which to begin.
    """
    where, params = selection.where()
    if behind is not None:
        where += f" AND (recent.time, recent.id) {'>' if order == 'asc' else '<'} (?, ?)"
        params += behind
    sql = f"{_SELECT} WHERE {where} ORDER BY recent.time {order}, recent.id {order} LIMIT ?"
    rows = connection.execute(sql, (*params, limit))
    return [Found(row[1], log) for row in rows for log in _logs([row])]


def arrivals(
    connection: sqlite3.Connection, selection: Selection, behind: int, limit: int
) -> tuple[list[Log], int]:
    """
    Return records in the order of their arrival.

    Args:
        connection: Reads.
        selection: Which.
        behind: Id of the record behind which to begin.
        limit: How many at most.

    Returns:
        The records, and the id behind which to go on: that of the last one or, where these are all, of the
        last record that there is.
    """
    last = connection.execute("SELECT coalesce(max(id), 0) FROM recent").fetchone()[0]
    where, params = selection.where()
    sql = f"{_SELECT} WHERE {where} AND recent.id > ? AND recent.id <= ? ORDER BY recent.id LIMIT ?"
    found = _logs(connection.execute(sql, (*params, behind, last, limit)))
    return found, found[-1].id if len(found) == limit else max(behind, last)


def one(connection: sqlite3.Connection, log_id: int) -> Log | None:
    """Return a record by its id."""
    found = _logs(connection.execute(f"{_SELECT} WHERE recent.id = ?", (log_id,)))
    return found[0] if found else None


def neighbours(connection: sqlite3.Connection, log_id: int, count: int) -> tuple[list[Log], list[Log]]:
    """
    Return the records of the same instance around one.

    Args:
        connection: Reads.
        log_id: The one.
        count: How many on each side.

    Returns:
        Those before and those behind it, each in the order of time.
    """
    if not count:
        return [], []
    sides = []
    for sign, order in (("<", "DESC"), (">", "ASC")):
        sql = f"""{_SELECT} JOIN recent AS centre ON centre.id = ?
            WHERE recent.project = centre.project AND recent.service = centre.service
              AND recent.instance = centre.instance
              AND (recent.time, recent.id) {sign} (centre.time, centre.id)
            ORDER BY recent.time {order}, recent.id {order} LIMIT ?"""
        sides.append(_logs(connection.execute(sql, (log_id, count))))
    before, after = sides
    return before[::-1], after


def ids(connection: sqlite3.Connection, selection: Selection, behind: int, limit: int) -> list[int]:
    """
    Return ids of records in the order of their arrival.

    Args:
        connection: Reads.
        selection: Which.
        behind: Id behind which to begin.
        limit: How many at most.
    """
    where, params = selection.where()
    rows = connection.execute(
        f"SELECT recent.id FROM recent WHERE {where} AND recent.id > ? ORDER BY recent.id LIMIT ?",
        (*params, behind, limit),
    )
    return [log_id for (log_id,) in rows]


def last_id(connection: sqlite3.Connection) -> int:
    """Return the id of the record that arrived last; 0 where there is none."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM recent").fetchone()[0])


def _logs(rows: Iterable[tuple[Any, ...]]) -> list[Log]:
    return [to_log(Row(*row[:_WIDTH]), row[_WIDTH], row[_WIDTH + 1]) for row in rows]
