"""Which tests of a suite take longer than they did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pylogtap_collector.verdicts.grid import PASSED
from pylogtap_collector.verdicts.slowness import (
    DIFFERENCE_S,
    FEWEST,
    LONGEST,
    RATIO,
    slower,
    speed_factors,
    suspects,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pylogtap_collector.verdicts.grid import Floats, Grid, Marks, Numbers

_SAMPLE = 4_000  # tests that tell how fast a run was


_THIRD = 2  # no median of five or more durations is below the third lowest
_ROUNDING = 0.999


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
            columns = np.flatnonzero(concerned & (last == row))
            rows, normal = _normal(grid, [*line_of(row), row], columns)
            self._found |= _look(grid, rows, columns, normal)

    def of(self, column: int) -> dict[str, Any] | None:
        """
        Return what is to be stored of a test; None: it takes as long as it did.

        Args:
            column: Of the test.
        """
        return self._found.get(column)


def shown_in(grid: Grid, line: Sequence[int], row: int) -> dict[int, dict[str, Any]]:
    """
    Return what is to be stored of the tests whose durations in a run show that they take longer, by column.

    Args:
        grid: The outcomes.
        line: Rows of the runs that it is compared with.
        row: Its own.
    """
    if len(line) + 1 < FEWEST:
        return {}
    columns = np.flatnonzero(~np.isnan(_seconds(grid, [row], np.arange(len(grid.tests)))[0]))
    rows, normal = _normal(grid, [*line, row], columns)
    own = np.where(np.isnan(normal[-1]), _seconds(grid, [row], columns)[0], normal[-1])
    low = np.partition(normal, _THIRD, axis=0)[_THIRD]
    worth = own**2 >= low * np.maximum(low * RATIO, low + DIFFERENCE_S) * _ROUNDING
    found = _look(grid, rows, columns[worth], normal[:, worth])
    seconds = dict(zip(columns.tolist(), own.tolist(), strict=True))
    # By ratio, it has to be as near to what the test takes now as to what it took.
    return {
        column: told
        for column, told in found.items()
        if seconds[column] ** 2 >= told["before_s"] * told["now_s"]
    }


def _normal(grid: Grid, line: Sequence[int], columns: Numbers) -> tuple[list[int], Floats]:
    """Return the rows of a line that are looked at, and durations as they were on a usual machine."""
    rows = list(line)[-2 * LONGEST :]
    others = np.arange(0, len(grid.tests), max(1, len(grid.tests) // _SAMPLE))
    sample = np.union1d(columns[:: max(1, len(columns) // _SAMPLE)], others)
    factors = speed_factors(_seconds(grid, rows, sample))
    return rows, _seconds(grid, rows, columns) / factors[:, None]


def _look(grid: Grid, rows: Sequence[int], columns: Numbers, normal: Floats) -> dict[int, dict[str, Any]]:
    told: dict[int, dict[str, Any]] = {}
    for index in suspects(normal):
        known = np.flatnonzero(~np.isnan(normal[:, index]))
        found = slower(normal[known, index])
        if found is None:
            continue
        since = None if found.since is None else grid.runs[rows[int(known[found.since])]]
        told[int(columns[index])] = {
            "kind": found.kind,
            "before_s": float(found.before),
            "now_s": float(found.now),
            "ratio": float(found.now / found.before),
            "certainty": float(found.certainty),
            "since_run": None if since is None else since.number,
            "since_commit": None if since is None else since.commit,
            "since_ns": None if since is None else since.started,
        }
    return told


def _seconds(grid: Grid, rows: Sequence[int], columns: Numbers) -> Floats:
    """Return the durations of executions that passed at once; NaN for all others."""
    where = np.ix_(np.array(rows, np.int64), columns)
    passed = (grid.outcomes[where] == PASSED) & (grid.attempts[where] == 1)
    return np.where(passed, grid.durations[where], np.nan).astype(np.float64)
