"""How reports of runs compare with when tests of made histories begin to fail, and are mended."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchmarks.made_histories import History


class Score(NamedTuple):
    """How many statements there were to be made, were made, and were right."""

    right: int = 0
    said: int = 0
    true: int = 0
    found: int = 0

    def __add__(self, other: Score) -> Score:  # type: ignore[override]
        """Add up two."""
        return Score(*(a + b for a, b in zip(self, other, strict=True)))

    @property
    def precision(self) -> float | None:
        """The share of what was said that is right."""
        return self.right / self.said if self.said else None

    @property
    def recall(self) -> float | None:
        """The share of what is true that was said."""
        return self.found / self.true if self.true else None


def compare(said: Iterable[Any], true: Iterable[Any], allowed: Iterable[Any] = ()) -> Score:
    """
    Compare statements with labels.

    Args:
        said: The statements.
        true: Those that are to be made.
        allowed: Those that are right as well, and nobody misses.
    """
    stated, labels = set(said), set(true)
    return Score(len(stated & (labels | set(allowed))), len(stated), len(labels), len(stated & labels))


def scores_of_turns(history: History, reports: Sequence[Mapping[str, set[int]]]) -> dict[str, Score]:
    """Compare reports: that something begins to fail in a run, and that it is mended in one."""
    said: dict[str, set[tuple[int, int]]] = {"new failure": set(), "fixed": set()}
    naive: dict[str, set[tuple[int, int]]] = {"new failure": set(), "fixed": set()}
    last: dict[int, str] = {}
    for number, (run, report) in enumerate(zip(history.runs, reports, strict=True)):
        if run.dirty or run.broken:  # what fails there has begun to fail, for whatever reason
            continue
        said["new failure"] |= {(number, index) for index in report["new_failures"]}
        said["fixed"] |= {(number, index) for index in report["fixed"]}
    for number, run in enumerate(history.runs):
        for index, (outcome, _, _) in run.outcomes.items():
            changed = last.get(index, outcome) != outcome
            last[index] = outcome
            if changed and not run.dirty and not run.broken:
                naive["new failure" if outcome == "failed" else "fixed"].add((number, index))
    true = {kind: turns(history, bad=kind == "new failure") for kind in said}
    found = {kind: _score(said[kind], true[kind]) for kind in said}
    young = unshown(history)
    found["new failure, but of flaky tests that had not shown it"] = _score(
        said["new failure"] - young, true["new failure"]
    )
    found["fixed, but of flaky tests that had not shown it"] = _score(said["fixed"] - young, true["fixed"])
    found |= {f"{kind} (rule: other than the run before)": _score(naive[kind], true[kind]) for kind in said}
    return found


def unshown(history: History) -> set[tuple[int, int]]:
    """
    Return outcomes of flaky tests that look like any other failure, or its mending, when they come.

    Those are the ones before a test has failed and passed on one commit, or twice on `main` apart.
    """
    found, known = set(), set()
    outcomes: dict[tuple[int, str], set[str]] = defaultdict(set)
    apart: Counter[int] = Counter()
    last: dict[int, str] = {}
    for number, run in enumerate(history.runs):
        for index, (outcome, _, attempts) in run.outcomes.items():
            if history.tests[index].kind != "flaky" or run.dirty or run.broken:
                continue
            if index not in known:
                found.add((number, index))
            outcomes[index, run.revision].add(outcome)
            if run.branch < 0:
                apart[index] += outcome == "passed" and last.get(index, "passed") == "failed"
                last[index] = outcome
            if apart[index] > 1 or attempts > 1 or len(outcomes[index, run.revision]) > 1:
                known.add(index)
    return found


def turns(history: History, *, bad: bool) -> list[set[tuple[int, int]]]:
    """Return each time that a test begins to fail or to pass, as the runs in which that may be said."""
    found = []
    lines = [-1, *sorted({run.branch for run in history.runs if run.branch >= 0})]
    clean = [(n, run) for n, run in enumerate(history.runs) if not run.dirty and not run.broken]
    for index, test in enumerate(history.tests):
        if test.kind not in {"regressed", "fixed", "on_branch"}:
            continue
        for line in lines:
            if (line >= 0) != (test.kind == "on_branch"):
                continue
            mine = [(n, run) for n, run in clean if run.branch == line and index in run.outcomes]
            turned = [
                (n, run)
                for n, run in mine
                if history.is_bad(test, run) == bad and (bad or run.commit >= test.until)
            ]
            if turned and any(history.is_bad(test, run) != bad for _, run in mine):
                first = min((run.commit, run.own) for _, run in turned)
                runs = {n for n, run in turned if (run.commit, run.own) == first} | {turned[0][0]}
                found.append({(n, index) for n in runs})
    return found


def _score(said: set[tuple[int, int]], true: list[set[tuple[int, int]]]) -> Score:
    right = set().union(*true)
    return Score(len(said & right), len(said), len(true), sum(bool(said & each) for each in true))
