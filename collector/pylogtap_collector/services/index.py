"""The background task that makes stored slices searchable, and gives way to those that come in."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from pylogtap_collector.errors import CollectorError
from pylogtap_collector.services.records import Patterns, RecordReader
from pylogtap_collector.storage import recent, streams
from pylogtap_collector.storage.rows import SLICE_BITS
from pylogtap_collector.wire import Definitions, inflate, payloads

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from pylogtap_collector.services.bus import Bus
    from pylogtap_collector.services.counters import Counters
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.rows import Row
    from pylogtap_collector.storage.streams import HotSlice

_STEP = 500  # records of one transaction while slices come in: about 10 ms that they wait at most
_STRIDE = 4_000  # and while none do: fewer, larger segments of the full-text index
_PATIENCE_S = 0.2  # how long one transaction gives way
_LAG_S = 5.0  # the further the index is behind, the less it gives way; from here on not at all
_QUIET_S = 0.01  # nothing came in for so long: nobody has to be given way
_STREAMS = 256  # whose definitions are kept in memory
_READ_S = 60.0  # the deadline of queries is for people
_INFLATED = 64 << 20  # bytes; what is stored was inflated within the limits of ingest before


class Index:
    """
    Takes slices in the order of their numbers, and commits their rows before anybody hears of them.

    What it has done is remembered in the transaction that stores the rows, so it goes on exactly there
    after a crash. Numbers of slices grow, hence the ids of records do.
    """

    def __init__(self, engine: Engine, bus: Bus, counters: Counters) -> None:
        """
        Bind the database; `run` does the work.

        Args:
            engine: The database.
            bus: Hears of each record after it is committed.
            counters: Counts records.
        """
        self._engine = engine
        self._bus = bus
        self._counters = counters
        self._stored = 0  # number of the last slice that was acknowledged
        self._done = 0  # number of the last slice of which nothing is left
        self._left: deque[tuple[int, int, int]] = deque()  # number, records, bytes of those in between
        self._pending = self._pending_bytes = 0  # the sums of these
        self._ingesting = 0
        self._quiet = asyncio.Event()  # nothing came in for a moment, or somebody waits for the index
        self._quiet.set()
        self._quiet_soon: asyncio.TimerHandle | None = None
        self._lag_s = 0.0  # age of the slice that is being indexed
        self._asked = 0
        self._patterns = Patterns({})
        self._readers: OrderedDict[int, RecordReader] = OrderedDict()
        self._came = asyncio.Event()
        self._advanced = asyncio.Condition()

    @property
    def pending(self) -> int:
        """Records of slices that are stored but not searchable as a whole."""
        return self._pending

    @property
    def pending_bytes(self) -> int:
        """Bytes of those slices."""
        return self._pending_bytes

    async def recover(self) -> None:
        """Find out what an earlier run has left to do. Call it before slices come in."""
        for number, records, size in await self._engine.read(streams.backlog, timeout_s=_READ_S):
            self.notice(number, records, size)

    @contextmanager
    def giving_way(self) -> Iterator[None]:
        """Let the index give way while this lasts."""
        self._ingesting += 1
        self._quiet.clear()
        if self._quiet_soon is not None:
            self._quiet_soon.cancel()
        try:
            yield
        finally:
            self._ingesting -= 1
            if not self._ingesting:
                self._quiet_soon = asyncio.get_running_loop().call_later(_QUIET_S, self._quiet.set)

    def notice(self, number: int, records: int, size: int) -> None:
        """
        Hear of a slice that was committed.

        Args:
            number: Its number.
            records: How many it holds.
            size: Its bytes.
        """
        if number > self._done:  # the index reads the database, and may be faster than this news
            self._stored = max(self._stored, number)
            self._left.append((number, records, size))
            self._pending += records
            self._pending_bytes += size
        self._came.set()

    async def caught_up(self, timeout_s: float) -> int:
        """
        Wait until everything is searchable that was stored before this call.

        Args:
            timeout_s: How long at most.

        Returns:
            How many records of that are not searchable yet.
        """
        wanted = self._stored
        if self._done >= wanted:
            return 0
        self._asked += 1
        self._quiet.set()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s), self._advanced:
                    await self._advanced.wait_for(lambda: self._done >= wanted)
        finally:
            self._asked -= 1
        return sum(records for number, records, _ in self._left if number <= wanted)

    async def run(self) -> None:
        """Index what comes, until cancelled."""
        self._readers.clear()
        self._patterns = Patterns(await self._engine.read(recent.all_patterns, timeout_s=_READ_S))
        last_id = await self._engine.read(streams.indexed_up_to, timeout_s=_READ_S)
        while True:
            self._came.clear()
            stored = self._stored  # what comes while we read is not in what we read
            slices = await self._engine.read(
                partial(streams.slices_behind, number=self._done, most_records=self._step()),
                timeout_s=_READ_S,
            )
            if slices:
                last_id = await self._index(slices, last_id)
            else:
                await self._finish(stored)
                await self._came.wait()

    async def _index(self, slices: Sequence[HotSlice], last_id: int) -> int:
        """Index slices, and return the id of their last record."""
        self._lag_s = (time.time_ns() - slices[0].received) / 1e9
        await self._load_readers({part.stream for part in slices})
        rows = await asyncio.to_thread(self._read_rows, slices)
        rows = [row for row in rows if row.id > last_id]  # of a slice that a crash has left half done
        position = 0
        while True:
            await self._give_way()
            chunk = rows[position : position + self._step()]
            position += len(chunk)
            last_id = chunk[-1].id if chunk else last_id
            finished = position >= len(rows)
            upto = slices[-1].id if finished else (last_id >> SLICE_BITS) - 1
            await self._commit(chunk, upto, last_id)
            self._counters.indexed += len(chunk)
            await self._finish(upto)
            self._counters.tail_skipped += await self._bus.publish(chunk)
            if finished:
                return last_id

    async def _commit(self, rows: Sequence[Row], upto: int, last_id: int) -> None:
        fresh = self._patterns.take_fresh()

        def job(connection: sqlite3.Connection) -> None:
            recent.insert_patterns(connection, fresh)
            if rows:
                recent.insert_rows(connection, rows)
            streams.finish_slices(connection, upto, last_id)

        await self._engine.write(job)

    async def _finish(self, upto: int) -> None:
        """Tell those who wait that all slices up to a number are done."""
        self._done = max(self._done, upto)
        while self._left and self._left[0][0] <= upto:
            _, records, size = self._left.popleft()
            self._pending -= records
            self._pending_bytes -= size
        async with self._advanced:
            self._advanced.notify_all()

    def _step(self) -> int:
        """Return how many records the next transaction may have."""
        return _STRIDE if self._quiet.is_set() or self._lag_s > _LAG_S else _STEP

    async def _give_way(self) -> None:
        patience_s = _PATIENCE_S * (1 - self._lag_s / _LAG_S)
        if patience_s > 0 and not self._asked and not self._quiet.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await self._quiet.wait()

    async def _load_readers(self, wanted: set[int]) -> None:
        for stream in wanted:
            if stream not in self._readers:
                definitions = Definitions()
                for payload in await self._engine.read(
                    partial(streams.definitions_of, stream=stream), timeout_s=_READ_S
                ):
                    definitions.add(payload)
                self._readers[stream] = RecordReader(definitions, self._patterns)
            self._readers.move_to_end(stream)
        while len(self._readers) > max(_STREAMS, len(wanted)):
            self._readers.popitem(last=False)

    def _read_rows(self, slices: Sequence[HotSlice]) -> list[Row]:
        rows: list[Row] = []
        for part in slices:
            first_id = part.id << SLICE_BITS
            reader = self._readers[part.stream]
            try:
                data = inflate(part.body, part.encoding, _INFLATED)
            except CollectorError as error:  # it was sound when it was stored
                rows.append(reader.unreadable(part.body, error.detail, first_id, part.received))
            else:
                rows += reader.rows(payloads(data), first_id, part.received)
        return rows
