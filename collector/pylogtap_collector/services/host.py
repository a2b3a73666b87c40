"""The background task that measures this machine, and the collector itself."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

from pylogtap.prefix import host_name
from pylogtap.process.measuring import Measuring
from pylogtap_collector.taps.entries import Point
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap.process.meter import Sample
    from pylogtap_collector.host.sampler import HostSampler
    from pylogtap_collector.services.metrics import Metrics
    from pylogtap_collector.settings import Settings

_MOST_WAITING = 100  # samples of the collector itself, while nothing can be stored


def own_place() -> Place:
    """Return where the metrics of the collector's own process stand."""
    return Place("pylogtap", "collector", host_name())


def _sampler(settings: Settings) -> HostSampler:
    from pylogtap_collector.host.sampler import HostSampler  # noqa: PLC0415 - psutil: a start need not wait

    return HostSampler(None if settings.memory else settings.data)


class Host:
    """Stores what this machine and this process do, as metrics like all others."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        """
        Bind what it needs; `run` does the work.

        Args:
            settings: How often, and where the data is.
            metrics: Where values go.
        """
        self._settings = settings
        self._metrics = metrics
        self._own: deque[list[Point]] = deque(maxlen=_MOST_WAITING)

    async def run(self) -> None:
        """Measure, until cancelled. What cannot be stored just now is let go."""
        period_s = self._settings.host_period_s
        sampler = await asyncio.to_thread(_sampler, self._settings)
        measuring = Measuring(period_s, self._keep)
        measuring.start()
        try:
            while True:
                await asyncio.sleep(period_s)
                points = await asyncio.to_thread(sampler.sample, time.time_ns())
                while self._own:
                    points += self._own.popleft()
                await self._metrics.take(points)
        finally:
            measuring.end(last=False)

    def _keep(self, time_ns: int, samples: Sequence[Sample]) -> None:
        """Take what the thread that measures this process has read."""
        self._own.append(points_of(own_place(), time_ns, samples))


def points_of(place: Place, time_ns: int, samples: Sequence[Sample]) -> list[Point]:
    """
    Return samples of a process as points.

    Args:
        place: The process.
        time_ns: When they were read, ns since the epoch.
        samples: What was read.
    """
    return [
        Point(
            place,
            each.name,
            float(each.value),
            time_ns,
            each.unit,
            "counter" if each.kind == "counter" else "gauge",
            tuple(sorted((each.labels or {}).items())),
        )
        for each in samples
    ]
