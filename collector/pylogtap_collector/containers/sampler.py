"""Measures all running containers every few seconds, by the cheapest source that there is."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Literal

from pylogtap_collector.containers.arithmetic import points_of
from pylogtap_collector.containers.gaps import Gap, gaps_of
from pylogtap_collector.containers.sources import FromFiles, FromPolls, FromStreams

if TYPE_CHECKING:
    from pylogtap_collector.containers.cgroups import CgroupFiles
    from pylogtap_collector.containers.engine import Engine
    from pylogtap_collector.containers.model import Container, Sink
    from pylogtap_collector.containers.readings import Reading
    from pylogtap_collector.containers.sources import Readings
    from pylogtap_collector.taps.entries import Point

SourceName = Literal["auto", "files", "poll", "stream"]
_POLLED_FROM = 25  # the first version of Docker that answers a poll at once


class Sampler:
    """
    Follows containers, and hands the points of all of them on together.

    With `auto` a container is read from files where they can be seen; else the engine is asked, by polls if
    it answers them at once, by streams if not.
    """

    def __init__(
        self,
        engine: Engine,
        sink: Sink,
        *,
        period_s: float,
        source: SourceName = "auto",
        files: CgroupFiles | None = None,
    ) -> None:
        """
        Bind what it needs.

        Args:
            engine: Connected.
            sink: Takes the points.
            period_s: How often.
            source: Where readings come from.
            files: Those of the kernel; default: of this machine.
        """
        self._engine, self._sink, self._period_s, self._wanted = engine, sink, period_s, source
        self._given_files = files
        self._sources: dict[SourceName, Readings] = {}
        self._followed: dict[str, Container] = {}
        self._by: dict[str, SourceName] = {}
        self._last: dict[str, Reading] = {}

    def follow(self, container: Container) -> None:
        """
        Measure a container from now on, or go on with what is known of it now.

        Args:
            container: One that does not run is not measured.
        """
        known = self._followed.get(container.id)
        if not container.running:
            self.forget(container.id)
            return
        if known is None or (known.started_at, known.pid) != (container.started_at, container.pid):
            before, now = self._by.get(container.id), self._choose(container)
            self._by[container.id] = now
            if before is not None and before != now:
                self._sources[before].forget(container.id)
        self._followed[container.id] = container

    def forget(self, container_id: str) -> None:
        """
        Measure a container no longer. Does nothing with one that is not followed.

        Args:
            container_id: Of it.
        """
        self._followed.pop(container_id, None)
        self._last.pop(container_id, None)
        if (name := self._by.pop(container_id, None)) is not None:
            self._sources[name].forget(container_id)

    def sources(self) -> dict[str, SourceName]:
        """Return where the readings of each container come from, by its id."""
        return dict(self._by)

    def gaps(self) -> dict[str, list[Gap]]:
        """Return what is not known of each container and why, by its id; of those that were read once."""
        return {
            container_id: gaps_of(container, reading, counts_block_io=self._counts_block_io(container_id))
            for container_id, container in self._followed.items()
            if (reading := self._last.get(container_id)) is not None
        }

    async def run(self) -> None:
        """Measure every period, until cancelled."""
        clock = asyncio.get_running_loop().time
        due = clock()
        try:
            while True:
                await self.tick()
                due += self._period_s
                if (now := clock()) > due:  # the engine was slow: what was missed is not made up for
                    due = now
                await asyncio.sleep(due - now)
        finally:
            await self.close()

    async def tick(self) -> None:
        """Measure once, and hand the points on."""
        points: list[Point] = []
        for name, source in list(self._sources.items()):
            own = [each for each in self._followed.values() if self._by[each.id] == name]
            for container_id, reading in (await source.read(own)).items():
                container = self._followed.get(container_id)
                if container is not None:  # it was not forgotten meanwhile
                    points += points_of(container, reading, self._last.get(container_id))
                    self._last[container_id] = reading
        if points:
            await self._sink.measure(points)

    async def close(self) -> None:
        """End all sources."""
        sources, self._sources = self._sources, {}
        self._followed, self._by, self._last = {}, {}, {}
        for source in sources.values():
            await source.close()

    def _choose(self, container: Container) -> SourceName:
        files = self._source("files") if self._wanted in {"auto", "files"} else None
        if files is not None and (files.follow(container) or self._wanted == "files"):
            return "files"
        name: SourceName = self._wanted
        if name in {"auto", "files"}:
            name = "poll" if _answers_at_once(self._engine) else "stream"
        asked = self._source(name)
        assert asked is not None
        asked.follow(container)
        return name

    def _source(self, name: SourceName) -> Readings | None:
        if name not in self._sources:
            try:
                self._sources[name] = self._make(name)
            except OSError:  # no Linux, or no /proc
                return None
        return self._sources[name]

    def _make(self, name: SourceName) -> Readings:
        if name == "files":
            return FromFiles(self._given_files)
        if name == "poll":
            return FromPolls(self._engine, self._period_s / 2)
        return FromStreams(self._engine)

    def _counts_block_io(self, container_id: str) -> bool | None:
        source = self._sources.get(self._by[container_id])
        return source.files.counts_block_io if isinstance(source, FromFiles) else None


def _answers_at_once(engine: Engine) -> bool:
    """Tell whether polls are cheaper: those of Podman always, whose streams have a sample in 5 s."""
    number = re.match(r"\d+", str(engine.version.get("Version") or ""))
    return engine.is_podman or (number is not None and int(number[0]) >= _POLLED_FROM)
