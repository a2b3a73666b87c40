"""Incident files: some records with all that belongs to them, to be sent to somebody."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pylogtap.version import __version__
from pylogtap_collector.services.backup import Ready
from pylogtap_collector.storage import checking
from pylogtap_collector.storage.incident import write_incident

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator

    from pylogtap_collector.access.visitor import Projects
    from pylogtap_collector.services.backup import Backup
    from pylogtap_collector.services.logs import Logs
    from pylogtap_collector.storage.checking import Copied
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.tiers import Tiers


class Incidents:
    """Writes records to files that `pylogtap open` shows."""

    def __init__(self, engine: Engine, tiers: Tiers, logs: Logs, backup: Backup) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
            tiers: Where records are.
            logs: Reads queries.
            backup: Knows where files may be made.
        """
        self._engine = engine
        self._tiers = tiers
        self._logs = logs
        self._backup = backup

    @asynccontextmanager
    async def made(
        self,
        q: str,
        *,
        since: str | None = None,
        until: str | None = None,
        projects: Projects = None,
    ) -> AsyncIterator[Ready]:
        """
        Write all records that match and are there now to a file.

        Args:
            q: A query; empty: all.
            since: Beginning of the range.
            until: End of the range.
            projects: Of these projects alone; None: of any.

        Yields:
            The file, which is removed at the end.

        Raises:
            InvalidQuery: The query cannot be read.
        """
        selection = self._logs.select(q, since, until, projects)
        about = {"query": q, "made": datetime.now(UTC).isoformat(timespec="seconds"), "version": __version__}
        about |= {name: text for name, text in (("since", since), ("until", until)) if text is not None}
        async with self._backup.place() as path:

            def job(connection: sqlite3.Connection) -> Copied:
                write_incident(self._tiers, connection, selection, path, about)
                return checking.look_over(path)

            yield Ready(path, await self._engine.aside(job))
