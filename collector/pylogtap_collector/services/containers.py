"""The containers of this machine's engine: found, followed, measured, and what goes on with each of them."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from pylogtap_collector.containers.gaps import counts_block_io, switch_lines
from pylogtap_collector.containers.knocking import find_address
from pylogtap_collector.models import ContainerPage, EngineState, FollowedContainer, Unknown
from pylogtap_collector.services.intake import LOCAL
from pylogtap_collector.services.positions import read_position, write_position

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pylogtap_collector.access.visitor import Projects
    from pylogtap_collector.containers.sampler import Sampler
    from pylogtap_collector.containers.state import Followed, WatchState
    from pylogtap_collector.containers.watch import Watch
    from pylogtap_collector.services.intake import Intake
    from pylogtap_collector.services.metrics import Metrics
    from pylogtap_collector.services.shippers import Shippers
    from pylogtap_collector.settings import Settings
    from pylogtap_collector.taps.entries import Entry, Point

_LOOK_S = 5.0  # how often to look for an engine where there is none


class Containers:
    """Follows containers for as long as the collector runs, and tells how it goes."""

    def __init__(self, settings: Settings, intake: Intake, metrics: Metrics, shippers: Shippers) -> None:
        """
        Bind what it needs; `run` does the work.

        Args:
            settings: Which engine, and how often to measure.
            intake: Takes records.
            metrics: Takes points.
            shippers: Know what containers ship themselves.
        """
        self._settings = settings
        self._sink = _Sink(intake, metrics)
        self._shippers = shippers
        self._watch: Watch | None = None
        self._sampler: Sampler | None = None

    async def run(self) -> None:
        """Follow containers, until cancelled; an engine that is not there yet is waited for."""
        await self._shippers.load()
        while (address := find_address(self._settings.docker, os.environ)) is None:  # noqa: ASYNC110 - a file
            await asyncio.sleep(_LOOK_S)
        # What speaks to engines takes a tenth of a start, and most processes meet none.
        from pylogtap_collector.containers.engine import Engine  # noqa: PLC0415
        from pylogtap_collector.containers.sampler import Sampler  # noqa: PLC0415
        from pylogtap_collector.containers.watch import Watch  # noqa: PLC0415

        engine = Engine(address)
        self._sampler = sampler = Sampler(engine, self._sink, period_s=self._settings.docker_period_s)
        ports = frozenset(port for port in (self._settings.forward_port, self._settings.lines_port) if port)
        self._watch = watch = Watch(engine, self._sink, sampler, shipped=self._shippers, own_ports=ports)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(watch.run())
                both.create_task(sampler.run())
        finally:
            self._watch = self._sampler = None

    def page(
        self,
        projects: Projects = None,
        *,
        project: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> ContainerPage:
        """
        Return containers by place and name.

        Args:
            projects: Those that may be seen.
            project: Only of this one.
            limit: How many.
            cursor: From the page before.

        Raises:
            InvalidCursor: It is none of this list.
        """
        behind = None if cursor is None else read_position(cursor, str)[0]
        state = self._watch.state() if self._watch else None
        seen = [
            each
            for each in (state.containers if state else ())
            if (projects is None or each.place.project in projects)
            and (project is None or each.place.project == project)
        ]
        found = sorted(seen, key=_key)
        if behind is not None:
            found = [each for each in found if _key(each) > behind]
        more, found = len(found) > limit, found[:limit]
        return ContainerPage(
            engine=self._engine_state(state),
            items=self._described(found),
            next=write_position(_key(found[-1])) if more else None,
        )

    def _engine_state(self, state: WatchState | None) -> EngineState:
        lines = switch_lines() if state is not None and counts_block_io() is False else []
        return EngineState(
            wanted=self._settings.docker != "off",
            reachable=state is not None and state.reachable,
            version=state.version if state else "",
            error=(state.error or None) if state else None,
            switch_lines=lines,
        )

    def _described(self, found: Sequence[Followed]) -> list[FollowedContainer]:
        sources = self._sampler.sources() if self._sampler else {}
        gaps = self._sampler.gaps() if self._sampler else {}
        return [
            FollowedContainer(
                id=each.id,
                name=each.name,
                project=each.place.project,
                service=each.place.service,
                instance=each.place.instance,
                running=each.running,
                health=each.health,
                log=each.log,
                metrics=sources.get(each.id, "none"),
                unknown=[Unknown(**gap._asdict()) for gap in gaps.get(each.id, ())],
                error=each.error or None,
            )
            for each in found
        ]


class _Sink:
    """Stores what is found of containers: it may stand in any project."""

    def __init__(self, intake: Intake, metrics: Metrics) -> None:
        self._intake = intake
        self._metrics = metrics

    async def take(self, entries: Sequence[Entry], marks: Mapping[str, str] | None = None) -> None:
        await self._intake.take(entries, LOCAL, marks=marks)

    async def marks(self, beginning: str) -> Mapping[str, str]:
        return await self._intake.marks(beginning)

    async def measure(self, points: Sequence[Point]) -> None:
        await self._metrics.take(points)


def _key(each: Followed) -> str:
    """Return what containers are ordered by: NUL sorts before all that a name may have."""
    return "\0".join((*each.place, each.name, each.id))
