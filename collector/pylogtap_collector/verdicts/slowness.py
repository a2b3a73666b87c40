"""
How far a test takes longer than it did: all at once (a *step*), or little by little (a *drift*).

Durations are first divided by the *speed factor* of their run: the median, over the tests of the run, of
the duration by the usual duration of the test. A slow machine makes all of its tests slow and so accuses
none. All arithmetic is on logarithms: a duration varies by its size.

*Step.* The last `n` durations are cut in two at every place that leaves at least five on each side of it.
Of both sides the medians are taken, and `s = MAD / 0.6745`, `MAD` the median of the absolute deviations
of all values from the median of their side: the robust standard deviation of the modified z-score of B.
Iglewicz and D. C. Hoaglin ("How to Detect and Handle Outliers", ASQC 1993). `before` and `now` are here the
means of the sides after values were brought to within 1.5 s of the median (P. J. Huber, Ann. Math.
Statist. 35, 1964), which vary less than medians do, and the distance is `(now - before) / (s * sqrt(1/a +
1/b))`. Cuts with a distance of `5 + 8 / min(a, b)` or more count: thousands of tests are looked at in
many places, and few values tell little of how heavy the tails are. Of these, the one from which the
durations deviate least is stated. It also takes a ratio of 1.2 or more, 5 ms or more, that on each side
of `n` durations at most `0.4 n - 2` lie nearer to the other side's median, and that the last three are
not back where they were.

*Drift.* Theil-Sen's slope (P. K. Sen, JASA 63, 1968: the median of the slopes of all pairs) over the last
60 durations, at least 20, with a total change of 30 % or more, and a trend by Mann and Kendall (H. B.
Mann, Econometrica 13, 1945) with `z >= 3.8`.

Where both hold, the one from which the durations deviate less (sum of absolute deviations) is stated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from pylogtap_collector.verdicts.grid import medians

if TYPE_CHECKING:
    from pylogtap_collector.verdicts.grid import Floats, Marks

LONGEST = 60  # durations that are looked at
RATIO = 1.2
DIFFERENCE_S = 0.005
DISTANCE = 5.0
_FEW = 8.0  # more distance that is asked for, by the values of the shorter side
TREND = 3.8
CHANGE = 1.3  # of a drift, in all
_SIDE = 5
FEWEST = 15  # durations without which nothing is said
_FEWEST_DRIFT = 20
_LATEST = 3
_OTHERS, _FEWER = 0.4, 2  # share of a side that may lie nearer to the other median, and less than that
_NORMAL = 0.6745  # the MAD of a normal distribution, in standard deviations
_REACH_OF_MEAN = 1.5  # standard deviations from the median that a value may have in a mean
_LEAST_MAD = 0.01  # no test is steadier than 1 %
_REACH = 6.0  # median deviations from the median that a value may have in a mean
_LEAST_AWAY = 0.12  # by which means of logarithms differ where something may be stated
_LOOK = 3.5  # distance of means, in standard errors, likewise
_TESTS = 8  # that a run has to have for a speed factor


class Slower(NamedTuple):
    """
    How far a test takes longer.

    Attributes:
        kind: All at once, or little by little.
        before: Seconds.
        now: Seconds.
        certainty: Distance of a step, or z of a drift.
        since: Position of the first duration of those that are longer; None for a drift.
    """

    kind: Literal["step", "drift"]
    before: float
    now: float
    certainty: float
    since: int | None


def speed_factors(durations: Floats) -> Floats:
    """
    Return by what factor each run was slower than usual; NaN where that cannot be told.

    Args:
        durations: Seconds, a row per run; NaN: not known.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(durations > 0, np.log(durations), np.nan)
    usual = medians(logs)
    factors = np.zeros(len(logs))
    least = min(_TESTS, int(np.count_nonzero(~np.isnan(usual)) + 1) // 2)
    for _ in range(2):  # with the factors of the first time, what is usual becomes clearer
        away = logs - usual
        counts = np.count_nonzero(~np.isnan(away), axis=1)
        factors = np.where(counts >= max(least, 1), medians(away.T), np.nan)
        if np.count_nonzero(~np.isnan(usual)) < _TESTS:
            factors = np.where(np.isnan(factors), np.nan, 0.0)  # too few to tell a machine from a test
        usual = medians(logs - factors[:, None])
    return np.asarray(np.exp(factors))


def suspects(normal: Floats) -> list[int]:
    """
    Return the columns that are worth a closer look: those whose means left and right of some cut differ.

    Values are first brought near to the median of their column, so that a single one does not make a mean.

    Args:
        normal: Normalised seconds, a row per run in order; NaN: not known.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(normal > 0, np.log(normal), np.nan)
    middle = medians(logs)
    reach = np.maximum(_REACH * medians(np.abs(logs - middle)), np.log(RATIO) * 2)
    near = np.clip(logs - middle, -reach, reach)
    there = ~np.isnan(near)
    near = np.where(there, near, 0.0)
    count, total, squares = (np.cumsum(each, axis=0) for each in (there, near, near * near))
    if not len(near):
        return []
    best = np.zeros(normal.shape[1])
    for row in range(len(near) - 1):
        left, right = count[row], count[-1] - count[row]
        enough = (left >= _SIDE) & (right >= _SIDE)
        a, b = np.maximum(left, 1), np.maximum(right, 1)
        away = (total[-1] - total[row]) / b - total[row] / a
        within = squares[-1] - total[row] ** 2 / a - (total[-1] - total[row]) ** 2 / b
        error = np.sqrt(np.maximum(within, 0) / np.maximum(count[-1] - 2, 1) * (1 / a + 1 / b)) + 1e-9
        best = np.maximum(best, np.where(enough & (away > _LEAST_AWAY), away / error, 0.0))
    return [int(column) for column in np.flatnonzero(best >= _LOOK)]


def slower(values: Floats) -> Slower | None:
    """
    Say whether a test takes longer than it did.

    Args:
        values: Normalised seconds, oldest first, none missing; the last 60 count.

    Returns:
        None: it takes as long as it did, or nothing can be said.
    """
    skipped = max(0, len(values) - LONGEST)
    seconds = np.maximum(values[skipped:], 1e-9)
    if len(seconds) < FEWEST:
        return None
    logs = np.log(seconds)
    step, drift = _step(logs), _drift(logs)
    if step is not None and (drift is None or step[1] <= drift[1]):
        found = step[0]
        return found._replace(since=(found.since or 0) + skipped)
    return None if drift is None else drift[0]


def _step(logs: Floats) -> tuple[Slower, float] | None:
    cut, fit, distance = 0, float("inf"), 0.0
    for place in range(_SIDE, len(logs) - _SIDE + 1):
        left, right = logs[:place], logs[place:]
        before, now = float(np.median(left)), float(np.median(right))
        if not _matters(before, now):
            continue
        low, high = left - before, right - now
        away = np.abs(np.concatenate((low, high)))
        spread = max(float(np.median(away)), _LEAST_MAD) / _NORMAL
        reach = _REACH_OF_MEAN * spread
        change = (
            now - before + float(np.clip(high, -reach, reach).mean() - np.clip(low, -reach, reach).mean())
        )
        found = change / (spread * np.sqrt(1 / len(left) + 1 / len(right)))
        middle = (before + now) / 2
        apart = _mostly(left < middle) and _mostly(right > middle)
        if apart and found >= DISTANCE + _FEW / min(len(left), len(right)) and away.sum() < fit:
            cut, fit, distance = place, float(away.sum()), float(found)
    if not cut:
        return None
    before, now = float(np.median(logs[:cut])), float(np.median(logs[cut:]))
    if float(np.median(logs[-_LATEST:])) < (before + now) / 2:
        return None
    return Slower("step", float(np.exp(before)), float(np.exp(now)), distance, cut), fit


def _mostly(marks: Marks) -> bool:
    return bool(np.count_nonzero(~marks) <= max(0.0, _OTHERS * len(marks) - _FEWER))


def _drift(logs: Floats) -> tuple[Slower, float] | None:
    count = len(logs)
    if count < _FEWEST_DRIFT:
        return None
    first, second = np.triu_indices(count, 1)
    changes = logs[second] - logs[first]
    trend = float(np.sign(changes).sum())
    z = (trend - 1) / np.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    if z < TREND:
        return None
    slope = float(np.median(changes / (second - first)))
    middle = float(np.median(logs - slope * np.arange(count)))
    before, now = middle, middle + slope * (count - 1)
    if not _matters(before, now, CHANGE):
        return None
    fit = float(np.abs(logs - middle - slope * np.arange(count)).sum())
    return Slower("drift", float(np.exp(before)), float(np.exp(now)), float(z), None), fit


def _matters(before: float, now: float, least: float = RATIO) -> bool:
    ratio = now - before >= np.log(least)
    return bool(ratio and np.exp(now) - np.exp(before) >= DIFFERENCE_S)
