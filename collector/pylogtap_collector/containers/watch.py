"""Watches an engine: all its containers, their logs and what becomes of them, for as long as it lasts."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from pylogtap_collector.containers.engine import EngineRefusal, EngineUnreachable
from pylogtap_collector.containers.events import EventMark, next_of, stream_events
from pylogtap_collector.containers.itself import find_own_container
from pylogtap_collector.containers.last_lines import last_lines
from pylogtap_collector.containers.lifecycle import Lifecycle
from pylogtap_collector.containers.logs import MARK
from pylogtap_collector.containers.model import is_wanted, read_container
from pylogtap_collector.containers.roster import Roster
from pylogtap_collector.containers.state import WatchState
from pylogtap_collector.errors import Overloaded

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping, Sequence

    from pylogtap_collector.containers.echoes import ShippedRecords
    from pylogtap_collector.containers.engine import Engine
    from pylogtap_collector.containers.happenings import Event, Happening
    from pylogtap_collector.containers.model import Container, Sink
    from pylogtap_collector.containers.state import Measures

EVENTS_MARK = "docker/events"  # the last event that is stored
STATE_MARK = "docker/state/"  # then the container's id: what is known of it
LIST_S = 30.0  # between two looks at the list of all containers
_GRACE_S = 1.0  # events are within milliseconds: what the list says and none has told by then was missed
_BACK_OFF_S = (0.2, 0.5, 1.0, 2.0)
_AT_ONCE = 8  # containers that are inspected
_QUEUE = 1_000
_DISTURBING = frozenset({"start", "rename", "die", "pause", "unpause"})

_Result = TypeVar("_Result")
_log = logging.getLogger("pylogtap.collector")


class Watch:
    """Watches one engine."""

    def __init__(
        self,
        engine: Engine,
        sink: Sink,
        measures: Measures,
        *,
        shipped: ShippedRecords | None = None,
        own: str | None = None,
        own_ports: frozenset[int] = frozenset(),
    ) -> None:
        """
        Bind what it needs.

        Args:
            engine: Is connected here, and again whenever it went away.
            sink: Takes what is found.
            measures: Is told which containers there are.
            shipped: Knows what processes of containers ship themselves; None: nobody does.
            own: Id of the container that this program runs in, or its beginning; default: found out.
            own_ports: On which this program takes what log drivers of containers deliver.
        """
        self._engine, self._sink, self._measures = engine, sink, measures
        self._own = find_own_container() if own is None else own
        self._roster = Roster(engine, sink, shipped, own_ports)
        self._lifecycle: Lifecycle | None = None
        self._mark = EventMark("")
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._touched: set[str] = set()  # containers that events told of since the last list
        self._reachable = False
        self._error = ""

    def state(self) -> WatchState:
        """Return how it goes."""
        known = self._lifecycle.known if self._lifecycle else {}
        version = str(self._engine.version.get("Version") or "")
        followed = self._roster.followed({key: each.health for key, each in known.items()})
        return WatchState(self._engine.address, self._reachable, version, self._error, followed)

    async def run(self) -> None:
        """Watch, until cancelled; an engine that is not there is waited for."""
        failures = 0
        while True:
            try:
                await self._engine.connect()
                lifecycle = await self._begin()
                self._reachable, failures = True, 0
                self._tell("")
                await self._attend(lifecycle)
            except (EngineUnreachable, EngineRefusal) as error:
                self._tell(str(error))
            except Exception as error:  # noqa: BLE001 - whatever it is, the others' logs must go on
                if str(error) != self._error:
                    _log.exception("containers cannot be watched just now; it is tried again")
                self._error = str(error)
                self._lifecycle = None  # what was not stored is told again
            finally:
                self._reachable = False
                await self._leave()
            await asyncio.sleep(_BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)])
            failures += 1

    def _tell(self, error: str) -> None:
        """Say once that the engine is there, or is not."""
        if not error:
            _log.info("container engine %s: %s", self._engine.address, self._engine.version.get("Version"))
        elif not self._error:
            _log.warning(
                "container engine %s does not answer, and is waited for: %s", self._engine.address, error
            )
        self._error = error

    async def _begin(self) -> Lifecycle:
        if self._lifecycle is None:
            marks = await self._sink.marks(STATE_MARK)
            events = await self._sink.marks(EVENTS_MARK)
            self._lifecycle = Lifecycle()
            self._mark = EventMark(events.get(EVENTS_MARK) or f"{time.time_ns()} 0")
            for name, text in marks.items():
                self._lifecycle.restore(name.removeprefix(STATE_MARK), text)
        return self._lifecycle

    async def _leave(self) -> None:
        """Let go of everything that the engine was asked for."""
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, self._roster.close(), return_exceptions=True)
        if self._lifecycle is not None:
            self._lifecycle.lose_engine(time.time_ns())
        await self._engine.close()

    async def _attend(self, lifecycle: Lifecycle) -> None:
        queue: asyncio.Queue[Event | None] = asyncio.Queue(_QUEUE)
        reading = self._start(self._read_events(queue))
        clock = asyncio.get_running_loop().time
        first, whole, due = not self._mark.count, True, clock()
        listing: asyncio.Task[tuple[float, list[Container], set[str]]] | None = None
        while True:
            if listing is None and clock() >= due:
                self._touched.clear()
                listing = self._start(self._list(lifecycle, whole=whole))
            events = await next_of(queue)
            await self._handle(lifecycle, [event for event in events if event is not None])
            if reading.done() and queue.empty():
                reading.result()
                raise EngineUnreachable("it has ended the stream of events")
            if listing is not None and listing.done():
                listed_at, containers, there = listing.result()
                if clock() >= listed_at + _GRACE_S:
                    await self._compare(lifecycle, containers, there, first=first)
                    listing, first, whole, due = None, False, False, clock() + LIST_S

    async def _read_events(self, queue: asyncio.Queue[Event | None]) -> None:
        try:
            async for event in stream_events(self._engine, self._mark):
                await queue.put(event)
        finally:
            with suppress(asyncio.QueueFull):
                queue.put_nowait(None)  # wakes whoever waits for more

    async def _handle(self, lifecycle: Lifecycle, events: Iterable[Event]) -> None:
        happenings: list[Happening] = []
        told: set[str] = set()
        for event in events:
            if self._mark.passes(event):
                lifecycle.keep_engine()
                continue
            told.add(event.container_id)
            if self._is_own(event.container_id):
                continue
            happenings += lifecycle.take(event)
            if event.action in _DISTURBING:
                self._start(self._look_at(event.container_id))
            elif event.action in {"destroy", "remove"}:
                self._measures.forget(event.container_id)
                self._roster.end(event.container_id)
        happenings += lifecycle.tick(time.time_ns())
        self._touched |= told
        if happenings or told:
            await self._store(lifecycle, happenings, told)

    async def _list(self, lifecycle: Lifecycle, *, whole: bool) -> tuple[float, list[Container], set[str]]:
        """
        Follow all that the engine has.

        Args:
            lifecycle: Knows how they are.
            whole: Look at those, too, that are as they are known to be.

        Returns:
            When that was, on the clock of the loop; those that were looked at; ids of all that are there.
        """
        raw = {str(each["Id"]): each for each in await self._engine.containers()}
        wanted = [
            container_id
            for container_id, each in raw.items()
            if is_wanted(each.get("Labels") or {})
            and not self._is_own(container_id)
            and (whole or self._roster.follower(container_id) is None or not lifecycle.agrees(each))
        ]
        found = await asyncio.gather(*(self._inspect(each) for each in wanted))
        containers = [each for each in found if each is not None]
        for container in containers:
            if container.id not in self._touched:  # of the others more is known by now
                self._follow(container)
        for container_id in self._roster.others(raw.keys() | self._touched):
            self._measures.forget(container_id)
            self._roster.end(container_id)
        return asyncio.get_running_loop().time(), containers, set(raw)

    async def _compare(
        self, lifecycle: Lifecycle, listed: Sequence[Container], there: set[str], *, first: bool
    ) -> None:
        """Tell what the list says and no event has told."""
        now_ns, happenings = time.time_ns(), []
        quiet = [each for each in listed if each.id not in self._touched]
        for container in quiet:
            if first:
                lifecycle.adopt(container)
            else:
                happenings += lifecycle.compare(container, now_ns)
        gone = set(lifecycle.known) - there - self._touched
        happenings += lifecycle.remove_others(there | self._touched, now_ns)
        forgotten = dict.fromkeys((MARK + each for each in gone), "")
        await self._store(lifecycle, happenings, {each.id for each in quiet} | gone, forgotten)
        await self._sink.measure(lifecycle.health_points(now_ns))

    async def _store(
        self,
        lifecycle: Lifecycle,
        happenings: Sequence[Happening],
        touched: Iterable[str],
        more: Mapping[str, str] | None = None,
    ) -> None:
        told = await asyncio.gather(*(self._with_lines(each) for each in happenings))
        ids = {*touched, *(each.container_id for each in told)}
        marks = {
            EVENTS_MARK: str(self._mark),
            **(more or {}),
            **{STATE_MARK + each: lifecycle.text(each) for each in ids},
        }
        while True:
            try:
                await self._sink.take([each.entry for each in told], marks)
                break
            except Overloaded as overloaded:
                await asyncio.sleep(overloaded.retry_after_s or 1.0)
        if points := [point for each in told for point in each.points]:
            await self._sink.measure(points)

    async def _with_lines(self, happening: Happening) -> Happening:
        if not happening.wants_lines:
            return happening
        follower = self._roster.follower(happening.container_id)
        container = follower.container if follower else await self._inspect(happening.container_id)
        lines = await last_lines(self._engine, container, happening) if container else None
        if lines is None:
            lines = follower.recent() if follower else []
        return happening.with_lines(lines)

    async def _look_at(self, container_id: str) -> None:
        container = await self._inspect(container_id)
        if container is not None and is_wanted(container.labels):
            self._follow(container)
            if self._lifecycle is not None:
                self._lifecycle.note_start(container)

    async def _inspect(self, container_id: str) -> Container | None:
        async with self._gate:
            try:
                return read_container(await self._engine.inspect(container_id))
            except EngineRefusal:  # it is gone
                return None

    def _follow(self, container: Container) -> None:
        self._measures.follow(container)
        self._roster.follow(container)

    def _is_own(self, container_id: str) -> bool:
        return bool(self._own) and container_id.startswith(self._own)

    def _start(self, work: Coroutine[Any, Any, _Result]) -> asyncio.Task[_Result]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.debug("a container could not be looked at: %s", error)  # the list is looked at again
