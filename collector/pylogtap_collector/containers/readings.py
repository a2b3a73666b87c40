"""
What counters of a container said at one moment, and how they are read from the engine's own answer.

Sources: Docker Engine API, `GET /containers/{id}/stats`; docker/cli `cli/command/container/stats_helpers.go`
for what of the memory counts; moby `daemon/stats_unix.go` for what differs between cgroups v1 and v2.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pylogtap.text.times import read_time

if TYPE_CHECKING:
    from pylogtap_collector.containers.model import Container

_BEYOND = 1 << 63  # what the kernel says where there is no limit, and more than anything counts


class Reading(NamedTuple):
    """
    Counters at one moment; None is unknown, never zero.

    Attributes:
        time_ns: When they were read, ns since the epoch.
        started_at: When the container was started, as the engine writes it; counters begin anew with it.
        cpu_ns: CPU time that it has used, ns.
        system_ns: CPU time that all CPUs of the machine have had, idle or not, ns.
        cpus: How many CPUs those are.
        periods: Periods of the CPU limit that it has run in.
        throttled_periods: Those of them in which it was stopped.
        throttled_ns: For how long, ns.
        memory: Bytes it uses, without the cache that the kernel takes back first.
        memory_limit: Bytes it may use; those of the machine where it has no limit.
        pids: Its processes and threads.
        received: Bytes that came by its network.
        sent: Bytes that went.
        receive_errors: Packets that came damaged.
        send_errors: Packets that could not go.
        receive_dropped: Packets that came and were dropped.
        send_dropped: Packets that were dropped instead of going.
        read: Bytes read from disks.
        written: Bytes written to disks.
    """

    time_ns: int
    started_at: str
    cpu_ns: int | None = None
    system_ns: int | None = None
    cpus: int | None = None
    periods: int | None = None
    throttled_periods: int | None = None
    throttled_ns: int | None = None
    memory: int | None = None
    memory_limit: int | None = None
    pids: int | None = None
    received: int | None = None
    sent: int | None = None
    receive_errors: int | None = None
    send_errors: int | None = None
    receive_dropped: int | None = None
    send_dropped: int | None = None
    read: int | None = None
    written: int | None = None


def read_stats(container: Container, stats: object, now_ns: int | None = None) -> Reading | None:
    """
    Read an answer of the engine, Docker's or Podman's, in whatever shape it is.

    Args:
        container: Whose.
        stats: The decoded JSON.
        now_ns: The present, ns since the epoch; default: the clock's.

    Returns:
        None: it is no sample. Of a container that does not run the engine says zeros, read in the year 1.
    """
    whole = _mapping(stats)
    time_ns = read_time(whole.get("read"), time.time_ns() if now_ns is None else now_ns)
    if time_ns is None or time_ns <= 0:
        return None
    cpu = _mapping(whole.get("cpu_stats"))
    usage, throttling = _mapping(cpu.get("cpu_usage")), _mapping(cpu.get("throttling_data"))
    memory, pids = _mapping(whole.get("memory_stats")), _mapping(whole.get("pids_stats"))
    networks = [_mapping(each) for each in _mapping(whole.get("networks")).values()]
    blocks = _mapping(whole.get("blkio_stats")).get("io_service_bytes_recursive")
    return Reading(
        time_ns=time_ns,
        started_at=container.started_at,
        cpu_ns=_number(usage.get("total_usage")),
        system_ns=_number(cpu.get("system_cpu_usage")),
        cpus=_number(cpu.get("online_cpus")) or len(_list(usage.get("percpu_usage"))) or None,
        periods=_number(throttling.get("periods")),
        throttled_periods=_number(throttling.get("throttled_periods")),
        throttled_ns=_number(throttling.get("throttled_time")),
        memory=_used_memory(memory),
        memory_limit=_number(memory.get("limit")) or None,
        pids=_number(pids.get("current")),
        received=_sum(networks, "rx_bytes"),
        sent=_sum(networks, "tx_bytes"),
        receive_errors=_sum(networks, "rx_errors"),
        send_errors=_sum(networks, "tx_errors"),
        receive_dropped=_sum(networks, "rx_dropped"),
        send_dropped=_sum(networks, "tx_dropped"),
        read=_block_io(blocks, "r"),
        written=_block_io(blocks, "w"),
    )


def without_cache(usage: int | None, inactive: int | None) -> int | None:
    """
    Return what counts as used: without the file cache that was not touched lately (source: docker/cli).

    Args:
        usage: All that is charged to the group, bytes.
        inactive: `total_inactive_file` of cgroups v1, `inactive_file` of v2, bytes; None: not told.
    """
    if usage is None or inactive is None or inactive >= usage:
        return usage
    return usage - inactive


def _used_memory(memory: Mapping[str, Any]) -> int | None:
    details = _mapping(memory.get("stats"))
    usage = _number(memory.get("usage"))
    of_v1 = _number(details.get("total_inactive_file"))
    if of_v1 is not None and usage is not None and of_v1 < usage:
        return usage - of_v1
    return without_cache(usage, _number(details.get("inactive_file")))


def _block_io(blocks: object, first: str) -> int | None:
    """Add up one direction; `Sync`, `Async`, `Discard` and `Total` are other cuts through the same bytes."""
    found = [
        value
        for each in map(_mapping, _list(blocks))
        if str(each.get("op")).lower().startswith(first) and (value := _number(each.get("value"))) is not None
    ]
    return sum(found) if found else None


def _sum(networks: Iterable[Mapping[str, Any]], key: str) -> int | None:
    found = [value for each in networks if (value := _number(each.get(key))) is not None]
    return sum(found) if found else None


def _number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _BEYOND:
        return None
    return int(value)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
