"""Delete records: rows and slices at once, blocks by writing them anew without what goes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pylogtap_collector.storage import logs, sealing
from pylogtap_collector.storage.shelf import block_of, blocks_behind

if TYPE_CHECKING:
    import asyncio
    import sqlite3
    from collections.abc import Sequence

    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.logs import Selection
    from pylogtap_collector.storage.shelf import Block
    from pylogtap_collector.storage.tiers import Tiers

_CHUNK = 2_000  # records of one transaction: acknowledgements wait for it


class Rewriter:
    """Removes records for good."""

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

    async def delete(self, selection: Selection) -> int:
        """
        Remove records: those that match and were there when this began.

        Args:
            selection: Which.

        Returns:
            How many there were.
        """
        async with self._lock:
            last = await self._engine.work(logs.last_id)
            selection = replace(selection, last_id=last)
            deleted = await self._delete_hot(selection)
        behind = 0
        while True:  # others may move records between two blocks: what they make of them has the same ids
            async with self._lock:
                block = await self._engine.work(partial(self._next, behind=behind, last=last))
                if block is None:
                    return deleted
                deleted += await self._delete_sealed(selection, block)
            behind = block.last_id

    async def delete_sealed(self, selection: Selection, blocks: Sequence[Block]) -> int:
        """
        Remove records of some blocks, as far as these are still there.

        Args:
            selection: Which.
            blocks: Where.

        Returns:
            How many there were.
        """
        deleted = 0
        for block in blocks:
            async with self._lock:
                deleted += await self._delete_sealed(selection, block)
        return deleted

    async def _delete_hot(self, selection: Selection) -> int:
        """Remove what is not sealed."""
        found = await self._engine.work(partial(self._hot_ids, selection=selection))
        for start in range(0, len(found), _CHUNK):
            await self._engine.write(partial(sealing.remove_hot, ids=found[start : start + _CHUNK]))
        return len(found)

    def _hot_ids(self, connection: sqlite3.Connection, selection: Selection) -> list[int]:
        evaluation = selection.evaluation(connection)
        found = [part.ids[selection.rows(evaluation, part)] for part in self._tiers.hot.parts(connection)]
        return [log_id for ids in found for log_id in ids.tolist()]

    async def _delete_sealed(self, selection: Selection, block: Block) -> int:
        ready = await self._engine.work(partial(self._rewrite, selection=selection, block=block))
        if ready is None:
            return 0
        counts = await self._engine.write(partial(sealing.replace, self._tiers, ready=ready))
        if counts is None:
            return 0
        self._tiers.dictionary.stored(counts)
        return len(ready.gone)

    def _rewrite(
        self, connection: sqlite3.Connection, selection: Selection, block: Block
    ) -> sealing.Rewritten | None:
        if block_of(connection, block.first_id) != block:
            return None  # somebody has put others in its place
        evaluation = selection.evaluation(connection)
        summary, words = self._tiers.shelf.summary(connection, block)
        if (selection.since_ns is not None and block.last_time < selection.since_ns) or (
            selection.until_ns is not None and block.first_time >= selection.until_ns
        ):
            return None
        if not evaluation.possible(summary.head, words):
            return None
        rows = selection.rows(evaluation, self._tiers.shelf.open(connection, block))
        if not len(rows):
            return None
        return sealing.rewrite(self._tiers, connection, block, np.sort(rows))

    @staticmethod
    def _next(connection: sqlite3.Connection, behind: int, last: int) -> Block | None:
        for block in blocks_behind(connection, behind, 1):
            return block if block.first_id <= last else None
        return None
