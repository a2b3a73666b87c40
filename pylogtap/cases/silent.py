"""What stands in the terminal where nothing is told of a run, and somebody may wonder why."""

from __future__ import annotations

from typing import Any

import pytest


class Silent:
    """Says why nothing is told of a run."""

    def __init__(self, why: str) -> None:
        """
        Bind a reason.

        Args:
            why: For people.
        """
        self._line = f"pylogtap: nothing is told of this run: {why}"

    @pytest.hookimpl
    def pytest_report_header(self) -> str:
        """Say it at the begin."""
        return self._line

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say it at the end."""
        terminalreporter.write_line(self._line)
