"""
How the outcome of a test in a run compares with the runs before it.

Runs are taken together by the code that they ran, and of each *state* of the code only this is asked: did
the test fail in all runs of it, or pass in all, or both. States in which it was not run, skipped, or failed
as expected say nothing and are passed over. So do runs in which half of the suite failed once a sound run
has followed, see :func:`pylogtap_collector.verdicts.grid.broken_runs`.

A failure is *flaky* where the test also passed on the same commit; or where the test is known to be flaky
and this does not explain too little: with the share `p` of states on which it failed before (of `n` states
`b` failed: `p = (b + 1) / (n + 2)`, Laplace's rule of succession, at most 1/2) a row of `k` failing states
has the probability `p ** k`. Below 1 % the row is taken for a real failure, whatever is known of the test.
A first failure of a test that is known to be flaky is never enough for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.verdicts.grid import Codes, Grid, Marks, Numbers

STANDINGS = ("", "new_failure", "still_failing", "flaky_failure", "fixed", "new", "passing")
NOTHING, NEW_FAILURE, STILL_FAILING, FLAKY_FAILURE, FIXED, NEW, PASSING = range(7)
CHANCE = 0.01  # a row of failures that has less by chance is real
_MOST_RATE = 0.5


class Standings(NamedTuple):
    """
    How the tests of a run stand.

    Attributes:
        codes: Positions in `STANDINGS`, by test; 0: nothing can be said.
        first_bad: Row of the first run of those in a row in which the test fails; -1: it does not.
        first_bad_commit: Row of the first of them whose commit is what was run; -1: none.
        last_good: Row of the last run before them, of a commit that is what was run, in which it passed.
    """

    codes: Codes
    first_bad: Numbers
    first_bad_commit: Numbers
    last_good: Numbers


class _Course:
    """What became of all tests along a line of runs, up to some point of it."""

    def __init__(self, tests: int) -> None:
        self.streak, self.judged, self.failing = (np.zeros(tests, np.int64) for _ in range(3))
        self.first_bad, self.first_bad_commit, self.last_good = (
            np.full(tests, -1, np.int64) for _ in range(3)
        )
        self.seen = np.zeros(tests, bool)

    def copy(self) -> _Course:
        """Return the same, to go on with."""
        other = _Course(0)
        for name, value in vars(self).items():
            setattr(other, name, value.copy())
        return other

    def add(self, good: Marks, bad: Marks, rows: Sequence[int], firsts: Numbers, *, clean: bool) -> None:
        """
        Go on by one state.

        Args:
            good: Which tests passed in some run of it.
            bad: Which failed in some.
            rows: Its runs.
            firsts: Row of the first run of it in which each test failed.
            clean: It is that of a commit.
        """
        only_bad, only_good = bad & ~good, good & ~bad
        begins = only_bad & (self.streak == 0)
        self.first_bad[begins] = firsts[begins]
        self.first_bad_commit[begins] = -1
        if clean:
            named = only_bad & (self.first_bad_commit < 0)
            self.first_bad_commit[named] = firsts[named]
            self.last_good[only_good] = rows[-1]
        self.streak[only_bad] += 1
        self.streak[good] = 0
        self.judged += good | bad
        self.failing += bad


def judge(
    grid: Grid,
    line: Sequence[int],
    at: int,
    *,
    flaky: Marks,
    broken: Marks,
    known: Marks | None = None,
) -> Standings:
    """
    Compare a run with those before it.

    Args:
        grid: The table.
        line: Rows of the runs that it is compared with, in order.
        at: Its own row.
        flaky: Which tests were known to be flaky then.
        broken: Which runs failed as a whole.
        known: Which tests were seen before the table begins, or beside the line.
    """
    tests = len(grid.tests)
    before = _Course(tests)
    own = grid.runs[at].state
    rows = [row for row in line if not broken[row] or (broken[at] and _unbroken_since(line, row, broken))]
    groups = _by_state(grid, rows)
    here = [row for state, found in groups if state == own for row in found]
    for state, found in groups:
        if state != own:
            _add(before, grid, found)
    for row in line:
        before.seen |= grid.outcomes[row] > 0
    if known is not None:
        before.seen |= known
    after = before.copy()
    same = _repetitions(grid, at, broken)
    _add(after, grid, [*here, at])
    good, bad = grid.good(at), grid.bad(at)
    also_good, also_bad = _any(grid, same, good=True), _any(grid, same, good=False)
    rate = np.minimum(_MOST_RATE, (before.failing - before.streak + 1) / (before.judged - before.streak + 2))
    by_chance = flaky & ((after.streak <= 1) | (rate ** np.maximum(after.streak, 1) >= CHANCE))
    was_by_chance = flaky & ((before.streak <= 1) | (rate ** np.maximum(before.streak, 1) >= CHANCE))
    failed_before = (before.streak > 0) | _any(grid, here, good=False)
    codes = np.zeros(tests, np.uint8)
    codes[bad] = NEW_FAILURE
    codes[bad & failed_before] = STILL_FAILING
    codes[bad & (by_chance | also_good)] = FLAKY_FAILURE
    codes[good] = PASSING
    codes[good & ~before.seen] = NEW
    codes[good & (before.streak > 0) & ~was_by_chance & ~also_bad] = FIXED
    failing = (codes == NEW_FAILURE) | (codes == STILL_FAILING)
    nothing = np.int64(-1)
    return Standings(
        codes,
        np.where(failing, after.first_bad, nothing),
        np.where(failing, after.first_bad_commit, nothing),
        np.where(failing, after.last_good, nothing),
    )


def _unbroken_since(line: Sequence[int], row: int, broken: Marks) -> bool:
    """Tell whether no sound run has followed a broken one."""
    return all(broken[other] for other in line if other > row)


def _by_state(grid: Grid, rows: Sequence[int]) -> list[tuple[str | int, list[int]]]:
    groups: dict[str | int, list[int]] = {}
    for row in rows:
        groups.setdefault(grid.runs[row].state, []).append(row)
    return list(groups.items())


def _repetitions(grid: Grid, at: int, broken: Marks) -> list[int]:
    """Return the other runs of the same code in the same setting, on whatever branch, sooner or later."""
    own = grid.runs[at]
    return [
        row
        for row, run in enumerate(grid.runs)
        if row != at and run.state == own.state and run.setting == own.setting and not broken[row]
    ]


def _any(grid: Grid, rows: Sequence[int], *, good: bool) -> Marks:
    found = np.zeros(len(grid.tests), bool)
    for row in rows:
        found |= grid.good(row) if good else grid.bad(row)
    return found


def _add(course: _Course, grid: Grid, rows: Sequence[int]) -> None:
    good, bad = _any(grid, rows, good=True), _any(grid, rows, good=False)
    firsts = np.full(len(grid.tests), -1, np.int64)
    for row in reversed(rows):
        firsts[grid.bad(row)] = row
    run = grid.runs[rows[0]]
    course.add(good, bad, rows, firsts, clean=not run.dirty and run.commit is not None)
