"""Real containers that say what they did, and what is measured of them by each source."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap_collector.containers.cgroups import CgroupFiles
from pylogtap_collector.containers.engine import Engine
from pylogtap_collector.containers.gaps import CGROUPS
from pylogtap_collector.containers.model import read_container
from pylogtap_collector.containers.sampler import Sampler
from tests.support.engine import PYTHON, Containers
from tests.support.readings import values

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
    from pathlib import Path

    from pylogtap_collector.containers.model import Container
    from pylogtap_collector.containers.sampler import SourceName
    from pylogtap_collector.taps.entries import Entry, Point

pytestmark = pytest.mark.engine
MIB = 1 << 20
HOLD = "x = bytearray(100 << 20); x[::4096] = b'x' * len(x[::4096]); print('done'); input()"
SEND = "dd if=/dev/zero of=/www/load bs=1M count=20 && httpd -f -p 80 -h /www"
TAKE = "until wget -q -O /dev/null http://{}/load; do sleep 0.05; done; echo done; sleep 600"
# Past the cache: what the kernel writes later is nobody's with cgroups v1.
WRITE = "dd if=/dev/zero of=/written bs=1M count=16 oflag=direct && echo done && sleep 600"


class Kept:
    """A sink that keeps what it gets, call by call."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.calls: list[list[Point]] = []

    async def take(self, entries: Sequence[Entry], marks: Mapping[str, str] | None = None) -> None:
        """Keep nothing: there are no logs here."""

    async def marks(self, beginning: str) -> Mapping[str, str]:
        """Know of nothing."""
        return {}

    async def measure(self, points: Sequence[Point]) -> None:
        """Keep points."""
        self.calls.append(list(points))

    def last(self, container: Container) -> dict[str, float]:
        """Return what was measured of a container the last time, by metric and direction."""
        return values(point for point in self.calls[-1] if point.place == container.place)


@pytest.fixture(scope="module")
def loads(engine: str) -> Iterator[dict[str, str]]:
    """Start containers that have a known load, by what they do, and wait until what ends has ended."""
    started = Containers(engine)
    try:
        found = {
            "burn": started.run("sh", "-c", "while :; do :; done", name="burn", nano_cpus=10**9),
            "hold": started.run(
                *("python3", "-c", HOLD), image=PYTHON, name="hold", mem_limit=1 << 30, stdin_open=True
            ),
            "send": started.run("sh", "-c", SEND, name="send"),
            "write": started.run("sh", "-c", WRITE, name="write"),
        }
        address = started.inspect(found["send"])["NetworkSettings"]["IPAddress"]
        found["take"] = started.run("sh", "-c", TAKE.format(address), name="take")
        for name in ("hold", "write", "take"):
            deadline = time.monotonic() + 30
            while b"done" not in started.client.logs(found[name]):
                assert time.monotonic() < deadline, name
                time.sleep(0.05)
        yield found
    finally:
        started.close()


@pytest.fixture
async def connected(engine: str) -> AsyncIterator[Engine]:
    """Reach the engine."""
    found = Engine(engine)
    await found.connect()
    yield found
    await found.close()


async def measured(
    connected: Engine,
    kept: Kept,
    ids: Sequence[str],
    source: SourceName,
    files: CgroupFiles | None = None,
) -> tuple[Sampler, list[Container]]:
    """Follow containers, and measure them until each was measured twice."""
    sampler = Sampler(connected, kept, period_s=0.1, source=source, files=files)
    found = [read_container(await connected.inspect(container_id)) for container_id in ids]
    for container in found:
        sampler.follow(container)
    seen: list[str] = []
    async with asyncio.timeout(20):
        while any(seen.count(container.id) < 2 for container in found):
            before = len(kept.calls)
            await sampler.tick()
            places = {point.place for call in kept.calls[before:] for point in call}
            seen += [container.id for container in found if container.place in places]
            await asyncio.sleep(0.1)
    return sampler, found


async def lines(connected: Engine, container_id: str) -> AsyncGenerator[dict[str, Any], None]:
    """Yield what `docker stats` is made of."""
    async with connected.get(f"/containers/{container_id}/stats", {"stream": "1"}, idle_s=10) as answer:
        async for line in answer.content:
            yield json.loads(line)


def shown(stats: dict[str, Any]) -> float:
    """Return the CPU % that `docker stats` shows."""
    now, before = stats["cpu_stats"], stats["precpu_stats"]
    used: int = now["cpu_usage"]["total_usage"] - before["cpu_usage"]["total_usage"]
    given: int = now["system_cpu_usage"] - before["system_cpu_usage"]
    return 100 * used / given * int(now["online_cpus"])


@pytest.mark.parametrize("source", ["files", "stream"])
async def test_cpu_is_that_of_docker_stats(
    connected: Engine, loads: dict[str, str], source: SourceName
) -> None:
    """What a burning container uses is within 5 points of what `docker stats` shows at the same moment."""
    kept = Kept()
    sampler, (container,) = await measured(connected, kept, [loads["burn"]], source)
    found, expected = [], []
    async with aclosing(lines(connected, container.id)) as stream:
        async for stats in stream:
            await asyncio.sleep(0.1)  # the sampler's own stream has had the line, too
            before = len(kept.calls)
            await sampler.tick()
            if "system_cpu_usage" in stats["precpu_stats"] and len(kept.calls) > before:
                found.append(kept.last(container)["container.cpu.percent"])
                expected.append(shown(stats))
            if len(found) == 4:
                break
    await sampler.close()
    # of all together: on a busy machine a moment more or less of one second makes much of a difference
    assert statistics.mean(found) == pytest.approx(statistics.mean(expected), abs=5)
    assert kept.last(container)["container.cpu.percent"] > 5
    assert kept.last(container)["container.cpu.limit_percent"] == pytest.approx(
        kept.last(container)["container.cpu.percent"]
    )


