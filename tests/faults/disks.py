"""Disks for the fault tests: small ones, read-only ones, some that lose their power. For root on Linux."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FICLONE = 0x40049409  # see ioctl_ficlonerange(2)
_OUTER_BYTES = 400 << 20  # the smallest that mkfs.xfs makes; it is sparse
_PATIENCE_S = 10.0
_PACKAGES = {"mkfs.xfs": "xfsprogs", "mkfs.ext4": "e2fsprogs"}


def need_mounts(*programs: str) -> None:
    """Skip a test that mounts file systems where that cannot be done."""
    if os.geteuid():
        pytest.skip("mounts file systems: run this test as root")
    for name in programs:
        if shutil.which(name) is None:
            pytest.skip(f"needs {name}: apt install {_PACKAGES.get(name, name)}")


@contextmanager
def mounted(folder: Path, *arguments: str) -> Iterator[Path]:
    """
    Mount something on a folder, made if it is missing, while this lasts.

    Args:
        folder: Where.
        arguments: Of mount(8), such as `-t tmpfs -o size=2m tmpfs`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", *arguments, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounts are not to be had here, as in some containers: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        unmount(folder)


def unmount(folder: Path) -> None:
    """Unmount, once those that were killed have let go of it."""
    deadline = time.monotonic() + _PATIENCE_S
    while subprocess.run(["umount", str(folder)], capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline, f"{folder} stays in use"
        time.sleep(0.05)


def make_image(path: Path, size: int, kind: str = "ext4") -> Path:
    """Make a file that holds an empty file system."""
    with path.open("wb") as file:
        file.truncate(size)
    # None is kept for root: full is full. Loop devices with direct I/O may have sectors of 4096 bytes.
    force = ["-F", "-m", "0", "-b", "4096"] if kind == "ext4" else ["-f"]
    subprocess.run([f"mkfs.{kind}", "-q", *force, str(path)], check=True)
    return path


class PowerDisk:
    """
    A disk, with ext4 on it, whose content can be had as it is at an instant while programs write to it.

    The disk is a loop device with direct I/O: each write and each flush of the file system above reaches its
    image at once, and none waits in the page cache of that. The image lies on XFS, which can clone a file:
    it shuts writes out for the moment in which it notes the blocks, so a clone holds all writes that were
    done by then, and none that were not. That is a power cut of a disk without a volatile cache: what the
    kernel had not written is gone, and the journal is as it was. It is not one of a disk with such a cache,
    which may also lose any of the writes since the last flush: that is what the cut of pages simulates. A
    plain copy of the image would be neither, as its end would be younger than its beginning.
    """

    def __init__(self, outer: Path, image: Path, place: Path) -> None:
        """
        Put the disk in.

        Args:
            outer: A mounted XFS.
            image: The disk's image in it.
            place: Where the disk is mounted.
        """
        self._outer, self._place = outer, place
        self._cuts = 0
        self._put_in(image)

    def _put_in(self, image: Path) -> None:
        self._image = image
        done = subprocess.run(
            ["losetup", "--find", "--show", "--direct-io=on", str(image)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"loop devices with direct I/O are not to be had here: {done.stderr.strip()}")
        self._device = done.stdout.strip()
        subprocess.run(["mount", self._device, str(self._place)], check=True)

    def take_out(self) -> None:
        """Unmount the disk."""
        if self._place.is_mount():
            unmount(self._place)
        subprocess.run(["losetup", "--detach", self._device], check=True)

    def cut(self) -> Path:
        """Return the image as it is now."""
        self._cuts += 1
        cut = self._outer / f"cut-{self._cuts}.img"
        with self._image.open("rb") as source, cut.open("wb") as target:
            fcntl.ioctl(target.fileno(), _FICLONE, source.fileno())
        return cut

    def go_on_with(self, cut: Path) -> None:
        """Put the disk in as it was when the power was cut; mounting it replays its journal."""
        self.take_out()
        before = self._image
        self._put_in(cut)
        before.unlink()


@contextmanager
def power_disk(folder: Path, place: Path, size: int = 96 << 20) -> Iterator[PowerDisk]:
    """
    Mount a disk that can lose its power.

    Args:
        folder: For its image.
        place: Where it is mounted.
        size: Bytes of the disk.
    """
    need_mounts("mkfs.xfs", "mkfs.ext4", "losetup")
    place.mkdir(parents=True, exist_ok=True)
    outer = make_image(folder / "outer.img", _OUTER_BYTES, "xfs")
    with mounted(folder / "outer", "-o", "loop", str(outer)) as below:
        disk = PowerDisk(below, make_image(below / "disk.img", size), place)
        try:
            yield disk
        finally:
            disk.take_out()
