"""Points that taps have measured: stored where that is possible, else dropped and counted; nobody waits."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from pylogtap_collector.errors import Overloaded, ReadOnly
from pylogtap_collector.storage import samples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.access.visitor import Projects
    from pylogtap_collector.services.counters import Counters
    from pylogtap_collector.services.latest import Latest
    from pylogtap_collector.services.reserve import Reserve
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.samples import StoredPoints
    from pylogtap_collector.taps.entries import Point

_MOST_WAITING = 50_000  # points that wait to be stored; more are dropped


class TakenPoints(NamedTuple):
    """
    What became of points.

    Attributes:
        stored: How many were stored.
        refused: Why others can never be stored, once for each reason.
    """

    stored: int
    refused: Sequence[str] = ()


class Points:
    """
    The way in for points.

    Attributes:
        index: Known series.
    """

    def __init__(self, engine: Engine, latest: Latest, counters: Counters, reserve: Reserve | None) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
            latest: Hears of what was stored.
            counters: Counts points.
            reserve: Room for a full disk: once it is given away, no points are stored.
        """
        self._engine = engine
        self._latest = latest
        self._counters = counters
        self._reserve = reserve
        self.index = samples.SeriesIndex()
        self._waiting = 0

    async def take(self, points: Sequence[Point], projects: Projects = None) -> TakenPoints:
        """
        Store points.

        Args:
            points: The points; metrics and places that are not there are made.
            projects: Where they may be of; None: of any.

        Returns:
            How many were stored, and why others never can be.
        """
        allowed = [point for point in points if projects is None or point.place.project in projects]
        refused = [] if len(allowed) == len(points) else ["Some are of projects that you may not add to."]
        stored = await self._store(allowed) if allowed else None
        count = 0
        if stored is not None:
            count = self.note(allowed, stored)
            refused += stored.refused
        self._counters.points_dropped += len(points) - len(allowed if stored is not None else ())
        return TakenPoints(count, refused)

    def note(self, points: Sequence[Point], stored: StoredPoints) -> int:
        """
        Hear of points that were committed, here or with the records that they came with.

        Args:
            points: The points.
            stored: What became of them.

        Returns:
            How many were stored.
        """
        stored.keep()
        self._latest.note(points, stored.series, stored.directory)
        dropped = stored.series.count(0)
        self._counters.points += len(points) - dropped
        self._counters.points_dropped += dropped
        return len(points) - dropped

    async def _store(self, points: Sequence[Point]) -> StoredPoints | None:
        """Store points; None where that is not possible now."""
        full = self._engine.full or (self._reserve is not None and self._reserve.given)
        if full or self._waiting + len(points) > _MOST_WAITING:
            return None
        job = partial(samples.store_points, points=points, now_ns=time.time_ns(), index=self.index)
        self._waiting += len(points)
        try:
            return await self._engine.write(job)
        except (Overloaded, ReadOnly):
            return None
        finally:
            self._waiting -= len(points)