@pytest.mark.parametrize("source", ["files", "stream", "poll"])
async def test_what_containers_did(connected: Engine, loads: dict[str, str], source: SourceName) -> None:
    """Memory within 2 %, bytes sent, received and written within 5 % of what the containers did."""
    kept = Kept()
    names = ["hold", "send", "take", "write"]
    sampler, (hold, send, take, write) = await measured(
        connected, kept, [loads[name] for name in names], source
    )
    async with aclosing(lines(connected, hold.id)) as stream:
        reference = (await anext(stream))["memory_stats"]
    found: dict[str, dict[str, float]] = {}
    for call in kept.calls:
        for container in (hold, send, take, write):
            found.setdefault(container.name, {}).update(
                values(point for point in call if point.place == container.place)
            )
    used = reference["usage"] - reference["stats"]["total_inactive_file"]
    assert found[hold.name]["container.memory.usage"] == pytest.approx(used, rel=0.02)
    assert found[hold.name]["container.memory.usage"] > 100 * MIB
    assert found[hold.name]["container.memory.limit"] == 1 << 30
    assert found[hold.name]["container.memory.percent"] == pytest.approx(100 * used / (1 << 30), rel=0.02)
    assert found[hold.name]["container.pids"] >= 1
    assert found[send.name]["container.network.io.transmit"] == pytest.approx(20 * MIB, rel=0.05)
    assert found[take.name]["container.network.io.receive"] == pytest.approx(20 * MIB, rel=0.05)
    assert found[write.name]["container.disk.io.write"] == pytest.approx(16 * MIB, rel=0.05)
    assert not any(sampler.gaps()[write.id])
    await sampler.close()


async def test_bytes_written_by_processes_that_ended(
    connected: Engine, loads: dict[str, str], tmp_path: Path
) -> None:
    """Where the kernel does not count by group, the processes' own counters tell the same."""
    for controller in ("cpuacct", "cpu", "memory", "pids"):
        (tmp_path / controller).symlink_to(CGROUPS / controller)
    if not (CGROUPS / "cpuacct").exists():
        pytest.skip("cgroups v2 always count")
    kept = Kept()
    sampler, (write,) = await measured(connected, kept, [loads["write"]], "files", CgroupFiles(tmp_path))
    assert kept.last(write)["container.disk.io.write"] == pytest.approx(16 * MIB, rel=0.05)
    await sampler.close()


async def test_one_call_for_all_containers(connected: Engine, loads: dict[str, str]) -> None:
    """A tick hands the points of all containers on at once, from files, where they are of this machine."""
    kept = Kept()
    sampler, found = await measured(connected, kept, list(loads.values()), "auto")
    before = len(kept.calls)
    await sampler.tick()
    assert len(kept.calls) == before + 1
    assert {point.place for point in kept.calls[-1]} == {container.place for container in found}
    assert set(sampler.sources().values()) == {"files"}
    await sampler.close()


@pytest.mark.parametrize("source", ["files", "stream"])
async def test_one_that_goes_away_and_one_that_starts_anew(
    connected: Engine, containers: Containers, source: SourceName
) -> None:
    """A removed container does not silence the others; one that was started anew has no negative rates."""
    kept = Kept()
    gone, anew = containers.run("sleep", "600"), containers.run("sh", "-c", "while :; do :; done")
    sampler, (_, other) = await measured(connected, kept, [gone, anew], source)
    containers.client.remove_container(gone, force=True)
    containers.client.restart(anew, timeout=0)
    again = read_container(await connected.inspect(anew))
    assert again.started_at != other.started_at
    sampler.follow(again)
    before = len(kept.calls)
    async with asyncio.timeout(20):
        while len(kept.calls) < before + 3:
            await sampler.tick()
            await asyncio.sleep(0.1)
    fresh = [values(call) for call in kept.calls[before:]]
    assert all(point.place == other.place for call in kept.calls[before + 1 :] for point in call)
    assert fresh[-1]["container.uptime"] < 20
    assert all(value >= 0 for call in fresh for value in call.values())
    sampler.forget(gone)
    await sampler.tick()
    await sampler.close()


async def test_the_network_of_the_machine(connected: Engine, containers: Containers) -> None:
    """A container in the network of the machine has no traffic of its own, and it is said why."""
    kept = Kept()
    started = containers.run("sleep", "600", network_mode="host")
    sampler, (container,) = await measured(connected, kept, [started], "auto")
    assert not any("network" in name for name in kept.last(container))
    assert any("the network of the machine" in str(gap) for gap in sampler.gaps()[started])
    await sampler.close()


async def test_run_measures_every_period(connected: Engine, loads: dict[str, str]) -> None:
    """Points come again and again, each at its own time, until the sampler is cancelled."""
    kept = Kept()
    sampler = Sampler(connected, kept, period_s=0.05)
    sampler.follow(read_container(await connected.inspect(loads["hold"])))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(sampler.run(), 1)
    assert len(kept.calls) >= 2
    times = [call[0].time_ns for call in kept.calls]
    assert times == sorted(set(times))
    assert sampler.sources() == {}
