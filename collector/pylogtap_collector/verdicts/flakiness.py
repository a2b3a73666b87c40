"""
How far a test gives both outcomes where nothing was changed.

Runs are taken together by commit (and setting); each run of a changed working tree stands alone. A state of
the code *shows* that a test is flaky where

- it failed in one clean run of a commit and passed in another (*mixed*), or
- it passed in a later attempt of the same run (*rerun*), or
- it failed on one or two commits of the default branch alone, and passed before and behind them (*lone
  failure*). One lone failure may be a mistake that was mended at once; so they count only where there are two
  of them, or anything of the other two kinds. Longer times of failures count from three in all on: hardly any
  test is broken and mended so often.

What many tests show at once (more than ten, and more than a tenth of those that ran) has a cause that is
none of theirs, and shows nothing; likewise runs in which half of the suite failed.

The score is `sum(w * shown) / sum(w)` over the states on which it ran, `w = 2 ** (-age / 20)`, the age in
such states. Tests are ranked by the lower end of Wilson's interval at 95 % (E. B. Wilson, "Probable
Inference, the Law of Succession, and Statistical Inference", JASA 22, 1927) of
`sum(w * shown)` in `sum(w) + 20`: of every test, twenty states without a sign are taken as known, so that
one that ran once does not lead.

A test is called flaky no more once it went on without showing anything for longer than its own
rate explains: of `n` states up to the last that showed it, `e` did; with `q = e / (n + 5)`, that is when
`(1 - q) ** m < 0.002` after `m` further states, and not before ten.

Compare E. Kowalczyk et al., "Modeling and Ranking Flaky Tests at Apple", ICSE-SEIP 2020: they rank by flip
rate (the share of successive runs whose outcomes differ) and by entropy of the outcomes within a version,
smoothed exponentially over versions. A flip between two commits may just as well be a mistake and its
mending; hence only flips within a commit are proof here, and others only as lone failures. Entropy tells a
rate of 50 % from one of 5 %, which depends on how often a commit was run; the share of mixed commits is
easier to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pylogtap_collector.verdicts.grid import many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.verdicts.grid import Floats, Grid, Marks, Numbers

HALF_LIFE = 20.0  # states after which one counts half
_CALM = 20.0  # states without a sign that are taken as known of every test where tests are ranked
_Z = 1.96
FORGET = 0.002  # a time without a sign that has less by chance ends it
FEWEST_WITHOUT = 10
_PRIOR = 5  # states without a sign that are taken as known of every test
_LONE = 2  # lone failures that count by themselves
_SPELLS = 3  # times of failures, however long, that count by themselves
_SHORT = 2  # commits that a lone failure lasts at most


class Signs(NamedTuple):
    """
    What each state of the code showed of each test; a row per state, in order.

    Attributes:
        first_rows: Of each state, the row of its first run.
        ran: In which the test passed or failed.
        mixed: In which it did both.
        reran: In which it passed in a later attempt.
        lone: With which one or two began in which alone it failed.
        spells: With which a longer time began in which it failed, and which has ended.
    """

    first_rows: Numbers
    ran: Marks
    mixed: Marks
    reran: Marks
    lone: Marks
    spells: Marks


class Flaky(NamedTuple):
    """
    How flaky each test is.

    Attributes:
        flaky: It is, as far as is known.
        score: 0 to 1.
        bound: What it is at least, at 95 %: tests are ranked by it.
        states: On which it ran.
        mixed: On which it passed and failed.
        reran: On which it passed in a later attempt.
        lone: On which alone it failed, where that counts.
        last: Row of the first run of the last state that showed it; -1: none did.
    """

    flaky: Marks
    score: Floats
    bound: Floats
    states: Numbers
    mixed: Numbers
    reran: Numbers
    lone: Numbers
    last: Numbers


def signs(grid: Grid, default: str | None, broken: Marks) -> Signs:
    """
    Look for what shows that tests are flaky.

    Args:
        grid: The table.
        default: The default branch.
        broken: Which runs failed as a whole.
    """
    groups: dict[str | int, list[int]] = {}
    for row, run in enumerate(grid.runs):
        if not broken[row]:
            groups.setdefault(run.state, []).append(row)
    shape = (len(groups), len(grid.tests))
    found = Signs(
        np.array([rows[0] for rows in groups.values()], np.int64),
        *(np.zeros(shape, bool) for _ in range(5)),
    )
    for index, rows in enumerate(groups.values()):
        for row in rows:
            good, bad, reran = grid.good(row), grid.bad(row), grid.reran(row)
            found.ran[index] |= good | bad
            if np.count_nonzero(reran) <= many(int(np.count_nonzero(good | bad))):
                found.reran[index] |= reran
        found.mixed[index] = _mixed(grid, rows)
    _mark_lone(grid, list(groups.values()), default, found)
    return found


def _mixed(grid: Grid, rows: Sequence[int]) -> Marks:
    """Return which tests passed and failed in runs of one state."""
    mixed = np.zeros(len(grid.tests), bool)
    for setting in {grid.runs[row].setting for row in rows}:
        good, bad, times = np.zeros_like(mixed), np.zeros_like(mixed), np.zeros(len(mixed), np.int64)
        for row in rows:
            if grid.runs[row].setting == setting:
                good |= grid.good(row)
                bad |= grid.bad(row)
                times += grid.good(row) | grid.bad(row)
        both = good & bad
        if np.count_nonzero(both) <= many(int(np.count_nonzero(times > 1))):
            mixed |= both
    return mixed


def _mark_lone(grid: Grid, groups: Sequence[Sequence[int]], default: str | None, found: Signs) -> None:
    """Find failures on one or two commits of the default branch between such on which the test passed."""
    tests = len(grid.tests)
    was_good, length, begin = np.zeros(tests, bool), np.zeros(tests, np.int64), np.full(tests, -1, np.int64)
    for index, rows in enumerate(groups):
        own = [
            row
            for row in rows
            if grid.runs[row].branch == default and not grid.runs[row].dirty and grid.runs[row].commit
        ]
        if not own:
            continue
        good, bad = (np.logical_or.reduce([which(row) for row in own]) for which in (grid.good, grid.bad))
        only_good, only_bad = good & ~bad, bad & ~good
        for marks, fits in ((found.lone, length <= _SHORT), (found.spells, length > _SHORT)):
            ends = only_good & (begin >= 0) & fits
            marks[begin[ends], np.flatnonzero(ends)] = True
        begins = only_bad & was_good
        begin = np.where(begins, index, np.where(good, -1, begin))
        length = np.where(begins, 1, length + only_bad)
        was_good = np.where(good | bad, only_good, was_good)
    for index in range(len(groups)):
        for marks in (found.lone, found.spells):
            if np.count_nonzero(marks[index]) > many(int(np.count_nonzero(found.ran[index]))):
                marks[index] = False


def lower_bound(shown: Floats, of: Floats) -> Floats:
    """
    Return the lower end of Wilson's interval of shares, at 95 %.

    Args:
        shown: How many.
        of: Of how many; more than none.
    """
    share, part = shown / of, _Z * _Z / of
    spread = _Z * np.sqrt(share * (1 - share) / of + part / of / 4)
    return np.maximum((share + part / 2 - spread) / (1 + part), 0.0)


def measure(found: Signs, until: int | None = None) -> Flaky:
    """
    Say how flaky the tests are.

    Args:
        found: What was shown.
        until: Row of a run: only states before its own count; None: all.
    """
    states = len(found.ran) if until is None else int(np.searchsorted(found.first_rows, until, "left"))
    ran, mixed, reran, lone, spells = (each[:states] for each in found[1:])
    sure = (mixed | reran).sum(axis=0)
    alone = lone.sum(axis=0)
    often = alone + spells.sum(axis=0) >= _SPELLS
    lone = (lone & ((alone >= _LONE) | (sure > 0) | often)) | (spells & often)
    shown = mixed | reran | lone
    tests = ran.shape[1]
    weight, weighted, total = np.zeros(tests), np.zeros(tests), np.zeros(tests, np.int64)
    times, without, up_to = (np.zeros(tests, np.int64) for _ in range(3))
    last = np.full(tests, -1, np.int64)
    for state in range(states):
        here, sign = ran[state], shown[state]
        fade = np.where(here, 2 ** (-1 / HALF_LIFE), 1.0)
        weight, weighted = weight * fade + here, weighted * fade + (here & sign)
        total += here
        times += sign
        without = np.where(sign, 0, without + here)
        up_to = np.where(sign, total, up_to)
        last[sign] = found.first_rows[state]
    rate = times / (up_to + _PRIOR)
    ended = (without >= FEWEST_WITHOUT) & ((1 - rate) ** without < FORGET)
    score = np.divide(weighted, weight, out=np.zeros(tests), where=weight > 0)
    mixes, reruns, lones = (each.sum(axis=0).astype(np.int64) for each in (mixed, reran, lone))
    bound = lower_bound(weighted, weight + _CALM)
    return Flaky((times > 0) & ~ended, score, bound, total, mixes, reruns, lones, last)
