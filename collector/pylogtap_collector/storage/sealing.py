"""Move records from slices into blocks, and out of the store: each step one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pylogtap_collector.parts.building import build
from pylogtap_collector.parts.joining import join
from pylogtap_collector.parts.sealing import seal
from pylogtap_collector.storage.annotations import forget_annotations
from pylogtap_collector.storage.places import count_records, ensure_places
from pylogtap_collector.storage.recent import forget_rows
from pylogtap_collector.storage.shelf import delete_block, insert_block
from pylogtap_collector.storage.streams import forget_slices

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from pylogtap_collector.parts.faces import Source
    from pylogtap_collector.parts.numbers import Ints
    from pylogtap_collector.parts.part import Part
    from pylogtap_collector.parts.sealing import Sealed
    from pylogtap_collector.storage.shelf import Block
    from pylogtap_collector.storage.tiers import Tiers

BLOCK = 16_384  # records: larger ones compress a little better, and cost more to be looked into
BLOCK_BYTES = 8 << 20  # of slices, decompressed: what is held several times while it is sealed
SPARE_BYTES = 8 << 20  # likewise, of the newest records that stay as they are


class Batchful(NamedTuple):
    """
    Blocks that are ready to be stored in place of slices.

    Attributes:
        last: The last slice whose records are in them.
        slices: How many slices that are.
        blocks: Each with its bytes.
    """

    last: int
    slices: int
    blocks: list[tuple[Part, Sealed]]


def prepare(tiers: Tiers, connection: sqlite3.Connection, spare: int) -> Batchful | None:
    """
    Make a block of the oldest slices. Changes nothing.

    Args:
        tiers: Where records are.
        connection: In a transaction.
        spare: Records that stay as they are, the newest ones.

    Returns:
        None where there are not enough.
    """
    chunks = tiers.hot.chunks(connection)
    left, weight = sum(chunk.records for chunk in chunks), sum(chunk.size for chunk in chunks)
    taken = size = last = 0
    for chunk in chunks:
        left, weight = left - chunk.records, weight - chunk.size
        if _are_enough(taken, size) or (left < spare and weight < SPARE_BYTES):
            break
        taken, size, last = taken + chunk.records, size + chunk.size, chunk.last
    if not _are_enough(taken, size):
        return None
    sizes = tiers.hot.sizes(connection, chunks[0].first, last)
    gone = {log_id for (log_id,) in connection.execute("SELECT log_id FROM gone")}
    return Batchful(last, len(sizes), list(_blocks(tiers, connection, sizes, gone)))


def _are_enough(records: int, size: int) -> bool:
    return records >= BLOCK or size >= BLOCK_BYTES


def _blocks(
    tiers: Tiers, connection: sqlite3.Connection, sizes: list[tuple[int, int]], gone: set[int]
) -> Iterator[tuple[Part, Sealed]]:
    """Seal slices; where some are very large, in several blocks of about the same size."""
    total = sum(size for _, size in sizes)
    most = total / max(1, total // BLOCK)
    groups: list[list[tuple[int, int]]] = []
    held = 0
    for number, size in sizes:
        if held >= most * len(groups):
            groups.append([])
        groups[-1].append((number, size))
        held += size
    for group in groups:
        if not gone or not all(_ids(*each) <= gone for each in group):
            part = build(tiers.hot.records(connection, group[0][0], group[-1][0]), gone)
            yield part, seal(part, tiers.dictionary)


def _ids(number: int, size: int) -> set[int]:
    return set(range(number << 16, (number << 16) + size))


def store(tiers: Tiers, connection: sqlite3.Connection, ready: Batchful) -> tuple[int, int]:
    """
    Put blocks in the place of slices.

    Args:
        tiers: Where records are.
        connection: In a transaction.
        ready: From :func:`prepare`.

    Returns:
        For :meth:`Numbered.stored`.
    """
    counts = tiers.dictionary.store(connection)
    for part, sealed in ready.blocks:
        insert_block(connection, part, sealed)
        count_part(connection, part)
    forget_slices(connection, ready.last)
    return counts


def count_part(connection: sqlite3.Connection, part: Part, sign: int = 1) -> None:
    """
    Count a part's records for their places, and make places that are not there.

    Args:
        connection: In a transaction.
        part: Its records are sealed now, or no longer there.
        sign: -1: they are no longer there.
    """
    head = part.head
    last = int(head.received.max())
    if sign > 0:
        ensure_places(connection, head.sources, last)
    for source, count in zip(head.sources, head.source_counts.tolist(), strict=True):
        count_records(connection, source[:3], sign * count, last if sign > 0 else None)


class Rewritten(NamedTuple):
    """
    A block without some of its records.

    Attributes:
        block: What it replaces.
        gone: Ids of the records that are removed.
        counts: How many of them each source had.
        part: What is left; None: nothing.
        sealed: Its bytes.
    """

    block: Block
    gone: list[int]
    counts: dict[Source, int]
    part: Part | None
    sealed: Sealed | None


def rewrite(tiers: Tiers, connection: sqlite3.Connection, block: Block, rows: Ints) -> Rewritten:
    """
    Make a block without some of its records. Changes nothing.

    Args:
        tiers: Where records are.
        connection: In a transaction.
        block: The block.
        rows: Its rows that are to go.
    """
    part = tiers.shelf.open(connection, block)
    sources = np.bincount(part.source[rows], minlength=len(part.head.sources)).tolist()
    counts = dict(zip(part.head.sources, sources, strict=True))
    gone = part.ids[rows].tolist()
    kept = np.setdiff1d(np.arange(part.head.rows), rows)
    if not len(kept):
        return Rewritten(block, gone, counts, None, None)
    left = join([(part, kept)])
    return Rewritten(block, gone, counts, left, seal(left, tiers.dictionary))


def replace(tiers: Tiers, connection: sqlite3.Connection, ready: Rewritten) -> tuple[int, int] | None:
    """
    Put a rewritten block in the place of the old one.

    Args:
        tiers: Where records are.
        connection: In a transaction.
        ready: From :func:`rewrite`.

    Returns:
        For :meth:`Numbered.stored`; None where the block is no longer there, and nothing was done.
    """
    if connection.execute("SELECT 1 FROM block WHERE id = ?", (ready.block.id,)).fetchone() is None:
        return None
    counts = tiers.dictionary.store(connection)
    delete_block(connection, ready.block.id)
    if ready.part is not None and ready.sealed is not None:
        insert_block(connection, ready.part, ready.sealed)
    for source, count in ready.counts.items():
        if count:
            count_records(connection, source[:3], -count, None)
    forget_annotations(connection, ready.gone)
    return counts


def remove_hot(connection: sqlite3.Connection, ids: list[int]) -> None:
    """
    Remove records that are not sealed.

    Args:
        connection: In a transaction.
        ids: The records.
    """
    connection.executemany(
        "INSERT OR IGNORE INTO gone (log_id) SELECT ? WHERE EXISTS (SELECT 1 FROM hot WHERE id = ?)",
        [(log_id, log_id >> 16) for log_id in ids],
    )
    forget_rows(connection, ids)
    forget_annotations(connection, ids)
