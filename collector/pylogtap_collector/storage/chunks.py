"""
Packed samples and what is left of them: `chunk`, one row for a series and a stretch of time.

=========  =============  =============================================
resolution  a chunk has   in it
=========  =============  =============================================
raw        an hour        the samples as they came
minute     a day          a bucket for each minute
hour       a week         a bucket for each hour
=========  =============  =============================================

Buckets are made of raw chunks whose hour is over. A raw chunk's `state` says what is to be done:
`SETTLED`: nothing; `CHANGED`: its buckets are to be made anew; `ADDED`: it is new. If there are buckets of
its hour all the same, their samples were kept no longer, and its own, which came late, are added to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from pylogtap_collector.storage.buckets import Samples

Resolution = Literal["raw", "minute", "hour"]
SETTLED, CHANGED, ADDED = 0, 1, 2
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
LENGTH_US: dict[Resolution, int] = {"raw": HOUR_US, "minute": 24 * HOUR_US, "hour": 7 * 24 * HOUR_US}
WIDTH_US: dict[Resolution, int] = {"raw": 0, "minute": MINUTE_US, "hour": HOUR_US}  # of a bucket
BUCKETS: tuple[Resolution, ...] = ("minute", "hour")
_STORE = """
    INSERT INTO chunk (series, resolution, start, count, last_time, last_value, state, data)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (series, resolution, start) DO UPDATE SET
        count = excluded.count, last_time = excluded.last_time, last_value = excluded.last_value,
        data = excluded.data, state = CASE WHEN state = 2 THEN 2 ELSE min(excluded.state, 1) END
"""


class Chunk(NamedTuple):
    """
    A row of `chunk`. Times are µs since the epoch here, and nanoseconds in the database.

    Attributes:
        series: Whose.
        resolution: What is in it.
        start: Where its stretch of time begins.
        samples: How many it holds, or has been made of.
        last_time: Of the newest sample.
        last_value: Its value.
        state: See above; buckets are always settled.
        data: Its numbers.
    """

    series: int
    resolution: Resolution
    start: int
    samples: int
    last_time: int
    last_value: float
    state: int
    data: bytes


def store_chunks(connection: sqlite3.Connection, chunks: Iterable[Chunk]) -> None:
    """
    Put chunks in the place of those of the same series, resolution and time.

    Args:
        connection: In a transaction.
        chunks: The new ones. A raw one that nobody has made buckets of stays `ADDED`.
    """
    connection.executemany(
        _STORE,
        [chunk._replace(start=chunk.start * 1000, last_time=chunk.last_time * 1000) for chunk in chunks],
    )


def find_chunks(
    connection: sqlite3.Connection, series: int, resolution: Resolution, since_us: int, until_us: int
) -> list[Chunk]:
    """
    Return the chunks of a series that have to do with a range, by their times.

    Args:
        connection: Reads.
        series: Whose.
        resolution: Of this one.
        since_us: Beginning of the range.
        until_us: Its end.
    """
    rows = connection.execute(
        "SELECT series, resolution, start / 1000, count, last_time / 1000, last_value, state, data FROM chunk"
        " WHERE series = ? AND resolution = ? AND start > ? AND start < ? ORDER BY start",
        (series, resolution, (since_us - LENGTH_US[resolution]) * 1000, until_us * 1000),
    )
    return [Chunk(*row) for row in rows]


def sample_before(connection: sqlite3.Connection, series: int, start_us: int) -> tuple[int, float] | None:
    """
    Return time in µs and value of the last sample in the raw chunks that begin before a time.

    Args:
        connection: Reads.
        series: Whose.
        start_us: The time.
    """
    row: tuple[int, float] | None = connection.execute(
        "SELECT last_time / 1000, last_value FROM chunk"
        " WHERE series = ? AND resolution = 'raw' AND start < ? ORDER BY start DESC LIMIT 1",
        (series, start_us * 1000),
    ).fetchone()
    return row


def hour_behind(connection: sqlite3.Connection, series: int, start_us: int) -> int | None:
    """
    Return where the next raw chunk begins behind one, µs: how much it has grown depends on what is before.

    Args:
        connection: Reads.
        series: Whose.
        start_us: Where the one begins.
    """
    found: int | None = connection.execute(
        "SELECT min(start) / 1000 FROM chunk WHERE series = ? AND resolution = 'raw' AND start > ?",
        (series, start_us * 1000),
    ).fetchone()[0]
    return found


def mark_following(connection: sqlite3.Connection, changed: Iterable[tuple[int, int]]) -> None:
    """
    Have the buckets made anew of what follows something that has changed: their growth begins there.

    Args:
        connection: In a transaction.
        changed: Series, and where the chunks that have changed begin, µs.
    """
    connection.executemany(
        "UPDATE chunk SET state = ?1 WHERE state = ?2 AND id = (SELECT id FROM chunk"
        " WHERE series = ?3 AND resolution = 'raw' AND start > ?4 ORDER BY start LIMIT 1)",
        [(CHANGED, SETTLED, series, start * 1000) for series, start in changed],
    )


def count_packed(connection: sqlite3.Connection, more: Iterable[tuple[int, int]]) -> None:
    """
    Count samples where they come to chunks and go from them: counting them for a list takes too long.

    Args:
        connection: In a transaction.
        more: How many, and of which series.
    """
    connection.executemany("UPDATE series SET samples = samples + ? WHERE id = ?", more)


def last_of(samples: Samples) -> tuple[int, int, float]:
    """Return what a raw chunk says of its samples: how many, and time and value of the last one."""
    return len(samples.times), int(samples.times[-1]), float(samples.values[-1])
