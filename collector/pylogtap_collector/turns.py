"""Turns on the event loop, and in memory, for those who are many and all have something to do at once."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Turns:
    """
    Lets one after the other go on, and everybody else in between.

    The event loop does all that is ready before it looks for what has come: a hundred that go on at once,
    each for some milliseconds, keep a request waiting for all of them.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def wait(self) -> None:
        """Wait for a turn: the time until the next `await`."""
        async with self._lock:
            await asyncio.sleep(0)


class Allowance:
    """Bytes that may be at work at once; whoever finds no room waits, and nobody overtakes him."""

    def __init__(self, most: int) -> None:
        """
        Begin with nobody.

        Args:
            most: Bytes; a single one may take more.
        """
        self._most = most
        self._taken = 0
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def take(self, size: int) -> AsyncIterator[None]:
        """
        Wait for room, and have it while this lasts.

        Args:
            size: Bytes.
        """
        async with self._turn:
            while self._taken and self._taken + size > self._most:
                self._freed.clear()
                await self._freed.wait()
            self._taken += size
        try:
            yield
        finally:
            self._taken -= size
            self._freed.set()
