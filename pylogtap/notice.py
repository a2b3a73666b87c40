"""Lines on standard error, for what people have to know: at most one a minute, whatever goes wrong."""

from __future__ import annotations

import sys
import time
from contextlib import suppress

INTERVAL_S = 60.0
_next = 0.0


def is_read() -> bool:
    """Tell whether somebody sits at a terminal that standard error goes to."""
    try:
        return sys.stderr.isatty()
    except (ValueError, AttributeError):  # closed, or none at all
        return False


def tell(text: str) -> bool:
    """
    Write a line, unless one was written within the last minute.

    Args:
        text: The line, without its end.

    Returns:
        Whether it was written; else try again later.
    """
    global _next  # noqa: PLW0603 - standard error is one for all clients of the process
    if time.monotonic() < _next:
        return False
    _next = time.monotonic() + INTERVAL_S
    tell_at_the_end([text])
    return True


def tell_at_the_end(texts: list[str]) -> None:
    """
    Write what can be said no more later, as one line.

    Args:
        texts: Its parts; none: nothing is written.
    """
    if texts:
        with suppress(OSError, ValueError, AttributeError):  # standard error may be closed, or none at all
            sys.stderr.write("pylogtap: " + "; ".join(texts) + "\n")
