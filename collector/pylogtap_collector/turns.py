"""Turns on the event loop, for those who are many and all have something to do at the same moment."""

from __future__ import annotations

import asyncio


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
