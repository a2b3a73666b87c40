"""Sealed blocks: `block`, `block_data`. A block never changes, so whatever is read of it may be kept."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, overload

from pylogtap_collector.parts.part import Part
from pylogtap_collector.parts.sealing import Loader, Summary, decompress, read_summary

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from pylogtap_collector.parts.sealing import Sealed
    from pylogtap_collector.storage.dictionary import Numbered

_COLUMNS = "id, first_id, last_id, first_time, last_time, records, bytes"
_SUMMARIES = 32 << 20  # bytes of summaries and filters that are kept
_ANSWERS = 4 << 20  # and of counts
_KEY = 150  # bytes that keeping anything costs
_ANSWER = 200  # and a count


class Block(NamedTuple):
    """What is known of a block without opening it. Times are ns since the epoch."""

    id: int
    first_id: int
    last_id: int
    first_time: int
    last_time: int
    records: int
    bytes: int


class _Kept:
    """
    Keeps up to a number of bytes, and beyond lets go of anything. Any thread may use it.

    What was used longest ago is no better choice: a question that goes over more than fits would find nothing
    the next time, where by chance it finds most.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._items: dict[object, tuple[object, int, int]] = {}  # a thing, its bytes, its place among keys
        self._keys: list[object] = []
        self._choose = random.Random(0).random  # noqa: S311 - nothing secret
        self._lock = threading.Lock()

    def get(self, key: object) -> object | None:
        found = self._items.get(key)
        return None if found is None else found[0]

    def put(self, key: object, value: object, size: int) -> None:
        with self._lock:
            if key in self._items or size > self._most:
                return
            self._size += size
            while self._size > self._most:
                self._let_go(int(self._choose() * len(self._keys)))
            self._items[key] = (value, size, len(self._keys))
            self._keys.append(key)

    def _let_go(self, place: int) -> None:
        key, last = self._keys[place], self._keys.pop()
        if key is not last:
            self._keys[place] = last
            self._items[last] = (*self._items[last][:2], place)
        self._size -= self._items.pop(key)[1]


class Shelf:
    """Opens blocks, and keeps in memory what is asked for often."""

    def __init__(self, dictionary: Numbered, cache_bytes: int) -> None:
        """
        Open nothing yet.

        Args:
            dictionary: Knows sources and forms.
            cache_bytes: Of columns that may be kept.
        """
        self._dictionary = dictionary
        self._columns = _Kept(cache_bytes)
        self._summaries = _Kept(_SUMMARIES)
        self._answers = _Kept(_ANSWERS)

    def remembered(self, key: tuple[str, tuple[int, int]] | None) -> int | None:
        """
        Return how many records of a part a query means, where that was counted before.

        Args:
            key: The query, and the name of the part; None: nothing is known.
        """
        return None if key is None else self._answers.get(key)  # type: ignore[return-value]

    def remember(self, key: tuple[str, tuple[int, int]] | None, count: int) -> None:
        """Keep how many records of a part a query means: what has a name never changes."""
        if key is not None:
            self._answers.put(key, count, 2 * len(key[0]) + _ANSWER)

    def forget(self) -> None:
        """Forget all counts, as benchmarks want it."""
        self._answers = _Kept(_ANSWERS)

    def summary(self, connection: sqlite3.Connection, block: Block) -> tuple[Summary, bytes]:
        """Return what is known of a block's rows without looking at them, and its filter of words."""
        found = self._summaries.get(block.id)
        if found is None:
            data, words = connection.execute(
                "SELECT summary, words FROM block WHERE id = ?", (block.id,)
            ).fetchone()
            found = read_summary(data, self._dictionary), words
            self._summaries.put(block.id, found, found[0].size + len(words))
        return found  # type: ignore[return-value]

    def open(self, connection: sqlite3.Connection, block: Block) -> Part:
        """Return the part that a block is, to be used with this connection, in this transaction."""
        summary, words = self.summary(connection, block)
        return Part(summary.head, Loader(summary, self._fetcher(connection, block, summary)), words)

    def _fetcher(
        self, connection: sqlite3.Connection, block: Block, summary: Summary
    ) -> Callable[[str], Sequence[bytes]]:
        return lambda name: _Sections(self._columns, connection, (block.id, name), summary.places[name])


class _Sections(Sequence[bytes]):
    """The sections of a column, each read and decompressed when it is asked for."""

    def __init__(
        self, kept: _Kept, connection: sqlite3.Connection, key: tuple[int, str], spans: list[tuple[int, int]]
    ) -> None:
        self._kept = kept
        self._connection = connection
        self._key = key
        self._spans = spans

    def __len__(self) -> int:
        return len(self._spans)

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        key = (*self._key, place)
        found: bytes | None = self._kept.get(key)  # type: ignore[assignment]
        if found is None:
            begin, end = self._spans[place]
            with self._connection.blobopen("block_data", "data", self._key[0], readonly=True) as blob:
                blob.seek(begin)
                found = decompress(blob.read(end - begin))
            self._kept.put(key, found, len(found) + _KEY)
        return found


def blocks(
    connection: sqlite3.Connection,
    since_ns: int | None = None,
    until_ns: int | None = None,
    *,
    by: str = "last_time DESC",
) -> Iterator[Block]:
    """
    Yield blocks that may have records of a stretch of time.

    Args:
        connection: Reads.
        since_ns: Its beginning.
        until_ns: Its end, not included.
        by: Their order, SQL.
    """
    conditions, params = ["1"], []
    if since_ns is not None:
        conditions.append("last_time >= ?")
        params.append(since_ns)
    if until_ns is not None:
        conditions.append("first_time < ?")
        params.append(until_ns)
    sql = f"SELECT {_COLUMNS} FROM block WHERE {' AND '.join(conditions)} ORDER BY {by}"
    yield from map(Block._make, connection.execute(sql, params).fetchall())


def block_of(connection: sqlite3.Connection, log_id: int) -> Block | None:
    """Return the block in which a record would be; None where no block has such ids."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM block WHERE first_id <= ? ORDER BY first_id DESC LIMIT 1", (log_id,)
    ).fetchone()
    block = Block(*row) if row else None
    return block if block is not None and block.last_id >= log_id else None


def blocks_behind(connection: sqlite3.Connection, log_id: int, limit: int = -1) -> list[Block]:
    """
    Return blocks that have records behind one, in the order of arrival.

    Args:
        connection: Reads.
        log_id: The one.
        limit: How many at most; negative: all.
    """
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM block WHERE last_id > ? ORDER BY first_id LIMIT ?", (log_id, limit)
    )
    return [Block(*row) for row in rows]


def insert_block(connection: sqlite3.Connection, part: Part, sealed: Sealed) -> int:
    """
    Store a block.

    Args:
        connection: In a transaction.
        part: What was sealed.
        sealed: Its bytes.

    Returns:
        Its number.
    """
    head = part.head
    cursor = connection.execute(
        "INSERT INTO block (first_id, last_id, first_time, last_time, records, bytes, summary, words)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(head.first_id, head.last_id, head.first_time, head.last_time, head.rows),
            *(sum(map(len, sealed)), sealed.summary, sealed.bloom),
        ),
    )
    connection.execute("INSERT INTO block_data (id, data) VALUES (?, ?)", (cursor.lastrowid, sealed.data))
    return cursor.lastrowid or 0


def delete_block(connection: sqlite3.Connection, number: int) -> None:
    """Remove a block."""
    connection.execute("DELETE FROM block WHERE id = ?", (number,))
    connection.execute("DELETE FROM block_data WHERE id = ?", (number,))
