"""A collector in this process with its ports for other protocols open, and what was stored through them."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pylogtap_collector.assembly import Collector
from pylogtap_collector.ports import Ports
from pylogtap_collector.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from pylogtap_collector.models import Log
    from pylogtap_collector.services.counters import Tally
    from pylogtap_collector.services.directory import Directory

_PATIENCE_S = 30.0
_LOOK_S = 0.02


@dataclass(frozen=True)
class Opened:
    """
    Ports that are open.

    Attributes:
        collector: Behind them.
        ports: Themselves.
    """

    collector: Collector
    ports: Ports

    @property
    def forward(self) -> int:
        """The port for Fluent Forward."""
        assert self.ports.forward_port is not None
        return self.ports.forward_port

    @property
    def lines(self) -> int:
        """The port for syslog, GELF and JSON lines."""
        assert self.ports.lines_port is not None
        return self.ports.lines_port

    @property
    def tally(self) -> Tally:
        """What the ports count."""
        return self.ports.tally

    @property
    def directory(self) -> Directory:
        """Who may come in."""
        return self.collector.directory

    async def logs(self, query: str = "") -> list[Log]:
        """
        Return what is stored, the oldest first.

        Args:
            query: Which records; default: all.
        """
        found: list[Log] = []
        async for logs in self.collector.services.logs.export(query):
            found += logs
        return sorted(found, key=lambda log: log.id)

    async def wait(self, count: int, query: str = "") -> list[Log]:
        """
        Wait until so many records are stored; return them.

        Args:
            count: How many, at least.
            query: Which records; default: all.
        """
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                found = await self.logs(query)
                if len(found) >= count:
                    return found
                await asyncio.sleep(_LOOK_S)

    @staticmethod
    async def until(true: Callable[[], object]) -> None:
        """
        Wait until something is so.

        Args:
            true: Tells it.
        """
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                if true():
                    return
                await asyncio.sleep(_LOOK_S)


@asynccontextmanager
async def opened_ports(*, data: Path | None = None, **settings: Any) -> AsyncIterator[Opened]:
    """
    Run a collector and its ports while this lasts; they listen on free ports of the loopback.

    Args:
        data: Folder of the database; default: everything is in memory.
        settings: Further settings, by their names.
    """
    settings = {"adopt": False, "forward_port": 0, "lines_port": 0, **settings}
    with tempfile.TemporaryDirectory(prefix="pylogtap-test-") as folder:
        chosen = Settings(memory=data is None, data=data or Path(folder), port=0, **settings)
        collector = Collector(chosen)
        async with collector.running() as services:
            ports = Ports(chosen, services.intake, collector.directory, collector.counters.ports)
            await ports.start()
            try:
                yield Opened(collector, ports)
            finally:
                await ports.stop()
