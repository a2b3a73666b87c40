"""What recorded answers of engines become: the figures of `docker stats`, and nothing that is not known."""

from __future__ import annotations

import pytest

from pylogtap_collector.containers.arithmetic import cpu_percent, points_of
from pylogtap_collector.containers.gaps import gaps_of
from pylogtap_collector.containers.readings import Reading, read_stats
from tests.support.readings import DERIVED, DOCKER, NOW_NS, PODMAN, answers, container, readings, values

FIRST = Reading(
    time_ns=10**18, started_at=container().started_at, cpu_ns=5_000_000_000, system_ns=10**14, cpus=2
)


def after(seconds: float, used_s: float) -> Reading:
    """Return a reading some time after the first one, of a machine with two CPUs."""
    passed = round(seconds * 1e9)
    return FIRST._replace(
        time_ns=FIRST.time_ns + passed,
        cpu_ns=5_000_000_000 + round(used_s * 1e9),
        system_ns=10**14 + 2 * passed,
    )


@pytest.mark.parametrize(("seconds", "used_s", "percent"), [(1, 1, 100), (2, 4, 200), (5, 0, 0), (4, 1, 25)])
def test_one_core_is_100_percent(seconds: float, used_s: float, percent: float) -> None:
    """The CPU time used in the time between two readings, however long that was."""
    assert cpu_percent(after(seconds, used_s), FIRST) == pytest.approx(percent)


def test_docker_counts_as_its_own_command_does() -> None:
    """The figures of each second of a stream, with the formula of `docker stats` worked out by hand."""
    first, second, third, _ = readings(f"{DOCKER}-stream-running")
    assert cpu_percent(second, first) == pytest.approx((436771690 - 44883704) / 2_000_000_000 * 2 * 100)
    assert cpu_percent(third, second) == pytest.approx((807905916 - 436771690) / 2_010_000_000 * 2 * 100)
    found = values(points_of(container(), third, second))
    assert found["container.memory.limit"] == 67108864
    assert found["container.network.io.receive"] == 646
    assert found["container.cpu.time"] == pytest.approx(0.807905916)


def test_reclaimable_cache_is_no_used_memory() -> None:
    """With cgroups v1 `total_inactive_file` goes off, with v2 `inactive_file`; Podman tells neither."""
    (found,) = readings(f"{DOCKER}-after-restart")
    assert found.memory == 9318400 - 8388608
    assert readings(f"{DERIVED}-stream")[0].memory == 12582912 - 3145728
    assert readings(f"{PODMAN}-oneshot")[0].memory == 11022336


def test_only_reads_and_writes_are_counted() -> None:
    """Sync, Async, Discard and Total are the same bytes once more; disks are added up."""
    (found,) = readings(f"{DOCKER}-oneshot")
    assert (found.read, found.written) == (4096, 8400896)
    derived = readings(f"{DERIVED}-stream")[-1]
    assert (derived.read, derived.written) == (94208 + 4096, 9437184)
    (swapped,) = readings(f"{PODMAN}-oneshot")
    assert (swapped.read, swapped.written) == (1781760, 8413184)


def test_empty_block_io_is_unknown() -> None:
    """Lists without an entry say that the kernel does not count, not that nothing was read."""
    first = readings(f"{DOCKER}-stream-running")[0]
    assert (first.read, first.written) == (None, None)
    assert not any("disk" in name for name in values(points_of(container(), first, None)))
    (gap,) = gaps_of(container(), first, counts_block_io=False)
    assert str(gap) == "block I/O: the kernel does not count it"
    assert gap.can_switch_on


@pytest.mark.parametrize(
    ("counts", "written", "said", "can_switch_on"),
    [
        (False, 4096, "that of running processes is added up", True),
        (False, None, "the kernel does not count it", True),
        (None, None, "the kernel does not count it", True),
        (True, None, "counts none for it", False),
    ],
)
def test_why_block_io_is_unknown(
    counts: bool | None, written: int | None, said: str, can_switch_on: bool
) -> None:
    """Where the kernel counts by group nothing can be switched on; else one line of shell helps."""
    known = Reading(1, "", 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, written, written)
    (gap,) = gaps_of(container(), known, counts_block_io=counts)
    assert said in gap.reason
    assert gap.can_switch_on == can_switch_on
    assert gaps_of(container(), known._replace(read=1), counts_block_io=True) == []


