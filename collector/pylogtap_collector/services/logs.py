"""Questions about stored records, and what people may do with them."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from pylogtap_collector import query as language
from pylogtap_collector.access.rights import Right
from pylogtap_collector.errors import Invalid, NotFound
from pylogtap_collector.models import (
    Bucket,
    Count,
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
from pylogtap_collector.storage import audit, counts, logs
from pylogtap_collector.storage.logs import Selection, weight_of
from pylogtap_collector.times import parse_time, to_datetime

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Callable

    from pylogtap_collector.access.visitor import Projects, Visitor
    from pylogtap_collector.models import Order
    from pylogtap_collector.query import Query
    from pylogtap_collector.services.bus import Bus
    from pylogtap_collector.services.reader import Reader
    from pylogtap_collector.services.rewriter import Rewriter
    from pylogtap_collector.settings import LiveSettings
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.tiers import Tiers

T = TypeVar("T")
_PAGE_BYTES = 8 << 20  # of long texts on a page, about: of the largest records, 1,000 would be 256 MiB
_EXPORT_CHUNK = 1_000  # records in memory at once, at most
_EXPORT_FIRST = 20  # until it is known how large they are
_EXPORT_BYTES = 256 << 10  # of a chunk, about
_MOST_BUCKETS = 20_000
_HOUR_NS = 3_600_000_000_000


class Logs:
    """
    The read side, and deletion.

    All answers know every record that was acknowledged before the question.
    """

    def __init__(
        self,
        engine: Engine,
        reader: Reader,
        tiers: Tiers,
        rewriter: Rewriter,
        bus: Bus,
        live: LiveSettings,
    ) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
            reader: Reads records.
            tiers: Where records are.
            rewriter: Deletes records.
            bus: What comes in.
            live: The limits.
        """
        self._engine = engine
        self._reader = reader
        self._tiers = tiers
        self._rewriter = rewriter
        self._bus = bus
        self._live = live

    async def page(
        self,
        q: str,
        *,
        since: str | None = None,
        until: str | None = None,
        order: Order = "desc",
        limit: int = 100,
        cursor: str | None = None,
        projects: Projects = None,
    ) -> LogPage:
        """
        Return records in the order of their time.

        Going on by the cursor neither skips nor repeats a record, also while others arrive.

        Args:
            q: A query; empty: all.
            projects: Of these projects alone; None: of any.
            since: Beginning of the range.
            until: End of the range, not included.
            order: `desc`: the newest first.
            limit: Records of a page; it has fewer where they are very large.
            cursor: From the page before.

        Raises:
            InvalidQuery: The query cannot be read.
            InvalidCursor: The cursor is not from a page of this query.
            QueryTooSlow: The deadline has passed.
        """
        selection, behind = self.select(q, since, until, projects), None
        if cursor is not None:
            last = read_cursor(cursor, order, q)
            selection = Selection(selection.query, last.since_ns, last.until_ns)
            behind = (last.time, last.log_id)
        found = await self._reader.read(
            lambda connection: logs.page(
                self._tiers, connection, selection, order, limit + 1, behind, _PAGE_BYTES
            )
        )
        following, is_cut = None, sum(weight_of(each.log) for each in found) > _PAGE_BYTES
        if len(found) > limit or is_cut:
            del found[limit:]
            following = write_cursor(
                order, q, selection.since_ns, selection.until_ns, (found[-1].time_ns, found[-1].log.id)
            )
        return LogPage(items=[item.log for item in found], next=following)

    async def one(self, log_id: int, *, context: int = 0, projects: Projects = None) -> LogInContext:
        """
        Return one record.

        Args:
            log_id: Its id.
            context: How many records of the same instance to add on each side.
            projects: Of these projects alone; None: of any.

        Raises:
            NotFound: There is none.
        """

        def job(connection: sqlite3.Connection) -> LogInContext:
            found = existing(self._tiers, connection, log_id, projects)
            before, after = logs.neighbours(self._tiers, connection, found, context)
            return LogInContext.model_construct(**dict(found.log), before=before, after=after)

        return await self._reader.read(job)

    async def count(
        self, q: str, *, since: str | None = None, until: str | None = None, projects: Projects = None
    ) -> Count:
        """
        Count records.

        Args:
            q: A query; empty: all.
            projects: Of these projects alone; None: of any.
            since: Beginning of the range.
            until: End of the range.

        Raises:
            InvalidQuery: The query cannot be read.
        """
        selection = self.select(q, since, until, projects)
        return await self._reader.read(
            lambda connection: Count(total=counts.count(self._tiers, connection, selection))
        )

    async def histogram(
        self,
        q: str,
        *,
        since: str | None = None,
        until: str | None = None,
        buckets: int = 60,
        step_s: int | None = None,
        projects: Projects = None,
    ) -> Histogram:
        """
        Count records over time.

        Args:
            q: A query; empty: all.
            projects: Of these projects alone; None: of any.
            since: Beginning of the range; without it, the first record there is.
            until: End of the range; without it, now, or behind the last record where that is later.
            buckets: How many stretches of the same length to count in; all are returned, also empty ones.
            step_s: Length of a stretch in seconds, instead: stretches begin at multiples of it, and without
                `until` end behind the last record.

        Raises:
            InvalidQuery: The query cannot be read.
            Invalid: The range has no length, or is too long for the step.
        """
        asked = self.select(q, since, until, projects)
        now = time.time_ns()

        def job(connection: sqlite3.Connection) -> Histogram:
            stored = self._span(connection, asked.query, projects)
            first, end = _range(asked, stored, None if step_s else now)
            selection, number = Selection(asked.query, first, end), buckets
            step = -(-(end - first) // buckets)
            if step_s:
                step = step_s * 1_000_000_000
                first -= first % step
                number = -(-(end - first) // step)
                if number > _MOST_BUCKETS:
                    raise Invalid(
                        f"The range has {number} stretches of {step_s} s, more than {_MOST_BUCKETS}: "
                        "take a larger `step`, or a shorter range."
                    )
            found = counts.by_time(self._tiers, connection, selection, first, step, number)
            return _histogram(first, end, step, found.tolist())

        return await self._reader.read(job)

    async def facets(
        self,
        q: str,
        *,
        since: str | None = None,
        until: str | None = None,
        fields: list[str],
        limit: int = 10,
        projects: Projects = None,
    ) -> Facets:
        """
        Return the most frequent values of some fields.

        Args:
            q: A query; empty: all.
            projects: Of these projects alone; None: of any.
            since: Beginning of the range.
            until: End of the range.
            fields: Fields of the query language.
            limit: Values of a field.

        Raises:
            InvalidQuery: The query cannot be read.
        """
        selection = self.select(q, since, until, projects)

        def job(connection: sqlite3.Connection) -> Facets:
            found = counts.by_value(self._tiers, connection, selection, fields, limit)
            return Facets(
                items=[Facet(field=field, values=values) for field, values in zip(fields, found, strict=True)]
            )

        return await self._reader.read(job)

    async def patterns(
        self,
        q: str,
        *,
        since: str | None = None,
        until: str | None = None,
        limit: int = 20,
        projects: Projects = None,
    ) -> Patterns:
        """
        Return the most frequent patterns.

        Args:
            q: A query; empty: all.
            projects: Of these projects alone; None: of any.
            since: Beginning of the range.
            until: End of the range.
            limit: How many.

        Raises:
            InvalidQuery: The query cannot be read.
        """
        selection = self.select(q, since, until, projects)
        return await self._reader.read(
            lambda connection: Patterns(items=counts.by_pattern(self._tiers, connection, selection, limit))
        )

    async def delete(
        self, q: str, visitor: Visitor, *, since: str | None = None, until: str | None = None
    ) -> Deleted:
        """
        Remove records for good: those that match and were there when this began, in projects that he manages.

        Args:
            q: A query; empty: all.
            visitor: Who does it.
            since: Beginning of the range.
            until: End of the range.

        Raises:
            InvalidQuery: The query cannot be read.
        """
        projects = visitor.where(Right.MANAGE)
        selection = self.select(q, since, until, projects)

        def note(connection: sqlite3.Connection) -> None:
            for project in [None] if projects is None else sorted(projects):
                audit.note(
                    connection, visitor, time.time_ns(), "logs.delete", q or "*", project,
                    since=since, until=until,
                )  # fmt: skip

        await self._engine.write(note)  # at first: who kills the collector meanwhile is known, too
        return Deleted(deleted=await self._rewriter.delete(selection))

    def tail(self, q: str, *, after: int | None = None, projects: Projects = None) -> Tail:
        """
        Follow what comes in, in the order of arrival.

        Args:
            q: A query; empty: all.
            projects: Of these projects alone; None: of any.
            after: Begin with what was stored behind the record of this id, so that a reader that was cut
                off misses nothing.

        Returns:
            An iterator over records that never ends; `skipped` counts what the reader was too slow for.

        Raises:
            InvalidQuery: The query cannot be read.
        """
        return Tail(
            self._engine,
            self._tiers,
            self._bus,
            language.parse(q, within=projects),
            after,
            self._live.now.tail_buffer,
        )

    async def export(
        self,
        q: str,
        *,
        since: str | None = None,
        until: str | None = None,
        order: Order = "asc",
        projects: Projects = None,
    ) -> AsyncIterator[list[Log]]:
        """
        Yield all records that match and were there when this began, in chunks.

        Args:
            q: A query; empty: all.
            projects: Of these projects alone; None: of any.
            since: Beginning of the range.
            until: End of the range.
            order: `asc`: the oldest first.

        Raises:
            InvalidQuery: The query cannot be read.
        """
        same = partial(self.export_as, list[Log], q, since=since, until=until, order=order)
        async for chunk in same(projects=projects):
            yield chunk

    async def export_as(
        self,
        form: Callable[[list[Log]], T],
        q: str,
        *,
        since: str | None = None,
        until: str | None = None,
        order: Order = "asc",
        projects: Projects = None,
    ) -> AsyncIterator[T]:
        """
        Yield what a function makes of all records that match, in chunks; as :meth:`export` otherwise.

        Args:
            form: The function; it is called where it keeps nobody waiting.
            q: A query; empty: all.
            projects: Of these projects alone; None: of any.
            since: Beginning of the range.
            until: End of the range.
            order: `asc`: the oldest first.

        Raises:
            InvalidQuery: The query cannot be read.
        """
        selection = await self._settled(q, since, until, projects)
        behind: tuple[int, int] | None = None
        most = _EXPORT_FIRST

        def read(connection: sqlite3.Connection) -> tuple[T | None, tuple[int, int] | None]:
            found = logs.page(self._tiers, connection, selection, order, most, behind)
            last = (found[-1].time_ns, found[-1].log.id) if len(found) == most else None
            return form([item.log for item in found]) if found else None, last

        while True:
            chunk, behind = await self._reader.read(read)
            if chunk is not None:
                yield chunk
            if behind is None:
                return
            fitting = (
                most * _EXPORT_BYTES // max(1, len(chunk)) if isinstance(chunk, bytes) else _EXPORT_CHUNK
            )
            most = max(1, min(fitting, _EXPORT_CHUNK))

    @staticmethod
    def select(q: str, since: str | None, until: str | None, projects: Projects = None) -> Selection:
        """
        Return which records are meant.

        Args:
            q: A query; empty: all.
            projects: Of these projects alone; None: of any.
            since: Beginning of the range.
            until: End of the range.

        Raises:
            InvalidQuery: The query cannot be read.
        """
        now = time.time_ns()
        bounds = [None if text is None else parse_time(text, now) for text in (since, until)]
        return Selection(language.parse(q, within=projects), *bounds)

    async def _settled(self, q: str, since: str | None, until: str | None, projects: Projects) -> Selection:
        """Return a selection that later records are not part of."""
        selection = self.select(q, since, until, projects)
        last = await self._engine.read(logs.last_id)
        return Selection(selection.query, selection.since_ns, selection.until_ns, last)

    def _span(self, connection: sqlite3.Connection, query: Query, projects: Projects) -> counts.Span | None:
        """Return the time that the records span which may be seen."""
        if projects is None:
            return counts.span(self._tiers, connection)
        first, last = (
            logs.page(self._tiers, connection, Selection(query), order, 1) for order in ("asc", "desc")
        )
        return counts.Span(first[0].time_ns, last[0].time_ns + 1) if first else None


def existing(tiers: Tiers, connection: sqlite3.Connection, log_id: int, projects: Projects) -> logs.Found:
    """
    Return a record.

    Args:
        tiers: Where records are.
        connection: In a transaction.
        log_id: Its id.
        projects: Of these projects alone; None: of any.

    Raises:
        NotFound: There is none, or none that may be seen.
    """
    found = logs.one(tiers, connection, log_id)
    if found is None or not (projects is None or found.log.project in projects):
        raise NotFound(f"There is no log {log_id}; it may have been deleted.")
    return found


def _range(asked: Selection, stored: counts.Span | None, now: int | None) -> tuple[int, int]:
    """Return the range that is asked for, where it says no ends that of what is stored, or until now."""
    first, end = asked.since_ns, asked.until_ns
    if end is None:
        ends = [each for each in (now, stored.until_ns if stored else None) if each is not None]
        end = max(ends, default=time.time_ns())
    if first is None:
        first = min(stored.since_ns, end - 1) if stored else end - _HOUR_NS
    if first >= end:
        raise Invalid("The range has no length: `since` has to be before `until`.")
    return first, end


def _histogram(first: int, end: int, step: int, found: list[list[int]]) -> Histogram:
    return Histogram.model_construct(
        since=to_datetime(first),
        until=to_datetime(end),
        step_s=step / 1e9,
        total=sum(map(sum, found)),
        buckets=[
            Bucket.model_construct(
                start=to_datetime(first + number * step),
                total=sum(row),
                levels=dict(zip(counts.LEVELS, row, strict=True)),
            )
            for number, row in enumerate(found)
        ],
    )
