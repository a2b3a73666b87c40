"""What a forked child finds out about itself: that it is one, before anything of its parent's is used."""

from __future__ import annotations

import mmap
import os
from _thread import RLock

turn = RLock()  # one thread of a forked child makes the segments that all of them will use
_WIPE_ON_FORK = 18  # MADV_WIPEONFORK, Linux 4.14 and later


def _renew_turn() -> None:
    global turn  # noqa: PLW0603 - a thread of the parent may have held it, which nobody gives back
    turn = RLock()


os.register_at_fork(after_in_child=_renew_turn)


class _PidGuard:
    """Tells a forked child where the kernel cannot wipe memory: slower, and as sure."""

    def __init__(self) -> None:
        self._pid = os.getpid()

    def __getitem__(self, index: int) -> int:
        return int(self._pid == os.getpid())


Guard = mmap.mmap | _PidGuard


def fork_guard() -> Guard:
    """Return something whose first item is 1 in this process and not 1 in a forked child."""
    try:
        page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        page.madvise(_WIPE_ON_FORK)
    except (OSError, AttributeError, ValueError):
        return _PidGuard()
    page[0] = 1
    return page
