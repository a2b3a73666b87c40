"""
Which tests are never run any more, although what they stood beside is.

A test is *gone* where it was in none of the last three runs of its line that would have run it:

- runs that are known to be of the whole suite, or of which nobody told and that have at least four fifths of
  the tests of the largest of the ten runs before them;
- other runs that ran at least four fifths of the other tests of its file that were there when it ran last,
  of which there must be two or more. A run of `-k something` or of a single file is thereby evidence for that
  file alone, and a run of one test for none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.verdicts.grid import Grid, Marks, Numbers

RUNS = 3
_SHARE = 0.8
_BEFORE = 10
_BESIDE = 2


class Gone(NamedTuple):
    """
    Which tests are gone.

    Attributes:
        gone: They are.
        since: Row of the run that made it certain; -1: they are not.
    """

    gone: Marks
    since: Numbers


def whole_runs(grid: Grid, line: Sequence[int]) -> list[int]:
    """
    Return the rows of a line that are runs of the whole suite.

    Args:
        grid: The table.
        line: Rows, in order.
    """
    sizes = [int(np.count_nonzero(grid.outcomes[row])) for row in line]
    found = []
    for index, row in enumerate(line):
        whole = grid.runs[row].whole
        if whole is None:
            before = sizes[max(0, index - _BEFORE) : index]
            whole = bool(before) and sizes[index] >= _SHARE * max(before)
        if whole:
            found.append(row)
    return found


def absent(grid: Grid, line: Sequence[int], files: Numbers) -> Gone:
    """
    Say which tests are gone.

    Args:
        grid: The table.
        line: Rows of the runs of one branch, in order.
        files: Of each test, the number of its file; -1: not known.
    """
    tests = len(grid.tests)
    since, missed = np.full(tests, -1, np.int64), np.zeros(tests, np.int64)
    seen, beside = np.zeros(tests, bool), np.zeros(tests, np.int64)
    known = files >= 0
    count = max(int(files.max(initial=-1)) + 1, 1)
    whole = set(whole_runs(grid, line))
    for row in line:
        ran = grid.outcomes[row] > 0
        if row in whole:
            covered = seen & ~ran
        else:
            covered = (
                seen
                & ~ran
                & known
                & (beside >= _BESIDE)
                & _ran_beside(ran, seen & (missed == 0), files, count)
            )
        missed[covered] += 1
        missed[ran] = 0
        since[ran] = -1
        since[(missed >= RUNS) & (since < 0)] = row
        if ran.any():
            in_file = np.bincount(files[ran & known], minlength=count)
            beside = np.where(ran & known, in_file[files] - 1, beside)
        seen |= ran
    return Gone(since >= 0, since)


def _ran_beside(ran: Marks, alive: Marks, files: Numbers, count: int) -> Marks:
    """Return for each test whether enough of the living tests of its file ran."""
    known = files >= 0
    living = np.bincount(files[alive & known], minlength=count)
    here = np.bincount(files[ran & known], minlength=count)
    enough = here >= np.maximum(_SHARE * (living - 1), 1)
    return np.where(known, enough[files], False)
