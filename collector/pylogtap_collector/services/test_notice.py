"""Hears of what was stored of test runs, counts it, and tells who has to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylogtap_collector.services.counters import Counters
    from pylogtap_collector.storage.test_runs import Applied


class TestNotice:
    """
    Passes on what was committed.

    Attributes:
        ended: Called with the number of the row of each run that has ended, or of which something came after
            that; it is to be looked at again.
    """

    __test__ = False  # no class of tests, though its name begins as theirs do

    def __init__(self, counters: Counters) -> None:
        """
        Bind what counts; nobody is told yet.

        Args:
            counters: Counts runs and cases.
        """
        self._counters = counters
        self.ended: Callable[[int], None] = _ignore

    def note(self, applied: Applied) -> None:
        """
        Hear of what was committed.

        Args:
            applied: That.
        """
        self._counters.test_runs += applied.begun
        self._counters.test_cases += applied.cases
        for row in applied.ended:
            self.ended(row)


def _ignore(_: int) -> None:
    pass
