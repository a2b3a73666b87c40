"""Metrics: `series`, one row each. Their values are in :mod:`pylogtap_collector.storage.samples`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pylogtap_collector.errors import Conflict, NotFound
from pylogtap_collector.storage.places import LEVELS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from pylogtap_collector.models import SampleIn

_LAST_ID = 2**63 - 1  # what SQLite's integers hold
_SELECT = """
    SELECT s.id, s.project, s.service, s.instance, s.name, s.unit, s.kind, s.labels, s.description, s.created,
           s.samples, (SELECT max(time) FROM sample WHERE series = s.id),
           (SELECT value FROM sample WHERE series = s.id ORDER BY time DESC LIMIT 1)
    FROM series AS s
"""
_LABELS = 7  # their place in a row
_decode_labels = msgspec.json.Decoder(dict[str, str]).decode


class SeriesRow(NamedTuple):
    """A series with its newest sample."""

    id: int
    project: str
    service: str
    instance: str
    name: str
    unit: str | None
    kind: str
    labels: dict[str, str]
    description: str
    created: int
    samples: int
    last_time: int | None
    last_value: float | None


class Filter(NamedTuple):
    """
    Which series are asked for; None: any.

    Attributes:
        projects: Those that may be seen.
        project: The project.
        service: The service.
        instance: The instance.
        name: The name, or how it begins with a `*` behind that.
    """

    projects: frozenset[str] | None = None
    project: str | None = None
    service: str | None = None
    instance: str | None = None
    name: str | None = None


def ensure_series(connection: sqlite3.Connection, sample: SampleIn, labels: str, now_ns: int) -> int:
    """
    Return the number of a sample's series; add the series where it is not there.

    Args:
        connection: In a transaction.
        sample: Says what the series is.
        labels: Those of the sample, as they are stored.
        now_ns: When it came.

    Raises:
        Conflict: The series is of another kind.
    """
    key = (sample.project, sample.service, sample.instance, sample.name, labels)
    row: tuple[int, str] | None = connection.execute(
        "SELECT id, kind FROM series"
        " WHERE project = ? AND service = ? AND instance = ? AND name = ? AND labels = ?",
        key,
    ).fetchone()
    if row is None:
        number = connection.execute(
            "INSERT INTO series (project, service, instance, name, labels, unit, kind, description, created,"
            " samples) VALUES (?, ?, ?, ?, ?, ?, ?, '', ?, 0)",
            (*key, sample.unit, sample.kind, now_ns),
        ).lastrowid
        assert number is not None
        return number
    if row[1] != sample.kind:
        raise Conflict(
            f"The metric {sample.name} of {'/'.join(key[:3])} is a {row[1]}, not a {sample.kind}; "
            "send it as such, or under another name. Nothing was stored."
        )
    return row[0]


def list_series(
    connection: sqlite3.Connection, wanted: Filter, limit: int, behind: int | None = None
) -> list[SeriesRow]:
    """
    Return series by their numbers.

    Args:
        connection: Reads.
        wanted: Which ones.
        limit: How many at most.
        behind: Number behind which to begin.
    """
    conditions, params = _visible("s.id > ?", behind or 0, wanted.projects)
    for column in LEVELS:
        name = getattr(wanted, column)
        if name is not None:
            conditions.append(f"s.{column} = ?")
            params.append(name)
    if wanted.name is not None:
        beginning = wanted.name.removesuffix("*")
        if beginning != wanted.name:
            conditions.append("substr(s.name, 1, ?) = ?")
            params += [len(beginning), beginning]
        else:
            conditions.append("s.name = ?")
            params.append(wanted.name)
    where = " AND ".join(conditions)
    return _rows(connection, f"WHERE {where} ORDER BY s.id LIMIT ?", [*params, limit])


def get_series(
    connection: sqlite3.Connection, number: int, projects: frozenset[str] | None = None
) -> SeriesRow:
    """
    Return one series.

    Args:
        connection: Reads.
        number: Its number.
        projects: Those that may be seen; None: all.

    Raises:
        NotFound: There is no such series in them.
    """
    conditions, params = _visible("s.id = ?", number, projects)
    where = " AND ".join(conditions)
    found = _rows(connection, f"WHERE {where}", params) if 0 < number <= _LAST_ID else []
    if not found:
        raise NotFound(f"There is no metric {number}; it may have been deleted.")
    return found[0]


def describe_series(connection: sqlite3.Connection, number: int, description: str, unit: str | None) -> None:
    """
    Change what people say of a series.

    Args:
        connection: In a transaction.
        number: Of the series.
        description: What it is.
        unit: What its values count.
    """
    connection.execute(
        "UPDATE series SET description = ?, unit = ? WHERE id = ?", (description, unit, number)
    )


def delete_series(connection: sqlite3.Connection, number: int) -> None:
    """
    Remove a series and its samples.

    Args:
        connection: In a transaction.
        number: Of the series.
    """
    connection.execute("DELETE FROM sample WHERE series = ?", (number,))
    connection.execute("DELETE FROM series WHERE id = ?", (number,))


def delete_series_under(connection: sqlite3.Connection, path: Sequence[str]) -> None:
    """
    Remove the series of a place and of those under it, and their samples.

    Args:
        connection: In a transaction.
        path: One to three names.
    """
    where = " AND ".join(f"{column} = ?" for column in LEVELS[: len(path)])
    connection.execute(f"DELETE FROM sample WHERE series IN (SELECT id FROM series WHERE {where})", path)
    connection.execute(f"DELETE FROM series WHERE {where}", path)


def _visible(condition: str, value: int, projects: frozenset[str] | None) -> tuple[list[str], list[Any]]:
    """Return conditions and their values: one that is given, and that the series may be seen."""
    if projects is None:
        return [condition], [value]
    names = msgspec.json.encode(sorted(projects)).decode()
    return [condition, "s.project IN (SELECT value FROM json_each(?))"], [value, names]


def _rows(connection: sqlite3.Connection, rest: str, params: Sequence[Any]) -> list[SeriesRow]:
    rows = connection.execute(f"{_SELECT} {rest}", params)
    return [SeriesRow(*row)._replace(labels=_decode_labels(row[_LABELS])) for row in rows]