def test_a_stopped_container_gives_no_sample() -> None:
    """The open stream of a stopped container says zeros, read in the year 1."""
    assert read_stats(container(), answers(f"{DOCKER}-stopped")[0], NOW_NS) is None


def test_the_first_reading_has_no_rate() -> None:
    """The average since the start is not what is used now."""
    first = readings(f"{DOCKER}-stream-running")[0]
    found = values(points_of(container(), first, None))
    assert "container.cpu.percent" not in found
    assert found["container.cpu.time"] == pytest.approx(0.044883704)


def test_counters_that_begin_anew() -> None:
    """After a restart the counters are lower, or the container's start is another: no rate, no negative."""
    before, *_ = readings(f"{DOCKER}-oneshot")
    anew, *_ = readings(f"{DOCKER}-after-restart")
    assert anew.cpu_ns is not None
    assert before.cpu_ns is not None
    assert anew.cpu_ns < before.cpu_ns
    assert cpu_percent(anew, before) is None
    higher = after(60, 30)._replace(started_at="2026-11-23T03:00:00Z")
    assert cpu_percent(higher, FIRST) is None
    assert cpu_percent(FIRST, FIRST) is None


def test_cgroups_v2() -> None:
    """One second of CPU in two is 50 %, however many CPUs there are; a quarter of its limit of two."""
    own = container(cpus=2.0)
    first, second = readings(f"{DERIVED}-stream", own)
    found = values(points_of(own, second, first))
    assert found["container.cpu.percent"] == pytest.approx(50)
    assert found["container.cpu.limit_percent"] == pytest.approx(25)
    assert found["container.cpu.throttled_time"] == pytest.approx(0.65)
    assert (found["container.cpu.periods"], found["container.cpu.throttled_periods"]) == (30, 12)
    assert found["container.network.io.transmit"] == 5020
    assert (found["container.network.errors.receive"], found["container.network.dropped.transmit"]) == (1, 2)
    assert found["container.memory.percent"] == pytest.approx(100 * 9437184 / 67108864)
    assert found["container.pids"] == 3
    assert found["container.uptime"] == pytest.approx(2.251835, abs=1e-5)


def test_podman() -> None:
    """Every five seconds, networks by their names, no details of memory: the same figures."""
    first, second, *_ = readings(f"{PODMAN}-stream-running")
    percent = cpu_percent(second, first)
    assert percent == pytest.approx(100 * (1403798094 - 40712631) / (7443671594193 - 7433657109586) * 2)
    assert (second.received, second.sent) == (542, 1166)


@pytest.mark.parametrize("own", [{"host_network": True}, {"shares_network": "b" * 64}])
def test_a_network_of_others_is_not_counted_twice(own: dict[str, object]) -> None:
    """What uses the network of another container or of the machine has no counters of its own."""
    first = readings(f"{DOCKER}-oneshot")[0]
    found = values(points_of(container(**own), first, None))
    assert not any("network" in name for name in found)
    (gap,) = gaps_of(container(**own), first)
    assert gap.value == "network"


def test_no_network_is_unknown() -> None:
    """An answer without networks says nothing of them."""
    answer = answers(f"{DOCKER}-oneshot")[0]
    del answer["networks"]
    found = read_stats(container(), answer, NOW_NS)
    assert found is not None
    assert found.received is None
    assert [gap.value for gap in gaps_of(container(), found)] == ["network"]


def test_an_engine_without_the_time_of_the_machine() -> None:
    """Then the clock takes its place."""
    first, second = (each._replace(system_ns=None) for each in (FIRST, after(2, 1)))
    assert cpu_percent(second, first) == pytest.approx(50)
