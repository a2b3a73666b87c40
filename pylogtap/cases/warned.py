"""Warnings of a run, each with the case that was running."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pylogtap.cases.facts import MAX_MESSAGE, MAX_NAME, shorten
from pylogtap.values import safe_text, well_formed

if TYPE_CHECKING:
    from pylogtap.cases.guard import Guard
    from pylogtap.cases.reporter import Reporter
    from pylogtap.cases.telling import Telling

MOST_OF_CASE = 100
MOST = 5_000


class Warned:
    """Tells of warnings: of one case, and of a run, so many and no more."""

    def __init__(self, reporter: Reporter, telling: Telling, guard: Guard) -> None:
        """
        Bind what is told.

        Args:
            reporter: Of the run.
            telling: Knows the cases.
            guard: Keeps our mistakes to us.
        """
        self._reporter, self._telling, self._guard = reporter, telling, guard
        self._count = self._count_here = 0
        self._node: str | None = None

    @pytest.hookimpl
    def pytest_warning_recorded(
        self, warning_message: Any, when: str, nodeid: str, location: tuple[str, int, str] | None
    ) -> None:
        """Tell of a warning."""
        del location  # of pytest's own code, where the warning has none
        with self._guard:
            if nodeid != self._node:
                self._node, self._count_here = nodeid, 0
            self._count_here += 1
            self._count += 1
            if self._count_here > MOST_OF_CASE or self._count > MOST:
                return
            warning = {
                "category": well_formed(warning_message.category.__name__[:MAX_NAME]),
                "message": well_formed(shorten(safe_text(warning_message.message), MAX_MESSAGE)),
                "file": well_formed(str(warning_message.filename)[:MAX_NAME]),
                "line": int(warning_message.lineno),
                "when": when,
            }
            if nodeid and when == "runtest":
                warning["case"] = self._telling.case_of(nodeid)
            self._reporter.warn(warning)
