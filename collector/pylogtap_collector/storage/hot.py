"""
Records that are not sealed yet: slices as they came, read into parts of some thousand records.

Parts are cut at the same slices whoever asks, so that each is made once; only the newest, which still grows,
is made anew. Sealing takes whole parts. Some parts are kept in memory, of all others no more than their
extent, so that a backlog of any length takes little memory, and what was counted in it is not counted again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pylogtap_collector.parts.building import build
from pylogtap_collector.parts.columns import ANY
from pylogtap_collector.parts.part import Part
from pylogtap_collector.parts.reading import Batch, SegmentReader
from pylogtap_collector.parts.sealing import minutes_of
from pylogtap_collector.parts.vocabulary import filter_of
from pylogtap_collector.storage.connections import check_deadline
from pylogtap_collector.wire import Definitions, unpack_definitions

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from pylogtap_collector.parts.numbers import Ints
    from pylogtap_collector.parts.sites import CallSites
    from pylogtap_collector.storage.dictionary import Numbered

CHUNK = 4_096  # records of a part, or a slice's more
CHUNK_BYTES = 2 << 20  # of its slices, decompressed; likewise
_PARTS = 40  # kept in memory
_PARTS_BYTES = 20 << 20  # of slices, decompressed, whose parts are kept in memory
_OBJECT_BYTES = 500  # of a value that is a list or a map, as most of them are
_READERS = 256  # streams whose definitions are kept in memory
_BATCHES = 4_096  # slices of the growing part that are kept as they were read
SLICE_BITS = 16  # of an id: the record's place in its slice


class Chunk(NamedTuple):
    """Slices that make one part: the first, the last, and how many records and bytes they hold."""

    first: int
    last: int
    records: int
    size: int = 0


class Extent(NamedTuple):
    """
    What is known of a part that need not be in memory.

    Attributes:
        chunk: Its slices.
        gone: Ids of their records that are deleted.
        first_time: Of its records, ns since the epoch.
        last_time: Likewise.
        first_id: Of its records.
        last_id: Likewise.
        minutes: See :attr:`pylogtap_collector.parts.sealing.Summary.minutes`.
        places: How many of its records each instance has, and when the last of them came.
    """

    chunk: Chunk
    gone: frozenset[int]
    first_time: int
    last_time: int
    first_id: int
    last_id: int
    minutes: Ints
    places: dict[Place, tuple[int, int]]


Place = tuple[str, str, str]  # project, service, instance
_Key = tuple[int, int, frozenset[int]]  # first slice, last slice, records that are deleted


def _structures_of(part: Part | None) -> int:
    """Return the bytes that values take which are kept as objects, about."""
    if part is None:
        return 0
    rows = np.bincount(part.shape, minlength=len(part.head.shapes)).tolist()
    return sum(
        count * _OBJECT_BYTES * sum(part.head.kinds[name] == ANY for name in names)
        for count, names in zip(rows, part.head.shapes, strict=True)
    )


def _extent_of(part: Part, chunk: Chunk, gone: frozenset[int]) -> Extent:
    head = part.head
    places: dict[Place, tuple[int, int]] = {}
    came = np.zeros(len(head.sources), np.int64)
    np.maximum.at(came, part.source, part.received(np.arange(head.rows)))
    for source, count, last in zip(head.sources, head.source_counts.tolist(), came.tolist(), strict=True):
        known, latest = places.get(source[:3], (0, 0))
        places[source[:3]] = known + count, max(latest, last)
    found = {place: each for place, each in places.items() if each[0]}
    times, ids = (head.first_time, head.last_time), (head.first_id, head.last_id)
    return Extent(chunk, gone, *times, *ids, minutes_of(part), found)


class Hot:
    """Reads what is not sealed. Any thread may use it, with a connection of its own."""

    def __init__(self, call_sites: CallSites, dictionary: Numbered) -> None:
        """
        Read nothing yet.

        Args:
            call_sites: Those that are known.
            dictionary: Numbers forms.
        """
        self._call_sites = call_sites
        self._dictionary = dictionary
        self._lock = threading.RLock()
        self._chunks: list[Chunk] = []
        self._growing = Chunk(0, 0, 0)
        self._parts: OrderedDict[_Key, tuple[Part | None, int]] = OrderedDict()
        self._extents: dict[_Key, Extent | None] = {}
        self._readers: OrderedDict[int, tuple[SegmentReader, int]] = OrderedDict()
        self._batches: dict[int, Batch] = {}

    def parts(self, connection: sqlite3.Connection) -> Iterator[Part]:
        """Yield all records that are not sealed, as the connection's transaction sees them; oldest first."""
        for extent in self.extents(connection):
            yield self.open(connection, extent)

    def extents(self, connection: sqlite3.Connection, behind: int = 0) -> Iterator[Extent]:
        """
        Yield what is known of the parts that have records; oldest first.

        Args:
            connection: In a transaction.
            behind: Leave out parts that have no id behind this one.
        """
        for chunk in self.chunks(connection):
            if (chunk.last + 1 << SLICE_BITS) - 1 > behind:
                check_deadline()
                extent = self._extent(connection, chunk)
                if extent is not None:
                    yield extent

    def _extent(self, connection: sqlite3.Connection, chunk: Chunk) -> Extent | None:
        gone = self._gone(connection, chunk)
        key = (chunk.first, chunk.last, gone)
        with self._lock:
            if key not in self._extents:
                part = self._find(connection, chunk, gone)
                self._extents[key] = None if part is None else _extent_of(part, chunk, gone)
            return self._extents[key]

    def open(self, connection: sqlite3.Connection, extent: Extent) -> Part:
        """Return the part that an extent of the same transaction is of."""
        part = self._find(connection, extent.chunk, extent.gone)
        assert part is not None
        return part

    def chunks(self, connection: sqlite3.Connection) -> list[Chunk]:
        """Return how the slices that the connection's transaction sees are put together."""
        low, high = connection.execute(
            "SELECT (SELECT min(id) FROM hot), (SELECT max(id) FROM hot)"
        ).fetchone()
        if low is None:
            return []
        with self._lock:
            self._extend(connection, low)
            inside = [chunk for chunk in self._chunks if chunk.last >= low and chunk.last <= high]
            if inside and inside[0].first < low:  # what stood before has been sealed by a part cut otherwise
                inside[0] = self._count(connection, low, inside[0].last)
            if inside and inside[0].first > low:  # this transaction is older than what sealed these
                inside.insert(0, self._count(connection, low, inside[0].first - 1))
            following = inside[-1].last + 1 if inside else low
            if following <= high:
                inside.append(self._count(connection, following, high))
        return [chunk for chunk in inside if chunk.records]

    def part(self, connection: sqlite3.Connection, chunk: Chunk) -> Part | None:
        """Return the records of some slices; None where all of them are deleted."""
        return self._find(connection, chunk, self._gone(connection, chunk))

    @staticmethod
    def _gone(connection: sqlite3.Connection, chunk: Chunk) -> frozenset[int]:
        return frozenset(
            log_id
            for (log_id,) in connection.execute(
                "SELECT log_id FROM gone WHERE log_id BETWEEN ? AND ?",
                (chunk.first << SLICE_BITS, (chunk.last + 1 << SLICE_BITS) - 1),
            )
        )

    def _find(self, connection: sqlite3.Connection, chunk: Chunk, gone: frozenset[int]) -> Part | None:
        key = (chunk.first, chunk.last, gone)
        with self._lock:
            if key in self._parts:
                self._parts.move_to_end(key)
                return self._parts[key][0]
            growing = chunk not in self._chunks
            batches = self._read(connection, chunk, keep=growing)
            count = sum(map(len, batches))
            part = self._part(batches, gone, growing=growing) if count > len(gone) else None
            self._keep(key, part, sum(batch.weight for batch in batches) + _structures_of(part))
            return part

    def _keep(self, key: _Key, part: Part | None, size: int) -> None:
        """Keep a part in memory, and none that it stands for, or that was sealed."""
        oldest = self._chunks[0].first if self._chunks else key[0]
        for kept in (self._parts, self._extents):
            for known in [each for each in kept if each[1] < oldest or (each[0] == key[0] and each != key)]:
                del kept[known]
        self._parts[key] = part, size
        held = sum(each for _, each in self._parts.values())
        while len(self._parts) > 1 and (len(self._parts) > _PARTS or held > _PARTS_BYTES):
            held -= self._parts.popitem(last=False)[1][1]

    def _part(self, batches: list[Batch], gone: frozenset[int], *, growing: bool) -> Part:
        built = build(batches, gone)
        ids = np.array(self._dictionary.form_ids(built.head.forms), np.int64)
        # A part that still grows is asked once or twice, which a filter is not worth.
        return Part(built.head._replace(form_ids=ids), built.load, None if growing else filter_of(built))

    def records(self, connection: sqlite3.Connection, first: int, last: int) -> Iterator[Batch]:
        """Yield the records of slices, first and last included, each slice when it is asked for."""
        for row in list(self._rows(connection, Chunk(first, last, 0))):
            with self._lock:
                batch = self._batch(connection, row, keep=False)
            yield batch

    def sizes(self, connection: sqlite3.Connection, first: int, last: int) -> list[tuple[int, int]]:
        """Return the number of each slice, first and last included, and how many records it holds."""
        rows = connection.execute(
            "SELECT id, records FROM hot WHERE id BETWEEN ? AND ? ORDER BY id", (first, last)
        )
        return rows.fetchall()

    def _extend(self, connection: sqlite3.Connection, low: int) -> None:
        """Cut what is new into parts, as far as they are complete; forget those that are sealed."""
        self._chunks = [chunk for chunk in self._chunks if chunk.last >= low]
        if self._growing.last < low - 1:
            self._growing = Chunk(low, low - 1, 0)
        first, last, records, size = self._growing
        rows = connection.execute("SELECT id, records, size FROM hot WHERE id > ? ORDER BY id", (last,))
        for number, count, weight in rows:
            last, records, size = number, records + count, size + weight
            if records >= CHUNK or size >= CHUNK_BYTES:
                self._chunks.append(Chunk(first, last, records, size))
                for known in [known for known in self._batches if known <= last]:
                    del self._batches[known]
                first, records, size = number + 1, 0, 0
        self._growing = Chunk(first, last, records, size)

    @staticmethod
    def _count(connection: sqlite3.Connection, first: int, last: int) -> Chunk:
        records, size = connection.execute(
            "SELECT coalesce(sum(records), 0), coalesce(sum(size), 0) FROM hot WHERE id BETWEEN ? AND ?",
            (first, last),
        ).fetchone()
        return Chunk(first, last, records, size)

    def _read(self, connection: sqlite3.Connection, chunk: Chunk, *, keep: bool) -> list[Batch]:
        return [self._batch(connection, row, keep=keep) for row in self._rows(connection, chunk)]

    def _batch(
        self, connection: sqlite3.Connection, row: tuple[int, int, int, str, bytes], *, keep: bool
    ) -> Batch:
        number, stream, received, encoding, body = row
        batch = self._batches.get(number)
        if batch is None:
            batch = self._reader(connection, stream).read(number, received, body, encoding)
            if keep and len(self._batches) < _BATCHES:
                self._batches[number] = batch
        return batch

    @staticmethod
    def _rows(connection: sqlite3.Connection, chunk: Chunk) -> Iterator[tuple[int, int, int, str, bytes]]:
        yield from connection.execute(
            "SELECT id, stream, received, encoding, body FROM hot WHERE id BETWEEN ? AND ? ORDER BY id",
            (chunk.first, chunk.last),
        )

    def _reader(self, connection: sqlite3.Connection, stream: int) -> SegmentReader:
        """Return the reader of a stream, with all definitions that the connection's transaction sees."""
        reader, offset = self._readers.get(stream) or (SegmentReader(Definitions(), self._call_sites), -1)
        rows = connection.execute(
            "SELECT offset, payloads FROM definition WHERE stream = ? AND offset > ? ORDER BY offset",
            (stream, offset),
        )
        for following, payloads in rows:
            for payload in unpack_definitions(payloads):
                reader.define(payload)
            offset = following
        self._readers[stream] = reader, offset
        self._readers.move_to_end(stream)
        while len(self._readers) > _READERS:
            self._readers.popitem(last=False)
        return reader
