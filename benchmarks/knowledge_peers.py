"""Simple rules for what is the matter with tests, beside which ours stand."""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import TYPE_CHECKING

from benchmarks.knowledge_turns import Score, compare

if TYPE_CHECKING:
    from benchmarks.made_histories import History


def peers(history: History) -> dict[str, Score]:
    """Do the same by simple rules."""
    kinds = defaultdict(set)
    for index, test in enumerate(history.tests):
        kinds[test.kind].add(index)
    flaky, slow = set(), set()
    for index in range(len(history.tests)):
        course = [run.outcomes[index] for run in history.runs if index in run.outcomes]
        flaky |= {index} if any(_allure(course[: end + 1]) for end in range(5, len(course))) else set()
        times = [seconds for outcome, seconds, attempts in course if outcome == "passed" and attempts == 1]
        if len(times) > 10 and times[-1] > statistics.mean(times[:-1]) + 2 * statistics.stdev(times[:-1]):
            slow.add(index)
    now = {
        index for index in flaky if _allure([r.outcomes[index] for r in history.runs if index in r.outcomes])
    }
    return {
        "flaky (Allure's rule, in any run)": compare(flaky, kinds["flaky"]),
        "flaky (Allure's rule, in the last run)": compare(now, kinds["flaky"]),
        "slower (rule: mean + 2 sigma)": compare(slow, kinds["step"] | kinds["drift"]),
    }


def _allure(course: list[tuple[str, float, int]]) -> bool:
    *before, (now, _, _) = course
    statuses = [outcome for outcome, _, _ in reversed(before[-5:])]
    if now != "failed" or "passed" not in statuses or "failed" not in statuses:
        return False
    return statuses.index("passed") < len(statuses) - 1 - statuses[::-1].index("failed")
