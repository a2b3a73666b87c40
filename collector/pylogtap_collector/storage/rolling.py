"""
Pack samples that are not new, and remove chunks that are beyond their age.

Packing is prepared by reading, beside the writes, and stored in one transaction; whoever is killed in
between has lost nothing, and the next run begins with the same samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pylogtap_collector.storage.buckets import Samples, joined, pack_samples, unpack_samples
from pylogtap_collector.storage.chunks import (
    ADDED,
    CHANGED,
    HOUR_US,
    LENGTH_US,
    SETTLED,
    Chunk,
    count_packed,
    find_chunks,
    last_of,
    mark_following,
    store_chunks,
)
from pylogtap_collector.storage.sample_state import read_state

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.storage.chunks import Resolution

ROWS = 200_000  # of one step: bounds its memory
_ROW = np.dtype([("series", np.int64), ("time", np.int64), ("value", np.float64)])
_GONE = 2_000  # chunks that are removed in one step


class Packed(NamedTuple):
    """
    Rows as chunks, ready to be stored.

    Attributes:
        changes: What `sample_state` said when they were read.
        until: Rows before this time are in them, ns.
        chunks: The chunks.
        more: How many samples each has more than before, and its series.
        rest: Whether older rows are left.
    """

    changes: int
    until: int
    chunks: list[Chunk]
    more: list[tuple[int, int]]
    rest: bool


def pack(connection: sqlite3.Connection, until_ns: int) -> Packed | None:
    """
    Read rows that are not new, and the chunks that they belong to.

    Args:
        connection: Reads.
        until_ns: Rows before are read, the oldest first, :data:`ROWS` of them and few more.

    Returns:
        What is to be stored; None where there are no such rows.
    """
    changes = read_state(connection).changes
    end = _end(connection, until_ns)
    rows = np.fromiter(
        connection.execute("SELECT series, time / 1000, value FROM sample WHERE time < ?", (end,)), _ROW
    )
    if not len(rows):
        return None
    order = np.lexsort((rows["time"], rows["series"]))
    numbers, when, floats = rows["series"][order], rows["time"][order], rows["value"][order]
    hours = when // HOUR_US
    fresh = np.flatnonzero((np.diff(numbers) != 0) | (np.diff(hours) != 0)) + 1
    chunks: list[Chunk] = []
    more: list[tuple[int, int]] = []
    for begin, stop in zip([0, *fresh.tolist()], [*fresh.tolist(), len(when)], strict=True):
        chunk, added = _with_more(
            connection, int(numbers[begin]), int(hours[begin]) * HOUR_US,
            Samples(when[begin:stop], floats[begin:stop]),
        )  # fmt: skip
        chunks.append(chunk)
        more.append((added, chunk.series))
    return Packed(changes, end, chunks, more, end < until_ns)


def store_packed(connection: sqlite3.Connection, packed: Packed) -> bool:
    """
    Put chunks in the place of rows.

    Args:
        connection: In a transaction.
        packed: From :func:`pack`.

    Returns:
        Whether nobody has changed meanwhile what was read.
    """
    if read_state(connection).changes != packed.changes:
        return False
    store_chunks(connection, packed.chunks)
    mark_following(connection, [(chunk.series, chunk.start) for chunk in packed.chunks])
    count_packed(connection, packed.more)
    connection.execute("DELETE FROM sample WHERE time < ?", (packed.until,))
    return True


def has_expired(
    connection: sqlite3.Connection, resolution: Resolution, before_ns: int, project: str | None = None
) -> bool:
    """
    Tell whether there are chunks for :func:`expire` to remove.

    Args:
        connection: Reads.
        resolution: Of this one.
        before_ns: The time.
        project: Of this one; None: of all.
    """
    return bool(_expired(connection, resolution, before_ns, project, 1))


def expire(
    connection: sqlite3.Connection, resolution: Resolution, before_ns: int, project: str | None = None
) -> bool:
    """
    Remove some chunks that are wholly older than a time, and have all of their buckets.

    Args:
        connection: In a transaction.
        resolution: Of this one.
        before_ns: The time.
        project: Of this one; None: of all.

    Returns:
        Whether there may be more of them.
    """
    rows = _expired(connection, resolution, before_ns, project, _GONE)
    if resolution == "raw":
        count_packed(connection, [(-count, series) for _, series, count in rows])
    connection.executemany("DELETE FROM chunk WHERE id = ?", [(number,) for number, _, _ in rows])
    return len(rows) == _GONE


def packed_bytes(connection: sqlite3.Connection) -> int:
    """Return how many bytes chunks take, without what SQLite adds."""
    found: int = connection.execute("SELECT coalesce(sum(length(data)), 0) FROM chunk").fetchone()[0]
    return found


def expire_bytes(connection: sqlite3.Connection, excess: int) -> int:
    """
    Remove some of the oldest chunks: of samples as long as there are any, then of minutes, then of hours.

    Args:
        connection: In a transaction.
        excess: Bytes that have to go.

    Returns:
        How many have gone; 0: there is nothing that can go.
    """
    rows = connection.execute(
        f"SELECT id, series, count, resolution, length(data) FROM chunk WHERE state = {SETTLED}"
        " ORDER BY CASE resolution WHEN 'raw' THEN 0 WHEN 'minute' THEN 1 ELSE 2 END, start"
        f" LIMIT {_GONE}"
    ).fetchall()
    gone = 0
    for number, series, count, resolution, size in rows:
        if gone >= excess:
            break
        gone += size
        if resolution == "raw":
            count_packed(connection, [(-count, series)])
        connection.execute("DELETE FROM chunk WHERE id = ?", (number,))
    return gone


def _expired(
    connection: sqlite3.Connection, resolution: Resolution, before_ns: int, project: str | None, limit: int
) -> list[tuple[int, int, int]]:
    of_project = "" if project is None else "AND series IN (SELECT id FROM series WHERE project = ?)"
    return connection.execute(
        "SELECT id, series, count FROM chunk"
        f" WHERE resolution = ? AND start <= ? AND state = {SETTLED} {of_project} LIMIT {limit}",
        (resolution, before_ns - LENGTH_US[resolution] * 1000, *([] if project is None else [project])),
    ).fetchall()


def _end(connection: sqlite3.Connection, until_ns: int) -> int:
    """Return the time before which there are not too many rows."""
    bounds = [
        connection.execute(
            f"SELECT time FROM sample WHERE time < ? ORDER BY time LIMIT 1 OFFSET {offset}", (until_ns,)
        ).fetchone()
        for offset in (0, ROWS)
    ]
    if bounds[1] is None:
        return until_ns
    last: int = bounds[1][0]
    return last + 1 if bounds[1] == bounds[0] else last


def _with_more(
    connection: sqlite3.Connection, series: int, start: int, samples: Samples
) -> tuple[Chunk, int]:
    """Return the chunk of an hour with more samples, and how many more it has."""
    known = find_chunks(connection, series, "raw", start, start + 1)
    before, state = 0, ADDED
    if known:
        before, state = known[0].samples, CHANGED
        samples = joined([unpack_samples(known[0].data, start), samples])
    count, time, value = last_of(samples)
    data = pack_samples(samples, start)
    return Chunk(series, "raw", start, count, time, value, state, data), count - before
