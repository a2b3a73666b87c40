"""
What the files of one container's cgroup say.

Sources: the kernel's documentation of cgroups v1 (`Documentation/admin-guide/cgroup-v1`) and v2
(`cgroup-v2.rst`), proc(5). Block I/O that the kernel does not count by group is added up from the processes.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from pylogtap_collector.containers.readings import Reading, without_cache

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pylogtap_collector.containers.kernel_files import KernelFile

_MOST_PROCESSES = 256  # whose block I/O is added up; that of more would cost more than it is worth
_US = 1_000  # ns


class Machine(NamedTuple):
    """
    What holds for all containers at a moment.

    Attributes:
        system_ns: CPU time that all CPUs have had, ns.
        cpus: How many there are.
    """

    system_ns: int
    cpus: int


class Host(NamedTuple):
    """
    What holds for all containers and does not change.

    Attributes:
        proc: Where processes are.
        memory: What a container without a limit may use, bytes.
        counts_block_io: Whether the kernel counts block I/O by group; None: that cannot be seen.
    """

    proc: Path
    memory: int
    counts_block_io: bool | None


class Group(ABC):
    """
    The open files of a group.

    Attributes:
        FILES: By name, the controller and the file.
    """

    FILES: ClassVar[Mapping[str, tuple[str, str]]] = {}

    def __init__(self, started_at: str, files: Mapping[str, KernelFile], host: Host) -> None:
        """
        Take files over.

        Args:
            started_at: When the container was started.
            files: Those of `FILES` that are there, and `network`.
            host: What does not change.
        """
        self._started_at, self._files, self._host = started_at, files, host
        self._read_files = [(name, file) for name, file in files.items() if name != "processes"]

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def read(self, machine: Machine) -> Reading:
        """
        Read them all.

        Args:
            machine: What holds for all containers now.

        Raises:
            OSError: The container has ended.
            ValueError: A file says what is not understood.
        """
        said = {name: file.read() for name, file in self._read_files}
        pids, usage = said.get("pids"), said.get("memory")
        inactive, limit = self._memory(said)
        periods, throttled_periods, throttled_ns = self._throttling(said)
        received, sent, errors_in, errors_out, dropped_in, dropped_out = _network(said.get("network"))
        read, written = self._block_io(said.get("blocks"))
        return Reading(
            time.time_ns(),
            self._started_at,
            self._cpu(said),
            machine.system_ns,
            machine.cpus,
            periods,
            throttled_periods,
            throttled_ns,
            None if usage is None else without_cache(int(usage), inactive),
            min(limit or self._host.memory, self._host.memory) or None,
            None if pids is None else int(pids),
            received,
            sent,
            errors_in,
            errors_out,
            dropped_in,
            dropped_out,
            read,
            written,
        )

    @abstractmethod
    def _cpu(self, said: Mapping[str, bytes]) -> int | None:
        """Return the CPU time that was used, ns."""

    @abstractmethod
    def _throttling(self, said: Mapping[str, bytes]) -> tuple[int | None, int | None, int | None]:
        """Return periods, those that were throttled, and for how long, ns."""

    @abstractmethod
    def _memory(self, said: Mapping[str, bytes]) -> tuple[int | None, int | None]:
        """Return how much of it is cache that was not used lately, and the limit."""

    @abstractmethod
    def _block_io(self, blocks: bytes | None) -> tuple[int | None, int | None]:
        """Return the bytes that were read and written."""


class GroupV1(Group):
    """A group of cgroups v1, where each controller has a tree of its own."""

    FILES = {  # noqa: RUF012 - a constant of the class, as its base says
        "cpu": ("cpuacct", "cpuacct.usage"),
        "throttling": ("cpu", "cpu.stat"),
        "memory": ("memory", "memory.usage_in_bytes"),
        "details": ("memory", "memory.stat"),
        "pids": ("pids", "pids.current"),
        "blocks": ("blkio", "blkio.throttle.io_service_bytes_recursive"),
        "processes": ("cpuacct", "cgroup.procs"),
    }
    _lost = (0, 0)  # what processes had read and written that ended without a parent in the group
    _last = (0, 0)

    def _cpu(self, said: Mapping[str, bytes]) -> int | None:
        return int(said["cpu"])

    def _throttling(self, said: Mapping[str, bytes]) -> tuple[int | None, int | None, int | None]:
        text = said.get("throttling", b"")
        return (
            number_of(text, b"nr_periods"),
            number_of(text, b"nr_throttled"),
            number_of(text, b"throttled_time"),
        )

    def _memory(self, said: Mapping[str, bytes]) -> tuple[int | None, int | None]:
        text = said.get("details", b"")
        return number_of(text, b"total_inactive_file"), number_of(text, b"hierarchical_memory_limit")

    def _block_io(self, blocks: bytes | None) -> tuple[int | None, int | None]:
        read = written = 0
        lines = [line.split() for line in (blocks or b"").splitlines()]
        for line in lines:
            if len(line) == 3:
                read += int(line[2]) if line[1] == b"Read" else 0
                written += int(line[2]) if line[1] == b"Write" else 0
        if self._host.counts_block_io or any(len(line) == 3 for line in lines):
            return read, written
        return self._of_processes()

    def _of_processes(self) -> tuple[int | None, int | None]:
        """
        Add up what the processes have done.

        What a process did that has ended is in the sum of its parent, which has waited for it, so the sum
        grows; it shrinks only when the parent is outside, as with `docker exec`. That is added here.
        """
        file = self._files.get("processes")
        pids = [] if file is None else file.read().split()
        if not 0 < len(pids) <= _MOST_PROCESSES:
            return None, None
        done = [0, 0]
        for pid in pids:
            try:
                text = _read_once(f"{self._host.proc}/{pid.decode()}/io")
            except (FileNotFoundError, ProcessLookupError):  # has just ended
                continue
            except OSError:  # not root: those of others are not shown
                return None, None
            done[0] += number_of(text, b"read_bytes:") or 0
            done[1] += number_of(text, b"write_bytes:") or 0
        read, written = (
            lost + max(last - now, 0) for lost, last, now in zip(self._lost, self._last, done, strict=True)
        )
        self._lost, self._last = (read, written), (done[0], done[1])
        return read + done[0], written + done[1]


class GroupV2(Group):
    """A group of cgroups v2, with all files in one folder."""

    FILES = {  # noqa: RUF012 - a constant of the class, as its base says
        "cpu": ("", "cpu.stat"),
        "memory": ("", "memory.current"),
        "details": ("", "memory.stat"),
        "limit": ("", "memory.max"),
        "pids": ("", "pids.current"),
        "blocks": ("", "io.stat"),
    }

    def _cpu(self, said: Mapping[str, bytes]) -> int | None:
        used = number_of(said["cpu"], b"usage_usec")
        return None if used is None else used * _US

    def _throttling(self, said: Mapping[str, bytes]) -> tuple[int | None, int | None, int | None]:
        text = said["cpu"]
        throttled = number_of(text, b"throttled_usec")
        times = None if throttled is None else throttled * _US
        return number_of(text, b"nr_periods"), number_of(text, b"nr_throttled"), times

    def _memory(self, said: Mapping[str, bytes]) -> tuple[int | None, int | None]:
        limit = said.get("limit", b"max").strip()
        return number_of(said.get("details", b""), b"inactive_file"), None if limit == b"max" else int(limit)

    def _block_io(self, blocks: bytes | None) -> tuple[int | None, int | None]:
        if blocks is None:
            return None, None
        pairs = [part.partition(b"=") for part in blocks.split()]
        read = sum(int(value) for key, _, value in pairs if key == b"rbytes")
        return read, sum(int(value) for key, _, value in pairs if key == b"wbytes")


def number_of(text: bytes, key: bytes) -> int | None:
    """
    Return the number behind a key at the beginning of a line.

    Args:
        text: Lines of keys and numbers.
        key: The whole key.
    """
    if text.startswith(key + b" "):
        start = len(key)
    else:
        found = text.find(b"\n" + key + b" ")
        if found < 0:
            return None
        start = found + 1 + len(key)
    return int(text[start : start + 32].split(None, 1)[0])


def _network(text: bytes | None) -> tuple[int | None, ...]:
    """Add up the interfaces but the loopback: bytes, errors, dropped packets, each in and out."""
    lines = [line.partition(b":") for line in (text or b"").splitlines()[2:]]
    found = [rest.split() for name, _, rest in lines if name.strip() != b"lo"]
    if not found:
        return (None,) * 6
    return tuple(sum(int(numbers[column]) for numbers in found) for column in (0, 8, 2, 10, 3, 11))


def _read_once(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)
