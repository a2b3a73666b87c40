"""The collector's machine, measured: values beside those of the kernel."""

from __future__ import annotations

import os
import time
from collections import namedtuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylogtap.prefix import host_name
from pylogtap_collector.host.sampler import HostSampler, share_of_work
from pylogtap_collector.host.volumes import mount_point, volumes

if TYPE_CHECKING:
    from pylogtap_collector.taps.entries import Point

NOW_NS = 1_700_000_000_000_000_000
Disk = namedtuple("Disk", "device mountpoint fstype opts")  # noqa: PYI024 - as psutil has them
seconds = st.dictionaries(
    st.sampled_from(["user", "system", "idle", "iowait", "steal"]), st.floats(0, 1e12), max_size=5
)


def sample(folder: Path | None = None) -> list[Point]:
    """Measure over a moment."""
    sampler = HostSampler(folder)
    time.sleep(0.05)
    return sampler.sample(NOW_NS)


def value(points: list[Point], name: str, **labels: str) -> float:
    """Return the one value of a metric."""
    (found,) = (each for each in points if each.name == name and dict(each.labels) == labels)
    return found.value


def test_place_and_time() -> None:
    """All points stand under the machine's name, at the given time, and are finite."""
    points = sample()
    assert {each.place for each in points} == {("system", "host", host_name())}
    assert {each.time_ns for each in points} == {NOW_NS}
    assert all(abs(each.value) < float("inf") for each in points)
    assert len({(each.name, each.labels) for each in points}) == len(points)


def test_values_are_those_of_the_kernel() -> None:
    """Memory, load, uptime and processor time are what /proc says (proc(5))."""
    points = sample()
    memory = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    assert value(points, "system.memory.limit") == int(memory["MemTotal"].split()[0]) * 1024
    available = int(memory["MemAvailable"].split()[0]) * 1024
    assert value(points, "system.memory.available") == pytest.approx(available, rel=0.25)
    assert value(points, "system.swap.limit") == int(memory["SwapTotal"].split()[0]) * 1024
    assert value(points, "system.load_average.1m") == pytest.approx(os.getloadavg()[0], abs=1)
    assert value(points, "system.cpu.count") == os.cpu_count()
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    assert value(points, "system.uptime") == pytest.approx(uptime, abs=5)
    user = int(Path("/proc/stat").read_text().split()[1]) / os.sysconf("SC_CLK_TCK")
    assert value(points, "system.cpu.time", state="user") == pytest.approx(user, abs=10)


def test_busy_processors() -> None:
    """A process that works shows in the share of all processors."""
    sampler = HostSampler(None)
    until = time.process_time() + 0.3
    while time.process_time() < until:
        sum(range(1_000))
    share = value(sampler.sample(NOW_NS), "system.cpu.percent")
    assert 1 < share <= 100


@given(seconds, seconds)
def test_shares_are_shares(before: dict[str, float], now: dict[str, float]) -> None:
    """Whatever the kernel counts, forward or back, the share is one, or unknown."""
    share = share_of_work(before, now)
    assert share is None or 0 <= share <= 100.0001


def test_share_by_hand() -> None:
    """Waiting for a disk is no work, and a state that nobody knew before does not count."""
    before = {"user": 10.0, "idle": 100.0, "iowait": 5.0}
    assert share_of_work(before, {"user": 11.0, "idle": 102.0, "iowait": 6.0, "steal": 9.0}) == 25
    assert share_of_work(before, before) is None
    assert share_of_work({}, {}) is None


def test_devices_of_containers_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """What containers and the loopback carry is not counted as the machine's."""
    count = psutil._ntuples.snetio(1, 2, 0, 0, 0, 0, 0, 0)
    names = ["lo", "eth0", "veth12ab", "br-0123", "docker0", "wlan0"]
    monkeypatch.setattr(psutil, "net_io_counters", lambda **_: dict.fromkeys(names, count))
    points = sample()
    found = {dict(each.labels)["device"] for each in points if each.name == "system.network.io"}
    assert found == {"eth0", "wlan0"}
    assert value(points, "system.network.io", device="eth0", direction="transmit") == 1
    assert value(points, "system.network.io", device="eth0", direction="receive") == 2


def test_what_is_unknown_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without disks, and one that shows no memory, has no such metrics; the others are there."""

    def refuse(*_: Any, **__: Any) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "disk_io_counters", lambda **_: None)
    monkeypatch.setattr(psutil, "virtual_memory", refuse)
    monkeypatch.setattr(psutil, "cpu_times", refuse)
    monkeypatch.setattr(psutil, "cpu_count", lambda: None)
    names = {each.name for each in sample()}
    assert not [name for name in names if name.startswith(("system.disk", "system.memory", "system.cpu"))]
    assert "system.processes" in names


def test_the_data_folder_is_always_measured(tmp_path: Path) -> None:
    """Its file system comes first, also when the folder is not there yet."""
    home = mount_point(tmp_path)
    assert Path(home).is_mount()
    assert mount_point(tmp_path / "not" / "yet") == home
    assert volumes(tmp_path)[0] == home
    points = sample(tmp_path)
    usage = psutil.disk_usage(str(tmp_path))
    assert value(points, "system.filesystem.limit", mountpoint=home) == usage.total
    assert value(points, "system.filesystem.usage", mountpoint=home) == pytest.approx(usage.used, rel=0.1)


def test_file_systems_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is mounted twice is there once, images and what is gone not at all, and there is a limit."""
    short = tmp_path / "a"
    longer = tmp_path / "a" / "longer"
    longer.mkdir(parents=True)
    found = [
        Disk("/dev/x", str(longer), "ext4", ""),
        Disk("/dev/x", str(short), "ext4", ""),
        Disk("/dev/loop0", "/proc", "squashfs", ""),
        Disk("/dev/gone", str(tmp_path / "gone"), "ext4", ""),
    ]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: found)
    assert volumes(None) == [str(short)]
