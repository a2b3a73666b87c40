"""
The background task behind ingest: it tells followers what came, seals what is old, writes rows for people.

Records can be searched from the moment they are acknowledged; nothing here has to be waited for.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from pylogtap_collector.query import query_of
from pylogtap_collector.query.ast import Everything
from pylogtap_collector.storage import recent, sealing, streams
from pylogtap_collector.storage.logs import Selection, arrivals

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.models import Log
    from pylogtap_collector.services.bus import Bus
    from pylogtap_collector.services.counters import Counters
    from pylogtap_collector.services.reserve import Reserve
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.tiers import Tiers

_CALM_S = 10.0  # rows are written while they can be expected to stay for so long
_PAUSE_S = 0.05  # what comes within is looked at together
_QUIET_S = 2.0  # how often to look whether it is calm enough by now
_SEALS = 8  # until the journal is emptied
_ROWS = 500  # of one transaction: others write in between, and a tenth of a second is too long for them
_REST = 4  # times as long as writing rows took: what came since is read again for the few that are new
_TOLD = 512  # records that followers are told of at once
_BEHIND = 8  # blocks that could be sealed: what waits is too much to be read by every question
_BEHIND_BYTES = 24 << 20  # of slices, likewise: more than are kept in memory as parts
_SETTLING_S = 1.0  # how often to look whether it has become less
_BITS = 16  # of an id: the record's place in its slice


class Keeper:
    """Keeps records where they belong: the newest as they came and as rows, all others in blocks."""

    def __init__(
        self,
        engine: Engine,
        tiers: Tiers,
        bus: Bus,
        counters: Counters,
        lock: asyncio.Lock,
        reserve: Reserve,
        recent_records: int,
    ) -> None:
        """
        Bind the database; `run` does the work.

        Args:
            engine: The database.
            tiers: Where records are.
            bus: Hears of each record after it is committed.
            counters: Counts records.
            lock: Held by whoever moves records: two at once would undo what the other does.
            reserve: Room for a full disk: once it is given away, nothing is moved that needs some.
            recent_records: How many of the newest records are kept as rows, and are not sealed.
        """
        self._engine = engine
        self._tiers = tiers
        self._bus = bus
        self._counters = counters
        self._lock = lock
        self._reserve = reserve
        self._spare = recent_records
        self._left: deque[streams.Waiting] = deque()  # slices that are not sealed
        self._records = self._bytes = self._size = 0  # the sums of these
        self._newest = 0  # number of the last slice
        self._told = 0  # id of the last record that followers know of
        self._came = asyncio.Event()
        self._arrived = 0  # records since `_since`
        self._since = time.monotonic()
        self._rest_until = 0.0

    @property
    def unsealed(self) -> int:
        """Records that are in no block."""
        return self._records

    @property
    def unsealed_bytes(self) -> int:
        """Bytes of their slices."""
        return self._bytes

    @property
    def is_behind(self) -> bool:
        """Whether so much is not sealed that questions about records are slow."""
        return self._records > self._spare + _BEHIND * sealing.BLOCK or self._size > _BEHIND_BYTES

    async def settle(self, timeout_s: float) -> None:
        """
        Wait as long as what is not sealed becomes less, until it is little.

        Args:
            timeout_s: How long at most.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                left = self._records + 1
                while self.is_behind and self._records < left:
                    left = self._records
                    await asyncio.sleep(_SETTLING_S)

    async def recover(self) -> None:
        """Find out what an earlier run has left. Call it before slices come in."""
        await self._engine.work(self._tiers.load)
        for each in await self._engine.work(streams.backlog):
            self.notice(each)
        self._told = (self._newest + 1 << _BITS) - 1
        self._arrived = 0

    def notice(self, each: streams.Waiting) -> None:
        """
        Hear of a slice that was committed.

        Args:
            each: It.
        """
        self._left.append(each)
        self._records += each.records
        self._bytes += each.bytes
        self._size += each.size
        self._arrived += each.records
        self._newest = max(self._newest, each.number)
        self._came.set()

    async def run(self) -> None:
        """Do what there is to do, until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_QUIET_S):
                    await self._came.wait()
            self._came.clear()
            await self._tell()
            sealed = 0
            while not self._reserve.given and await self.seal():
                sealed += 1
                # Nobody seals just now, who would have to read what the journal holds.
                if sealed % _SEALS == 0:
                    await self._engine.checkpoint()
                await self._tell()
            if self.is_calm() and not self._reserve.given and time.monotonic() >= self._rest_until:
                began = time.monotonic()
                await self.write_rows(while_calm=True)
                self._rest_until = time.monotonic() + _REST * (time.monotonic() - began)
            await asyncio.sleep(_PAUSE_S)

    async def seal(self, *, spare: int | None = None) -> bool:
        """
        Seal the oldest slices, if there are enough.

        Args:
            spare: Records that stay as they are; default: as many as are kept as rows.

        Returns:
            Whether there were.
        """
        keep = self._spare if spare is None else spare
        is_large = self._size >= sealing.SPARE_BYTES + sealing.BLOCK_BYTES
        if self._records < keep + sealing.BLOCK and not is_large:
            return False
        async with self._lock:
            ready = await self._engine.work(partial(self._prepare, spare=keep))
            if ready is None:
                return False
            counts = await self._engine.write(partial(sealing.store, self._tiers, ready=ready))
            self._tiers.dictionary.stored(counts)
        self._counters.sealed += sum(part.head.rows for part, _ in ready.blocks)
        while self._left and self._left[0].number <= ready.last:
            sealed = self._left.popleft()
            self._records -= sealed.records
            self._bytes -= sealed.bytes
            self._size -= sealed.size
        return True

    def _prepare(self, connection: sqlite3.Connection, spare: int) -> sealing.Batchful | None:
        return sealing.prepare(self._tiers, connection, spare)

    async def write_rows(self, *, while_calm: bool = False) -> None:
        """
        Write a row for each of the newest records that has none.

        Args:
            while_calm: Leave off when much comes in.
        """
        left = list(self._left)  # of now: it changes while a thread looks at it
        behind = await self._engine.work(partial(self._rows_behind, left=left))
        if self._newest << _BITS <= behind:
            return
        for number in await self._engine.work(self._chunk_count):
            async with self._lock:
                rows = await self._engine.work(partial(self._rows, number=number, behind=behind))
                for start in range(0, len(rows), _ROWS):
                    job = partial(self._insert, rows=rows[start : start + _ROWS])
                    self._tiers.dictionary.stored(await self._engine.write(job))
            if while_calm and not self.is_calm():
                return

    def _insert(self, connection: sqlite3.Connection, rows: list[tuple[object, ...]]) -> tuple[int, int]:
        counts = self._tiers.dictionary.store(connection)
        recent.insert_rows(connection, rows)
        return counts

    def _rows_behind(self, connection: sqlite3.Connection, left: list[streams.Waiting]) -> int:
        """Return the id behind which rows are to be written: only the newest are, and each once."""
        behind, more = recent.last_row(connection), 0
        for each in reversed(left):
            if more >= self._spare:
                return max(behind, (each.number + 1 << _BITS) - 1)
            more += each.records
        return behind

    def _chunk_count(self, connection: sqlite3.Connection) -> range:
        return range(len(self._tiers.hot.chunks(connection)))

    def _rows(self, connection: sqlite3.Connection, number: int, behind: int) -> list[tuple[object, ...]]:
        chunks = self._tiers.hot.chunks(connection)
        if number >= len(chunks) or (chunks[number].last + 1 << _BITS) <= behind:
            return []
        part = self._tiers.hot.part(connection, chunks[number])
        return [] if part is None else recent.rows_of(part, behind, self._tiers.dictionary)

    def is_calm(self) -> bool:
        """Tell whether a row that is written now can be expected to stay for a while."""
        elapsed = time.monotonic() - self._since
        calm = self._arrived * _CALM_S < self._spare * max(elapsed, 1.0)
        if elapsed > 1.0:
            self._arrived, self._since = 0, time.monotonic()
        return calm

    async def _tell(self) -> None:
        """Tell followers what came since the last time."""
        newest = (self._newest + 1 << _BITS) - 1
        if not self._bus.followers:
            self._told = newest
        while self._told < newest:
            logs, last = await self._engine.work(self._news)
            self._told = last
            self._counters.tail_skipped += await self._bus.publish(logs)
            if not logs:
                break

    def _news(self, connection: sqlite3.Connection) -> tuple[list[Log], int]:
        """Return the next records behind the last one that followers know of, and the id to go on from."""
        return arrivals(self._tiers, connection, Selection(query_of(Everything())), self._told, _TOLD)
