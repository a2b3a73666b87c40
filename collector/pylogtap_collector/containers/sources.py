"""
Where readings come from: files of the kernel, polls of the engine, or streams of it.

What each costs differs by far, and most of it is the engine's: one sample a second of one container takes it
0.25 to 0.4 % of a core, whoever asks, so that a stream costs twice what is needed every two seconds; files
cost it nothing.
"""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import msgspec

from pylogtap_collector.containers.cgroups import CgroupFiles
from pylogtap_collector.containers.engine import EngineRefusal, EngineUnreachable
from pylogtap_collector.containers.readings import Reading, read_stats

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pylogtap_collector.containers.engine import Engine
    from pylogtap_collector.containers.model import Container

_log = logging.getLogger("pylogtap.collector")
_SLICE = 16  # containers that are read before others may run
_AT_ONCE = 8  # polls
_IDLE_S = 15.0  # a stream of Podman has a line every 5 s
_RETRY_S, _RETRY_MOST_S = 0.5, 5.0
_parse = msgspec.json.Decoder().decode


class Readings(Protocol):
    """A source of readings."""

    def follow(self, container: Container) -> bool:
        """Begin with a container, or go on with what is known of it now; False: not from this source."""

    def forget(self, container_id: str) -> None:
        """End with a container."""

    async def read(self, containers: Iterable[Container]) -> dict[str, Reading]:
        """Return the newest readings of containers, by id; what fails or has nothing new is left out."""

    async def close(self) -> None:
        """End."""


class FromFiles:
    """Reads files of the kernel."""

    def __init__(self, files: CgroupFiles | None = None) -> None:
        """
        Open what holds for all.

        Args:
            files: Those; default: of this machine.

        Raises:
            OSError: This machine has no such files.
        """
        self.files = files or CgroupFiles()
        self._followed: set[str] = set()

    def follow(self, container: Container) -> bool:
        """Open its files; False: they cannot be seen from here."""
        found = self.files.open(container)
        self._followed.add(container.id)
        return found

    def forget(self, container_id: str) -> None:
        """Close its files."""
        self._followed.discard(container_id)
        self.files.close(container_id)

    async def read(self, containers: Iterable[Container]) -> dict[str, Reading]:
        """Read the files of all: some 100 µs a container, so without a thread, but in slices."""
        found: dict[str, Reading] = {}
        machine = None
        for number, container in enumerate(containers):
            if number % _SLICE == 0:
                if number:
                    await asyncio.sleep(0)
                machine = self.files.machine()
            assert machine is not None
            reading = self.files.read(container.id, machine)
            if reading is not None:
                found[container.id] = reading
            elif container.id in self._followed:  # it has ended, or its files were not there yet
                self.files.open(container)
        return found

    async def close(self) -> None:
        """Close all files."""
        self.files.close_all()


class FromPolls:
    """
    Asks the engine for one sample of each container.

    Engines from 25 on answer at once (source: moby 95aea39348); older ones wait for their own next sample.
    """

    def __init__(self, engine: Engine, spread_s: float) -> None:
        """
        Say whom to ask.

        Args:
            engine: Connected.
            spread_s: For how long polls are spread, so that the engine has no peaks.
        """
        self._engine, self._spread_s = engine, spread_s
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def follow(self, container: Container) -> bool:
        """Nothing has to be done before."""
        return bool(container.id)

    def forget(self, container_id: str) -> None:
        """Nothing is left."""

    async def read(self, containers: Iterable[Container]) -> dict[str, Reading]:
        """Ask for all of them."""
        asked = list(containers)
        answers = await asyncio.gather(*(self._ask(container) for container in asked))
        return {
            container.id: reading
            for container, reading in zip(asked, answers, strict=True)
            if reading is not None
        }

    async def close(self) -> None:
        """Nothing is left."""

    async def _ask(self, container: Container) -> Reading | None:
        await asyncio.sleep(random.uniform(0, self._spread_s))  # noqa: S311 - keeps no secret
        query = {"stream": "0", "one-shot": "1"}
        async with self._turns:
            with suppress(EngineUnreachable, EngineRefusal):
                path = f"/containers/{container.id}/stats"
                async with self._engine.get(path, query, idle_s=_IDLE_S) as answer:
                    return _decode(container, await answer.read())
        return None


class FromStreams:
    """
    Keeps a stream of samples open for each container.

    Only the newest line is kept, and it is decoded when it is wanted.
    """

    def __init__(self, engine: Engine) -> None:
        """
        Say whom to ask.

        Args:
            engine: Connected.
        """
        self._engine = engine
        self._newest: dict[str, bytes] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def follow(self, container: Container) -> bool:
        """Open its stream, unless it is open: that goes on when a container is started anew."""
        task = self._tasks.get(container.id)
        if task is None or task.done():
            name = f"stats of {container.name}"
            self._tasks[container.id] = asyncio.create_task(self._watch(container.id), name=name)
        return True

    def forget(self, container_id: str) -> None:
        """Close its stream."""
        self._newest.pop(container_id, None)
        task = self._tasks.pop(container_id, None)
        if task is not None:
            task.cancel()

    async def read(self, containers: Iterable[Container]) -> dict[str, Reading]:
        """Return what has come since the last time."""
        found = {}
        for container in containers:
            line = self._newest.pop(container.id, None)
            reading = None if line is None else _decode(container, line)
            if reading is not None:
                found[container.id] = reading
        return found

    async def close(self) -> None:
        """Close all streams."""
        tasks = list(self._tasks.values())
        for container_id in list(self._tasks):
            self.forget(container_id)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self, container_id: str) -> None:
        """Read a stream, and open it again when it breaks, until the container is gone."""
        pause_s = _RETRY_S
        while True:
            try:
                async with self._engine.get(
                    f"/containers/{container_id}/stats", {"stream": "1"}, idle_s=_IDLE_S
                ) as answer:
                    rest = b""
                    async for piece in answer.content.iter_any():
                        *lines, rest = (rest + piece).split(b"\n")
                        if lines:
                            self._newest[container_id] = lines[-1]
                            pause_s = _RETRY_S
            except EngineRefusal as refusal:
                if refusal.status == 404:
                    return
            except EngineUnreachable as error:
                _log.debug("the stats of %s broke: %s", container_id[:12], error)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _RETRY_MOST_S)


def _decode(container: Container, line: bytes) -> Reading | None:
    try:
        return read_stats(container, _parse(line))
    except msgspec.DecodeError:  # Podman answers nothing for one that does not run
        return None
