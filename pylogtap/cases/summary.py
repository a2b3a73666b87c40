"""Delivers what is left at the end of a run, in bounded time, and says where the run is found."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from pylogtap.cases.reporter import BAD

if TYPE_CHECKING:
    from pylogtap.cases.guard import Guard
    from pylogtap.cases.reporter import Reporter
    from pylogtap.cases.telling import Telling
    from pylogtap.cases.workers import Workers
    from pylogtap.client import Client

WORKER_EXIT_S = 0.5  # of the time at the end: what a worker cannot deliver in it, its controller will


class Summary:
    """
    The end of a run.

    Attributes:
        workers: Of pytest-xdist, where they ran the cases.
    """

    def __init__(self, client: Client, reporter: Reporter, telling: Telling, guard: Guard) -> None:
        """
        Bind what it tells of.

        Args:
            client: Delivers.
            reporter: Of the run.
            telling: Has counted its cases.
            guard: Knows what went wrong in the plugin.
        """
        self._client, self._reporter, self._telling, self._guard = client, reporter, telling, guard
        self._left_s: float | None = None  # of the time that the end may take
        self.workers: Workers | None = None

    def line(self, end: str = "") -> str:
        """
        Deliver, and return a line for people.

        Args:
            end: What ended the run before its time; empty: nothing.
        """
        delivered = False
        with self._guard:
            delivered = self._deliver()
        url = self._client.settings.url
        words = f"pylogtap: {', '.join(filter(None, [end, *self._counted()]))}, "
        if delivered:
            words += f"{url}/tests?run={self._reporter.run}"
        else:
            words += self._why(url)
        if self._reporter.dropped:
            words += f"; {self._reporter.dropped} results could not be kept: the spool is full"
        trouble = self._guard.trouble or (self.workers.trouble if self.workers else None)
        if trouble:
            words += f"; the plugin itself met {trouble}, some results may be missing"
        return words

    def _counted(self) -> list[str]:
        """Return what is to be said of cases; what could not be collected is none that ran."""
        counts, broken = self._telling.counts, self._telling.broken
        total = sum(counts.values()) - broken
        bad = sum(counts.get(name, 0) for name in BAD) - broken
        return [
            f"{bad} failed of {total}" if total else "no test ran",
            f"{broken} could not be collected" if broken else "",
        ]

    def _why(self, url: str) -> str:
        why = self._client.last_error or f"{url} did not answer in time"
        if (directory := self._client.spool.directory) is None:
            return f"the results are lost: {why}; {self._client.memory_reason}"
        return f"the results wait in {directory} and are delivered later: {why}"

    def _deliver(self) -> bool:
        most = self._client.settings.exit_timeout_s - (WORKER_EXIT_S if self.workers else 0)
        began = time.monotonic()
        delivered = self._client.flush(max(0.1, most), give_up_early=True)
        self._left_s = max(0.0, most - (time.monotonic() - began)) if delivered else 0.0
        if delivered:  # what workers' cases logged last, and what a run that was killed has left
            self._client.adopt(self._left_s / 2)  # the run's own end is still to come
            self._left_s = max(0.0, most - (time.monotonic() - began))
        self._client.told = True
        return delivered

    def close(self) -> None:
        """Deliver what came since, in what is left of the time, and close."""
        if self._left_s is not None:
            self._client.settings = replace(self._client.settings, exit_timeout_s=self._left_s)
        self._client.shutdown()
