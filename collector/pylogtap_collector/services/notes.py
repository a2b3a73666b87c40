"""What people add to records: labels and notes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pylogtap_collector.access.rights import Right
from pylogtap_collector.errors import Invalid
from pylogtap_collector.models import Annotated as AnnotatedLogs
from pylogtap_collector.services.logs import Logs, existing
from pylogtap_collector.services.versions import check_version
from pylogtap_collector.storage import audit, logs
from pylogtap_collector.storage.annotations import annotate

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.models import Log, LogPatch
    from pylogtap_collector.services.versions import Expected
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.tiers import Tiers

MOST = 10_000  # records that are annotated at once
_CHUNK = 1_000  # of one transaction: acknowledgements wait for it


class Notes:
    """Labels and notes on records."""

    def __init__(self, engine: Engine, tiers: Tiers) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
            tiers: Where records are.
        """
        self._engine = engine
        self._tiers = tiers

    async def annotate(
        self, log_id: int, patch: LogPatch, visitor: Visitor, *, expected: Expected = None
    ) -> Log:
        """
        Change labels and note of a record, and return it.

        Args:
            log_id: Its id.
            patch: What to change (RFC 7396).
            visitor: Who does it.
            expected: Versions of the record that may be changed.

        Raises:
            NotFound: There is no such record, or none that may be seen.
            MissingRight: He may see it, and no more.
            StaleVersion: It is none of the versions expected.
        """
        seen = visitor.where(Right.READ)

        def job(connection: sqlite3.Connection) -> Log:
            log = existing(self._tiers, connection, log_id, seen).log
            visitor.demand(Right.WRITE, log.project)
            check_version(log, expected)
            annotate(connection, log_id, patch, time.time_ns())
            return existing(self._tiers, connection, log_id, seen).log

        return await self._engine.write(job, urgent=True)

    async def annotate_all(
        self, q: str, patch: LogPatch, visitor: Visitor, *, since: str | None, until: str | None
    ) -> AnnotatedLogs:
        """
        Change labels and note of all records that match and may be annotated.

        Args:
            q: A query.
            patch: What to change (RFC 7396).
            visitor: Who does it.
            since: Beginning of the range.
            until: End of the range.

        Raises:
            InvalidQuery: The query cannot be read.
            Invalid: It finds too many; nothing is changed.
        """
        selection = Logs.select(q, since, until, visitor.where(Right.WRITE))
        found = await self._engine.read(
            lambda connection: logs.ids(self._tiers, connection, selection, 0, MOST + 1)
        )
        if len(found) > MOST:
            raise Invalid(f"More than {MOST} records match; take a narrower query or range.")
        for start in range(0, len(found), _CHUNK):
            await self._annotate(found[start : start + _CHUNK], patch)
        await self._engine.write(
            lambda connection: audit.note(
                connection, visitor, time.time_ns(), "logs.annotate", q or "*", records=len(found)
            )
        )
        return AnnotatedLogs(annotated=len(found))

    async def _annotate(self, ids: list[int], patch: LogPatch) -> None:
        now = time.time_ns()

        def job(connection: sqlite3.Connection) -> None:
            for log_id in ids:
                annotate(connection, log_id, patch, now)

        await self._engine.write(job, urgent=True)
