"""Take slices in: check, store, and only then acknowledge."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import zstandard

from pylogtap.wire import HEADER_SIZE, MAX_SEGMENT_BYTES
from pylogtap_collector.errors import DamagedSlice, Invalid, Overloaded, TooLarge
from pylogtap_collector.inflating import announced_size, inflate
from pylogtap_collector.models import IngestAnswer
from pylogtap_collector.storage.bookmarks import set_bookmarks
from pylogtap_collector.storage.streams import Slice, Stored, Waiting, store_slice
from pylogtap_collector.wire import Scan, dropped_in, scan

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence

    from pylogtap_collector.access.visitor import Projects
    from pylogtap_collector.services.counters import Counters
    from pylogtap_collector.services.keeper import Keeper
    from pylogtap_collector.services.points import Points
    from pylogtap_collector.services.preferences import Preferences
    from pylogtap_collector.services.reserve import Reserve
    from pylogtap_collector.services.segments import Made
    from pylogtap_collector.services.shippers import Shippers
    from pylogtap_collector.services.test_notice import TestNotice
    from pylogtap_collector.settings import LiveSettings
    from pylogtap_collector.storage.engine import Engine

    Job = Callable[[sqlite3.Connection], None]

_SMALL = 16 << 10  # bytes: checked on the event loop, in less time than a thread takes to begin
_SMALL_PACKED = 4 << 10  # bytes, compressed
_OPENINGS = 2  # larger ones that are decompressed at a time
_MODEST = 4 << 20  # bytes that one of them says it has; of others, each of which may grow to its limit, one
_SMALL_SLICE = 2 << 10  # bytes: not worth to be compressed
_LAST_OFFSET = 1 << 31


class Hearers(NamedTuple):
    """
    Who hears of what was stored, beside records.

    Attributes:
        points: Of the values of metrics.
        shippers: Of the places that clients deliver from.
        tests: Of what happened in test runs.
    """

    points: Points
    shippers: Shippers
    tests: TestNotice


class Ingest:
    """The durable way in. See docs/reference/wire-format.md for the protocol."""

    def __init__(
        self,
        engine: Engine,
        keeper: Keeper,
        reserve: Reserve,
        counters: Counters,
        live: LiveSettings,
        preferences: Preferences,
        hearers: Hearers,
    ) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
            keeper: Hears of what was stored.
            reserve: Room for a full disk; once it is given away, nothing is stored.
            counters: Counts.
            live: The limits.
            preferences: What clients are told.
            hearers: Who hears of what was stored.
        """
        self._engine = engine
        self._keeper = keeper
        self._reserve = reserve
        self._counters = counters
        self._live = live
        self._preferences = preferences
        self._points, self._shippers, self._tests = hearers
        self._opening, self._opening_large = asyncio.Semaphore(_OPENINGS), asyncio.Lock()

    async def accept(
        self,
        stream: bytes,
        offset: int,
        body: bytes,
        *,
        encoding: str | None,
        skipped_from: int | None = None,
        sent_ns: int | None = None,
        projects: Projects = None,
    ) -> IngestAnswer:
        """
        Store what is new of a slice; when this returns, it is on the disk.

        Args:
            stream: The id of the segment, 16 bytes.
            offset: Where the slice begins in the segment, bytes.
            body: The slice, as it was sent.
            encoding: What it is compressed with: `zstd`, `gzip` or None.
            skipped_from: Where the bytes begin that the client has set aside, right before the slice.
            sent_ns: The client's time when it sent it, ns since the epoch.
            projects: Those that may be delivered to; None: all.

        Returns:
            From where to go on.

        Raises:
            DamagedSlice: A frame is damaged; what stands before it is stored.
            TooLarge: The first frame, or the slice, is larger than the limits.
            Overloaded: Too much waits, or the disk cannot take it. Nothing is stored.
            Invalid: These are no arguments of a slice.
            MissingRight: It has records of another project. Nothing is stored.
        """
        _check(stream, offset, skipped_from)
        self._check_room()
        part = await self._examine(stream, offset, body, encoding)
        part.skipped_from, part.projects = skipped_from, projects
        part.skew_ns = None if sent_ns is None else part.received - sent_ns
        stored = await self._finish(part)
        if stored.found is not None:
            if stored.found.definitions:
                self._shippers.notice(payload for _, payload in stored.found.definitions)
            self._counters.damaged += stored.found.damage is not None
            _refuse_rest(stored.found, taken=stored.next > offset + stored.repeated)
        return IngestAnswer(next=stored.next, words=self._preferences.words)

    async def add(
        self,
        made: Sequence[Made],
        projects: Projects = None,
        marks: Mapping[str, str] | None = None,
        *,
        before: Job | None = None,
        after: Job | None = None,
    ) -> list[Stored]:
        """
        Store slices that were made here, each all that there is of its segment: all of them, or none.

        One whose segment is known already is not stored again.

        Args:
            made: The slices.
            projects: Those that may be delivered to; None: all.
            marks: How far their sources were read, by source; stored with them.
            before: What is done first in the same transaction; if it raises, nothing is stored.
            after: What is done last in it.

        Returns:
            What became of each; its number is in the ids of its records.

        Raises:
            Overloaded: Too much waits, or the disk cannot take it. Nothing is stored.
            MissingRight: They have records of another project. Nothing is stored.
        """
        self._check_room()
        parts = await asyncio.to_thread(_parts_of, made) if len(made) > 1 else _parts_of(made)
        for part in parts:
            part.projects = projects

        def job(connection: sqlite3.Connection) -> list[Stored]:
            if before is not None:
                before(connection)
            if marks:
                set_bookmarks(connection, marks, time.time_ns())
            stored = [store_slice(connection, part, self._points.index) for part in parts]
            if after is not None:
                after(connection)
            return stored

        return await asyncio.shield(asyncio.ensure_future(self._store_all(job)))

    def _check_room(self) -> None:
        if self._keeper.unsealed_bytes > self._live.now.backlog_max_bytes:
            self._counters.refused += 1
            raise Overloaded("More is stored than could be sealed so far.", 10.0)
        if self._reserve.given or self._reserve.needed:
            self._counters.refused += 1
            raise Overloaded("The disk is full: nothing new is stored until there is room again.", 10.0)

    async def _finish(self, part: Slice) -> Stored:
        # Shielded: the keeper must hear of what is stored, also when nobody waits for the answer any more.
        return await asyncio.shield(asyncio.ensure_future(self._store(part)))

    async def _examine(self, stream: bytes, offset: int, body: bytes, encoding: str | None) -> Slice:
        limit = self._live.now.inflated_max_bytes

        def examine() -> tuple[bytes, Scan]:
            data = inflate(body, encoding, limit)
            found = scan(data, offset, stream)
            return data[:MAX_SEGMENT_BYTES], found  # no more is looked at, nor kept while this waits

        if len(body) <= (_SMALL if encoding is None else _SMALL_PACKED):
            data, found = examine()
        else:
            modest = encoding is None or 0 < announced_size(body, encoding) <= _MODEST
            async with self._opening if modest else self._opening_large:
                data, found = await asyncio.to_thread(examine)
        kept, coding = (body, encoding or "") if len(data) == found.size else (data, "")
        return Slice(stream, offset, data, found, kept, coding, time.time_ns())

    async def _store(self, part: Slice) -> Stored:
        try:
            stored = await self._engine.write(
                partial(store_slice, part=part, index=self._points.index), urgent=True
            )
        except Overloaded:
            self._counters.refused += 1
            raise
        self._counters.rewinds += stored.next < part.offset
        self._note(stored)
        return stored

    async def _store_all(self, job: Callable[[sqlite3.Connection], list[Stored]]) -> list[Stored]:
        try:
            stored = await self._engine.write(job, urgent=True)
        except Overloaded:
            self._counters.refused += 1
            raise
        for each in stored:
            self._note(each)
        return stored

    def _note(self, stored: Stored) -> None:
        """Tell all who need to know what was stored."""
        counters = self._counters
        counters.repeated_bytes += stored.repeated
        if stored.points is not None:
            self._points.note(stored.samples, stored.points)
        if stored.tests is not None:
            self._tests.note(stored.tests)
        if stored.slice and stored.found is not None:
            counters.slices += 1
            counters.records += stored.found.records
            counters.dropped += dropped_in(stored.found)
            counters.stored_bytes += stored.bytes
            self._keeper.notice(Waiting(stored.slice, stored.found.records, stored.bytes, stored.size))
            self._reserve.notice(stored.bytes)


