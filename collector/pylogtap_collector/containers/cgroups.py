"""Readings from the files of the kernel: cheaper than the engine's answers, and whenever they are wanted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pylogtap_collector.containers.arithmetic import has_network
from pylogtap_collector.containers.gaps import CGROUPS, counts_block_io
from pylogtap_collector.containers.groups import Group, GroupV1, GroupV2, Host, Machine, number_of
from pylogtap_collector.containers.kernel_files import KernelFile, find_groups, may_keep_open, open_files

if TYPE_CHECKING:
    from pylogtap_collector.containers.model import Container
    from pylogtap_collector.containers.readings import Reading

PROC = Path("/proc")
_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


class CgroupFiles:
    """
    Reads the counters of containers that run on this machine.

    Attributes:
        counts_block_io: Whether the kernel counts block I/O by group; None: that cannot be seen.
    """

    def __init__(self, cgroups: Path = CGROUPS, proc: Path = PROC) -> None:
        """
        Say where.

        Args:
            cgroups: Where cgroups are mounted.
            proc: Where processes are.
        """
        self._cgroups, self._proc = cgroups, proc
        self._groups: dict[str, Group] = {}
        self._stat = KernelFile(str(proc / "stat"), kept=True)
        self._memory = 1024 * (number_of((proc / "meminfo").read_bytes(), b"MemTotal:") or 0)
        self.counts_block_io = counts_block_io(cgroups)

    def open(self, container: Container) -> bool:
        """
        Open the files of a container.

        Returns:
            Whether they can be seen from here.
        """
        self.close(container.id)
        groups = find_groups(container, self._cgroups, self._proc)
        kind = GroupV1 if "cpuacct" in groups else GroupV2
        paths = {name: groups[part] / file for name, (part, file) in kind.FILES.items() if part in groups}
        if has_network(container):
            paths["network"] = self._proc / str(container.pid) / "net" / "dev"
        files = open_files(paths, kept=len(self._groups) < may_keep_open())
        if "cpu" not in files:
            for file in files.values():
                file.close()
            return False
        if not self.counts_block_io:
            self.counts_block_io = counts_block_io(self._cgroups)
        host = Host(self._proc, self._memory, self.counts_block_io)
        self._groups[container.id] = kind(container.started_at, files, host)
        return True

    def close(self, container_id: str) -> None:
        """Close the files of a container, if they are open."""
        group = self._groups.pop(container_id, None)
        if group is not None:
            group.close()

    def close_all(self) -> None:
        """Close all files."""
        for container_id in list(self._groups):
            self.close(container_id)
        self._stat.close()

    def machine(self) -> Machine:
        """Read what holds for all; steal and guest time do not count (source: moby `daemon/stats`)."""
        text = self._stat.read()
        ticks = sum(map(int, text[: text.index(b"\n")].split()[1:8]))
        return Machine(ticks * _TICK_NS, text.count(b"\ncpu"))

    def read(self, container_id: str, machine: Machine) -> Reading | None:
        """
        Read the counters of a container whose files are open.

        Args:
            container_id: Of it.
            machine: What holds for all, read just before.

        Returns:
            None: it has ended.
        """
        group = self._groups.get(container_id)
        try:
            return None if group is None else group.read(machine)
        except (OSError, ValueError):
            self.close(container_id)
            return None
