"""
Follows the log of one container, so that a crash of either side loses and doubles nothing.

The engine's live stream only tells when to read. What is stored is always read from the log itself, by its
last N lines, which the engine finds from the end at no cost, however long the log is; N grows until
the position is found up to which lines are stored. See :mod:`pylogtap_collector.containers.transcript`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from pylogtap_collector.containers.bell import Bell
from pylogtap_collector.containers.echoes import EARLY_NS, GRACE_S, LATE_NS, Written, without_echoes
from pylogtap_collector.containers.engine import EngineRefusal, EngineUnreachable
from pylogtap_collector.containers.entries import entry_of, prefix_of
from pylogtap_collector.containers.frames import LogBroken
from pylogtap_collector.containers.history import BOTH, History, path_of
from pylogtap_collector.containers.positions import Position
from pylogtap_collector.containers.transcript import Transcript
from pylogtap_collector.errors import Overloaded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.containers.echoes import ShippedRecords
    from pylogtap_collector.containers.engine import Engine
    from pylogtap_collector.containers.history import Gates
    from pylogtap_collector.containers.model import Container, Sink
    from pylogtap_collector.containers.state import LogState
    from pylogtap_collector.containers.transcript import Found
    from pylogtap_collector.taps.entries import Entry

MARK = "docker/log/"  # then the container's id: up to where its log is stored
GATHER_S = 0.1  # lines that come within are stored together
IDLE_S = 0.25  # a record whose further lines have not come by then is whole
_CUT_S = 1.0  # and so is the piece of a line that does not go on
_AGAIN_S = 1.0  # after the live stream began, look once more: it may begin a little late
_CHECK_S = 10.0  # the live stream may have gone deaf
_ASLEEP_S = 120.0  # how long an ended container is not looked at, unless somebody wakes us
_RETRY_S = 1.0
_MOST_HELD = 3_000  # frames whose records may wait for further lines
_GONE, _GOING = 404, 409  # removed, and about to be
_UNREADABLE = 501
_OVER = frozenset({"gone", "unreadable", "delivered"})

_log = logging.getLogger("pylogtap.collector")


class Follower:
    """
    Follows the log of one container.

    Attributes:
        container: As it is known now.
        state: What goes on with its log.
        error: What went wrong last; empty: nothing.
    """

    def __init__(
        self,
        engine: Engine,
        container: Container,
        sink: Sink,
        gates: Gates,
        shipped: ShippedRecords | None = None,
        *,
        delivered: bool = False,
    ) -> None:
        """
        Bind what it needs.

        Args:
            engine: Connected.
            container: Whose log.
            sink: Takes its records.
            gates: Shared by all followers.
            shipped: Knows what processes of containers ship themselves; None: nobody does.
            delivered: Its log driver delivers here, so that it is not read.
        """
        self.container = container
        self.state: LogState = "delivered" if delivered else "begins"
        self.error = ""
        self._engine, self._sink, self._shipped = engine, sink, shipped
        self._history = History(engine, gates, self._store)
        self._ships = container.ships
        self._default = prefix_of(container.place)
        self._transcript: Transcript | None = None
        self._bell: Bell | None = None
        self._awake, self._left = asyncio.Event(), asyncio.Event()
        self._read_at = 0.0  # when the last new frame was read, on the clock of the loop

    def wake(self, container: Container) -> None:
        """
        Tell what has become of the container: it was started, or has another name.

        Args:
            container: As it is now.
        """
        self.container = container
        self._awake.set()

    def leave(self) -> None:
        """The container is removed: what is left of its log is read now, and no more."""
        self._left.set()
        self._awake.set()

    def recent(self) -> list[str]:
        """Return the last lines that were read."""
        return self._transcript.recent() if self._transcript else []

    async def run(self) -> None:
        """Follow until the container is gone, or its log can't be read; or until cancelled."""
        if self.state == "delivered":
            await self._left.wait()
            self.state = "gone"
            await self._take([], "")
        while self.state not in _OVER:
            try:
                await self._follow()
            except EngineRefusal as refusal:
                if refusal.status == _GONE:
                    await self._take_rest()
                    self.state = "gone"
                    return
                if refusal.status != _GOING:
                    self._fail(refusal, unreadable=refusal.status == _UNREADABLE)
            except (EngineUnreachable, LogBroken) as error:
                self._fail(error)
            except Exception as error:  # noqa: BLE001 - one container must not silence the others
                self._fail(error)
                self._transcript = None  # what was not stored is read again
            if self.state != "unreadable":
                await asyncio.sleep(_RETRY_S)

    def _fail(self, error: Exception, *, unreadable: bool = False) -> None:
        text = str(error) or type(error).__name__
        if text != self.error:
            level = logging.INFO if unreadable or isinstance(error, EngineUnreachable) else logging.WARNING
            _log.log(level, "the log of container %s cannot be read: %s", self.container.name, text)
        self.error = text
        self.state = "unreadable" if unreadable else "failed"

    async def _follow(self) -> None:
        pause_s = _RETRY_S
        while True:
            transcript = await self._begin()
            self._awake.clear()
            bell = Bell(tty=self.container.tty)
            listening = asyncio.create_task(self._listen(bell))
            try:
                await bell.wait_open(_AGAIN_S)
                ended = await self._attend(bell, transcript, listening)
            finally:
                listening.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await listening
            if not ended:
                continue
            new = await self._catch_up(bell, transcript)
            transcript.settle(ended=True)
            await self._store(transcript)
            self.state = "ended"
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._awake.wait()
            pause_s = _RETRY_S if new or self._awake.is_set() else min(2 * pause_s, _ASLEEP_S)

    async def _listen(self, bell: Bell) -> None:
        live = {**BOTH, "follow": "1", "tail": "0"}
        try:
            async with self._engine.get(path_of(self.container), live) as answer:
                self._bell = bell
                await bell.listen(answer)
        finally:
            bell.end()

    async def _begin(self) -> Transcript:
        if self._transcript is None:
            name = MARK + self.container.id
            mark = (await self._sink.marks(name)).get(name, "")
            self._transcript = Transcript(self._default, Position.parse(mark))
        return self._transcript

    async def _attend(self, bell: Bell, transcript: Transcript, listening: asyncio.Task[None]) -> bool:
        """Read whenever the bell rings, until it never will again; False: another one may yet."""
        clock = asyncio.get_running_loop().time
        await self._catch_up(bell, transcript)
        self.state, self.error = "followed", ""
        due = clock() + _AGAIN_S
        while not listening.done():
            idle = IDLE_S if transcript.waits else _CHECK_S
            if await bell.wait(max(0.0, min(due - clock(), idle))):
                if not listening.done():
                    await asyncio.sleep(GATHER_S)
                    await self._catch_up(bell, transcript)
                    if transcript.settle_idle(IDLE_S):
                        await self._store(transcript)
            elif clock() >= due:
                due = clock() + _CHECK_S
                if await self._catch_up(bell, transcript):
                    return False
            elif clock() >= self._read_at + IDLE_S:
                transcript.settle(cut=clock() >= self._read_at + _CUT_S)
                await self._store(transcript)
        with suppress(asyncio.CancelledError):
            error = listening.exception()
            if error is not None:
                raise error
        return True

    async def _catch_up(self, bell: Bell, transcript: Transcript) -> int:
        """Read all that is new, and return how many frames that is."""
        heard = bell.begin_reading()
        new = await self._history.catch_up(self.container, transcript)
        bell.end_reading(heard, transcript.position)
        if new:
            self._read_at = asyncio.get_running_loop().time()
        return new

    async def _take_rest(self) -> None:
        """Store the last words of a container whose log is gone with it, as far as they were heard."""
        if self._transcript is not None and self._bell is not None:
            for frame in self._bell.unread():
                self._transcript.take(frame)
            self._transcript.settle(ended=True)
            await self._store(self._transcript)
        await self._take([], "")

    async def _store(self, transcript: Transcript) -> None:
        if transcript.frames_held > _MOST_HELD:
            transcript.settle(cut=True)
        found, position = transcript.harvest()
        if position is None:
            return
        entries = await self._entries(found)
        await self._take(entries, str(position))

    async def _take(self, entries: Sequence[Entry], mark: str) -> None:
        before = self.state
        while True:
            try:
                await self._sink.take(entries, {MARK + self.container.id: mark})
                break
            except Overloaded as overloaded:
                self.state = "full"
                await asyncio.sleep(overloaded.retry_after_s or _RETRY_S)
        self.state = before

    async def _entries(self, found: Sequence[Found]) -> list[Entry]:
        entries = [entry_of(each, self.container, self._default) for each in found]
        if self._shipped is None or not entries:
            return entries
        times = [each.record.arrived_ns for each in found]
        first, last = min(times), max(times)
        if self._ships:  # let its client deliver first
            await asyncio.sleep(min(GRACE_S, max(0.0, GRACE_S - (time.time_ns() - last) / 1e9)))
        shipped = await self._shipped.shipped(self.container, first - LATE_NS, last + EARLY_NS)
        if shipped is None:
            return entries
        self._ships = True
        return without_echoes(map(Written, entries, times), shipped)
