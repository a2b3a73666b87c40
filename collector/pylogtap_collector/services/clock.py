"""The time that ages count from: a clock that jumps ahead must not make everything too old at once."""

from __future__ import annotations

import logging
import time

TOLERATED_NS = 3_600_000_000_000  # ahead of what has passed; more is doubted
BELIEVED_AFTER_NS = 86_400_000_000_000  # of running on: then the clock was put right, not wrong
_log = logging.getLogger("pylogtap.collector")


class CautiousClock:
    """
    The wall clock, but not when it jumps ahead.

    A machine that starts with a wrong date, or is set to one, would have all records removed within a minute.
    What goes on that long is believed; until then time passes as it did before. Where a collector was stopped
    for long, it looks the same, and costs a day in which records stay that could go.
    """

    def __init__(self) -> None:
        """Begin without a point to count from: the first look is believed, unless it is told one."""
        self._wall: int | None = None  # what it was when it was believed last
        self._steady = self._doubted = 0
        self._doubts = False

    def begin(self, wall_ns: int | None) -> None:
        """
        Count from a time that is known to have been.

        Args:
            wall_ns: Of the last thing that happened before; None: nothing did.
        """
        self._wall, self._steady = wall_ns, steady_ns()

    def now_ns(self) -> int:
        """Return the time, ns since the epoch."""
        wall, steady = time.time_ns(), steady_ns()
        expected = wall if self._wall is None else self._wall + steady - self._steady
        if wall - expected > TOLERATED_NS:
            if not self._doubts:
                self._doubts, self._doubted = True, steady
                _log.warning(
                    "the clock is %.1f hours ahead of what has passed: records are removed as if it were not,"
                    " for a day",
                    (wall - expected) / TOLERATED_NS,
                )
            if steady - self._doubted < BELIEVED_AFTER_NS:
                return expected
        self._wall, self._steady, self._doubts = wall, steady, False
        return wall


def steady_ns() -> int:
    """Return nanoseconds that go on while the machine sleeps, and whatever is done to its clock."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return time.monotonic_ns()
