"""Threads and locks of the interpreter itself, also where gevent has put greenlets in their place."""

from __future__ import annotations

import _thread
import sys
from typing import Any


def native(name: str) -> Any:
    """
    Return a function of `_thread` as the interpreter has it.

    A greenlet that ships would stop all others while it compresses, or waits for the disk; and one that never
    gives way would stop it.

    Args:
        name: The function's name.
    """
    monkey = sys.modules.get("gevent.monkey")
    return monkey.get_original("_thread", name) if monkey else getattr(_thread, name)
