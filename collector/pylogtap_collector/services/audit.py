"""The audit log, for reading."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from pylogtap_collector.access.rights import Right
from pylogtap_collector.models import AuditEntry, AuditPage
from pylogtap_collector.services.positions import read_position, write_position
from pylogtap_collector.storage import audit
from pylogtap_collector.times import parse_time, to_datetime

if TYPE_CHECKING:
    from pylogtap_collector.access.visitor import Projects, Visitor
    from pylogtap_collector.storage.audit import EntryRow
    from pylogtap_collector.storage.engine import Engine


class Audit:
    """What was done, and by whom. Who manages projects sees what was done in them; administrators see all."""

    def __init__(self, engine: Engine) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
        """
        self._engine = engine

    async def page(
        self,
        visitor: Visitor,
        *,
        project: str | None = None,
        actor: str | None = None,
        action: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> AuditPage:
        """
        Return entries, the newest first.

        Args:
            visitor: Who asks.
            project: What was done in one project alone.
            actor: What one user or key did.
            action: What was done; its beginning is enough.
            since: Beginning of the range.
            until: End of the range.
            limit: How many.
            cursor: From the page before.

        Raises:
            InvalidCursor: It is none.
        """
        before = None if cursor is None else read_position(cursor, int)[0]
        now = time.time_ns()
        bounds = [None if text is None else parse_time(text, now) for text in (since, until)]
        wanted = audit.EntryFilter(_seen_by(visitor), project, actor, action, *bounds)
        rows = await self._engine.read(
            lambda connection: audit.list_entries(connection, wanted, limit + 1, before)
        )
        following = write_position(rows[limit - 1].id) if len(rows) > limit else None
        return AuditPage(items=[_describe(row) for row in rows[:limit]], next=following)

    async def one(self, entry_id: int, visitor: Visitor) -> AuditEntry:
        """
        Return one entry.

        Args:
            entry_id: Its number.
            visitor: Who asks.

        Raises:
            NotFound: There is none, or none that may be seen.
        """
        projects = _seen_by(visitor)
        row = await self._engine.read(lambda connection: audit.get_entry(connection, entry_id, projects))
        return _describe(row)


def _seen_by(visitor: Visitor) -> Projects:
    return None if visitor.may(Right.ADMINISTER) else visitor.where(Right.MANAGE) or frozenset()


def _describe(row: EntryRow) -> AuditEntry:
    return AuditEntry.model_validate(
        {**row._asdict(), "time": to_datetime(row.time), "detail": msgspec.json.decode(row.detail)}
    )
