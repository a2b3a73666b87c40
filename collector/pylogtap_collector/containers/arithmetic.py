"""
From two readings of a container to points: no rate that is not sure, no zero for what is not known.

Names are those of OpenTelemetry's semantic conventions for containers where there are any (source:
https://opentelemetry.io/docs/specs/semconv/system/container-metrics/).
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from pylogtap.text.times import read_time
from pylogtap_collector.containers.readings import Reading
from pylogtap_collector.taps.entries import Point

if TYPE_CHECKING:
    from pylogtap_collector.containers.model import Container
    from pylogtap_collector.taps.entries import PointKind

_NS = 1_000_000_000
_IN, _OUT = (("direction", "receive"),), (("direction", "transmit"),)
_READ, _WRITE = (("direction", "read"),), (("direction", "write"),)


class _Metric(NamedTuple):
    """How one field of a reading becomes a point."""

    field: int
    name: str
    unit: str | None = None
    kind: PointKind = "counter"
    labels: tuple[tuple[str, str], ...] = ()
    divisor: int = 1


def _field(name: str) -> int:
    return Reading._fields.index(name)


_OWN = (
    _Metric(_field("cpu_ns"), "container.cpu.time", "s", divisor=_NS),
    _Metric(_field("periods"), "container.cpu.periods"),
    _Metric(_field("throttled_periods"), "container.cpu.throttled_periods"),
    _Metric(_field("throttled_ns"), "container.cpu.throttled_time", "s", divisor=_NS),
    _Metric(_field("memory"), "container.memory.usage", "bytes", "gauge"),
    _Metric(_field("memory_limit"), "container.memory.limit", "bytes", "gauge"),
    _Metric(_field("pids"), "container.pids", None, "gauge"),
    _Metric(_field("read"), "container.disk.io", "bytes", "counter", _READ),
    _Metric(_field("written"), "container.disk.io", "bytes", "counter", _WRITE),
)
_NETWORK = (
    _Metric(_field("received"), "container.network.io", "bytes", "counter", _IN),
    _Metric(_field("sent"), "container.network.io", "bytes", "counter", _OUT),
    _Metric(_field("receive_errors"), "container.network.errors", None, "counter", _IN),
    _Metric(_field("send_errors"), "container.network.errors", None, "counter", _OUT),
    _Metric(_field("receive_dropped"), "container.network.dropped", None, "counter", _IN),
    _Metric(_field("send_dropped"), "container.network.dropped", None, "counter", _OUT),
)
_ALL = _OWN + _NETWORK


def points_of(container: Container, reading: Reading, previous: Reading | None) -> list[Point]:
    """
    Make the points of a reading.

    Args:
        container: Whose. One that uses the network of another container or of the machine has no counters of
            its own there: they would be added up twice.
        reading: Of now.
        previous: The one before; None: there is none, so there is no rate yet.
    """
    place, time_ns = container.place, reading.time_ns
    points = [
        Point(place, name, value / divisor, time_ns, unit, kind, labels)
        for field, name, unit, kind, labels, divisor in (_ALL if has_network(container) else _OWN)
        if isinstance(value := reading[field], int)
    ]
    percent = cpu_percent(reading, previous)
    if percent is not None:
        points.append(Point(place, "container.cpu.percent", percent, time_ns, "%"))
        if cpus := container.cpus or reading.cpus:
            points.append(Point(place, "container.cpu.limit_percent", percent / cpus, time_ns, "%"))
    if reading.memory is not None and reading.memory_limit:
        share = 100 * reading.memory / reading.memory_limit
        points.append(Point(place, "container.memory.percent", share, time_ns, "%"))
    started_ns = _moment(container.started_at)
    if started_ns is not None and time_ns >= started_ns:
        points.append(Point(place, "container.uptime", (time_ns - started_ns) / _NS, time_ns, "s"))
    return points


def cpu_percent(reading: Reading, previous: Reading | None) -> float | None:
    """
    Return how much CPU was used since the reading before, in % of one core, as `docker stats` counts it.

    That is the container's part of the time that the CPUs of the machine have had, times their number
    (source: docker/cli `cli/command/container/stats_helpers.go`). Where the engine does not tell the
    machine's time, the clock takes its place.

    Args:
        reading: Of now.
        previous: The one before.

    Returns:
        None: not known, as with the first reading, or when the counters have begun anew.
    """
    if previous is None or reading.cpu_ns is None or previous.cpu_ns is None:
        return None
    used, passed = reading.cpu_ns - previous.cpu_ns, reading.time_ns - previous.time_ns
    if used < 0 or passed <= 0 or reading.started_at != previous.started_at:
        return None
    if reading.system_ns is None or previous.system_ns is None or not reading.cpus:
        return 100 * used / passed
    given = reading.system_ns - previous.system_ns
    return 100 * used / given * reading.cpus if given > 0 else None


def has_network(container: Container) -> bool:
    """Tell whether a container has counters of its network to itself."""
    return not container.host_network and container.shares_network is None


@lru_cache(maxsize=4096)
def _moment(text: str) -> int | None:
    return read_time(text, time.time_ns())
