"""
Larger blocks out of small neighbours.

Each exchange is one transaction, and which blocks are small is seen from the blocks themselves: whoever is
ended in between goes on where he was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pylogtap_collector.parts.joining import join
from pylogtap_collector.parts.sealing import seal
from pylogtap_collector.storage.shelf import blocks_behind, delete_block, insert_block

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.parts.part import Part
    from pylogtap_collector.parts.sealing import Sealed
    from pylogtap_collector.storage.shelf import Block
    from pylogtap_collector.storage.tiers import Tiers

LARGE = (
    65_536  # records of a block. Twice as many save up to 4 % more, and make a look into one twice as dear
)
MOST = 81_920  # it may have, so that the last small one is not left alone
LEVEL = 15  # of zstd: 7 to 9 % smaller than as sealed; 19 saves 2 % more for twice the time
_WINDOW = 512  # blocks that are looked at together


class Packed(NamedTuple):
    """
    A block that is ready to be stored in place of others.

    Attributes:
        blocks: The others.
        part: It.
        sealed: Its bytes.
    """

    blocks: list[Block]
    part: Part
    sealed: Sealed

    @property
    def saved(self) -> int:
        """Bytes by which it is smaller than they are together."""
        return sum(block.bytes for block in self.blocks) - sum(map(len, self.sealed))


class Store(NamedTuple):
    """How much there is: blocks, their records and bytes, and bytes of the file."""

    blocks: int
    records: int
    bytes: int
    file_bytes: int


def measure(connection: sqlite3.Connection) -> Store:
    """Return how much there is."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    blocks, records, size_of_blocks = connection.execute(
        "SELECT count(*), coalesce(sum(records), 0), coalesce(sum(bytes), 0) FROM block"
    ).fetchone()
    return Store(blocks, records, size_of_blocks, pages * size)


def neighbours(connection: sqlite3.Connection, behind: int) -> list[Block]:
    """
    Return the next small blocks that can be joined.

    Args:
        connection: Reads.
        behind: Id of the record behind which to look.

    Returns:
        Two or more, or none where there are no more.
    """
    found: list[Block] = []
    while window := blocks_behind(connection, behind, _WINDOW):
        for block in window:
            held = sum(each.records for each in found)
            if block.records >= LARGE // 2 or held + block.records > MOST or held >= LARGE:
                if len(found) > 1:
                    return found
                found = []
            if block.records < LARGE // 2:
                found.append(block)
        behind = window[-1].last_id
    return found if len(found) > 1 else []


def pack(tiers: Tiers, connection: sqlite3.Connection, blocks: list[Block]) -> Packed:
    """
    Make one block of some. Changes nothing.

    Args:
        tiers: Where records are.
        connection: In a transaction.
        blocks: Neighbours.
    """
    parts = [tiers.shelf.open(connection, block) for block in blocks]
    part = join([(part, np.arange(part.head.rows)) for part in parts])
    return Packed(blocks, part, seal(part, tiers.dictionary, level=LEVEL))


def exchange(tiers: Tiers, connection: sqlite3.Connection, ready: Packed) -> tuple[int, int]:
    """
    Put a block in the place of others.

    Args:
        tiers: Where records are.
        connection: In a transaction.
        ready: From :func:`pack`; nobody has moved records since.

    Returns:
        For :meth:`Numbered.stored`.
    """
    counts = tiers.dictionary.store(connection)
    for block in ready.blocks:
        delete_block(connection, block.id)
    insert_block(connection, ready.part, ready.sealed)
    return counts
