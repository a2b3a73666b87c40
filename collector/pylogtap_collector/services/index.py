"""The background task that makes stored slices searchable, and gives way to those that come in."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
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

_READ_BYTES = 1 << 20  # slices that are read at once: bounds memory
_STEP = 500  # records of one transaction while slices come in: about 10 ms that they wait at most
_STRIDE = 4_000  # and while none do: fewer, larger segments of the full-text index
_PATIENCE_S = 0.1  # how long one transaction gives way
_STREAMS = 256  # whose definitions are kept in memory
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
        self._left: dict[int, tuple[int, int]] = {}  # records and bytes of each slice between the two
        self._ingesting = 0
        self._asked = 0
        self._patterns = Patterns({})
        self._definitions: OrderedDict[int, Definitions] = OrderedDict()
        self._came = asyncio.Event()
        self._free = asyncio.Event()  # nothing comes in, or somebody waits for the index
        self._advanced = asyncio.Condition()

    @property
    def pending(self) -> int:
        """Records of slices that are stored but not searchable as a whole."""
        return sum(records for records, _ in self._left.values())

    @property
    def pending_bytes(self) -> int:
        """Bytes of those slices."""
        return sum(size for _, size in self._left.values())

    async def recover(self) -> None:
        """Find out what an earlier run has left to do. Call it before slices come in."""
        self._left = await self._engine.read(streams.backlog, timeout_s=60)
        self._stored = max(self._left, default=0)

    @contextmanager
    def giving_way(self) -> Iterator[None]:
        """Let the index give way while this lasts."""
        self._ingesting += 1
        self._free.clear()
        try:
            yield
        finally:
            self._ingesting -= 1
            if not self._ingesting:
                self._free.set()

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
            self._left[number] = (records, size)
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
        self._free.set()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s), self._advanced:
                    await self._advanced.wait_for(lambda: self._done >= wanted)
        finally:
            self._asked -= 1
        return sum(records for number, (records, _) in self._left.items() if number <= wanted)

    async def run(self) -> None:
        """Index what comes, until cancelled."""
        self._definitions.clear()
        self._patterns = Patterns(await self._engine.read(recent.all_patterns, timeout_s=60))
        last_id = await self._engine.read(streams.indexed_up_to)
        while True:
            self._came.clear()
            slices = await self._engine.read(
                partial(streams.slices_behind, number=self._done, most_bytes=_READ_BYTES)
            )
            if slices:
                last_id = await self._index(slices, last_id)
            else:
                await self._finish(self._stored)
                await self._came.wait()

    async def _index(self, slices: Sequence[HotSlice], last_id: int) -> int:
        """Index slices, and return the id of their last record."""
        for part in slices:
            await self._load_definitions(part.stream)
        rows = await asyncio.to_thread(self._read_rows, slices)
        rows = [row for row in rows if row.id > last_id]  # of a slice that a crash has left half done
        position = 0
        while True:
            await self._give_way()
            chunk = rows[position : position + (_STEP if self._ingesting else _STRIDE)]
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
        for number in [number for number in self._left if number <= upto]:
            del self._left[number]
        async with self._advanced:
            self._advanced.notify_all()

    async def _give_way(self) -> None:
        if self._ingesting and not self._asked:
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_S):
                    await self._free.wait()

    async def _load_definitions(self, stream: int) -> None:
        if stream not in self._definitions:
            definitions = Definitions()
            for payload in await self._engine.read(partial(streams.definitions_of, stream=stream)):
                definitions.add(payload)
            self._definitions[stream] = definitions
            while len(self._definitions) > _STREAMS:
                self._definitions.popitem(last=False)
        self._definitions.move_to_end(stream)

    def _read_rows(self, slices: Sequence[HotSlice]) -> list[Row]:
        rows: list[Row] = []
        for part in slices:
            first_id = part.id << SLICE_BITS
            reader = RecordReader(self._definitions[part.stream], self._patterns)
            try:
                data = inflate(part.body, part.encoding, _INFLATED)
            except CollectorError as error:  # it was sound when it was stored
                rows.append(reader.unreadable(part.body, error.detail, first_id, part.received))
            else:
                rows += reader.rows(payloads(data), first_id, part.received)
        return rows
