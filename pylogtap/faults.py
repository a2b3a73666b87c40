"""What a process leaves when a fatal signal ends it: a file beside its spool; and the record it becomes."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from pylogtap import wire
from pylogtap.writer import Site

if TYPE_CHECKING:
    from pylogtap.prefix import Prefix

FAULT_SUFFIX = ".fault"


def head_of(prefix: Prefix) -> str:
    """
    Return the line that the file begins with; faulthandler writes behind it.

    Args:
        prefix: Place of the process.
    """
    return f"{prefix} {os.getpid()}\n"


def fault_of(text: str) -> tuple[Site, int, dict[str, Any], dict[str, Any]] | None:
    """
    Read what a process has left.

    Args:
        text: The file: a line with prefix and process number, then what faulthandler wrote.

    Returns:
        Site, time, fields and rare parts of the record it makes; None where no signal was fatal.
    """
    head, _, stack = text.partition("\n")
    place, _, pid = head.partition(" ")
    if not stack.strip() or place.count("/") != 2:
        return None
    message = stack.strip().splitlines()[0]
    site = Site(message, 0, 50, "pylogtap.uncaught", "", place, 21, "critical", "", wire.STYLE_TEXT)
    exception = {"type": "FatalSignal", "message": message, "stacktrace": stack.strip()}
    fields = {"pid": int(pid)} if pid.isdecimal() else {}
    return site, time.time_ns(), fields, {wire.MORE_EXCEPTION: exception}
