"""
The outcomes of a suite as a table: a row per run, in order, and a column per test.

Statements are made for all tests at once, by arithmetic on whole rows: a suite of 20,000 tests with a hundred
runs has two million outcomes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pylogtap_collector.verdicts.runs import Run

Codes: TypeAlias = NDArray[np.uint8]
Numbers: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Marks: TypeAlias = NDArray[np.bool_]

STATES = ("", "passed", "failed", "error", "skipped", "xfailed", "xpassed", "running", "interrupted")
ABSENT, PASSED, FAILED, ERROR, SKIPPED, XFAILED, XPASSED, RUNNING, INTERRUPTED = range(9)
CODE_OF = {name: code for code, name in enumerate(STATES)}
_GOOD = np.zeros(256, bool)
_GOOD[[PASSED, XPASSED]] = True
_BAD = np.zeros(256, bool)
_BAD[[FAILED, ERROR]] = True

BROKEN_SHARE = 0.2  # of the tests of a run, beyond what is usual: where so many fail, it was not the tests
BROKEN_STATES = 2  # of the code, in a row; what stays broken for longer, the code has broken
_HALF = 0.5
_JUDGED = 10  # tests that a run has to have for that
_NEIGHBOURS = 5
MANY = 10  # tests that show the same at once, and
MANY_SHARE = 0.1  # which part of all, so that it has one cause that is none of theirs


@dataclass(frozen=True, slots=True)
class Grid:
    """
    Runs, tests, and what became of each test in each run.

    Attributes:
        runs: In order.
        tests: Numbers, ascending.
        outcomes: Positions in `STATES`; 0: the test was not in the run.
        attempts: How often it was tried.
        durations: Seconds; NaN: not known.
    """

    runs: Sequence[Run]
    tests: Numbers
    outcomes: Codes
    attempts: Codes
    durations: NDArray[np.float32]

    def good(self, row: int) -> Marks:
        """Return which tests passed in a run."""
        good: Marks = _GOOD[self.outcomes[row]]
        return good

    def bad(self, row: int) -> Marks:
        """Return which tests failed in a run."""
        bad: Marks = _BAD[self.outcomes[row]]
        return bad

    def reran(self, row: int) -> Marks:
        """Return which tests passed in a later attempt in a run."""
        reran: Marks = self.good(row) & (self.attempts[row] > 1)
        return reran


def many(of: int) -> float:
    """
    Return how many tests that show the same at once have a common cause that is none of theirs.

    Args:
        of: Tests in all.
    """
    return max(float(MANY), MANY_SHARE * of) if of > MANY else _HALF * of


def broken_runs(grid: Grid) -> Marks:
    """
    Return the runs in which a fifth of the tests failed beyond what is usual, for two commits at most.

    That is no statement about any single test: a database was not there, or nothing could be imported.

    Args:
        grid: The table.
    """
    broken = np.zeros(len(grid.runs), bool)
    usual: dict[str | None, list[float]] = {}
    episodes: dict[str | None, list[int]] = {}
    for row, run in enumerate(grid.runs):
        bad = int(np.count_nonzero(grid.bad(row)))
        judged = bad + int(np.count_nonzero(grid.good(row)))
        if judged < _JUDGED:
            continue
        before, episode = usual.setdefault(run.branch, []), episodes.setdefault(run.branch, [])
        if bad / judged < BROKEN_SHARE + _usual(before, usual):
            before.append(bad / judged)
            episode.clear()
            continue
        broken[row] = True
        episode.append(row)
        if len({grid.runs[each].state for each in episode}) > BROKEN_STATES:
            broken[episode] = False
            before.extend([bad / judged] * _NEIGHBOURS)
            episode.clear()
    return broken


def _usual(before: Sequence[float], all_branches: Mapping[str | None, Sequence[float]]) -> float:
    """Return the usual share of failures: on the branch or, for its first run, on others; else nothing is."""
    known = before or [share for found in all_branches.values() for share in found[-_NEIGHBOURS:]]
    return float(np.median(known[-_NEIGHBOURS:])) if known else 1.0


def medians(values: Floats) -> Floats:
    """
    Return the median of each column, of what is known; NaN where nothing is.

    Args:
        values: NaN: not known.
    """
    if not values.size:
        return np.full(values.shape[1], np.nan)
    ordered = np.sort(values, axis=0)  # NaN goes last
    counts = np.count_nonzero(~np.isnan(values), axis=0)
    columns = np.arange(values.shape[1])
    low = ordered[np.maximum(counts - 1, 0) // 2, columns]
    high = ordered[np.minimum(counts // 2, len(ordered) - 1), columns]
    return np.where(counts > 0, (low + high) / 2, np.nan)
