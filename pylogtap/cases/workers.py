"""Hooks of pytest-xdist in its controller: what workers have to know, and what they say beside reports."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap.cases.identity import case_id

if TYPE_CHECKING:
    from pylogtap.cases.guard import Guard
    from pylogtap.cases.reporter import Reporter
    from pylogtap.cases.telling import Telling


class Workers:
    """
    Follows the workers of a run.

    Attributes:
        deselected: How many cases are not to run; each worker says it at its end.
        trouble: A mistake of ours in a worker.
    """

    def __init__(self, reporter: Reporter, telling: Telling, guard: Guard) -> None:
        """
        Bind what is told.

        Args:
            reporter: Of the run.
            telling: Follows its cases.
            guard: Keeps our mistakes to us.
        """
        self._reporter, self._telling, self._guard = reporter, telling, guard
        self._collected: dict[str, int] = {}
        self._twins: dict[str, int] = {}  # by node of which there are several: how many have begun
        self.deselected = 0
        self.trouble: str | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self, specs: list[Any]) -> None:
        """Tell how many processes there are."""
        with self._guard:
            self._reporter.add({"workers": len(specs)})

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Let a worker know the run."""
        with self._guard:
            node.workerinput["pylogtap_run"] = self._reporter.run
            node.workerinput["pylogtap_prefix"] = self._reporter.prefix
            node.workerinput["pylogtap_every_worker"] = self._telling.every_worker

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        """Tell how many cases there are; all workers find the same."""
        with self._guard:
            self._collected[str(node.gateway.id)] = len(ids)
            if len(self._collected) == 1 and len(set(ids)) < len(ids):
                self._twins = {name: 0 for name, count in Counter(ids).items() if count > 1}
            counts = self._collected.values()
            self._reporter.add({"collected": sum(counts) if self._telling.every_worker else max(counts)})

    @pytest.hookimpl
    def pytest_runtest_logstart(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        """Tell that a case begins. Nobody says in which worker: where each runs it, its reports will."""
        if self._telling.every_worker:
            return
        with self._guard:
            occurrence = 0
            if nodeid in self._twins:
                occurrence = self._twins[nodeid]
                self._twins[nodeid] += 1
            self._telling.start_unseen(case_id(self._reporter.run, nodeid, occurrence), nodeid, location)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker says at its end; one that has died says nothing."""
        with self._guard:
            output = getattr(node, "workeroutput", None) or {}
            self.deselected = max(self.deselected, output.get("pylogtap_deselected", 0))
            self.trouble = self.trouble or output.get("pylogtap_trouble")
