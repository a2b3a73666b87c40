"""Questions about records while much of what came is not sealed yet, as after a burst of deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pylogtap_collector.errors import QueryTooSlow

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from pylogtap_collector.services.keeper import Keeper
    from pylogtap_collector.storage.engine import Engine

T = TypeVar("T")
_FIRST_S = 1.0  # of the first try: reading slices and sealing them at the same time makes both slower
_SETTLING = 2  # deadlines of waiting for sealing, which is faster than reading slices


class Reader:
    """Does jobs that read records; one that is too slow for a backlog waits until it is sealed."""

    def __init__(self, engine: Engine, keeper: Keeper) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
            keeper: Seals what came.
        """
        self._engine = engine
        self._keeper = keeper

    async def read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """
        Do a job on one unchanging view of the database; it may be begun twice.

        Args:
            job: Gets a connection that cannot write.

        Raises:
            QueryTooSlow: The deadline has passed, counted from when no backlog was in the way.
            Overloaded: Too many queries wait.
        """
        if self._keeper.is_behind:
            try:
                return await self._engine.read(job, timeout_s=min(_FIRST_S, self._engine.query_timeout_s))
            except QueryTooSlow:
                await self._keeper.settle(_SETTLING * self._engine.query_timeout_s)
        return await self._engine.read(job)
