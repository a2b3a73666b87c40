"""
Values of metrics: rows of `sample` while they are new, then packed; times are nanoseconds since the epoch.

A sample replaces the one of the same series and time. Where that one is packed, it does so when it is
packed, too.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pylogtap_collector.storage.buckets import (
    unpack_samples,
)
from pylogtap_collector.storage.chunks import (
    HOUR_US,
)
from pylogtap_collector.storage.places import ensure_places
from pylogtap_collector.storage.sample_state import note_change, read_state
from pylogtap_collector.storage.series import ensure_series, kind_of_series
from pylogtap_collector.times import to_ns

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from pylogtap_collector.models import SampleIn
    from pylogtap_collector.taps.entries import Point

    Key = tuple[str, str, str, str, tuple[tuple[str, str], ...]]

_POINT_NS = 1_000_000  # to which times of points are cut: what is finer is the clock's noise, and takes room
LAST_US = (1 << 63) // 1000 - 1
_STORE = "INSERT OR REPLACE INTO sample (series, time, value) VALUES (?, ?, ?)"


class SeriesIndex:
    """
    Numbers of series that are known, so that a point need not look its own up.

    Attributes:
        directory: The state of the directory of series that they are right for.
        known: Number and kind of each.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.directory = -1
        self.known: dict[Key, tuple[int, str]] = {}


class StoredPoints(NamedTuple):
    """
    What became of points.

    Attributes:
        series: The number of each one's series; 0: it was not stored.
        refused: Why some were not stored, once for each reason.
        directory: The state of the directory of series that these numbers are right for.
        fresh: Series that nobody knew.
        known: Where they are remembered.
    """

    series: list[int]
    refused: list[str]
    directory: int
    fresh: dict[Key, tuple[int, str]]
    known: dict[Key, tuple[int, str]]

    def keep(self) -> None:
        """Remember the numbers of series. Call it when the transaction is stored, and not before."""
        self.known.update(self.fresh)


def store_points(
    connection: sqlite3.Connection, points: Sequence[Point], now_ns: int, index: SeriesIndex
) -> StoredPoints:
    """
    Store points, and make the series and places that they need; those of the wrong kind are left out.

    Args:
        connection: In a transaction.
        points: The points; the last one counts where several have the same series and millisecond.
        now_ns: When they came.
        index: Known series.
    """
    state = read_state(connection)
    if state.directory != index.directory:  # in this order: a dict that others still fill is not used again
        index.known, index.directory = {}, state.directory
    known = index.known
    fresh: dict[Key, tuple[int, str]] = {}
    refused: dict[str, None] = {}
    series: list[int] = []
    rows: list[tuple[int, int, float]] = []
    for place, name, value, when, unit, kind, labels in points:
        key = (*place, name, labels)
        found = known.get(key) or fresh.get(key)
        if found is None:
            found = fresh[key] = _series_of(connection, key, unit, kind, now_ns)
        time = when // _POINT_NS * _POINT_NS
        if found[1] != kind or not math.isfinite(value) or not 0 <= time <= LAST_US * 1000:
            series.append(0)
            refused[_refusal(name, "/".join(place), found[1], kind)] = None
            continue
        series.append(found[0])
        rows.append((found[0], time, float(value)))
    ensure_places(connection, fresh, now_ns)
    connection.executemany(_STORE, rows)
    if rows and min(row[1] for row in rows) < state.old:
        note_change(connection)
    return StoredPoints(series, list(refused), state.directory, fresh, known)


class StoredSamples(NamedTuple):
    """
    What became of samples.

    Attributes:
        stored: How many there are; those of one series and the same time count once.
        series: The numbers of their series, each once.
        each: The number of each one's series.
        directory: The state of the directory of series that these numbers are right for.
    """

    stored: int
    series: list[int]
    each: list[int]
    directory: int


def store_samples(connection: sqlite3.Connection, samples: Iterable[SampleIn], now_ns: int) -> StoredSamples:
    """
    Store samples, and make the series and places that they need.

    A sample replaces the one of the same series and time, so that a request may be repeated.

    Args:
        connection: In a transaction.
        samples: What came; the last one counts where several have the same series and time.
        now_ns: The time of those without one.

    Raises:
        Conflict: A series is of another kind.
    """
    values: defaultdict[int, dict[int, float]] = defaultdict(dict)
    numbers: dict[tuple[str, ...], int] = {}
    each: list[int] = []
    state = read_state(connection)
    for sample in samples:
        labels = msgspec.json.encode(sample.labels, order="deterministic").decode()
        key = (sample.project, sample.service, sample.instance, sample.name, labels, sample.kind)
        if key not in numbers:
            numbers[key] = ensure_series(connection, sample, labels, now_ns)
        time = now_ns // 1000 * 1000 if sample.time is None else to_ns(sample.time)
        values[numbers[key]][time] = sample.value
        each.append(numbers[key])
    ensure_places(connection, numbers, now_ns)
    rows = [(number, time, value) for number, mine in values.items() for time, value in mine.items()]
    connection.executemany(_STORE, rows)
    if min(time for _, time, _ in rows) < state.old:
        note_change(connection)
    return StoredSamples(len(rows), list(values), each, state.directory)


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
    first, end = since_ns or 0, (LAST_US * 1000) if until_ns is None else until_ns
    found: dict[int, float] = {}
    # Packed ones from the newest chunk on, until there are enough: what is in earlier ones is older.
    for data, start in connection.execute(
        "SELECT data, start / 1000 FROM chunk"
        " WHERE series = ? AND resolution = 'raw' AND start > ? AND start < ? ORDER BY start DESC",
        (number, first - HOUR_US * 1000, end),
    ):
        times, values = unpack_samples(data, start)
        inside = (times * 1000 >= first) & (times * 1000 < end)
        found.update(zip((times[inside] * 1000).tolist(), values[inside].tolist(), strict=True))
        if len(found) >= limit:
            break
    found.update(
        connection.execute(
            "SELECT time, value FROM sample WHERE series = ? AND time >= ? AND time < ?", (number, first, end)
        )
    )
    return sorted(found.items(), reverse=True)[:limit]


def _series_of(
    connection: sqlite3.Connection, key: Key, unit: str | None, kind: str, now_ns: int
) -> tuple[int, str]:
    """Return number and kind of a series; make it where it is not there."""
    *path, labels = key
    text = msgspec.json.encode(dict(labels), order="deterministic").decode()
    return kind_of_series(connection, (*path, text), unit, kind, now_ns)


def _refusal(name: str, place: str, kind: str, given: str) -> str:
    if kind == given:
        return f"The value or the time of the metric {name} of {place} is beyond what can be stored."
    return f"The metric {name} of {place} is a {kind}, not a {given}; send it as such, or under another name."
