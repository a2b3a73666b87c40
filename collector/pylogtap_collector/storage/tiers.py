"""
All records that a transaction sees, as parts: sealed ones on the shelf, and hot ones.

Every record is in exactly one of them, because sealing moves it in one transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pylogtap_collector.parts.sites import CallSites, Patterns
from pylogtap_collector.storage.dictionary import Numbered
from pylogtap_collector.storage.hot import Hot
from pylogtap_collector.storage.shelf import Shelf, block_of, blocks, blocks_behind

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from pylogtap_collector.parts.part import Head, Part
    from pylogtap_collector.parts.sealing import Summary
    from pylogtap_collector.storage.shelf import Block


class Tier:
    """
    A part that is opened only when it has to be. Times are ns since the epoch.

    Attributes:
        first_time: Of its records.
        last_time: Of its records.
        block: The block it is; None: it is hot.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        shelf: Shelf,
        *,
        block: Block | None = None,
        part: Part | None = None,
    ) -> None:
        """
        Describe a part.

        Args:
            connection: In the transaction that sees it.
            shelf: Opens blocks.
            block: What is known of it, or
            part: the part itself.
        """
        self.block = block
        self._connection = connection
        self._shelf = shelf
        self._part = part
        known = block if block is not None else part.head  # type: ignore[union-attr]
        self.first_time: int = known.first_time
        self.last_time: int = known.last_time
        self.first_id: int = known.first_id
        self.last_id: int = known.last_id

    @property
    def head(self) -> Head:
        """What is known without looking at rows."""
        if self._part is not None:
            return self._part.head
        return self.summary.head

    @property
    def summary(self) -> Summary:
        """The summary of a block."""
        assert self.block is not None
        return self._shelf.summary(self._connection, self.block)[0]

    @property
    def words(self) -> bytes | None:
        """Its filter of words."""
        if self._part is not None:
            return self._part.words
        assert self.block is not None
        return self._shelf.summary(self._connection, self.block)[1]

    def open(self) -> Part:
        """Return the part; nothing of a block's is kept, so that memory does not grow with their number."""
        if self._part is not None:
            return self._part
        assert self.block is not None
        return self._shelf.open(self._connection, self.block)


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
        found = [
            Tier(connection, self.shelf, block=block) for block in blocks(connection, since_ns, until_ns)
        ]
        for part in self.hot.parts(connection):
            head = part.head
            if (since_ns is None or head.last_time >= since_ns) and (
                until_ns is None or head.first_time < until_ns
            ):
                found.append(Tier(connection, self.shelf, part=part))
        if oldest_first:
            return sorted(found, key=lambda tier: tier.first_time)
        return sorted(found, key=lambda tier: tier.last_time, reverse=True)

    def behind(self, connection: sqlite3.Connection, log_id: int) -> Iterable[Tier]:
        """Yield the parts that have records behind one, in the order of arrival."""
        for block in blocks_behind(connection, log_id):
            yield Tier(connection, self.shelf, block=block)
        for part in self.hot.parts(connection):
            if part.head.last_id > log_id:
                yield Tier(connection, self.shelf, part=part)

    def holding(self, connection: sqlite3.Connection, log_id: int) -> Tier | None:
        """Return the part that would have a record."""
        block = block_of(connection, log_id)
        if block is not None:
            return Tier(connection, self.shelf, block=block)
        for part in self.hot.parts(connection):
            if part.head.first_id <= log_id <= part.head.last_id:
                return Tier(connection, self.shelf, part=part)
        return None

    def hot_counts(self, connection: sqlite3.Connection) -> dict[tuple[str, str, str], tuple[int, int]]:
        """Return for each instance how many of its records are not sealed, and when the last of them came."""
        counts: dict[tuple[str, str, str], tuple[int, int]] = {}
        for part in self.hot.parts(connection):
            head = part.head
            last = np.zeros(len(head.sources), np.int64)
            np.maximum.at(last, part.source, part.received(np.arange(head.rows)))
            for source, count, latest in zip(
                head.sources, head.source_counts.tolist(), last.tolist(), strict=True
            ):
                known, seen = counts.get(source[:3], (0, 0))
                counts[source[:3]] = known + count, max(seen, latest)
        return {place: found for place, found in counts.items() if found[0]}
