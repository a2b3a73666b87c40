"""What `bench_metrics` gives points to: our store, plain rows in SQLite, and DuckDB."""

from __future__ import annotations

import math
import random
import sqlite3
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from pylogtap_collector.storage import rolling, samples, settling
from pylogtap_collector.storage.chunks import HOUR_US, MINUTE_US
from pylogtap_collector.storage.connections import open_writer
from pylogtap_collector.storage.steps import Steps, values_over
from pylogtap_collector.taps.entries import Point
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

TICK_NS = 2 * 10**9
_ROLL = 150  # ticks: five minutes
START_NS = 1_750_000_000 * 10**9 // (HOUR_US * 1000) * HOUR_US * 1000
_GAUGES = ("cpu.percent", "cpu.limit_percent", "memory.usage", "memory.percent", "uptime")
_FIXED = ("memory.limit", "pids", "health", "restarts", "oom_kills")
_COUNTERS = ("cpu.time", "cpu.periods", "throttled_periods", "throttled_time", "rx", "tx", "read", "write")
_PERIOD_S = 2.0


class Store(Protocol):
    """What is measured."""

    name: str

    def tick(self, points: Sequence[Point]) -> None:
        """Store the points of one moment durably."""

    def roll(self, now_ns: int) -> None:
        """Do what there is to do now and then."""

    def ask(self, containers: int, since_us: int, until_us: int) -> int:
        """Return how many points there are, by the minute, of the first containers."""

    def bytes(self) -> int:
        """Return what the store takes on the disk."""

    def close(self) -> None:
        """End it."""


class Ours:
    """The collector's store."""

    name = "pylogtap"

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ours.db"
        self.connection = open_writer(self._path)
        self._index = samples.SeriesIndex()

    def tick(self, points: Sequence[Point]) -> None:
        """Store the points of one moment durably."""
        self._do(lambda: samples.store_points(self.connection, points, points[0].time_ns, self._index).keep())

    def roll(self, now_ns: int) -> None:
        """Pack, and make minutes and hours."""
        until = now_ns - 300 * 10**9
        while packed := rolling.pack(self.connection, until):
            self._do(partial(rolling.store_packed, self.connection, packed))
        while settled := settling.settle(self.connection, until):
            self._do(partial(settling.store_settled, self.connection, settled))

    def ask(self, containers: int, since_us: int, until_us: int) -> int:
        """Ask as the API does."""
        rows = self.connection.execute(
            "SELECT id, kind = 'counter' FROM series WHERE CAST(substr(instance, 5) AS INTEGER) < ?",
            (containers,),
        )
        found = values_over(self.connection, dict(rows), Steps(since_us, until_us, MINUTE_US, "minute"))
        return sum(len(each.starts) for each in found.values())

    def bytes(self) -> int:
        """Pages in use."""
        return _used(self.connection)

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    def _do(self, job: Callable[[], Any]) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        job()
        self.connection.execute("COMMIT")


class PlainRows(Ours):
    """One table of SQLite."""

    name = "plain rows"

    def __init__(self, folder: Path) -> None:
        self._path = folder / "plain.db"
        self.connection = sqlite3.connect(self._path, isolation_level=None)
        for pragma in ("page_size = 8192", "journal_mode = WAL", "synchronous = FULL", "cache_size = -32000"):
            self.connection.execute(f"PRAGMA {pragma}").fetchall()
        self.connection.execute(
            "CREATE TABLE sample (series INTEGER, time INTEGER, value REAL, PRIMARY KEY (series, time))"
            " WITHOUT ROWID"
        )
        self._numbers: dict[Any, int] = {}

    def tick(self, points: Sequence[Point]) -> None:
        """Insert rows."""
        known = self._numbers
        rows = [
            (known.setdefault((point.place, point.name), len(known)), point.time_ns, point.value)
            for point in points
        ]
        self._do(lambda: self.connection.executemany("INSERT INTO sample VALUES (?, ?, ?)", rows))

    def roll(self, now_ns: int) -> None:
        """Do nothing."""

    def ask(self, containers: int, since_us: int, until_us: int) -> int:
        """Group by the minute; SQLite has no percentile, so this asks for less."""
        series = containers * len(_GAUGES + _FIXED + _COUNTERS)
        return len(
            self.connection.execute(
                "SELECT series, time / 60000000000, count(*), avg(value), min(value), max(value) FROM sample"
                " WHERE series < ? AND time >= ? AND time < ? GROUP BY 1, 2",
                (series, since_us * 1000, until_us * 1000),
            ).fetchall()
        )


class Duck:
    """DuckDB."""

    name = "duckdb"

    def __init__(self, folder: Path) -> None:
        import duckdb
        import pyarrow as pa

        self._table = pa.table
        self._path = folder / "duck.db"
        self._connection = duckdb.connect(str(self._path), config={"threads": 2})
        self._connection.execute("CREATE TABLE sample (series INTEGER, time BIGINT, value DOUBLE)")
        self._numbers: dict[Any, int] = {}

    def tick(self, points: Sequence[Point]) -> None:
        """Insert an Arrow table."""
        known = self._numbers
        table = self._table(
            {
                "series": [known.setdefault((each.place, each.name), len(known)) for each in points],
                "time": [each.time_ns for each in points],
                "value": [each.value for each in points],
            }
        )
        self._connection.register("ticked", table)
        self._connection.execute("INSERT INTO sample SELECT * FROM ticked")

    def roll(self, now_ns: int) -> None:
        """Do nothing: it does so by itself."""

    def ask(self, containers: int, since_us: int, until_us: int) -> int:
        """Group by the minute, with an exact percentile."""
        series = containers * len(_GAUGES + _FIXED + _COUNTERS)
        return len(
            self._connection.execute(
                "SELECT series, time // 60000000000, count(*), avg(value), min(value), max(value),"
                " quantile_disc(value, 0.95) FROM sample WHERE series < ? AND time >= ? AND time < ?"
                " GROUP BY 1, 2",
                (series, since_us * 1000, until_us * 1000),
            ).fetchall()
        )

    def bytes(self) -> int:
        """Its file, after a checkpoint."""
        self._connection.execute("CHECKPOINT")
        return self._path.stat().st_size

    def close(self) -> None:
        """Close the database."""
        self._connection.close()


def _used(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def ticks(containers: int, count: int, seed: int) -> Iterator[list[Point]]:
    """Make points of containers that do something: levels that wander, counters that grow."""
    dice = random.Random(seed)
    state: dict[tuple[int, str], float] = {}
    places = [Place("shop", f"s{number % 10}", f"web-{number}") for number in range(containers)]
    for tick in range(count):
        points = []
        for number, place in enumerate(places):
            when = START_NS + tick * TICK_NS + dice.randrange(5_000_000) + number * 1_000_000
            for name in _GAUGES:
                level = state.get((number, name), dice.uniform(1, 50)) * math.exp(dice.gauss(0, 0.05))
                state[number, name] = min(level, 1e9)
                whole = name == "memory.usage"
                points.append(Point(place, name, float(round(level * 2**20)) if whole else level, when, "%"))
            points += [Point(place, name, 1.0, when) for name in _FIXED]
            for index, name in enumerate(_COUNTERS):
                more = 0 if index % 4 == 2 else dice.randrange(200_000)
                state[number, name] = total = state.get((number, name), 0.0) + more
                points.append(Point(place, name, total / 1e6 if index == 0 else total, when, "s", "counter"))
        yield points
