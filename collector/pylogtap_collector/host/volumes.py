"""Which file systems of a machine are worth measuring."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

_MOST = 16
_MOST_CHARACTERS = 200  # of the label that a mount point becomes
_ALWAYS_FULL = frozenset({"squashfs", "iso9660", "udf", "erofs", "cramfs"})  # images that nobody writes


def volumes(folder: Path | None) -> list[str]:
    """
    Return the mount points of real file systems, each file system once, by its shortest one.

    Args:
        folder: One whose file system comes first, whatever it is; None: there is none.
    """
    found: dict[int, str] = {}  # by the device that `stat` tells
    if folder is not None:
        with suppress(OSError):
            home = mount_point(folder)
            found[Path(home).stat().st_dev] = home
    parts = [part for part in psutil.disk_partitions(all=False) if part.fstype not in _ALWAYS_FULL]
    for part in sorted(parts, key=lambda part: (len(part.mountpoint), part.mountpoint)):
        if len(found) == _MOST:
            break
        with suppress(OSError):
            found.setdefault(Path(part.mountpoint).stat().st_dev, part.mountpoint)
    return [name for name in found.values() if len(name) <= _MOST_CHARACTERS and name.isprintable()]


def mount_point(folder: Path) -> str:
    """
    Return where the file system of a folder is mounted.

    Args:
        folder: The folder; it need not be there yet.
    """
    whole = folder.resolve()
    return next((str(found) for found in (whole, *whole.parents) if found.is_mount()), whole.anchor)
