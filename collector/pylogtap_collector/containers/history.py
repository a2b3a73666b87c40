"""
Reads from a container's log itself what is new: its last N lines.

The engine finds these from the end, at no cost however long the log is and however often it was rotated
(moby `daemon/logger/loggerutils/logfile.go`); `since` would have it read all from the beginning. N grows
until the reading has the position up to which the log is known.

Podman is asked by `since`: its stamps are whole seconds, and its last N lines are not those of the whole log:
it joins pieces of lines in another way then (Podman 4.3).
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pylogtap_collector.containers.frames import FrameReader, LogBroken, stamp_ns
from pylogtap_collector.containers.positions import Seeker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from pylogtap_collector.containers.engine import Engine
    from pylogtap_collector.containers.frames import Frame
    from pylogtap_collector.containers.model import Container
    from pylogtap_collector.containers.transcript import Transcript

BOTH = {"stdout": "1", "stderr": "1", "timestamps": "1"}
_STALL_S = 60.0  # for the engine to send something
_BATCH = 500  # frames that are stored together
_LEAST, _USUAL, _MOST, _GROWTH = 64, 20_000, 200_000, 8  # frames that are asked for
_ALL = 0
_SECOND_NS = 1_000_000_000

_log = logging.getLogger("pylogtap.collector")


@dataclass(slots=True)
class Gates:
    """
    How much is read at a time, of all containers together.

    Attributes:
        short: For the ends of logs.
        long: For whole logs, which take long.
    """

    short: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(16))
    long: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))


def path_of(container: Container) -> str:
    """Return the path of a container's log in the engine's API."""
    return f"/containers/{container.id}/logs"


class History:
    """Reads a container's log into a transcript, which says up to where it is known."""

    def __init__(self, engine: Engine, gates: Gates, store: Callable[[Transcript], Awaitable[None]]) -> None:
        """
        Bind what it needs.

        Args:
            engine: Connected.
            gates: Shared by all.
            store: Stores what a transcript has; while it waits, nothing is read.
        """
        self._engine, self._gates, self._store = engine, gates, store
        self._tail = _LEAST

    async def catch_up(self, container: Container, transcript: Transcript) -> int:
        """
        Read all that is new, and return how many frames that is.

        Args:
            container: Whose log.
            transcript: Takes them.

        Raises:
            EngineUnreachable: The engine hung up; what was read counts.
            EngineRefusal: The log cannot be read.
            LogBroken: It can be read only so far.
        """
        tail: int = _ALL if transcript.position is None or self._engine.is_podman else self._tail
        while (new := await self._read(container, transcript, tail)) is None:
            tail = _ALL if tail * _GROWTH > _MOST else tail * _GROWTH
        self._tail = min(_LEAST + 2 * new, _USUAL)
        return new

    async def _read(self, container: Container, transcript: Transcript, tail: int) -> int | None:
        """Read the end of the log; None: the position is not in there."""
        short = tail or transcript.position is not None
        async with self._gates.short if short else self._gates.long:
            seeker = Seeker(transcript.position, whole=not tail)
            try:
                new = await self._stream(container, transcript, seeker, tail)
            except LogBroken as error:
                if tail or seeker.found:
                    raise
                _log.warning("the log of container %s is damaged: %s", container.name, error)
            else:
                if seeker.found:
                    return new
                if tail:
                    return None
            # rotated away, or beyond the damage: what is later is all that there is
            tail = _ALL if self._engine.is_podman else _MOST
            return await self._stream(container, transcript, Seeker(transcript.position, lost=True), tail)

    async def _stream(self, container: Container, transcript: Transcript, seeker: Seeker, tail: int) -> int:
        new = 0
        reader = FrameReader(tty=container.tty)

        async def take(frames: Sequence[Frame]) -> None:
            nonlocal new
            for frame in frames:
                for each in seeker.take(frame):
                    transcript.take(each)
                    new += 1
                    if new % _BATCH == 0:
                        await self._store(transcript)
                if seeker.hopeless:
                    return

        params = self._params(transcript, tail)
        async with self._engine.get(path_of(container), params, idle_s=_STALL_S) as answer:
            async for chunk in answer.content.iter_any():
                await take(reader.feed(chunk))
                if seeker.hopeless:
                    return 0
        await take(reader.close())
        for frame in seeker.rest():
            transcript.take(frame)
            new += 1
        if new:
            await self._store(transcript)
        return new

    def _params(self, transcript: Transcript, tail: int) -> dict[str, str]:
        params = {**BOTH, "follow": "0", "tail": str(tail or "all")}
        if self._engine.is_podman and (position := transcript.position) is not None:
            params["since"] = str(stamp_ns(position.counts[position.stream][0]) // _SECOND_NS)
        return params
