"""
A sampler of containers in a process of its own; started by `bench_containers`.

Follows all containers of an engine, says `ready`, and for each line with a number of seconds that it reads
measures for so long and prints a JSON object with what that took.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from pylogtap_collector.containers.engine import Engine
from pylogtap_collector.containers.model import read_container
from pylogtap_collector.containers.sampler import Sampler

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pylogtap_collector.containers.sampler import SourceName
    from pylogtap_collector.taps.entries import Entry, Point


class Counting:
    """A sink that only counts."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.points = self.samples = 0

    async def take(self, entries: Sequence[Entry], marks: Mapping[str, str] | None = None) -> None:
        """There are no logs here."""

    async def marks(self, beginning: str) -> Mapping[str, str]:
        """Know of nothing that was read."""
        del beginning
        return {}

    async def measure(self, points: Sequence[Point]) -> None:
        """Count points, and the containers that they are of."""
        self.points += len(points)
        self.samples += sum(point.name == "container.cpu.time" for point in points)


async def main(address: str, source: SourceName, period_s: float) -> None:
    """Measure as often as asked to."""
    engine, sink = Engine(address), Counting()
    await engine.connect()
    sampler = Sampler(engine, sink, period_s=period_s, source=source)
    for each in await engine.containers():
        sampler.follow(read_container(await engine.inspect(each["Id"])))
    running = asyncio.create_task(sampler.run())
    await asyncio.sleep(period_s + 2)  # streams have begun, and every container has a reading before
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        seconds = float(line)
        sink.points = sink.samples = 0
        cpu, began = time.process_time(), time.monotonic()
        await asyncio.sleep(seconds)
        passed = time.monotonic() - began
        found = {
            "sampler_percent": 100 * (time.process_time() - cpu) / passed,
            "samples_per_s": sink.samples / passed,
            "points_per_s": sink.points / passed,
        }
        print(json.dumps(found), flush=True)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    await engine.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], cast("SourceName", sys.argv[2]), float(sys.argv[3])))
