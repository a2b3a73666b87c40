"""The live tail: first what was missed, then what comes."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Self

from pylogtap_collector.services.bus import News, news_of
from pylogtap_collector.storage import logs
from pylogtap_collector.storage.logs import Selection

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.query import Query
    from pylogtap_collector.services.bus import Bus
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.tiers import Tiers

_CHUNK = 500  # records that are read at once


class Tail(AsyncIterator[News]):
    """
    Records as they are committed, until the collector stops. Close it when nobody reads it any more.

    A reader that is too slow loses records, not the collector its pace: how many is said in `skipped`.
    Waiting for a record may be cancelled and tried again.

    Attributes:
        skipped: Records left out since `take_skipped` was called last.
    """

    def __init__(
        self, engine: Engine, tiers: Tiers, bus: Bus, query: Query, after: int | None, size: int
    ) -> None:
        """
        Begin to follow, at once: what is committed from now on is not missed.

        Args:
            engine: The database.
            tiers: Where records are.
            bus: What comes in.
            query: Which records.
            after: Id of the record behind which to begin; None: with what comes now.
            size: Records to keep for a reader that falls behind.
        """
        self.skipped = 0
        self._engine = engine
        self._tiers = tiers
        self._bus = bus
        self._selection = Selection(query)
        self._subscription = bus.subscribe(query, size)
        self._position = 0 if after is None else after
        self._behind = after is not None
        self._ready: deque[News] = deque()

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> News:
        """
        Return the next record, as soon as there is one.

        Raises:
            StopAsyncIteration: The collector stops.
        """
        while not self._ready:
            if self._behind:
                await self._catch_up()
            else:
                await self._subscription.ready()
                await self._bus.turns.wait()
                taken, skipped = self._subscription.take()
                if not taken:
                    raise StopAsyncIteration
                self.skipped += skipped
                self._ready.extend(each for each in taken if each.id > self._position)
                self._position = max(self._position, taken[-1].id)
        return self._ready.popleft()

    def take_ready(self, most: int) -> list[News]:
        """
        Return records that need not be waited for.

        Args:
            most: So many.
        """
        return [self._ready.popleft() for _ in range(min(most, len(self._ready)))]

    def take_skipped(self) -> int:
        """Return how many records were left out since the last call."""
        skipped, self.skipped = self.skipped, 0
        return skipped

    async def aclose(self) -> None:
        """Follow no longer."""
        self._bus.unsubscribe(self._subscription)

    async def _catch_up(self) -> None:
        """Read what was committed before, until nothing is left that the subscription does not have."""
        self._subscription.forget()  # it is committed, so it will be read
        found, position = await self._engine.read(self._arrivals)
        self._ready.extend(found)
        self._position = position
        self._behind = len(found) == _CHUNK or self._subscription.skipped > 0

    def _arrivals(self, connection: sqlite3.Connection) -> tuple[list[News], int]:
        found, position = logs.arrivals(self._tiers, connection, self._selection, self._position, _CHUNK)
        return [news_of(log) for log in found], position
