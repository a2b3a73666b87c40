"""Remove samples of a series: rows, packed ones, and what minutes and hours hold of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pylogtap_collector.storage.buckets import (
    Samples,
    pack_buckets,
    pack_samples,
    unpack_buckets,
    unpack_samples,
)
from pylogtap_collector.storage.chunks import (
    BUCKETS,
    CHANGED,
    WIDTH_US,
    count_packed,
    find_chunks,
    last_of,
    mark_following,
    store_chunks,
)
from pylogtap_collector.storage.sample_state import note_change
from pylogtap_collector.storage.samples import LAST_US

if TYPE_CHECKING:
    import sqlite3


def delete_samples(
    connection: sqlite3.Connection, number: int, since_ns: int | None, until_ns: int | None
) -> int:
    """
    Remove samples of a series, and what minutes and hours hold of them; the series stays, even without any.

    Args:
        connection: In a transaction.
        number: Of the series.
        since_ns: Only from then on.
        until_ns: Only before.

    Returns:
        How many.
    """
    first, end = since_ns or 0, (LAST_US * 1000) if until_ns is None else until_ns
    removed = connection.execute(
        "DELETE FROM sample WHERE series = ? AND time >= ? AND time < ?", (number, first, end)
    ).rowcount
    since, until = -(-first // 1000), -(-end // 1000)
    packed = 0
    for chunk in find_chunks(connection, number, "raw", since, until):
        samples = unpack_samples(chunk.data, chunk.start)
        kept = (samples.times < since) | (samples.times >= until)
        packed += int(np.count_nonzero(~kept))
        if not kept.any():
            _drop(connection, number, chunk.resolution, chunk.start)
            continue
        left = Samples(samples.times[kept], samples.values[kept])
        count, time, value = last_of(left)
        again = chunk._replace(
            samples=count,
            last_time=time,
            last_value=value,
            state=CHANGED,
            data=pack_samples(left, chunk.start),
        )
        store_chunks(connection, [again])
    _delete_buckets(connection, number, since, until)
    count_packed(connection, [(-packed, number)])
    mark_following(connection, [(number, until - 1)])
    note_change(connection, directory=True)
    return removed + packed


def _delete_buckets(connection: sqlite3.Connection, number: int, since: int, until: int) -> None:
    for resolution in BUCKETS:
        for chunk in find_chunks(connection, number, resolution, since, until):
            buckets = unpack_buckets(chunk.data, chunk.start)
            kept = (buckets.starts + WIDTH_US[resolution] <= since) | (buckets.starts >= until)
            kept |= (buckets.starts < since) | (buckets.starts + WIDTH_US[resolution] > until)
            if not kept.any():
                _drop(connection, number, resolution, chunk.start)
                continue
            left = buckets.where(kept)
            last = (
                min(chunk.last_time, int(left.starts[-1]) + WIDTH_US[resolution] - 1),
                float(left.lasts[-1]),
            )
            again = chunk._replace(
                samples=int(left.counts.sum()), last_time=last[0], last_value=last[1],
                data=pack_buckets(left, chunk.start),
            )  # fmt: skip
            store_chunks(connection, [again])


def _drop(connection: sqlite3.Connection, series: int, resolution: str, start_us: int) -> None:
    connection.execute(
        "DELETE FROM chunk WHERE series = ? AND resolution = ? AND start = ?",
        (series, resolution, start_us * 1000),
    )
