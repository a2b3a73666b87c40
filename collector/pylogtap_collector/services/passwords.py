"""Passwords, hashed and compared beside the event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from pylogtap_collector.access.passwords import hash_password, verify_password
from pylogtap_collector.errors import Overloaded

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_AT_ONCE = 2  # each takes 64 MiB and all cores
_WAITING = 30  # more are refused


class Passwords:
    """Hashes and compares passwords beside the event loop, a few at a time.

    All methods raise Overloaded where too many wait.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def _run(self, work: Callable[..., T], *arguments: str | None) -> T:
        if self._waiting >= _WAITING:
            raise Overloaded("Too many sign in at once.")
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work, *arguments)
        finally:
            self._waiting -= 1

    async def hashed(self, password: str) -> str:
        """Return what is kept of a password."""
        return await self._run(hash_password, password)

    async def fits(self, kept: str | None, password: str) -> bool:
        """
        Tell whether a password is the right one.

        Args:
            kept: What is kept of it; None: there is nobody of that name, which takes as long.
            password: As it was typed.
        """
        return await self._run(verify_password, kept, password)
