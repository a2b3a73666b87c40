"""How the process asks for memory, and gives it back."""

from __future__ import annotations

import ctypes
import gc
import sys

# mallopt(3), values of glibc's malloc.h
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_ARENAS = 2  # each keeps what its threads needed most; by default there are eight for each processor
_TRIM = 4 << 20  # bytes free at the end of an arena that go back
_MMAP = 1 << 20  # bytes from which on each block goes back by itself
_GC_OBJECTS = 100_000


def settle() -> None:
    """
    Make the process frugal, once all that stays has been loaded.

    A burst of records is no garbage: looking for it costs more than it finds. Threads that each keep the
    memory of their largest block would take several times as much as is ever used.
    """
    gc.freeze()
    gc.set_threshold(_GC_OBJECTS, 20, 20)
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library: it has ways of its own
        return
    for option, value in ((_ARENA_MAX, _ARENAS), (_TRIM_THRESHOLD, _TRIM), (_MMAP_THRESHOLD, _MMAP)):
        mallopt(option, value)
