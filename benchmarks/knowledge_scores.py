"""How statements about tests compare with the labels of made histories."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.knowledge_turns import Score, compare, scores_of_turns

if TYPE_CHECKING:
    from benchmarks.made_histories import History


class Told(NamedTuple):
    """What the collector said: per run at its arrival, and of tests at the end."""

    reports: list[dict[str, set[int]]]
    slower: list[dict[int, str]]
    tests: dict[int, dict[str, Any]]
    joined: set[int]


def scores(history: History, told: Told) -> dict[str, Score]:
    """Compare what was said with the labels."""
    kinds = defaultdict(set)
    for index, test in enumerate(history.tests):
        kinds[test.kind].add(index)
    tests = told.tests
    slow: dict[int, set[str]] = defaultdict(set)
    for each in told.slower:
        for index, kind in each.items():
            slow[index].add(kind)
    said_flaky = {index for index, test in tests.items() if test["flakiness"]}
    found = {
        "flaky": compare(said_flaky, kinds["flaky"]),
        "flaky, of those that showed it": compare(said_flaky, shown(history), kinds["flaky"]),
        "slower by a step": compare(
            (index for index, said in slow.items() if "step" in said), kinds["step"], kinds["drift"]
        ),
        "slower by a drift": compare(
            (index for index, said in slow.items() if "drift" in said), kinds["drift"], kinds["step"]
        ),
        "slower, of either kind": compare(slow, kinds["step"] | kinds["drift"]),
        "renamed": compare(told.joined, kinds["moved"]),
        "gone": compare((index for index, test in tests.items() if test["gone"]), kinds["removed"]),
        "first bad commit": _first_bad(history, tests, kinds["regressed"]),
    }
    for rate in (0.01, 0.02, 0.05, 0.1, 0.5):
        some = {index for index in kinds["flaky"] if history.tests[index].rate == rate}
        found[f"flaky at {rate:.0%}"] = compare(said_flaky & some, some)
    for ratio in sorted({history.tests[index].ratio for index in kinds["step"] | kinds["drift"]}):
        some = {index for index in kinds["step"] | kinds["drift"] if history.tests[index].ratio == ratio}
        found[f"slower {ratio}x"] = compare(slow.keys() & some, some)
    for title, low, high in (("up to 0.15", 0.0, 0.15), ("beyond", 0.15, 1.0)):
        some = {index for index in kinds["step"] | kinds["drift"] if low < history.tests[index].noise <= high}
        found[f"slower, noise {title}"] = compare(slow.keys() & some, some)
    return found | scores_of_turns(history, told.reports)


def shown(history: History) -> set[int]:
    """Return the flaky tests that failed and passed on one commit, or failed twice at all."""
    outcomes: dict[tuple[int, str], set[str]] = defaultdict(set)
    failed: Counter[int] = Counter()
    found = set()
    for run in history.runs:
        for index, (outcome, _, attempts) in run.outcomes.items():
            if history.tests[index].kind != "flaky" or run.dirty or run.broken:
                continue
            outcomes[index, run.revision].add(outcome)
            failed[index] += outcome == "failed"
            if failed[index] > 1 or attempts > 1 or len(outcomes[index, run.revision]) > 1:
                found.add(index)
    return found


def _first_bad(history: History, tests: dict[int, dict[str, Any]], regressed: set[int]) -> Score:
    main = [
        run
        for run in history.runs
        if run.branch < 0 and run.files is None and not run.dirty and not run.broken
    ]
    said = {index: test["first_bad_commit"] for index, test in tests.items() if test["first_bad_commit"]}
    true = {}
    for index in regressed:
        commits = [run.commit for run in main if history.is_bad(history.tests[index], run)]
        if commits:
            true[index] = next(run.revision for run in main if run.commit == min(commits))
    on_branch = {index for index in said if history.tests[index].kind == "on_branch"}
    said = {index: commit for index, commit in said.items() if index not in on_branch}
    return compare(said.items(), true.items())
