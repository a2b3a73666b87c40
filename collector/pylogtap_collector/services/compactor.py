"""Make the database smaller: larger blocks, packed tighter, and free pages given back to the disk."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pylogtap_collector.models import Compaction
from pylogtap_collector.storage import compacting, streams

if TYPE_CHECKING:
    import asyncio
    import sqlite3
    from collections.abc import AsyncGenerator

    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.tiers import Tiers


class Compactor:
    """Packs blocks while the collector does everything else."""

    def __init__(self, engine: Engine, tiers: Tiers, lock: asyncio.Lock) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
            tiers: Where records are.
            lock: Held by whoever moves records: two at once would undo what the other does.
        """
        self._engine = engine
        self._tiers = tiers
        self._lock = lock

    async def run(self) -> AsyncGenerator[Compaction, None]:
        """
        Join small neighbouring blocks, each time in one short transaction, and give free pages back.

        Whoever leaves off, or is killed, leaves a sound database, and can begin again: what is large stays.

        Yields:
            How it stands, before the first step, behind each, and at the end.

        Raises:
            ReadOnly: This collector changes nothing.
        """
        await self._engine.write(streams.prove_writable)
        began = await self._engine.read(compacting.measure)
        yield _report(began, began)
        behind = 0
        while (last := await self._step(behind)) is not None:
            behind = last
            yield _report(began, await self._engine.read(compacting.measure))
        while await self._engine.write(partial(streams.release_pages, spare=0)):
            pass  # a little at a time: others write in between
        yield _report(began, await self._engine.read(compacting.measure), done=True)

    async def _step(self, behind: int) -> int | None:
        """Join the next blocks, and return the id of the last record of them; None: there are none."""
        async with self._lock:
            ready = await self._engine.aside(partial(self._pack, behind=behind))
            if ready is None:
                return None
            if ready.saved > 0:
                counts = await self._engine.write(partial(compacting.exchange, self._tiers, ready=ready))
                self._tiers.dictionary.stored(counts)
            return ready.blocks[-1].last_id

    def _pack(self, connection: sqlite3.Connection, behind: int) -> compacting.Packed | None:
        found = compacting.neighbours(connection, behind)
        return compacting.pack(self._tiers, connection, found) if found else None


def _report(before: compacting.Store, now: compacting.Store, *, done: bool = False) -> Compaction:
    return Compaction(
        done=done,
        blocks_before=before.blocks,
        blocks=now.blocks,
        block_bytes_before=before.bytes,
        block_bytes=now.bytes,
        file_bytes_before=before.file_bytes,
        file_bytes=now.file_bytes,
    )
