"""Growth that is told bit by bit, added up to counters."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pylogtap_collector.wire import Place

Labels = tuple[tuple[str, str], ...]


class Series(NamedTuple):
    """
    What tells one line of values from another.

    Attributes:
        place: What was measured.
        name: The metric's.
        labels: Pairs, sorted by name.
    """

    place: Place
    name: str
    labels: Labels


class Deltas:
    """
    Sums of what senders of delta temporality have told, of the series that came last.

    After a restart, and for series that were forgotten, a sum begins at zero again, as a counter does whose
    program has started anew. May be used from several threads.
    """

    def __init__(self, most: int = 20_000) -> None:
        """
        Begin without any.

        Args:
            most: Series that are kept; beyond, the one goes that has not come for longest.
        """
        self._most = most
        self._sums: OrderedDict[Series, tuple[float, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many series are kept."""
        return len(self._sums)

    def add(self, series: Series, growth: float, time_ns: int) -> float:
        """
        Return the sum of a series, with what it has grown by.

        Args:
            series: Which.
            growth: Since its last time.
            time_ns: Until when, ns since the epoch; what is not later than the last is a repetition.
        """
        with self._lock:
            total, last_ns = self._sums.get(series, (0.0, 0))
            if time_ns > last_ns:
                total, last_ns = total + growth, time_ns
            self._sums[series] = total, last_ns
            self._sums.move_to_end(series)
            if len(self._sums) > self._most:
                self._sums.popitem(last=False)
        return total
