"""The page about metrics of processes and machines lists what is measured, with kinds and units."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from pylogtap.process.measuring import Measuring
from pylogtap_collector.host.sampler import HostSampler
from tests.support.documents import DOCS, code, rows

if TYPE_CHECKING:
    from pylogtap.process.meter import Sample

PAGE = DOCS / "reference" / "process-metrics.md"


def listed(head: str) -> dict[str, tuple[str, str | None]]:
    """Return kind and unit of each metric of a table."""
    return {code(row[0]): (row[1], row[2] or None) for row in rows(PAGE, head)}


async def test_process() -> None:
    """All metrics of a process are there, and no others; a loop runs, as it does here."""
    loop, complete = asyncio.get_running_loop(), asyncio.Event()
    found: dict[str, tuple[str, str | None]] = {}

    def take(_: int, samples: list[Sample]) -> None:
        found.update((each.name, (each.kind, each.unit)) for each in samples)
        if "process.event_loop.lag" in found:
            loop.call_soon_threadsafe(complete.set)

    measuring = Measuring(0.1, take)
    measuring.start()
    try:
        await complete.wait()
    finally:
        measuring.end(last=False)
    assert found == listed("process metric")


def test_system() -> None:
    """All metrics of a machine are there; some of them not every machine has."""
    sampler = HostSampler(PAGE.parent)
    time.sleep(0.05)  # processors are counted in hundredths of a second
    found = {each.name: (each.kind, each.unit) for each in sampler.sample(time.time_ns())}
    table = listed("system metric")
    assert found.items() <= table.items()
    assert {"system.memory.limit", "system.filesystem.usage", "system.uptime"} <= found.keys()
