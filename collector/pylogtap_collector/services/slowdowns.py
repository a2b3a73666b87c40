"""Which tests of a suite take longer than they did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pylogtap_collector.verdicts.grid import PASSED
from pylogtap_collector.verdicts.slowness import LONGEST, slower, speed_factors, suspects

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pylogtap_collector.verdicts.grid import Grid, Marks, Numbers

_SAMPLE = 4_000  # tests that tell how fast a run was


class Slowdowns:
    """Looks at the durations of tests along the lines of the runs in which they ran last."""

    def __init__(
        self, grid: Grid, line_of: Callable[[int], Sequence[int]], last: Numbers, concerned: Marks
    ) -> None:
        """
        Look at all tests that are concerned.

        Args:
            grid: The outcomes.
            line_of: The rows that a row is compared with.
            last: Row of the run in which each test ran last; -1: in none.
            concerned: The tests.
        """
        self._found: dict[int, dict[str, Any]] = {}
        for row in np.unique(last[concerned & (last >= 0)]).tolist():
            self._look(grid, [*line_of(row), row], np.flatnonzero(concerned & (last == row)))

    def of(self, column: int) -> dict[str, Any] | None:
        """
        Return what is to be stored of a test; None: it takes as long as it did.

        Args:
            column: Of the test.
        """
        return self._found.get(column)

    def _look(self, grid: Grid, line: Sequence[int], columns: Numbers) -> None:
        rows = list(line)[-2 * LONGEST :]
        others = np.arange(0, len(grid.tests), max(1, len(grid.tests) // _SAMPLE))
        sample = np.union1d(columns[:: max(1, len(columns) // _SAMPLE)], others)
        factors = speed_factors(_seconds(grid, rows, sample))
        normal = _seconds(grid, rows, columns) / factors[:, None]
        for index in suspects(normal):
            column = int(columns[index])
            known = np.flatnonzero(~np.isnan(normal[:, index]))
            found = slower(normal[known, index])
            if found is None:
                continue
            since = None if found.since is None else grid.runs[rows[int(known[found.since])]]
            self._found[column] = {
                "kind": found.kind,
                "before_s": float(found.before),
                "now_s": float(found.now),
                "ratio": float(found.now / found.before),
                "certainty": float(found.certainty),
                "since_run": None if since is None else since.number,
                "since_commit": None if since is None else since.commit,
                "since_ns": None if since is None else since.started,
            }


def _seconds(grid: Grid, rows: Sequence[int], columns: Numbers) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the durations of executions that passed at once; NaN for all others."""
    where = np.ix_(np.array(rows, np.int64), columns)
    passed = (grid.outcomes[where] == PASSED) & (grid.attempts[where] == 1)
    return np.where(passed, grid.durations[where], np.nan).astype(np.float64)
