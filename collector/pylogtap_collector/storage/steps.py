"""
What series have been over the steps of a range, from samples, minutes or hours: whatever is there and fits.

Hours that have samples which no bucket holds yet are made of their samples, all others of their buckets.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from pylogtap_collector.storage.buckets import (
    Samples,
    bucketed,
    joined,
    regroup,
    unpack_buckets,
    unpack_samples,
)
from pylogtap_collector.storage.chunks import (
    ADDED,
    HOUR_US,
    SETTLED,
    WIDTH_US,
    find_chunks,
    hour_behind,
    sample_before,
)
from pylogtap_collector.storage.connections import check_deadline

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from pylogtap_collector.storage.buckets import Buckets
    from pylogtap_collector.storage.chunks import Resolution

    Ints = np.ndarray[Any, np.dtype[np.int64]]

_LATEST_NS = (1 << 63) - 1  # what SQLite stores; a step may be much longer than the range


class Steps(NamedTuple):
    """
    Steps of a range.

    Attributes:
        since: Where the first begins, µs since the epoch; a multiple of `width`.
        until: Where the last ends, likewise.
        width: Of each, µs; a multiple of the resolution's.
        resolution: What they are made of.
    """

    since: int
    until: int
    width: int
    resolution: Resolution


def values_over(
    connection: sqlite3.Connection, series: Mapping[int, bool], steps: Steps
) -> dict[int, Buckets]:
    """
    Return what series have been.

    Args:
        connection: Reads.
        series: Their numbers, and whether they are counters.
        steps: The steps.

    Returns:
        A bucket for each step in which a series has samples; none of series without any.
    """
    rows = _rows(connection, series, steps.until)
    found = {}
    for number, counter in series.items():
        check_deadline()
        reader = _Reader(connection, number, rows.get(number), counter=counter)
        buckets = regroup(list(reader.parts(steps)), steps.width)
        if buckets is not None:
            found[number] = buckets
    return found


class _Reader:
    """Reads one series."""

    def __init__(
        self, connection: sqlite3.Connection, series: int, rows: Samples | None, *, counter: bool
    ) -> None:
        self._connection = connection
        self._series = series
        self._rows = rows
        self._counter = counter

    def parts(self, steps: Steps) -> Iterable[Buckets]:
        """Return buckets of all hours of a range."""
        chunks = {
            chunk.start: chunk
            for chunk in find_chunks(self._connection, self._series, "raw", steps.since, steps.until)
            if steps.resolution == "raw" or chunk.state != SETTLED
        }
        hours = {*chunks, *self._hours_of_rows()}
        replaced = set()
        for hour in sorted(hour for hour in hours if steps.since - HOUR_US < hour < steps.until):
            chunk = chunks.get(hour) or self._chunk(hour)
            if chunk is not None and chunk.state != ADDED:
                replaced.add(hour)
            packed = [] if chunk is None else [unpack_samples(chunk.data, hour)]
            part = self._of_samples(hour, packed, steps)
            if part is not None:
                yield part
        if steps.resolution != "raw":
            yield from self._of_buckets(steps, np.array(sorted(replaced), np.int64))

    def _hours_of_rows(self) -> set[int]:
        """Return the hours of which buckets do not say what rows say."""
        if self._rows is None:
            return set()
        hours = np.unique(self._rows.times // HOUR_US * HOUR_US).tolist()
        if not self._counter:
            return set(hours)
        following = [hour_behind(self._connection, self._series, hour) for hour in hours]
        return {*hours, *(hour for hour in following if hour is not None)}

    def _chunk(self, hour: int) -> Any:
        return next(iter(find_chunks(self._connection, self._series, "raw", hour, hour + 1)), None)

    def _of_samples(self, hour: int, packed: list[Samples], steps: Steps) -> Buckets | None:
        rows = [] if self._rows is None else [_between(self._rows, hour, hour + HOUR_US)]
        samples = joined([*packed, *rows])
        first = max(hour, steps.since)
        earlier = samples.times < first
        within = _between(samples, first, min(hour + HOUR_US, steps.until))
        if not len(within.times):
            return None
        before = None
        if self._counter:
            before = _last(samples, int(np.count_nonzero(earlier))) or self._before(hour)
        width = WIDTH_US[steps.resolution] or steps.width
        return bucketed(within, width, counter=self._counter, before=before)

    def _before(self, hour: int) -> tuple[int, float] | None:
        """Return the last sample before an hour."""
        packed = sample_before(self._connection, self._series, hour)
        if self._rows is None:
            return packed
        row = _last(self._rows, int(np.searchsorted(self._rows.times, hour)))
        return max((each for each in (row, packed) if each is not None), default=None, key=lambda it: it[0])

    def _of_buckets(self, steps: Steps, replaced: Ints) -> Iterable[Buckets]:
        for chunk in find_chunks(self._connection, self._series, steps.resolution, steps.since, steps.until):
            buckets = unpack_buckets(chunk.data, chunk.start)
            wanted = (buckets.starts >= steps.since) & (buckets.starts < steps.until)
            wanted &= ~np.isin(buckets.starts // HOUR_US * HOUR_US, replaced)
            yield buckets.where(wanted)


def _rows(connection: sqlite3.Connection, series: Iterable[int], until_us: int) -> dict[int, Samples]:
    """Return what is not packed of series, also what is older than their range: growth begins there."""
    found: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
    for number, when, value in connection.execute(
        "SELECT series, time / 1000, value FROM sample"
        " WHERE time < ? AND series IN (SELECT value FROM json_each(?))",
        (min(until_us * 1000, _LATEST_NS), msgspec.json.encode(list(series)).decode()),
    ):
        found[number].append((when, value))
    return {
        number: Samples(
            np.array([when for when, _ in mine], np.int64), np.array([value for _, value in mine], np.float64)
        )
        for number, mine in found.items()
    }


def _between(samples: Samples, since: int, until: int) -> Samples:
    first, end = np.searchsorted(samples.times, (since, until))
    return Samples(samples.times[first:end], samples.values[first:end])


def _last(samples: Samples, count: int) -> tuple[int, float] | None:
    """Return the last one of the first some."""
    return None if not count else (int(samples.times[count - 1]), float(samples.values[count - 1]))
