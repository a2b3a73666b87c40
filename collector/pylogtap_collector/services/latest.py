"""The newest value of every metric, in memory: who asks for it now and then should not read the database."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pylogtap_collector.models import LatestValue, LatestValues
from pylogtap_collector.storage.sample_state import read_state
from pylogtap_collector.storage.series import Filter, list_series, newest_rows
from pylogtap_collector.times import to_datetime

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.taps.entries import Point

STALE_NS = 300 * 10**9  # what was silent for so long is not what is measured now (as Prometheus has it)
_WINDOW_NS = 60 * 10**9  # over which the rate of a counter is told


@dataclass(slots=True)
class Newest:
    """
    The newest sample of a series.

    Attributes:
        id: Of the series.
        place: Project, service and instance.
        name: What is measured.
        unit: What the values count.
        kind: `gauge` or `counter`.
        labels: What tells it from others of its name.
        time: Of the sample, ns.
        value: Its value.
        past: Samples of the last minute of a counter: times and values.
    """

    id: int
    place: tuple[str, str, str]
    name: str
    unit: str | None
    kind: str
    labels: Mapping[str, str]
    time: int
    value: float
    past: deque[tuple[int, float]] = field(default_factory=deque)

    def rate(self) -> float | None:
        """Return how much a counter has grown in a second, over the last minute; None: that is not known."""
        if len(self.past) <= 1:
            return None
        grown, (first, before) = 0.0, self.past[0]
        for _, value in self.past:
            grown += value - before if value >= before else max(value, 0.0)
            before = value
        rate = grown * 1e9 / (self.past[-1][0] - first)
        return rate if abs(rate) < float("inf") else None

    def see(self, time: int, value: float) -> None:
        """Take a sample; an older one than the newest is left out."""
        if time < self.time:
            return
        if self.kind == "counter":
            if self.past and self.past[-1][0] == time:
                self.past.pop()
            self.past.append((time, value))
            while self.past[0][0] < time - _WINDOW_NS:
                self.past.popleft()
        self.time, self.value = time, value


class _Loaded(NamedTuple):
    directory: int
    series: dict[int, Newest]


class Latest:
    """Knows the newest sample of every series, and what belongs to it."""

    def __init__(self, engine: Engine) -> None:
        """
        Know nothing yet; the first question reads what is stored.

        Args:
            engine: The database.
        """
        self._engine = engine
        self._directory = -1  # the state of the directory of series that was read last
        self._series: dict[int, Newest] = {}

    def note(self, points: Sequence[Point], series: Sequence[int], directory: int) -> None:
        """
        Hear of points that were committed.

        Args:
            points: The points.
            series: The number of each one's series; 0: it was not stored.
            directory: The state of the directory of series when they were stored.
        """
        known, current = self._series, directory >= self._directory
        for number, point in zip(series, points, strict=True):
            newest = known.get(number)
            if newest is not None:
                newest.see(point.time_ns, point.value)
            elif number and current:
                place, name, value, when, unit, kind, labels = point
                known[number] = newest = Newest(
                    number,
                    (place.project, place.service, place.instance),
                    name,
                    unit,
                    kind,
                    dict(labels),
                    0,
                    0.0,
                )
                newest.see(when, value)

    async def all(self, wanted: Filter) -> Iterable[Newest]:
        """
        Return the newest samples of series, in the order of their ids.

        Args:
            wanted: Of which ones.
        """
        state = await self._engine.read(read_state)
        if state.directory != self._directory:
            loaded = await self._engine.read(_load)
            for number, newest in loaded.series.items():  # some may have come while it was read
                before = self._series.get(number)
                if before is not None and before.time >= newest.time:
                    newest.time, newest.value, newest.past = before.time, before.value, before.past
            self._directory, self._series = loaded
        return [
            self._series[number] for number in sorted(self._series) if _fits(self._series[number], wanted)
        ]

    async def values(
        self, wanted: Filter, *, stale: bool = False, limit: int = 5_000, now_ns: int | None = None
    ) -> LatestValues:
        """
        Return the newest samples of metrics.

        Args:
            wanted: Of which.
            stale: Whether those count that have been silent for more than five minutes.
            limit: How many.
            now_ns: What ages count from; default: now.
        """
        now = time.time_ns() if now_ns is None else now_ns
        found = [newest for newest in await self.all(wanted) if stale or now - newest.time <= STALE_NS]
        items = [
            LatestValue(
                id=newest.id,
                project=newest.place[0],
                service=newest.place[1],
                instance=newest.place[2],
                name=newest.name,
                unit=newest.unit,
                kind=newest.kind,
                labels=newest.labels,
                time=to_datetime(newest.time),
                age_s=max(0, now - newest.time) / 1e9,
                value=newest.value,
                rate=newest.rate(),
            )
            for newest in found[:limit]
        ]
        return LatestValues(time=to_datetime(now), items=items, truncated=len(found) > limit)


def _load(connection: sqlite3.Connection) -> _Loaded:
    series = {}
    for row in list_series(connection, Filter()):
        if row.last_time is not None and row.last_value is not None:
            place = (row.project, row.service, row.instance)
            series[row.id] = Newest(
                row.id, place, row.name, row.unit, row.kind, row.labels, row.last_time, row.last_value
            )
    newest = max((each.time for each in series.values()), default=0)
    counters = [number for number, each in series.items() if each.kind == "counter"]
    for number, when, value in newest_rows(connection, counters, newest - _WINDOW_NS):
        if when <= series[number].time:
            series[number].past.append((when, value))
    return _Loaded(read_state(connection).directory, series)


def _fits(newest: Newest, wanted: Filter) -> bool:
    project, service, instance = newest.place
    name = wanted.name
    return (
        (wanted.projects is None or project in wanted.projects)
        and wanted.project in {None, project}
        and wanted.service in {None, service}
        and wanted.instance in {None, instance}
        and newest.place[: len(wanted.prefix)] == tuple(wanted.prefix)
        and (
            name is None or (newest.name.startswith(name[:-1]) if name.endswith("*") else newest.name == name)
        )
    )
