"""
What a forked child finds out about itself: that it is one, before anything of its parent's is used.

And what has to be left undone before some forks: uWSGI, unless it is told that there are threads, forks
without a word to the interpreter. A thread that asks for the interpreter's lock just then holds what guards
that lock, and in the child nobody gives it back: it stands still as soon as it waits for something.
"""

from __future__ import annotations

import mmap
import os
import sys
from _thread import RLock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

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


def begin_behind_forks(begin: Callable[[], object]) -> bool:
    """
    Have something begun once uWSGI has forked its workers, if it is here and forks without threads.

    In the workers nothing is begun by this: they find out that they are forked by themselves.

    Args:
        begin: Is called in this process, where it becomes a worker itself.

    Returns:
        Whether there are forks to wait for; otherwise nothing was done.
    """
    uwsgi: Any = sys.modules.get("uwsgi")  # a module that is there within uWSGI alone
    if uwsgi is None or not _is_unforked(uwsgi):
        return False
    process, earlier = os.getpid(), getattr(uwsgi, "post_fork_hook", None)

    def hook() -> None:
        if earlier is not None:
            earlier()
        if os.getpid() == process:
            begin()

    uwsgi.post_fork_hook = hook
    return True


def _is_unforked(uwsgi: Any) -> bool:
    try:
        options = uwsgi.opt
        return uwsgi.worker_id() == 0 and not (options.get("enable-threads") or options.get("threads"))
    except AttributeError:  # something else of that name
        return False
