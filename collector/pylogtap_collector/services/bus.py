"""The live bus: what was committed just now, to everybody who follows."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from pylogtap_collector.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from pylogtap_collector.models import Log
    from pylogtap_collector.query import Query


class News(NamedTuple):
    """
    A record that was committed.

    Attributes:
        id: Of the record.
        json: All of it, as its readers get it: written once for them all, and not on the event loop.
    """

    id: int
    json: bytes


def news_of(log: Log) -> News:
    """Return a record as news."""
    return News(log.id, log.model_dump_json().encode())


class Subscription:
    """
    One follower's share of what comes, bounded: when it is full, the oldest make room.

    Attributes:
        skipped: Records that made room since the last :meth:`take`.
        closed: Nothing comes any more.
    """

    def __init__(self, query: Query, size: int) -> None:
        """
        Begin to collect.

        Args:
            query: What the follower wants.
            size: Records to keep at most.
        """
        self.query = query
        self.skipped = 0
        self.closed = False
        self._waiting: deque[News] = deque(maxlen=size)
        self._size = size
        self._came = asyncio.Event()

    def offer(self, news: Sequence[News]) -> int:
        """
        Give it records that it wants.

        Returns:
            How many it was too slow for.
        """
        excess = max(0, len(self._waiting) + len(news) - self._size)
        self._waiting.extend(news)
        self.skipped += excess
        if news:
            self._came.set()
        return excess

    def forget(self) -> None:
        """Let go of what has come so far."""
        self._waiting.clear()
        self.skipped = 0

    def close(self) -> None:
        """Say that nothing comes any more."""
        self.closed = True
        self._came.set()

    async def ready(self) -> None:
        """Wait until there are records, or nothing comes any more."""
        while not (self._waiting or self.closed):
            self._came.clear()
            await self._came.wait()

    def take(self) -> tuple[list[News], int]:
        """Return all records that have come, and how many before them were skipped."""
        taken, skipped = list(self._waiting), self.skipped
        self.forget()
        return taken, skipped


class Bus:
    """
    Brings committed records to all subscriptions.

    Attributes:
        turns: Of all followers, who hear of something at the same moment.
    """

    def __init__(self) -> None:
        self.turns = Turns()
        self._subscriptions: set[Subscription] = set()

    @property
    def followers(self) -> int:
        """How many follow."""
        return len(self._subscriptions)

    def subscribe(self, query: Query, size: int) -> Subscription:
        """
        Begin to follow.

        Args:
            query: Which records.
            size: How many are kept for a follower that falls behind.
        """
        subscription = Subscription(query, size)
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Follow no longer."""
        self._subscriptions.discard(subscription)

    def close(self) -> None:
        """Let all followers come to their end."""
        for subscription in self._subscriptions:
            subscription.close()

    async def publish(self, logs: Sequence[Log]) -> int:
        """
        Bring records to those who want them; costs nothing while nobody follows.

        Args:
            logs: Records that have been committed, in their order.

        Returns:
            How many were dropped for followers that are too slow.
        """
        subscriptions = list(self._subscriptions)
        if not subscriptions:
            return 0
        shares = await asyncio.to_thread(_match, [item.query for item in subscriptions], logs)
        return sum(item.offer(share) for item, share in zip(subscriptions, shares, strict=True))


def _match(queries: Sequence[Query], logs: Sequence[Log]) -> list[list[News]]:
    """Return for each query the records that match it; what many ask for is looked for once."""
    made: dict[int, News] = {}
    found: dict[Hashable, list[News]] = {}
    for query in queries:
        if query.meaning in found:
            continue
        matching = [log for log in logs if query.matches(log)]
        made |= {log.id: news_of(log) for log in matching if log.id not in made}
        found[query.meaning] = [made[log.id] for log in matching]
    return [found[query.meaning] for query in queries]
