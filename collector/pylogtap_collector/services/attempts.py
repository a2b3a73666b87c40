"""Attempts to come in that failed: after some, the next ones have to wait, longer and longer."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from pylogtap_collector.errors import TooManyAttempts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WINDOW_S = 900.0  # a failure counts for so long
LONGEST_S = 300.0
_MOST = 20_000  # remembered; an attacker with more addresses than that pushes out his own oldest


class Attempts:
    """
    Counts failures under several names at once, such as that of an account and an address.

    In memory: a restart forgets, and takes longer than it wins.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """
        Begin with none.

        Args:
            clock: Tells seconds; never goes back.
        """
        self._clock = clock
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def check(self, allowed: Mapping[str, int]) -> None:
        """
        Make sure that another attempt may be made.

        Args:
            allowed: How many may fail under each name before one has to wait.

        Raises:
            TooManyAttempts: It has to wait.
        """
        wait_s = max((self._wait(name, free) for name, free in allowed.items()), default=0.0)
        if wait_s > 0:
            raise TooManyAttempts(max(1.0, wait_s))

    def _wait(self, name: str, free: int) -> float:
        count, last = self._failures.get(name, (0, 0.0))
        since = self._clock() - last
        if count < free or since > WINDOW_S:
            return 0.0
        return min(LONGEST_S, 2.0 ** (count - free)) - since

    def failed(self, *names: str) -> None:
        """Count a failure under each name."""
        now = self._clock()
        for name in names:
            count, last = self._failures.pop(name, (0, now))
            self._failures[name] = (1 if now - last > WINDOW_S else count + 1, now)
        while len(self._failures) > _MOST:
            self._failures.popitem(last=False)

    def succeeded(self, *names: str) -> None:
        """Forget the failures under each name."""
        for name in names:
            self._failures.pop(name, None)
