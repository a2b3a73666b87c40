"""Questions about stored records, and what people may do with them."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from pylogtap_collector import query as language
from pylogtap_collector.errors import Invalid, NotFound
from pylogtap_collector.models import (
    Bucket,
    Deleted,
    Facet,
    Facets,
    Histogram,
    Log,
    LogInContext,
    LogPage,
    Patterns,
)
from pylogtap_collector.services.cursors import read_cursor, write_cursor
from pylogtap_collector.services.tail import Tail
from pylogtap_collector.services.versions import Expected, check_version
from pylogtap_collector.storage import counts, logs, recent
from pylogtap_collector.storage.annotations import annotate
from pylogtap_collector.storage.logs import Selection
from pylogtap_collector.storage.rows import to_datetime
from pylogtap_collector.times import parse_time

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator

    from pylogtap_collector.models import LogPatch, Order
    from pylogtap_collector.services.bus import Bus
    from pylogtap_collector.services.index import Index
    from pylogtap_collector.settings import Settings
    from pylogtap_collector.storage.engine import Engine

_EXPORT_CHUNK = 1_000  # records in memory at once
_DELETE_CHUNK = 500  # records of one transaction: acknowledgements wait for it
_HOUR_NS = 3_600_000_000_000


class Logs:
    """
    The read side, and labels, notes and deletion.

    All answers know every record that was acknowledged before the question, or say how many are missing.
    """

    def __init__(self, engine: Engine, index: Index, bus: Bus, settings: Settings) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
            index: Knows what is not searchable yet.
            bus: What comes in.
            settings: The limits.
        """
        self._engine = engine
        self._index = index
        self._bus = bus
        self._settings = settings

    async def page(
        self,
        q: str,
        *,
        since: str | None = None,
        until: str | None = None,
        order: Order = "desc",
        limit: int = 100,
        cursor: str | None = None,
    ) -> LogPage:
        """
        Return records in the order of their time.

        Going on by the cursor neither skips nor repeats a record, also while others arrive.

        Args:
            q: A query; empty: all.
            since: Beginning of the range.
            until: End of the range, not included.
            order: `desc`: the newest first.
            limit: Records of a page.
            cursor: From the page before.

        Raises:
            InvalidQuery: The query cannot be read.
            InvalidCursor: The cursor is not from a page of this query.
            QueryTooSlow: The deadline has passed.
        """
        selection, behind = self._select(q, since, until), None
        if cursor is not None:
            last = read_cursor(cursor, order, q)
            selection = Selection(selection.query, last.since_ns, last.until_ns)
            behind = (last.time, last.log_id)
        pending = await self._index.caught_up(self._settings.index_wait_s)
        found = await self._engine.read(
            lambda connection: logs.page(connection, selection, order, limit + 1, behind)
        )
        following = None
        if len(found) > limit:
            found.pop()
            following = write_cursor(
                order, q, selection.since_ns, selection.until_ns, (found[-1].time_ns, found[-1].log.id)
            )
        return LogPage(items=[item.log for item in found], next=following, pending=pending)

    async def one(self, log_id: int, *, context: int = 0) -> LogInContext:
        """
        Return one record.

        Args:
            log_id: Its id.
            context: How many records of the same instance to add on each side.

        Raises:
            NotFound: There is none.
        """
        await self._caught_up()

        def job(connection: sqlite3.Connection) -> LogInContext:
            log = _existing(connection, log_id)
            before, after = logs.neighbours(connection, log_id, context)
            return LogInContext.model_construct(**dict(log), before=before, after=after)

        return await self._engine.read(job)

    async def histogram(
        self, q: str, *, since: str | None = None, until: str | None = None, buckets: int = 60
    ) -> Histogram:
        """
        Count records over time.

        Args:
            q: A query; empty: all.
            since: Beginning of the range; without it, the first record there is.
            until: End of the range; without it, now, or behind the last record where that is later.
            buckets: How many stretches of the same length to count in; all are returned, also empty ones.

        Raises:
            InvalidQuery: The query cannot be read.
            Invalid: The range has no length.
        """
        asked = self._select(q, since, until)
        await self._caught_up()
        now = time.time_ns()

        def job(connection: sqlite3.Connection) -> Histogram:
            stored = counts.span(connection)
            first, end = asked.since_ns, asked.until_ns
            if end is None:
                end = max(now, stored.until_ns) if stored else now
            if first is None:
                first = min(stored.since_ns, end - 1) if stored else end - _HOUR_NS
            if first >= end:
                raise Invalid("The range has no length: `since` has to be before `until`.")
            step = -(-(end - first) // buckets)
            selection = Selection(asked.query, first, end)
            return _histogram(first, end, step, buckets, counts.by_time(connection, selection, first, step))

        return await self._engine.read(job)

    async def facets(
        self,
        q: str,
        *,
        since: str | None = None,
        until: str | None = None,
        fields: list[str],
        limit: int = 10,
    ) -> Facets:
        """
        Return the most frequent values of some fields.

        Args:
            q: A query; empty: all.
            since: Beginning of the range.
            until: End of the range.
            fields: Fields of the query language.
            limit: Values of a field.

        Raises:
            InvalidQuery: The query cannot be read.
        """
        selection = self._select(q, since, until)
        await self._caught_up()

        def job(connection: sqlite3.Connection) -> Facets:
            return Facets(
                items=[
                    Facet(field=field, values=counts.by_value(connection, selection, field, limit))
                    for field in fields
                ]
            )

        return await self._engine.read(job)

    async def patterns(
        self, q: str, *, since: str | None = None, until: str | None = None, limit: int = 20
    ) -> Patterns:
        """
        Return the most frequent patterns.

        Args:
            q: A query; empty: all.
            since: Beginning of the range.
            until: End of the range.
            limit: How many.

        Raises:
            InvalidQuery: The query cannot be read.
        """
        selection = self._select(q, since, until)
        await self._caught_up()
        return await self._engine.read(
            lambda connection: Patterns(items=counts.by_pattern(connection, selection, limit))
        )

    async def annotate(self, log_id: int, patch: LogPatch, *, expected: Expected = None) -> Log:
        """
        Change labels and note of a record, and return it.

        Args:
            log_id: Its id.
            patch: What to change (RFC 7396).
            expected: Versions of the record that may be changed.

        Raises:
            NotFound: There is no such record.
            StaleVersion: It is none of the versions expected.
        """
        await self._caught_up()

        def job(connection: sqlite3.Connection) -> Log:
            check_version(_existing(connection, log_id), expected)
            annotate(connection, log_id, patch, time.time_ns())
            return _existing(connection, log_id)

        return await self._engine.write(job, urgent=True)

    async def delete(self, q: str, *, since: str | None = None, until: str | None = None) -> Deleted:
        """
        Remove records for good: those that match and were there when this began.

        Args:
            q: A query; empty: all.
            since: Beginning of the range.
            until: End of the range.

        Raises:
            InvalidQuery: The query cannot be read.
        """
        selection = await self._settled(q, since, until)
        deleted = behind = 0
        while True:
            found = await self._engine.read(
                partial(logs.ids, selection=selection, behind=behind, limit=_DELETE_CHUNK)
            )
            if not found:
                break
            deleted += await self._engine.write(partial(recent.delete_rows, ids=found))
            behind = found[-1]
        return Deleted(deleted=deleted)

    def tail(self, q: str, *, after: int | None = None) -> Tail:
        """
        Follow what comes in, in the order of arrival.

        Args:
            q: A query; empty: all.
            after: Begin with what was stored behind the record of this id, so that a reader that was cut
                off misses nothing.

        Returns:
            An iterator over records that never ends; `skipped` counts what the reader was too slow for.

        Raises:
            InvalidQuery: The query cannot be read.
        """
        return Tail(self._engine, self._bus, language.parse(q), after, self._settings.tail_buffer)

    async def export(
        self, q: str, *, since: str | None = None, until: str | None = None, order: Order = "asc"
    ) -> AsyncIterator[list[Log]]:
        """
        Yield all records that match and were there when this began, in chunks.

        Args:
            q: A query; empty: all.
            since: Beginning of the range.
            until: End of the range.
            order: `asc`: the oldest first.

        Raises:
            InvalidQuery: The query cannot be read.
        """
        selection, behind = await self._settled(q, since, until), None
        while True:
            found = await self._engine.read(
                partial(logs.page, selection=selection, order=order, limit=_EXPORT_CHUNK, behind=behind)
            )
            if found:
                yield [item.log for item in found]
            if len(found) < _EXPORT_CHUNK:
                return
            behind = (found[-1].time_ns, found[-1].log.id)

    def _select(self, q: str, since: str | None, until: str | None) -> Selection:
        now = time.time_ns()
        bounds = [None if text is None else parse_time(text, now) for text in (since, until)]
        return Selection(language.parse(q), *bounds)

    async def _settled(self, q: str, since: str | None, until: str | None) -> Selection:
        """Return a selection that later records are not part of."""
        selection = self._select(q, since, until)
        await self._caught_up()
        last = await self._engine.read(logs.last_id)
        return Selection(selection.query, selection.since_ns, selection.until_ns, last)

    async def _caught_up(self) -> None:
        await self._index.caught_up(self._settings.index_wait_s)


def _existing(connection: sqlite3.Connection, log_id: int) -> Log:
    log = logs.one(connection, log_id)
    if log is None:
        raise NotFound(f"There is no log {log_id}; it may have been deleted.")
    return log


def _histogram(first: int, end: int, step: int, buckets: int, found: dict[tuple[int, str], int]) -> Histogram:
    rows = [
        Bucket(
            start=to_datetime(first + number * step),
            total=sum(levels.values()),
            levels=levels,
        )
        for number in range(buckets)
        for levels in [{name: found.get((number, name), 0) for name in counts.LEVELS}]
    ]
    return Histogram(
        since=to_datetime(first),
        until=to_datetime(end),
        step_s=step / 1e9,
        total=sum(found.values()),
        buckets=rows,
    )
