"""Values of metrics: `sample`. Times are nanoseconds since the epoch."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from pylogtap_collector.storage.places import ensure_places
from pylogtap_collector.storage.series import ensure_series
from pylogtap_collector.times import to_ns

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from pylogtap_collector.models import SampleIn


def store_samples(
    connection: sqlite3.Connection, samples: Iterable[SampleIn], now_ns: int
) -> tuple[int, list[int]]:
    """
    Store samples, and make the series and places that they need.

    A sample replaces the one of the same series and time, so that a request may be repeated.

    Args:
        connection: In a transaction.
        samples: What came; the last one counts where several have the same series and time.
        now_ns: The time of those without one.

    Returns:
        How many were stored, and the numbers of their series.

    Raises:
        Conflict: A series is of another kind.
    """
    values: defaultdict[int, dict[int, float]] = defaultdict(dict)
    numbers: dict[tuple[str, ...], int] = {}
    for sample in samples:
        labels = msgspec.json.encode(sample.labels, order="deterministic").decode()
        key = (sample.project, sample.service, sample.instance, sample.name, labels, sample.kind)
        if key not in numbers:
            numbers[key] = ensure_series(connection, sample, labels, now_ns)
        time = now_ns // 1000 * 1000 if sample.time is None else to_ns(sample.time)
        values[numbers[key]][time] = sample.value
    ensure_places(connection, numbers, now_ns)
    for number, mine in values.items():
        rows = [(number, time, value) for time, value in mine.items()]
        added = connection.executemany("INSERT OR IGNORE INTO sample VALUES (?, ?, ?)", rows).rowcount
        if added < len(rows):
            connection.executemany("INSERT OR REPLACE INTO sample VALUES (?, ?, ?)", rows)
        _count(connection, number, added)
    return sum(map(len, values.values())), list(values)


def newest_samples(
    connection: sqlite3.Connection, number: int, since_ns: int | None, until_ns: int | None, limit: int
) -> list[tuple[int, float]]:
    """
    Return time and value of a series' newest samples in a range, the newest first.

    Args:
        connection: Reads.
        number: Of the series.
        since_ns: Only from then on.
        until_ns: Only before.
        limit: How many at most.
    """
    where, params = _within(number, since_ns, until_ns)
    return connection.execute(
        f"SELECT time, value FROM sample WHERE {where} ORDER BY time DESC LIMIT ?", [*params, limit]
    ).fetchall()


def delete_samples(
    connection: sqlite3.Connection, number: int, since_ns: int | None, until_ns: int | None
) -> int:
    """
    Remove samples of a series; the series stays, even without any.

    Args:
        connection: In a transaction.
        number: Of the series.
        since_ns: Only from then on.
        until_ns: Only before.

    Returns:
        How many.
    """
    where, params = _within(number, since_ns, until_ns)
    removed = connection.execute(f"DELETE FROM sample WHERE {where}", params).rowcount
    _count(connection, number, -removed)
    return removed


def _count(connection: sqlite3.Connection, number: int, more: int) -> None:
    """Count samples where they are added and removed: counting a year of them for a list takes too long."""
    connection.execute("UPDATE series SET samples = samples + ? WHERE id = ?", (more, number))


def _within(number: int, since_ns: int | None, until_ns: int | None) -> tuple[str, list[int]]:
    conditions, params = ["series = ?"], [number]
    for condition, bound in (("time >= ?", since_ns), ("time < ?", until_ns)):
        if bound is not None:
            conditions.append(condition)
            params.append(bound)
    return " AND ".join(conditions), params