def _parts_of(made: Sequence[Made]) -> list[Slice]:
    now, parts = time.time_ns(), []
    for stream, data in made:
        body, encoding = (zstandard.compress(data, 1), "zstd") if len(data) > _SMALL_SLICE else (data, "")
        found = scan(data, HEADER_SIZE, stream)
        parts.append(Slice(stream, HEADER_SIZE, data, found, body, encoding, now, made=True))
    return parts


def _check(stream: bytes, offset: int, skipped_from: int | None) -> None:
    if len(stream) != 16:
        raise Invalid("`stream` is the id of a segment: 32 hexadecimal digits.")
    first = offset if skipped_from is None else skipped_from
    if not HEADER_SIZE <= first <= offset < _LAST_OFFSET or offset % 8 or first % 8:
        raise Invalid(
            f"`offset` is where a frame begins in its segment: a multiple of 8, from {HEADER_SIZE} on; "
            "`skipped_from` one before it."
        )


def _refuse_rest(found: Scan, *, taken: bool) -> None:
    """Tell the client of a frame that cannot be taken, once everything before it is stored."""
    if found.damage is not None:
        raise DamagedSlice(
            f"The frame at byte {found.damage.offset} does not fit its check; go on behind it, without it.",
            frame=found.damage.offset,
            next=found.damage.following,
        )
    if found.oversized and not taken:
        raise TooLarge("The frame is larger than a record may be (256 KiB); set it aside.")
