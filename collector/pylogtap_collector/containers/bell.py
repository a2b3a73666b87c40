"""Hears when a container writes something: the live stream of its log, which is not what is stored."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from pylogtap_collector.containers.frames import Frame, FrameReader, stamp_ns

if TYPE_CHECKING:
    import aiohttp

    from pylogtap_collector.containers.positions import Position

_MOST_BYTES = 1 << 20  # kept of what has not been read from the log itself; beyond that the stream waits
_OVERHEAD = 200


class Bell:
    """
    Listens to the live stream of a log.

    The stream can't be stored: under rotation it repeats lines and leaves whole files out. It tells when to
    read. What it has heard is kept until it has been read: if a container is removed with its log in that
    moment, this is all that is left of its last words.
    """

    def __init__(self, *, tty: bool) -> None:
        """
        Make ready.

        Args:
            tty: The container has a terminal.
        """
        self._reader = FrameReader(tty=tty)
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._position: Position | None = None
        self._rung = asyncio.Event()
        self._room = asyncio.Event()
        self._open = asyncio.Event()

    async def listen(self, answer: aiohttp.ClientResponse) -> None:
        """
        Listen until the stream ends: the container has ended, or the engine.

        Args:
            answer: Of a request for the log that follows it.
        """
        self._open.set()
        async for chunk in answer.content.iter_any():
            self._hear(self._reader.feed(chunk))
            while self._bytes > _MOST_BYTES:
                self._room.clear()
                await self._room.wait()
        self._hear(self._reader.close())

    def end(self) -> None:
        """The stream has ended, or could not begin: nobody has to wait any longer."""
        self._open.set()
        self._rung.set()

    async def wait_open(self, seconds: float) -> None:
        """Wait until the stream has begun, but no longer: Podman lets it begin with the next line."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._open.wait()

    async def wait(self, seconds: float) -> bool:
        """Wait until something new is heard, or the stream ends; False: nothing for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return False
        return True

    def begin_reading(self) -> int:
        """Return how much has been heard; the log is read now."""
        self._rung.clear()
        return len(self._frames)

    def end_reading(self, heard: int, position: Position | None) -> None:
        """
        Forget what has been read.

        Args:
            heard: What :meth:`begin_reading` said.
            position: Up to where the log was read.
        """
        self._position = position
        # the log of a container that is being removed may be empty already: what it did not have is kept
        rest = [
            frame
            for number, frame in enumerate(self._frames)
            if self._is_new(frame) and (number >= heard or "." in frame.stamp)
        ]
        self._frames = deque(rest)
        self._bytes = sum(len(frame.data) + _OVERHEAD for frame in rest)
        self._room.set()

    def unread(self) -> list[Frame]:
        """Return what has been heard and not read."""
        return list(self._frames)

    def _hear(self, frames: list[Frame]) -> None:
        for frame in frames:
            if self._is_new(frame):
                self._frames.append(frame)
                self._bytes += len(frame.data) + _OVERHEAD
                self._rung.set()

    def _is_new(self, frame: Frame) -> bool:
        known = self._position.counts.get(frame.stream) if self._position else None
        if known is None:
            return True
        # a stamp of whole seconds may have further lines
        return (
            frame.stamp != known[0] if "." not in frame.stamp else stamp_ns(frame.stamp) > stamp_ns(known[0])
        )
