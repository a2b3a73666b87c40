"""How the process asks for memory, and gives it back."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys

_ARENA_MAX = -8  # of mallopt(3); glibc's malloc.h
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # likewise; left alone, glibc raises both up to 64 MiB
_LARGE = 4 << 20  # bytes that are asked of the system, and given back to it
_KEPT = 8 << 20  # bytes at the end of an arena that are kept for what comes next
_ARENAS = 2  # each keeps what its threads needed most; by default there are eight for each processor
_GC_OBJECTS = 25_000
_GIVE_BACK_S = 1.0  # milliseconds of a thread each time


def settle() -> None:
    """
    Make the process frugal, once all that stays has been loaded.

    A burst of records is no garbage: looking for it costs more than it finds. Threads that each keep the
    memory of their largest block would take several times as much as is ever used.
    """
    gc.freeze()
    gc.enable()
    gc.set_threshold(_GC_OBJECTS, 5, 40)
    try:
        mallopt = _library().mallopt
    except (OSError, AttributeError):  # another C library: it has ways of its own
        return
    for name, value in ((_ARENA_MAX, _ARENAS), (_MMAP_THRESHOLD, _LARGE), (_TRIM_THRESHOLD, _KEPT)):
        mallopt(name, value)


async def give_back() -> None:
    """Give the system back, now and then, what a burst needed; runs until cancelled."""
    try:
        trim = _library().malloc_trim
    except (OSError, AttributeError):
        return
    while True:
        await asyncio.sleep(_GIVE_BACK_S)
        await asyncio.to_thread(trim, 0)


def _library() -> ctypes.CDLL:
    if sys.platform != "linux":
        raise OSError(f"nothing is known of the C library of {sys.platform}")
    return ctypes.CDLL(None)
