"""Files of the kernel that are read again and again: opened once, and where each container has its own."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pylogtap_collector.containers.model import Container

_AT_ONCE = 16 << 10  # bytes
_WHOLE = 3 << 10  # the kernel hands out lists in pieces of a page, so a shorter piece is the last
_FILES_PER_GROUP = 8
_NAMES = (
    "docker/{}",
    "system.slice/docker-{}.scope",
    "libpod_parent/libpod-{}",
    "machine.slice/libpod-{}.scope",
)


class KernelFile:
    """A file whose content changes with each look at it."""

    __slots__ = ("_descriptor", "path")

    def __init__(self, path: str, *, kept: bool) -> None:
        """
        Open it.

        Args:
            path: Of it.
            kept: Keep it open; else it is opened for each look.

        Raises:
            OSError: It is not there.
        """
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        if not kept:
            self.close()

    def read(self) -> bytes:
        """
        Return what it says now.

        Raises:
            OSError: Its process or group is gone.
        """
        if self._descriptor >= 0:
            return _read(self._descriptor)
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return _read(descriptor)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Close it; it can still be read."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _read(descriptor: int) -> bytes:
    found = os.pread(descriptor, _AT_ONCE, 0)
    if len(found) < _WHOLE:
        return found
    while more := os.pread(descriptor, _AT_ONCE, len(found)):
        found += more
    return found


def may_keep_open() -> int:
    """Return for how many groups files may stay open: half of what this process may open is for others."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 10_000 if allowed == resource.RLIM_INFINITY else allowed // 2 // _FILES_PER_GROUP


def find_groups(container: Container, cgroups: Path, proc: Path) -> Mapping[str, Path]:
    """
    Return the folders of a container's cgroup, by controller; that of cgroups v2 has the name "".

    Args:
        container: With the process number that the engine told.
        cgroups: Where cgroups are mounted.
        proc: Where processes are.

    Returns:
        Empty: this is not the machine of the engine, or it cannot be seen from here. The process that has
        this number counts only if the name of its group has the container's id.
    """
    if container.pid <= 0 or not container.id:
        return {}
    try:
        lines = (proc / str(container.pid) / "cgroup").read_text().splitlines()
    except OSError:
        return {}
    found = {}
    for line in lines:
        _, controllers, path = line.split(":", 2)
        parts = path.split("/")
        own = next((number for number, part in enumerate(parts) if container.id in part), None)
        if own is None:
            continue
        # What runs systemd inside has groups of its own below; the container's is the one with its name.
        inside = "/".join(parts[: own + 1])
        for controller in controllers.split(","):
            for folder in _folders(cgroups, controllers, controller, inside, container.id):
                if folder.is_dir():
                    found[controller] = folder
                    break
    return found


def _folders(cgroups: Path, together: str, controller: str, inside: str, container_id: str) -> Iterator[Path]:
    mounts = (cgroups / controller, cgroups / together) if controller else (cgroups / "unified", cgroups)
    for mount in mounts:
        yield mount / inside.lstrip("/")
        # A path that was seen from another cgroup namespace begins with `/..`: then by the usual names.
        yield from (mount / name.format(container_id) for name in _NAMES)


def open_files(paths: Mapping[str, Path], *, kept: bool) -> dict[str, KernelFile]:
    """
    Open those of some files that are there.

    Args:
        paths: By name.
        kept: Keep them open.
    """
    found = {}
    for name, path in paths.items():
        with suppress(OSError):
            found[name] = KernelFile(str(path), kept=kept)
    return found
