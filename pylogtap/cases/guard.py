"""Keeps mistakes of ours, and what they meet, away from the run that they are to tell of."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


class Guard:
    """
    A ``with`` block that no exception leaves, but those that end a process.

    Attributes:
        trouble: The first exception, as a line for people.
        count: How many there were.
    """

    __slots__ = ("count", "trouble")

    def __init__(self) -> None:
        self.trouble: str | None = None
        self.count = 0

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Swallow and remember an exception."""
        if not isinstance(error, Exception):
            return False
        self.count += 1
        if self.trouble is None:
            last = traceback.extract_tb(trace)[-1]
            self.trouble = f"{type(error).__name__}: {error} ({last.name}, line {last.lineno})"
        return True
