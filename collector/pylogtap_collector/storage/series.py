"""Metrics: `series`, one row each. Their values are in :mod:`pylogtap_collector.storage.samples`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pylogtap_collector.errors import Conflict, NotFound
from pylogtap_collector.storage.places import LEVELS
from pylogtap_collector.storage.sample_state import note_change

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from pylogtap_collector.models import SampleIn

_LAST_ID = 2**63 - 1  # what SQLite's integers hold
_COLUMNS = (
    "s.id, s.project, s.service, s.instance, s.name, s.unit, s.kind, s.labels, s.description, s.created"
)
# The newest chunk of a series, and what it has among the rows that are not packed yet.
_SELECT = f"""
    SELECT {_COLUMNS}, s.samples, chunk.last_time, chunk.last_value
    FROM series AS s LEFT JOIN chunk ON chunk.id = coalesce(
        (SELECT id FROM chunk WHERE series = s.id AND resolution = 'raw' ORDER BY start DESC LIMIT 1),
        (SELECT id FROM chunk WHERE series = s.id AND resolution = 'minute' ORDER BY start DESC LIMIT 1),
        (SELECT id FROM chunk WHERE series = s.id AND resolution = 'hour' ORDER BY start DESC LIMIT 1))
"""
_UNPACKED = """
    SELECT series, count(*), max(time), value FROM sample
    WHERE series IN (SELECT value FROM json_each(?)) GROUP BY series
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
        prefix: One to three names, of project, service and instance.
    """

    projects: frozenset[str] | None = None
    project: str | None = None
    service: str | None = None
    instance: str | None = None
    name: str | None = None
    prefix: Sequence[str] = ()


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
    number, kind = kind_of_series(connection, key, sample.unit, sample.kind, now_ns)
    if kind != sample.kind:
        raise Conflict(
            f"The metric {sample.name} of {'/'.join(key[:3])} is a {kind}, not a {sample.kind}; "
            "send it as such, or under another name. Nothing was stored."
        )
    return number


def kind_of_series(
    connection: sqlite3.Connection, key: Sequence[str], unit: str | None, kind: str, now_ns: int
) -> tuple[int, str]:
    """
    Return number and kind of a series; add it where it is not there.

    Args:
        connection: In a transaction.
        key: Project, service, instance, name, and labels as they are stored.
        unit: Of a new one.
        kind: Of a new one.
        now_ns: When it came.
    """
    row: tuple[int, str] | None = connection.execute(
        "SELECT id, kind FROM series"
        " WHERE project = ? AND service = ? AND instance = ? AND name = ? AND labels = ?",
        key,
    ).fetchone()
    if row is not None:
        return row
    number = connection.execute(
        "INSERT INTO series (project, service, instance, name, labels, unit, kind, description, created,"
        " samples) VALUES (?, ?, ?, ?, ?, ?, ?, '', ?, 0)",
        (*key, unit, kind, now_ns),
    ).lastrowid
    assert number is not None
    return number, kind


def list_series(
    connection: sqlite3.Connection, wanted: Filter, limit: int = -1, behind: int | None = None
) -> list[SeriesRow]:
    """
    Return series by their numbers.

    Args:
        connection: Reads.
        wanted: Which ones.
        limit: How many at most; negative: all.
        behind: Number behind which to begin.
    """
    conditions, params = _visible("s.id > ?", behind or 0, wanted.projects)
    levels = [(column, getattr(wanted, column)) for column in LEVELS]
    for column, name in (*levels, *zip(LEVELS, wanted.prefix, strict=False)):
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
    note_change(connection, directory=True)


def delete_series(connection: sqlite3.Connection, number: int) -> None:
    """
    Remove a series and its samples.

    Args:
        connection: In a transaction.
        number: Of the series.
    """
    _delete(connection, "id = ?", (number,))


def delete_series_under(connection: sqlite3.Connection, path: Sequence[str]) -> None:
    """
    Remove the series of a place and of those under it, and their samples.

    Args:
        connection: In a transaction.
        path: One to three names.
    """
    where = " AND ".join(f"{column} = ?" for column in LEVELS[: len(path)])
    _delete(connection, where, path)


def _delete(connection: sqlite3.Connection, where: str, params: Sequence[str | int]) -> None:
    """Remove series with all that is kept of them."""
    for table in ("sample", "chunk"):
        connection.execute(
            f"DELETE FROM {table} WHERE series IN (SELECT id FROM series WHERE {where})", params
        )
    if connection.execute(f"DELETE FROM series WHERE {where}", params).rowcount:
        note_change(connection, directory=True)


def _visible(condition: str, value: int, projects: frozenset[str] | None) -> tuple[list[str], list[Any]]:
    """Return conditions and their values: one that is given, and that the series may be seen."""
    if projects is None:
        return [condition], [value]
    names = msgspec.json.encode(sorted(projects)).decode()
    return [condition, "s.project IN (SELECT value FROM json_each(?))"], [value, names]


def _rows(connection: sqlite3.Connection, rest: str, params: Sequence[Any]) -> list[SeriesRow]:
    rows = connection.execute(f"{_SELECT} {rest}", params).fetchall()
    numbers = msgspec.json.encode([row[0] for row in rows]).decode()
    found = connection.execute(_UNPACKED, (numbers,)) if rows else ()
    unpacked = {number: (count, last, value) for number, count, last, value in found}
    return [_with_unpacked(row, *unpacked.get(row[0], (0, None, None))) for row in rows]


def _with_unpacked(values: Sequence[Any], count: int, last: int | None, value: float | None) -> SeriesRow:
    row = SeriesRow(*values)
    labels, samples = _decode_labels(values[_LABELS]), row.samples + count
    if last is None or (row.last_time is not None and row.last_time > last):
        return row._replace(labels=labels, samples=samples)
    return row._replace(labels=labels, samples=samples, last_time=last, last_value=value)


def newest_rows(
    connection: sqlite3.Connection, series: Sequence[int], since_ns: int
) -> list[tuple[int, int, float]]:
    """
    Return series, time and value of what is not packed, by its time.

    Args:
        connection: Reads.
        series: Of these series.
        since_ns: From then on.
    """
    return connection.execute(
        "SELECT series, time, value FROM sample"
        " WHERE time >= ? AND series IN (SELECT value FROM json_each(?)) ORDER BY time",
        (since_ns, msgspec.json.encode(series).decode()),
    ).fetchall()


def count_unpacked(connection: sqlite3.Connection) -> int:
    """Return how many samples are not packed."""
    count: int = connection.execute("SELECT count(*) FROM sample").fetchone()[0]
    return count
