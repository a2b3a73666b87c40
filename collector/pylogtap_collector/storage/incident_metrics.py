"""What an incident file has of metrics: those of the places that have records in it, of the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pylogtap_collector.storage.buckets import (
    Samples,
    pack_buckets,
    pack_samples,
    regroup,
    unpack_buckets,
)
from pylogtap_collector.storage.chunks import (
    ADDED,
    BUCKETS,
    HOUR_US,
    LENGTH_US,
    MINUTE_US,
    SETTLED,
    WIDTH_US,
    Chunk,
    count_packed,
    find_chunks,
    last_of,
    store_chunks,
)
from pylogtap_collector.storage.connections import check_deadline
from pylogtap_collector.storage.samples import newest_samples

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from pylogtap_collector.storage.buckets import Buckets

AROUND_US = 5 * MINUTE_US  # before the first record and behind the last one: what led to it
_MOST = 1_000_000  # samples of a series
_COLUMNS = "id, project, service, instance, name, labels, unit, kind, description, created"


def copy_metrics(connection: sqlite3.Connection, file: sqlite3.Connection) -> None:
    """
    Put metrics into a file that has its records.

    Args:
        connection: In a transaction.
        file: The file, in no transaction.

    Raises:
        QueryTooSlow: Nobody waits any more.
    """
    first, last = file.execute("SELECT min(first_time) / 1000, max(last_time) / 1000 FROM block").fetchone()
    if first is None:
        return
    since = max(0, (first - AROUND_US) // MINUTE_US * MINUTE_US)
    until = (last + AROUND_US) // MINUTE_US * MINUTE_US + MINUTE_US
    file.execute("BEGIN")
    for place in file.execute("SELECT project, service, name FROM instance").fetchall():
        for row in connection.execute(
            f"SELECT {_COLUMNS} FROM series WHERE project = ? AND service = ? AND instance = ?", place
        ).fetchall():
            check_deadline()
            chunks = [*_packed(connection, row[0], since, until)]
            chunks += _wider(connection, row[0], since, until, {chunk.start for chunk in chunks})
            if chunks:
                file.execute(f"INSERT INTO series ({_COLUMNS}, samples) VALUES ({'?, ' * 10}0)", row)
                store_chunks(file, chunks)
                count_packed(file, [(each.samples, each.series) for each in chunks if each.state == ADDED])
    file.execute("COMMIT")


def _packed(connection: sqlite3.Connection, series: int, since: int, until: int) -> Iterable[Chunk]:
    found = newest_samples(connection, series, since * 1000, until * 1000, _MOST)[::-1]
    times = np.array([when // 1000 for when, _ in found], np.int64)
    values = np.array([value for _, value in found], np.float64)
    for hour in np.unique(times // HOUR_US * HOUR_US).tolist():
        begin, end = np.searchsorted(times, (hour, hour + HOUR_US))
        samples = Samples(times[begin:end], values[begin:end])
        # As if they were new: nobody makes minutes and hours of them in a file that is only shown.
        yield Chunk(series, "raw", hour, *last_of(samples), ADDED, pack_samples(samples, hour))


def _wider(
    connection: sqlite3.Connection, series: int, since: int, until: int, hours: set[int]
) -> Iterable[Chunk]:
    """Return the minutes, and the hours of these, of which there are no samples any more."""
    kept: list[Buckets] = []
    for chunk in find_chunks(connection, series, "minute", since, until):
        buckets = unpack_buckets(chunk.data, chunk.start)
        wanted = (buckets.starts >= since) & (buckets.starts < until)
        kept.append(buckets.where(wanted & ~np.isin(buckets.starts // HOUR_US * HOUR_US, list(hours))))
    for resolution in BUCKETS:
        found, length = regroup(kept, WIDTH_US[resolution]), LENGTH_US[resolution]
        if found is None:
            return
        for start in np.unique(found.starts // length * length).tolist():
            mine = found.where(found.starts // length * length == start)
            last = (int(mine.starts[-1]) + WIDTH_US[resolution] - 1, float(mine.lasts[-1]))
            count = int(mine.counts.sum())
            yield Chunk(series, resolution, start, count, *last, SETTLED, pack_buckets(mine, start))
