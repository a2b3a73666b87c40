"""What of a machine explains the figures that were seen on it; nothing here names it."""

from __future__ import annotations

import os
import platform
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_MOUNTS = Path("/proc/self/mountinfo")


@dataclass(frozen=True, slots=True)
class Machine:
    """
    A machine.

    Attributes:
        cpus: That this process may use.
        kernel: Name and version, such as `Linux 6.1.0`.
        architecture: Such as `x86_64`.
        python: Implementation and version.
        file_system: Of the folder for temporary files, where the proofs have theirs.
    """

    cpus: int
    kernel: str
    architecture: str
    python: str
    file_system: str

    @classmethod
    def here(cls) -> Self:
        """Return this one."""
        return cls(
            len(os.sched_getaffinity(0)),
            f"{platform.system()} {platform.release().partition('-')[0]}",  # what is behind may name somebody
            platform.machine(),
            f"{platform.python_implementation()} {platform.python_version()}",
            file_system_of(Path(tempfile.gettempdir())),
        )

    def __str__(self) -> str:
        cpus = "1 CPU" if self.cpus == 1 else f"{self.cpus} CPUs"
        return f"{cpus} ({self.architecture}), {self.kernel}, {self.python}, {self.file_system}"


def file_system_of(path: Path) -> str:
    """Return the type of the file system that a path lies on (source: proc(5), mountinfo)."""
    found, depth = "unknown file system", -1
    if not _MOUNTS.exists():
        return found
    for line in _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
        place, _, described = line.partition(" - ")
        mounted = Path(place.split()[4])
        if path.resolve().is_relative_to(mounted) and len(mounted.parts) >= depth:
            found, depth = described.split()[0], len(mounted.parts)
    return found
