"""
All records that a transaction sees, as parts: sealed ones on the shelf, and hot ones.

Every record is in exactly one of them, because sealing moves it in one transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap_collector.parts.sites import CallSites, Patterns
from pylogtap_collector.storage.dictionary import Numbered
from pylogtap_collector.storage.hot import Extent, Hot
from pylogtap_collector.storage.shelf import Shelf, block_of, blocks, blocks_behind

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from pylogtap_collector.parts.numbers import Ints
    from pylogtap_collector.parts.part import Head, Part
    from pylogtap_collector.storage.hot import Place
    from pylogtap_collector.storage.shelf import Block


class Tier:
    """
    A part that is opened only when it has to be. Times are ns since the epoch.

    Attributes:
        first_time: Of its records.
        last_time: Of its records.
        first_id: Of its records.
        last_id: Of its records.
        block: The block it is; None: it is hot.
    """

    def __init__(self, connection: sqlite3.Connection, tiers: Tiers, known: Block | Extent) -> None:
        """
        Describe a part.

        Args:
            connection: In the transaction that sees it.
            tiers: Open it.
            known: A block, or what is known of a hot part.
        """
        self.block = None if isinstance(known, Extent) else known
        self._extent = known if isinstance(known, Extent) else None
        self._connection = connection
        self._tiers = tiers
        self.first_time: int = known.first_time
        self.last_time: int = known.last_time
        self.first_id: int = known.first_id
        self.last_id: int = known.last_id

    @property
    def head(self) -> Head:
        """What is known without looking at rows."""
        if self.block is None:
            return self.open().head
        return self._tiers.shelf.summary(self._connection, self.block)[0].head

    @property
    def minutes(self) -> Ints:
        """See :attr:`pylogtap_collector.parts.sealing.Summary.minutes`."""
        if self._extent is not None:
            return self._extent.minutes
        assert self.block is not None
        return self._tiers.shelf.summary(self._connection, self.block)[0].minutes

    @property
    def words(self) -> bytes | None:
        """Its filter of words."""
        if self.block is None:
            return self.open().words
        return self._tiers.shelf.summary(self._connection, self.block)[1]

    @property
    def lasting(self) -> tuple[int, int] | None:
        """Its name, under which what is found out of it may be kept; None: it may lose records."""
        if self.block is not None:
            return self.block.id, 0
        assert self._extent is not None
        chunk = self._extent.chunk
        return None if self._extent.gone else (-chunk.first, chunk.last)

    def open(self) -> Part:
        """Return the part; nothing of it is kept here, so that memory does not grow with their number."""
        if self._extent is not None:
            return self._tiers.hot.open(self._connection, self._extent)
        assert self.block is not None
        return self._tiers.shelf.open(self._connection, self.block)


class Tiers:
    """
    Where records are.

    Attributes:
        dictionary: Sources and forms by number.
        shelf: Sealed blocks.
        hot: What is not sealed.
    """

    def __init__(self, cache_bytes: int) -> None:
        """
        Know nothing yet.

        Args:
            cache_bytes: Of columns of blocks that may be kept in memory.
        """
        self.dictionary = Numbered()
        self.shelf = Shelf(self.dictionary, cache_bytes)
        self._patterns = Patterns()
        self.hot = Hot(CallSites(self._patterns), self.dictionary)

    def load(self, connection: sqlite3.Connection) -> None:
        """Take up what is stored, before anything is asked."""
        self.dictionary.load(connection)
        for pattern in self.dictionary.patterns():
            self._patterns.admit(pattern)

    def all(
        self,
        connection: sqlite3.Connection,
        since_ns: int | None = None,
        until_ns: int | None = None,
        *,
        oldest_first: bool = False,
    ) -> list[Tier]:
        """
        Return the parts that may have records of a stretch of time, the newest first.

        Args:
            connection: In a transaction.
            since_ns: Beginning of the stretch.
            until_ns: Its end, not included.
            oldest_first: Return those with the oldest records first.
        """
        found = [Tier(connection, self, block) for block in blocks(connection, since_ns, until_ns)]
        found += [
            Tier(connection, self, extent)
            for extent in self.hot.extents(connection)
            if (since_ns is None or extent.last_time >= since_ns)
            and (until_ns is None or extent.first_time < until_ns)
        ]
        if oldest_first:
            return sorted(found, key=lambda tier: tier.first_time)
        return sorted(found, key=lambda tier: tier.last_time, reverse=True)

    def behind(self, connection: sqlite3.Connection, log_id: int) -> Iterable[Tier]:
        """Yield the parts that have records behind one, in the order of arrival."""
        for block in blocks_behind(connection, log_id):
            yield Tier(connection, self, block)
        for extent in self.hot.extents(connection, log_id):
            if extent.last_id > log_id:
                yield Tier(connection, self, extent)

    def holding(self, connection: sqlite3.Connection, log_id: int) -> Tier | None:
        """Return the part that would have a record."""
        block = block_of(connection, log_id)
        if block is not None:
            return Tier(connection, self, block)
        for extent in self.hot.extents(connection, log_id - 1):
            if log_id <= extent.last_id:
                return Tier(connection, self, extent) if extent.first_id <= log_id else None
        return None

    def hot_counts(self, connection: sqlite3.Connection) -> dict[Place, tuple[int, int]]:
        """Return for each instance how many of its records are not sealed, and when the last of them came."""
        counts: dict[Place, tuple[int, int]] = {}
        for extent in self.hot.extents(connection):
            for place, (count, last) in extent.places.items():
                known, seen = counts.get(place, (0, 0))
                counts[place] = known + count, max(seen, last)
        return counts
