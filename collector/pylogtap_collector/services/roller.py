"""The background task that packs samples, makes minutes and hours of them, and removes what is old."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from pylogtap_collector.errors import Overloaded
from pylogtap_collector.storage import retention, rolling, settling
from pylogtap_collector.storage.sample_state import set_old
from pylogtap_collector.storage.series import count_unpacked

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from pylogtap_collector.services.reserve import Reserve
    from pylogtap_collector.settings import LiveSettings
    from pylogtap_collector.storage.chunks import Resolution
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.rolling import Packed

    _Pack = Callable[[sqlite3.Connection, int], Packed | None]

FIRST_S = 60.0
PERIOD_S = 300.0
AGE_NS = 300 * 10**9  # of samples that stay rows
_ROWS = 1_000_000  # beyond so many, new ones are packed, too
_ATTEMPTS = 3  # beside the writes; then between them
_SHARE = 0.5  # of the bytes that the database may use: the rest is for records
_DAY_NS = 86_400 * 10**9
_LAST_NS = 2**63 - 1


class Roller:
    """Keeps samples where they belong: the newest as rows, older ones packed, still older ones as minutes."""

    def __init__(self, engine: Engine, live: LiveSettings, reserve: Reserve) -> None:
        """
        Bind the database; `run` does the work.

        Args:
            engine: The database.
            live: How long samples, minutes and hours are kept.
            reserve: Room for a full disk: once it is given away, nothing is packed, only removed.
        """
        self._engine = engine
        self._live = live
        self._reserve = reserve

    async def run(self, *, first_s: float = FIRST_S, period_s: float = PERIOD_S) -> None:
        """
        Do it again and again, until cancelled.

        Args:
            first_s: How long to wait at first: a collector that is often started again has to do it, too.
            period_s: How long to wait after each time.
        """
        await asyncio.sleep(first_s)
        while True:
            with suppress(Overloaded):  # the disk is full: it is tried again
                await self.roll()
            await asyncio.sleep(period_s)

    async def roll(self, now_ns: int | None = None) -> None:
        """
        Do all there is to do.

        Args:
            now_ns: What ages count from; default: now.
        """
        now = time.time_ns() if now_ns is None else now_ns
        if not self._reserve.given:
            await self._pack(now)
            await self._settle(now - AGE_NS)
        await self._expire(now)

    async def _pack(self, now: int) -> None:
        rows = await self._engine.work(count_unpacked)
        if not rows:
            return
        until = _LAST_NS if rows > _ROWS else now - AGE_NS
        await self._engine.write(partial(set_old, time_ns=until))
        failed, rest = 0, True
        while rest:
            if failed >= _ATTEMPTS:  # others change what is old all the time
                rest, failed = await self._engine.write(partial(pack_now, until=until)), 0
                continue
            packed = await self._engine.work(partial(rolling.pack, until_ns=until))
            if packed is None:
                return
            stored = await self._engine.write(partial(rolling.store_packed, packed=packed))
            failed = 0 if stored else failed + 1
            rest = packed.rest or not stored

    async def _settle(self, until: int) -> None:
        failed = 0
        while failed < _ATTEMPTS:  # what is left is done next time: until then it is read from the samples
            settled = await self._engine.work(partial(settling.settle, until_ns=until))
            if settled is None:
                return
            stored = await self._engine.write(partial(settling.store_settled, settled=settled))
            failed = 0 if stored else failed + 1

    async def _expire(self, now: int) -> None:
        settings = self._live.now
        ages: dict[Resolution, float] = {
            "raw": settings.metrics_raw_days,
            "minute": settings.metrics_minute_days,
            "hour": settings.metrics_hour_days,
        }
        if settings.keep_bytes is not None:
            await self._remove_bytes(int(settings.keep_bytes * _SHARE))
        rules = await self._engine.work(retention.read_rules)
        projects = await self._engine.work(retention.project_names)
        for resolution, days in ages.items():
            await self._remove(resolution, now, days, None)
            for project in projects:
                rule = rules.get(project)
                keep = settings.keep_days if rule is None or rule.keep_days is None else rule.keep_days
                if keep is not None and keep < days:
                    await self._remove(resolution, now, keep, project)

    async def _remove_bytes(self, most: int) -> None:
        excess = await self._engine.work(rolling.packed_bytes) - most
        while excess > 0:
            gone = await self._engine.write(partial(rolling.expire_bytes, excess=excess))
            if not gone:
                return
            excess -= gone

    async def _remove(self, resolution: Resolution, now: int, days: float, project: str | None) -> None:
        before = max(0, now - int(days * _DAY_NS))
        job = partial(rolling.expire, resolution=resolution, before_ns=before, project=project)
        if await self._engine.work(
            partial(rolling.has_expired, resolution=resolution, before_ns=before, project=project)
        ):
            while await self._engine.write(job):
                pass


def pack_now(connection: sqlite3.Connection, until: int, pack: _Pack = rolling.pack) -> bool:
    """
    Pack between two writes.

    Args:
        connection: In a transaction.
        until: Rows before this time, ns.
        pack: Reads them.

    Returns:
        Whether there are more.
    """
    packed = pack(connection, until)
    if packed is None:
        return False
    rolling.store_packed(connection, packed)
    return packed.rest
