"""
Made histories of suites, with labels that say what is the matter with each test.

A history is some ninety commits on `main` and some branches, the runs of them in the order in which they
arrive, and what became of each test in each run. What disturbs is in it, too: durations with heavy tails,
slow machines, runs in which a database was not there, runs of single files, runs of a changed working
tree, late arrivals.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["steady", "flaky", "regressed", "on_branch", "fixed", "step", "drift", "moved", "removed"]
Repeats = Literal["seldom", "twice", "retried"]

COMMITS = 90
HOUR_NS = 3_600_000_000_000
BEGIN_NS = 1_780_000_000_000_000_000
RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
STEPS = (1.3, 1.5, 2.0, 3.0)
DRIFTS = (1.4, 1.7, 2.2)
PER_FILE = 10
_SELDOM = 0.1  # of commits that are run twice, where repetitions are seldom
_LATE = 0.08
_BRANCHES = 8


@dataclass(slots=True)
class MadeTest:
    """
    A test and its label.

    Attributes:
        name: Within its file.
        file: Where it stands at first.
        kind: What is the matter with it.
        rate: How often it fails by itself.
        since: The commit on `main` from which on something is so.
        until: The commit from which on it is so no more.
        branch: On which branch it fails, from the second commit on.
        ratio: By how much it becomes slower.
        base: Seconds that it takes.
        noise: Standard deviation of the logarithm of that.
    """

    name: str
    file: str
    kind: Kind = "steady"
    rate: float = 0.0
    since: int = 1 << 30
    until: int = 1 << 30
    branch: int = -1
    ratio: float = 1.0
    base: float = 0.1
    noise: float = 0.1


@dataclass(slots=True)
class MadeRun:
    """
    A run.

    Attributes:
        commit: How many commits on `main` it has.
        branch: Number of the branch; -1: `main`.
        own: How many commits of the branch it has.
        start: When it began, ns since the epoch.
        speed: By what the machine is slower than others.
        broken: Share of the tests that something fails that is none of theirs.
        dirty: Files were changed.
        files: Ran alone; None: all.
    """

    commit: int
    branch: int
    own: int
    start: int
    speed: float = 1.0
    broken: float = 0.0
    dirty: bool = False
    files: frozenset[str] | None = None
    outcomes: dict[int, tuple[str, float, int]] = field(default_factory=dict)

    @property
    def revision(self) -> str:
        """The revision: 40 hex digits."""
        return f"{self.commit + 1:020x}{self.branch + 1:010x}{self.own:010x}"

    @property
    def branch_name(self) -> str:
        """The branch's name."""
        return "main" if self.branch < 0 else f"topic-{self.branch}"


