"""A collector's services without its web server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from pylogtap.wire import HEADER_SIZE
from pylogtap_collector.assembly import Collector
from pylogtap_collector.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.support.segments import SegmentBuilder


@asynccontextmanager
async def running_store(data: Path | None = None, **settings: Any) -> AsyncIterator[Collector]:
    """
    Run a collector's parts while this lasts.

    Args:
        data: Folder of the database; None: in memory.
        settings: Further settings, by their names.
    """
    place = {"memory": True} if data is None else {"data": data}
    collector = Collector(Settings(**place, **{"host_metrics": False, "docker": "off", **settings}))
    async with collector.running():
        yield collector


@contextmanager
def kept_store() -> Iterator[tuple[asyncio.Runner, Collector]]:
    """Run a collector's parts in memory, for tests that are no coroutines; yield what runs these, and it."""
    with asyncio.Runner() as runner:
        running = running_store()
        store = runner.run(running.__aenter__())
        yield runner, store
        runner.run(running.__aexit__(None, None, None))


async def deliver(store: Collector, segment: SegmentBuilder, start: int = HEADER_SIZE) -> int:
    """Deliver a segment from an offset on, and return where the collector wants to go on."""
    answer = await store.services.ingest.accept(segment.identity, start, segment.slice(start), encoding=None)
    return answer.next


async def messages(store: Collector, q: str = "", **options: Any) -> list[str]:
    """Return the messages that a query finds, oldest first."""
    found: list[str] = []
    async for logs in store.services.logs.export(q, **options):
        found += [log.message for log in logs]
    return found
