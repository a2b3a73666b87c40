"""Why a value of a container is not known, and what can be done about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap_collector.containers.model import Container
    from pylogtap_collector.containers.readings import Reading

CGROUPS = Path("/sys/fs/cgroup")
_NO_LIMIT = 1 << 40  # bytes/s, 1 TiB/s: more than any disk does
_NO_DISKS = ("loop", "ram", "zram", "fd", "sr")
_COUNTED = "blkio.throttle.io_service_bytes_recursive"


class Gap(NamedTuple):
    """
    A value that is not known.

    Attributes:
        value: Which, in the words of the dashboard.
        reason: Why.
        can_switch_on: Whether :func:`switch_lines` help.
    """

    value: str
    reason: str
    can_switch_on: bool = False

    def __str__(self) -> str:
        """Say both."""
        return f"{self.value}: {self.reason}"


def gaps_of(container: Container, reading: Reading, *, counts_block_io: bool | None = None) -> list[Gap]:
    """
    Say of each value that a reading lacks why it does.

    Args:
        container: Whose.
        reading: What is known.
        counts_block_io: Whether the kernel counts block I/O by group; None: that cannot be seen from here.
    """
    return list(_gaps(container, reading, counts_block_io))


def _gaps(container: Container, reading: Reading, counts_block_io: bool | None) -> Iterator[Gap]:
    if reading.cpu_ns is None:
        yield Gap("CPU", "neither the engine nor the kernel tells it")
    if reading.memory is None:
        yield Gap("memory", "the kernel does not count it: its memory controller is off")
    if reading.pids is None:
        yield Gap("processes", "the kernel does not count them: its pids controller is off")
    if container.host_network:
        yield Gap("network", "the container uses the network of the machine, which counts for all together")
    elif container.shares_network is not None:
        yield Gap("network", f"it is counted for the container {container.shares_network[:12]}, whose it is")
    elif reading.received is None:
        yield Gap("network", "the container has no network, or its counters cannot be read from here")
    if counts_block_io is False and reading.read is not None:
        yield Gap("block I/O", "the kernel does not count it; that of running processes is added up", True)
    elif reading.read is None and counts_block_io:
        yield Gap("block I/O", "the kernel counts none for it: it has done none, or its io controller is off")
    elif reading.read is None:
        yield Gap("block I/O", "the kernel does not count it", True)


def counts_block_io(cgroups: Path = CGROUPS) -> bool | None:
    """
    Tell whether the kernel counts the block I/O of groups.

    Newer kernels with cgroups v1 have the files, and all of them say `Total 0` until the accounting is
    switched on: see :func:`switch_lines`.

    Args:
        cgroups: Where they are mounted.

    Returns:
        None: it cannot be seen.
    """
    if (cgroups / "cgroup.controllers").exists():
        return True  # v2 always counts where the controller `io` is on
    try:
        return (cgroups / "blkio" / _COUNTED).read_text().split() != ["Total", "0"]
    except OSError:
        return None


def switch_lines(cgroups: Path = CGROUPS, disks: Path = Path("/sys/block")) -> list[str]:
    """
    Return what root has to run once after each start of the machine for block I/O to be counted.

    A kernel with cgroups v1 begins to count for a disk as soon as any group has any rule for it, and goes on
    when the rule is gone; the rule is one that no disk ever meets, and the group has no process.

    Args:
        cgroups: Where they are mounted.
        disks: The disks of the machine.

    Returns:
        One line of shell for each disk; none: there is nothing to switch on.
    """
    group = cgroups / "blkio" / "pylogtap-on"
    if not (cgroups / "blkio" / _COUNTED).exists():
        return []
    found = sorted(disk for disk in disks.iterdir() if not disk.name.startswith(_NO_DISKS))
    numbers = [(disk / "dev").read_text().strip() for disk in found if (disk / "dev").exists()]
    return [
        f'mkdir -p {group} && echo "{number} {_NO_LIMIT}" > {group}/blkio.throttle.write_bps_device'
        f" && rmdir {group}"
        for number in numbers
    ]
