"""Which source containers are measured by, and what becomes of one when the engine goes away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.containers.cgroups import CgroupFiles
from pylogtap_collector.containers.engine import Engine
from pylogtap_collector.containers.model import read_container
from pylogtap_collector.containers.sampler import Sampler
from tests.support.engine import Containers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pylogtap_collector.containers.sampler import SourceName
    from pylogtap_collector.taps.entries import Entry, Point
    from tests.support.engine import EngineProcess

pytestmark = pytest.mark.engine


class Counting:
    """A sink that counts calls."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.calls = 0

    async def take(self, entries: Sequence[Entry], marks: Mapping[str, str] | None = None) -> None:
        """Keep nothing: there are no logs here."""

    async def marks(self, beginning: str) -> Mapping[str, str]:
        """Know of nothing."""
        return {}

    async def measure(self, points: Sequence[Point]) -> None:
        """Count."""
        self.calls += 1


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ({"Version": "20.10.24+dfsg1"}, "stream"),
        ({"Version": "25.0.0"}, "poll"),
        ({"Version": "29.1"}, "poll"),
        ({"Version": "4.3.1", "Components": [{"Name": "Podman Engine"}]}, "poll"),
        ({"Version": "dev"}, "stream"),
        ({}, "stream"),
    ],
)
async def test_the_engine_is_asked_where_files_cannot_be_seen(
    engine: str, containers: Containers, tmp_path: Path, version: dict[str, object], expected: SourceName
) -> None:
    """Engines that answer a poll at once are polled; of others a stream is kept open."""
    connected, counting = Engine(engine), Counting()
    await connected.connect()
    connected.version = version
    sampler = Sampler(connected, counting, period_s=0.1, files=CgroupFiles(tmp_path))
    started = containers.run("sleep", "600")
    sampler.follow(read_container(await connected.inspect(started)))
    assert sampler.sources() == {started: expected}
    async with asyncio.timeout(20):
        while not counting.calls:
            await sampler.tick()
            await asyncio.sleep(0.05)
    sampler.forget(started)
    assert sampler.sources() == {}
    await sampler.close()
    await connected.close()


@pytest.mark.parametrize("source", ["files", "stream", "poll"])
async def test_measuring_goes_on_when_the_engine_is_back(
    private_engine: Callable[..., EngineProcess], source: SourceName
) -> None:
    """A container that outlives its engine is measured again, without being followed anew."""
    process = private_engine("--live-restore")
    containers = Containers(process.address)
    started = containers.run("sleep", "600")
    connected, counting = Engine(process.address), Counting()
    await connected.connect()
    sampler = Sampler(connected, counting, period_s=0.1, source=source)
    sampler.follow(read_container(await connected.inspect(started)))
    await _until_measured(sampler, counting)
    process.kill()
    await sampler.tick()  # what had come before
    before = counting.calls
    await sampler.tick()
    assert (counting.calls > before) == (source == "files")
    process.start()
    await connected.connect()
    counting.calls = 0
    await _until_measured(sampler, counting)
    await sampler.close()
    await connected.close()
    containers.close()


@pytest.mark.parametrize("source", ["stream", "poll"])
async def test_measuring_goes_on_after_hanging_up(
    engine: str, containers: Containers, source: SourceName
) -> None:
    """Who reconnects hangs up on all that is read meanwhile: those who read are told, and begin again."""
    connected, counting = Engine(engine), Counting()
    await connected.connect()
    sampler = Sampler(connected, counting, period_s=0.1, source=source)
    sampler.follow(read_container(await connected.inspect(containers.run("sleep", "600"))))
    for _ in range(2):
        await _until_measured(sampler, counting)
        counting.calls = 0
        await connected.connect()
        await sampler.tick()  # what had come before
    await sampler.close()
    await connected.close()


async def _until_measured(sampler: Sampler, counting: Counting) -> None:
    async with asyncio.timeout(20):
        while not counting.calls:
            await sampler.tick()
            await asyncio.sleep(0.05)
