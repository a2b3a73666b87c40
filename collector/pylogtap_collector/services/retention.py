"""Removes what is not to be kept any longer, by age and by size; gives the reserve of a full disk away."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from pylogtap_collector.errors import Overloaded
from pylogtap_collector.models import ProjectRetention, RetentionPatch
from pylogtap_collector.query import query_of
from pylogtap_collector.query.ast import Compare, Everything
from pylogtap_collector.services import test_clearing
from pylogtap_collector.services.clock import CautiousClock
from pylogtap_collector.storage import audit, places, retention, streams
from pylogtap_collector.storage.logs import Selection
from pylogtap_collector.storage.retention import Rule
from pylogtap_collector.storage.test_removal import old_runs

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.query import Query
    from pylogtap_collector.services.counters import Counters
    from pylogtap_collector.services.keeper import Keeper
    from pylogtap_collector.services.reserve import Reserve
    from pylogtap_collector.services.rewriter import Rewriter
    from pylogtap_collector.settings import LiveSettings, Settings
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.shelf import Block
    from pylogtap_collector.storage.tiers import Tiers

PERIOD_S = 60.0
_LOOK_S = 1.0  # how often to look whether the disk is full
_DAY_NS = 86_400_000_000_000
_BYTES_OF_REST = 4 << 20  # of the whole that are removed beyond the limit, so that it is not done each minute

_log = logging.getLogger("pylogtap.collector")


class Retention:
    """Knows how long records are kept, and keeps to it."""

    def __init__(
        self,
        engine: Engine,
        tiers: Tiers,
        rewriter: Rewriter,
        keeper: Keeper,
        reserve: Reserve,
        counters: Counters,
        live: LiveSettings,
    ) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
            tiers: Where records are.
            rewriter: Removes records.
            keeper: Seals records, which makes them smaller.
            reserve: Room for a full disk.
            counters: Counts what is removed.
            live: What holds for projects without a rule of their own, and for all together.
        """
        self._engine = engine
        self._tiers = tiers
        self._rewriter = rewriter
        self._keeper = keeper
        self._reserve = reserve
        self._counters = counters
        self._live = live
        self._enforced: Settings | None = None  # the settings that were enforced last
        self._due = 0.0  # when to look next, on the clock of time.monotonic
        self._clock = CautiousClock()

    async def project(self, project: str) -> ProjectRetention:
        """
        Return how long a project's records are kept.

        Raises:
            NotFound: There is no such project.
        """
        return await self._engine.read(partial(self._describe, project=project))

    async def change(self, project: str, patch: RetentionPatch, visitor: Visitor) -> ProjectRetention:
        """
        Change how long a project's records are kept; what is beyond goes within seconds.

        Args:
            project: Its name.
            patch: What changes.
            visitor: Who does it.

        Raises:
            NotFound: There is no such project.
        """

        def job(connection: sqlite3.Connection) -> None:
            known = retention.read_rules(connection).get(project, Rule())
            changes = patch.model_dump(exclude_unset=True)
            retention.set_rule(connection, project, known._replace(**changes))
            audit.note(connection, visitor, time.time_ns(), "retention.change", project, project, **changes)

        await self._engine.write(job)
        self._due = 0.0
        return await self.project(project)

    async def run(self, *, period_s: float = PERIOD_S, look_s: float = _LOOK_S) -> None:
        """
        Keep to the rules, until cancelled.

        Args:
            period_s: How often.
            look_s: How often to look whether the disk is full.
        """
        await asyncio.to_thread(self._reserve.make)
        self._clock.begin(await self._engine.read(streams.last_seen))
        while True:
            if self._engine.full or self._reserve.needed:
                await asyncio.to_thread(self._reserve.give)
            if self._reserve.given:
                with suppress(Overloaded):  # it is tried again until there is room
                    await self._clear()
            elif time.monotonic() >= self._due or self._live.now is not self._enforced:
                self._due = time.monotonic() + period_s
                await self.enforce()
            await asyncio.sleep(look_s)

    async def _clear(self) -> None:
        """Give room back to a full disk, and take the reserve again where there is enough."""
        await self._engine.checkpoint()
        await self.enforce()
        while await self._engine.write(partial(streams.release_pages, spare=0)):
            await self._engine.checkpoint()
        await self._engine.checkpoint()
        await asyncio.to_thread(self._reserve.make)

    async def enforce(self, now_ns: int | None = None) -> int:
        """
        Remove what is beyond the rules.

        Args:
            now_ns: What ages count from; default: now, but for a clock that jumps ahead.

        Returns:
            How many records that were.
        """
        now = self._clock.now_ns() if now_ns is None else now_ns
        self._enforced = self._live.now
        rules, projects = await self._engine.work(self._rules)
        removed = 0
        for project in projects:
            rule = rules.get(project, Rule())
            days = self._live.now.keep_days if rule.keep_days is None else rule.keep_days
            if days is not None:
                removed += await self._remove_older(project, now - int(days * _DAY_NS))
            if rule.keep_bytes is not None:
                removed += await self._remove_beyond(project, rule.keep_bytes)
        await self._remove_runs(now)
        if self._live.now.keep_bytes is not None:
            removed += await self._remove_oldest(self._live.now.keep_bytes)
        if removed:
            self._counters.expired += removed
            _log.info("removed %d records that were not to be kept any longer", removed)
        return removed

    async def _remove_runs(self, now_ns: int) -> None:
        days = self._live.now.tests_days
        if not days:
            return
        until = now_ns - int(days * _DAY_NS)
        find = partial(old_runs, until_ns=until, limit=test_clearing.RUNS)
        if removed := await test_clearing.clear_runs(self._engine, find):
            _log.info("removed %d test runs that were not to be kept any longer", removed)

    async def _remove_older(self, project: str, until_ns: int) -> int:
        if until_ns <= 0 or not await self._engine.work(
            partial(self._has_older, project=project, until_ns=until_ns)
        ):
            return 0
        return await self._rewriter.delete(Selection(_of_project(project), until_ns=until_ns))

    async def _remove_beyond(self, project: str, keep_bytes: int) -> int:
        beyond = await self._engine.work(
            partial(self._beyond_project, project=project, keep_bytes=keep_bytes)
        )
        return await self._rewriter.delete_sealed(Selection(_of_project(project)), beyond) if beyond else 0

    async def _remove_oldest(self, keep_bytes: int) -> int:
        if await self._engine.work(retention.used_bytes) <= keep_bytes:
            return 0
        rest = min(_BYTES_OF_REST, keep_bytes // 16)
        job = partial(retention.beyond_all, keep_bytes=keep_bytes - rest)
        while not (beyond := await self._engine.work(job)) and await self._keeper.seal(spare=0):
            pass  # few records, but large ones
        return await self._rewriter.delete_sealed(Selection(query_of(Everything())), beyond)

    def _has_older(self, connection: sqlite3.Connection, project: str, until_ns: int) -> bool:
        return retention.has_older(self._tiers, connection, project, until_ns)

    def _beyond_project(self, connection: sqlite3.Connection, project: str, keep_bytes: int) -> list[Block]:
        return retention.beyond_project(self._tiers, connection, project, keep_bytes)

    @staticmethod
    def _rules(connection: sqlite3.Connection) -> tuple[dict[str, Rule], list[str]]:
        return retention.read_rules(connection), retention.project_names(connection)

    def _describe(self, connection: sqlite3.Connection, project: str) -> ProjectRetention:
        places.get_place(connection, {}, (project,))
        rule = retention.read_rules(connection).get(project, Rule())
        return ProjectRetention(
            keep_days=rule.keep_days,
            keep_bytes=rule.keep_bytes,
            default_keep_days=self._live.now.keep_days,
            bytes=retention.project_bytes(self._tiers, connection, project),
        )


def _of_project(project: str) -> Query:
    return query_of(Compare("project", "=", project))
