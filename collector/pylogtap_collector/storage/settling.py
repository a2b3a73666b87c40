"""
Make minutes and hours of packed samples whose hour is over, and make them anew where samples came late.

Prepared by reading, beside the writes, and stored in one transaction, as in
:mod:`pylogtap_collector.storage.rolling`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pylogtap_collector.storage.buckets import (
    bucketed,
    pack_buckets,
    regroup,
    unpack_buckets,
    unpack_samples,
)
from pylogtap_collector.storage.chunks import (
    ADDED,
    BUCKETS,
    HOUR_US,
    LENGTH_US,
    SETTLED,
    WIDTH_US,
    Chunk,
    count_packed,
    find_chunks,
    sample_before,
    store_chunks,
)
from pylogtap_collector.storage.sample_state import read_state

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from pylogtap_collector.storage.buckets import Buckets
    from pylogtap_collector.storage.chunks import Resolution

HOURS = 200  # raw chunks of one step


class Settled(NamedTuple):
    """
    Buckets of raw chunks, ready to be stored.

    Attributes:
        changes: What `sample_state` said when they were read.
        chunks: Chunks of buckets.
        done: Series and start of raw chunks that have all of their buckets now, ns.
        gone: Likewise of those whose samples are not kept one by one.
    """

    changes: int
    chunks: list[Chunk]
    done: list[tuple[int, int]]
    gone: list[tuple[int, int]]


def settle(connection: sqlite3.Connection, until_ns: int) -> Settled | None:
    """
    Make buckets of raw chunks that have none, or older ones.

    Args:
        connection: Reads.
        until_ns: Chunks of hours that end before are read, :data:`HOURS` of them at most.

    Returns:
        What is to be stored; None where there is nothing to do.
    """
    changes = read_state(connection).changes
    rows = connection.execute(
        "SELECT chunk.series, series.kind, chunk.start / 1000, last_time / 1000, last_value, state, data"
        " FROM chunk JOIN series ON series.id = chunk.series"
        " WHERE state > 0 AND start <= ? ORDER BY start LIMIT ?",
        (until_ns - HOUR_US * 1000, HOURS),
    ).fetchall()
    if not rows:
        return None
    made = _Wider(connection)
    done: list[tuple[int, int]] = []
    gone: list[tuple[int, int]] = []
    for series, kind, start, last_time, last_value, state, data in rows:
        counter = kind == "counter"
        before = sample_before(connection, series, start) if counter else None
        minutes = bucketed(unpack_samples(data, start), WIDTH_US["minute"], counter=counter, before=before)
        last = (last_time, last_value)
        kept = [made.put(series, each, start, minutes, last, adds=state == ADDED) for each in BUCKETS]
        (done if all(kept) else gone).append((series, start * 1000))
    return Settled(changes, list(made.chunks()), done, gone)


def store_settled(connection: sqlite3.Connection, settled: Settled) -> bool:
    """
    Store buckets.

    Args:
        connection: In a transaction.
        settled: From :func:`settle`.

    Returns:
        Whether nobody has changed meanwhile what was read.
    """
    if read_state(connection).changes != settled.changes:
        return False
    store_chunks(connection, settled.chunks)
    key = "series = ? AND resolution = 'raw' AND start = ?"
    connection.executemany(f"UPDATE chunk SET state = {SETTLED} WHERE {key}", settled.done)
    counts = [
        (-connection.execute(f"SELECT count FROM chunk WHERE {key}", each).fetchone()[0], each[0])
        for each in settled.gone
    ]
    count_packed(connection, counts)
    connection.executemany(f"DELETE FROM chunk WHERE {key}", settled.gone)
    return True


class _Wider:
    """Chunks of buckets that are being changed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._held: dict[tuple[int, Resolution, int], tuple[list[Buckets], tuple[int, float]]] = {}

    def put(
        self,
        series: int,
        resolution: Resolution,
        start: int,
        minutes: Buckets,
        last: tuple[int, float],
        *,
        adds: bool,
    ) -> bool:
        """Put in the buckets of an hour; tell whether those that were there are gone."""
        key = (series, resolution, start // LENGTH_US[resolution] * LENGTH_US[resolution])
        held, newest = self._held.get(key) or self._read(key, last)
        known = regroup(held, WIDTH_US[resolution])
        inside = None
        if known is not None:
            inside = (known.starts >= start) & (known.starts < start + HOUR_US)
        replaces = inside is None or not (adds and inside.any())
        if known is not None and inside is not None:
            held = [known.where(~inside) if replaces else known]
        self._held[key] = ([*held, minutes], max(newest, last))
        return replaces

    def chunks(self) -> Iterator[Chunk]:
        """Return all of them as they are now."""
        for (series, resolution, start), (held, last) in self._held.items():
            buckets = regroup(held, WIDTH_US[resolution])
            assert buckets is not None
            count = int(buckets.counts.sum())
            yield Chunk(series, resolution, start, count, *last, SETTLED, pack_buckets(buckets, start))

    def _read(
        self, key: tuple[int, Resolution, int], last: tuple[int, float]
    ) -> tuple[list[Buckets], tuple[int, float]]:
        series, resolution, start = key
        found = find_chunks(self._connection, series, resolution, start, start + 1)
        return (
            [unpack_buckets(chunk.data, start) for chunk in found],
            max([(chunk.last_time, chunk.last_value) for chunk in found], default=last),
        )
