"""
What the whole machine does: processors, memory, disks, networks, file systems.

Names follow the semantic conventions of OpenTelemetry for systems, as far as those have one. What the
platform does not know is left out, never zero.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import psutil

from pylogtap.prefix import host_name
from pylogtap_collector.host.volumes import volumes
from pylogtap_collector.taps.entries import Point
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from pathlib import Path

    from pylogtap_collector.taps.entries import PointKind

_UNKNOWN = (psutil.Error, OSError, AttributeError, NotImplementedError, RuntimeWarning)
_INNER = ("veth", "br-", "docker")  # of containers: what they carry is counted by others, too
_MOST_DEVICES = 32
_GUESTS = frozenset({"guest", "guest_nice"})  # are in user and nice already, proc(5)
_IDLE = frozenset({"idle", "iowait"})


def host_place() -> Place:
    """Return where the metrics of this machine stand."""
    return Place("system", "host", host_name())


class HostSampler:
    """Measures this machine. One at a time; it asks the system, so not on an event loop."""

    def __init__(self, folder: Path | None) -> None:
        """
        Begin: the share of the processors is the one since now.

        Args:
            folder: Of the data; its file system is always measured. None: there is none.
        """
        self._folder = folder
        self._place = host_place()
        self._time_ns = 0
        self._points: list[Point] = []
        self._last = self._read_processors()

    def sample(self, now_ns: int) -> list[Point]:
        """
        Return the values of now.

        Args:
            now_ns: The time, ns since the epoch.
        """
        self._time_ns, self._points = now_ns, []
        for group in (
            self._processors,
            self._load,
            self._memory,
            self._swap,
            self._networks,
            self._disks,
            self._volumes,
            self._processes,
            self._uptime,
        ):
            try:
                group()
            except _UNKNOWN:
                continue
        return self._points

    def _add(
        self,
        name: str,
        value: float | None,
        unit: str | None = None,
        kind: PointKind = "gauge",
        **labels: str,
    ) -> None:
        if value is not None:
            pairs = tuple(sorted(labels.items()))
            self._points.append(
                Point(self._place, f"system.{name}", float(value), self._time_ns, unit, kind, pairs)
            )

    @staticmethod
    def _read_processors() -> dict[str, float]:
        try:
            times = psutil.cpu_times()._asdict()
        except _UNKNOWN:
            return {}
        return {state: seconds for state, seconds in times.items() if state not in _GUESTS}

    def _processors(self) -> None:
        self._add("cpu.count", psutil.cpu_count())
        now, before = self._read_processors(), self._last
        self._last = now
        for state, seconds in now.items():
            self._add("cpu.time", seconds, "s", "counter", state=state)
        self._add("cpu.percent", share_of_work(before, now), "%")

    def _load(self) -> None:
        for name, load in zip(("1m", "5m", "15m"), os.getloadavg(), strict=True):
            self._add(f"load_average.{name}", load)

    def _memory(self) -> None:
        memory = psutil.virtual_memory()
        self._add("memory.usage", memory.used, "bytes")
        self._add("memory.available", memory.available, "bytes")
        self._add("memory.limit", memory.total, "bytes")
        self._add("memory.percent", memory.percent, "%")

    def _swap(self) -> None:
        swap = psutil.swap_memory()
        self._add("swap.usage", swap.used, "bytes")
        self._add("swap.limit", swap.total, "bytes")

    def _networks(self) -> None:
        found = psutil.net_io_counters(pernic=True, nowrap=False)
        wanted = sorted(name for name in found if name != "lo" and not name.startswith(_INNER))
        for name in wanted[:_MOST_DEVICES]:
            for direction, count in (
                ("receive", found[name].bytes_recv),
                ("transmit", found[name].bytes_sent),
            ):
                self._add("network.io", count, "bytes", "counter", device=name, direction=direction)

    def _disks(self) -> None:
        found: Any = psutil.disk_io_counters(nowrap=False)  # of whole disks, not of their partitions again
        if found is None:
            return
        for direction in ("read", "write"):
            count = getattr(found, f"{direction}_bytes")
            self._add("disk.io", count, "bytes", "counter", direction=direction)
            count = getattr(found, f"{direction}_count")
            self._add("disk.operations", count, None, "counter", direction=direction)

    def _volumes(self) -> None:
        for mountpoint in volumes(self._folder):
            try:
                usage = psutil.disk_usage(mountpoint)
            except _UNKNOWN:  # not ours to look at, or gone
                continue
            self._add("filesystem.usage", usage.used, "bytes", mountpoint=mountpoint)
            self._add("filesystem.limit", usage.total, "bytes", mountpoint=mountpoint)
            self._add("filesystem.percent", usage.percent, "%", mountpoint=mountpoint)

    def _processes(self) -> None:
        self._add("processes", len(psutil.pids()))

    def _uptime(self) -> None:
        clock = getattr(time, "CLOCK_BOOTTIME", None)  # does not jump when somebody sets the time
        seconds = time.time() - psutil.boot_time() if clock is None else time.clock_gettime(clock)
        self._add("uptime", max(0.0, seconds), "s")


def share_of_work(before: dict[str, float], now: dict[str, float]) -> float | None:
    """
    Return how busy the processors were between two readings, 0 to 100; None: no time has passed.

    Args:
        before: Seconds by state.
        now: Likewise, later. Seconds of waiting can go back (proc(5)): that counts as none.
    """
    passed = {state: max(0.0, seconds - before.get(state, seconds)) for state, seconds in now.items()}
    total = sum(passed.values())
    if total <= 0:
        return None
    return 100 * sum(seconds for state, seconds in passed.items() if state not in _IDLE) / total