class History:
    """
    A made history.

    Attributes:
        tests: With their labels.
        runs: In the order in which they arrive.
    """

    def __init__(self, seed: int, repeats: Repeats) -> None:
        """
        Make it.

        Args:
            seed: Makes it the same again.
            repeats: Commits are run again seldom, or all twice; or failed tests are tried again at once.
        """
        self._random = random.Random(seed)
        self._repeats = repeats
        self.tests = self._make_tests()
        self.moved = sorted({test.file for test in self.tests if test.kind == "moved"})
        self.move_at = {file: self._random.randrange(30, 80) for file in self.moved}
        self.runs = self._make_runs()
        for run in self.runs:
            self._execute(run)
        self._delay()

    def file_of(self, test: MadeTest, run: MadeRun) -> str:
        """Return where a test stands in a run."""
        if test.kind != "moved" or run.commit < self.move_at[test.file]:
            return test.file
        number = self.moved.index(test.file)
        if number % 2:
            return test.file.replace("tests/", "tests/unit/")
        return test.file.replace("test_", "test_new_")

    def _make_tests(self) -> list[MadeTest]:
        rng = self._random
        labels: list[dict[str, Any]] = [{"kind": "flaky", "rate": rate} for rate in RATES for _ in range(6)]
        groups = [rng.randrange(15, 85) for _ in range(8)]
        labels += [{"kind": "regressed", "since": groups[index // 3]} for index in range(24)]
        labels += [{"kind": "on_branch", "branch": rng.randrange(_BRANCHES)} for _ in range(12)]
        for _ in range(24):
            since = rng.randrange(10, 70)
            labels.append({"kind": "fixed", "since": since, "until": since + rng.choice((1, 2, 3, 5, 10))})
        labels += [
            {"kind": "step", "ratio": ratio, "since": rng.randrange(40, 78)}
            for ratio in STEPS
            for _ in range(5)
        ]
        labels += [{"kind": "drift", "ratio": ratio, "since": 30} for ratio in DRIFTS for _ in range(5)]
        labels += [{"kind": "removed", "since": rng.randrange(20, 82)} for _ in range(10)]
        labels += [{} for _ in range(220 - len(labels) % PER_FILE)]
        rng.shuffle(labels)
        removed = rng.randrange(20, 80)
        whole_files = [{"kind": "moved"}] * (6 * PER_FILE) + [
            {"kind": "removed", "since": removed}
        ] * PER_FILE
        tests = []
        for index, label in enumerate([*labels, *whole_files]):
            file, place = divmod(index, PER_FILE)
            tests.append(
                MadeTest(
                    name=f"test_{rng.choice(('adds', 'keeps', 'refuses', 'finds'))}_{place}",
                    file=f"tests/test_part{file}.py",
                    base=10 ** rng.uniform(-2, 0.7),
                    noise=rng.uniform(0.05, 0.3),
                    **label,
                )
            )
        return tests

    def _make_runs(self) -> list[MadeRun]:
        rng, runs = self._random, []
        slow = rng.randrange(45, 70)
        broken = dict(zip(rng.sample(range(5, COMMITS - 3), 4), (0.97, 0.95, 0.3, 0.25), strict=True))
        begins = sorted(rng.sample(range(5, COMMITS - 8), _BRANCHES))
        for commit in range(COMMITS):
            start = BEGIN_NS + commit * HOUR_NS
            speed = rng.lognormvariate(0, 0.15) * (2.0 if slow <= commit < slow + 12 else 1.0)
            runs.append(MadeRun(commit, -1, 0, start, speed, broken.get(commit, 0.0)))
            again = (
                self._repeats == "twice"
                or rng.random() < _SELDOM
                or (commit in broken and rng.random() < 0.5)
            )
            if again:
                runs.append(MadeRun(commit, -1, 0, start + HOUR_NS // 4, rng.lognormvariate(0, 0.15)))
            if rng.random() < 0.1:
                files = frozenset(rng.sample(sorted({test.file for test in self.tests}), 2))
                runs.append(
                    MadeRun(commit, -1, 0, start + HOUR_NS // 3, dirty=rng.random() < 0.5, files=files)
                )
            if rng.random() < 0.08:
                runs.append(MadeRun(commit, -1, 0, start + HOUR_NS // 3 + 1, dirty=True))
        for branch, commit in enumerate(begins):
            for own in range(1, 5):
                start = BEGIN_NS + (commit + own) * HOUR_NS - HOUR_NS // 2
                runs.append(MadeRun(commit, branch, own, start, rng.lognormvariate(0, 0.15)))
        return sorted(runs, key=lambda run: run.start)

    def _execute(self, run: MadeRun) -> None:
        rng = self._random
        hit = {index for index in range(len(self.tests)) if rng.random() < run.broken}
        edited = set(rng.sample(range(len(self.tests)), 4)) if run.dirty else set()
        for index, test in enumerate(self.tests):
            if run.files is not None and self.file_of(test, run) not in run.files:
                continue
            if test.kind == "removed" and run.commit >= test.since:
                continue
            real = index in hit or index in edited or self.is_bad(test, run)
            tries = 2 if self._repeats == "retried" else 1
            failed = [real or rng.random() < test.rate for _ in range(tries)]
            attempts = 2 if failed[0] and tries == 2 else 1
            outcome = "failed" if failed[attempts - 1] else "passed"
            run.outcomes[index] = (outcome, self._seconds(test, run) * attempts, attempts)

    def is_bad(self, test: MadeTest, run: MadeRun) -> bool:
        """Tell whether the code of a run makes a test fail."""
        if test.kind == "on_branch":
            return run.branch == test.branch and run.own >= 2
        return test.kind in {"regressed", "fixed"} and test.since <= run.commit < test.until

    def _seconds(self, test: MadeTest, run: MadeRun) -> float:
        rng, factor = self._random, 1.0
        if test.kind == "step" and run.commit >= test.since:
            factor = test.ratio
        if test.kind == "drift" and run.commit > test.since:
            factor = test.ratio ** ((run.commit - test.since) / (COMMITS - 1 - test.since))
        tail = rng.uniform(2, 8) if rng.random() < 0.03 else 1.0
        return test.base * factor * run.speed * tail * rng.lognormvariate(0, test.noise)

    def _delay(self) -> None:
        order = [
            (index + (self._random.uniform(1, 4) if self._random.random() < _LATE else 0), index)
            for index in range(len(self.runs))
        ]
        self.runs = [self.runs[index] for _, index in sorted(order)]
