"""What dead processes left in a spool directory: found, taken over by one process alone, and delivered."""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pylogtap.errors import OtherVersion, SpoolError
from pylogtap.faults import FAULT_SUFFIX
from pylogtap.losses import tell
from pylogtap.owner import OWNER_SUFFIX
from pylogtap.segment import SUFFIX, open_file
from pylogtap.spool import open_stems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap.segment import Segment

DAMAGED_SUFFIX = ".damaged"
_STEM = re.compile(r"\d+-[0-9a-f]{12}")  # nothing shorter: it would be the beginning of somebody else's names


@dataclass
class Orphan:
    """
    A dead process's files, held by a kernel lock until :meth:`finish` or :meth:`release`.

    Attributes:
        segments: What it had not delivered, as far as is known.
        faults: Files with the stack of a fatal signal.
        damaged: How many files were no segments any more; they stay, under another name.
        foreign: It also left segments of another version: those stay for programs that can read them.
    """

    directory: str
    stem: str
    lock: int
    segments: list[Segment]
    faults: list[str]
    damaged: int = 0
    foreign: bool = False

    def finish(self) -> None:
        """Forget it: everything was delivered that this version can read."""
        for path in self.faults:
            with suppress(FileNotFoundError):
                os.unlink(path)
        if not self.foreign:
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self.directory, self.stem + OWNER_SUFFIX))
        os.close(self.lock)

    def release(self) -> None:
        """Let others deliver it: not everything was delivered."""
        for segment in self.segments:
            segment.close()
        self.segments.clear()
        os.close(self.lock)


def adopt(directory: str, own_stems: frozenset[str]) -> Iterator[Orphan]:
    """
    Take over what dead processes left, one at a time.

    Whether a process lives is told by the kernel's lock on its owner file, never by a process number. A
    file of ours must not be opened here: closing it would give our own lock up (POSIX record locks).

    Args:
        directory: A spool directory.
        own_stems: Names of the spools of this process.
    """
    for name in _listed(directory):
        stem = name.removesuffix(OWNER_SUFFIX)
        if name == stem or not _STEM.fullmatch(stem) or stem in own_stems or stem in open_stems:
            continue
        lock = _locked(os.path.join(directory, name))
        if lock is not None:
            yield _gathered(directory, stem, lock)


def _listed(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def _locked(path: str) -> int | None:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(fd).st_nlink:  # else another process has finished it meanwhile
            return fd
    except OSError:
        pass  # its process lives
    os.close(fd)
    return None


def _gathered(directory: str, stem: str, lock: int) -> Orphan:
    orphan = Orphan(directory, stem, lock, [], [])
    for name in _listed(directory):
        path = os.path.join(directory, name)
        if name.startswith(f".{stem}"):  # a file it was still making
            with suppress(OSError):
                os.unlink(path)
        elif name.startswith(stem) and name.endswith(FAULT_SUFFIX):
            orphan.faults.append(path)
        elif name.startswith(f"{stem}-") and name.endswith(SUFFIX):
            _gather(orphan, path)
    orphan.segments.sort(
        key=lambda segment: segment.order
    )  # those of earlier versions stay as they are named
    if orphan.segments:
        tell(orphan.segments[-1])
    return orphan


def _gather(orphan: Orphan, path: str) -> None:
    try:
        orphan.segments.append(open_file(path))
    except OtherVersion:
        orphan.foreign = True
    except (SpoolError, OSError):  # kept for people to look at, out of everybody's way
        orphan.damaged += 1
        with suppress(OSError):
            os.rename(path, path + DAMAGED_SUFFIX)
