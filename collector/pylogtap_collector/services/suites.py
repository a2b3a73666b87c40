"""A suite with its runs and outcomes in memory, while it is assessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pylogtap_collector.storage.test_digests import Digest, in_order_of_tests
from pylogtap_collector.verdicts.grid import STATES, Grid
from pylogtap_collector.verdicts.runs import Run, default_branch, in_order, line_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pylogtap_collector.storage.test_digests import Header, Suite
    from pylogtap_collector.storage.test_standings import Failing, NodeName
    from pylogtap_collector.verdicts.grid import Numbers

WINDOW = 150  # runs of a suite that are looked at, and
ON_LINE = 60  # of those that a run is compared with
_COMPLETE = frozenset({"passed", "failed"})
_VERSION = re.compile(r"\d+\.\d+")
# Where a test has several cases in a run, the one counts that says most.
_WEIGHT = {state: weight for weight, state in enumerate(
    ("", "running", "interrupted", "skipped", "xfailed", "xpassed", "passed", "failed", "error")
)}  # fmt: skip
_WEIGHTS = np.array([_WEIGHT[state] for state in STATES])


@dataclass(slots=True)
class Course:
    """
    A suite, as far as it is looked at.

    Attributes:
        suite: Which.
        runs: In order.
        pending: Positions of the runs that are to be assessed.
        headers: Of the runs, by number.
        digests: Likewise.
        names: Of all tests, by number.
        gone: Tests that were gone so far, with the run that made it certain.
        failing: Tests that failed so far, and since when.
        left: Tests of runs that were deleted.
    """

    suite: Suite
    runs: list[Run]
    pending: list[int]
    headers: Mapping[int, Header]
    digests: dict[int, Digest]
    names: dict[int, NodeName]
    gone: Mapping[int, int]
    failing: Mapping[int, Failing]
    left: Collection[int] = ()

    @property
    def default(self) -> str | None:
        """The branch that others come from."""
        return default_branch(self.runs)

    def grid(self) -> Grid:
        """Return the outcomes as a table."""
        mine = [self.digests[run.number] for run in self.runs]
        tests = np.unique(np.concatenate([digest.tests for digest in mine] or [np.zeros(0, np.int64)]))
        shape = (len(self.runs), len(tests))
        outcomes, attempts = np.zeros(shape, np.uint8), np.ones(shape, np.uint8)
        durations = np.full(shape, np.nan, np.float32)
        for row, digest in enumerate(mine):
            order = np.argsort(_WEIGHTS[digest.outcomes], kind="stable")
            columns = np.searchsorted(tests, digest.tests[order])
            outcomes[row, columns] = digest.outcomes[order]
            attempts[row, columns] = digest.attempts[order]
            durations[row, columns] = digest.durations[order]
        return Grid(self.runs, tests, outcomes, attempts, durations)

    def case_of(self, row: int, test: int) -> int | None:
        """
        Return the row of the case that counts of a test in a run.

        Args:
            row: Position of the run.
            test: Number of the test.
        """
        digest = self.digests[self.runs[row].number]
        begin, end = np.searchsorted(digest.tests, [test, test + 1])
        if begin == end:
            return None
        best = begin + int(np.argmax(_WEIGHTS[digest.outcomes[begin:end]]))
        return int(digest.cases[best])

    def rename(self, pairs: Mapping[int, int]) -> list[int]:
        """
        Take tests for others, and return the numbers of the runs whose digests are changed by that.

        Args:
            pairs: The number that stays, by the one that goes.
        """
        goes = np.array(sorted(pairs), np.int64)
        stays = np.array([pairs[test] for test in goes.tolist()], np.int64)
        changed = []
        for number, digest in self.digests.items():
            found = np.isin(digest.tests, goes)
            if found.any():
                tests = digest.tests.copy()
                tests[found] = stays[np.searchsorted(goes, tests[found])]
                self.digests[number] = in_order_of_tests(digest._replace(tests=tests))
                changed.append(number)
        for old, new in pairs.items():
            name = self.names.pop(old, None)
            if name is not None and new in self.names:
                first = min(self.names[new].first_seen, name.first_seen)
                self.names[new] = name._replace(test=new, first_seen=first)
        return changed

    def first_seen(self, tests: Numbers) -> Numbers:
        """
        Return when tests were seen first, ns since the epoch.

        Args:
            tests: Their numbers.
        """
        latest = (1 << 63) - 1
        return np.array(
            [self.names[test].first_seen if test in self.names else latest for test in tests.tolist()],
            np.int64,
        )


def runs_of(headers: Sequence[Header]) -> list[Run]:
    """
    Return runs in the order of their code.

    Args:
        headers: Of runs that have ended.
    """
    return in_order([_run(header) for header in headers])


def window(runs: Sequence[Run], pending: Collection[int]) -> list[int]:
    """
    Return the positions of the runs that have to be looked at.

    Args:
        runs: In order.
        pending: Positions of those that are to be assessed.
    """
    first = min(pending, default=len(runs))
    chosen = set(range(max(0, len(runs) - WINDOW), len(runs))) | set(range(max(0, first - ON_LINE), first))
    default = default_branch(runs)
    for position in pending:
        chosen |= {position, *line_of(runs, position, default)[-ON_LINE:]}
    return sorted(chosen)


def _run(header: Header) -> Run:
    complete = header.outcome in _COMPLETE and (header.collected is None or header.cases >= header.collected)
    version = _VERSION.search(header.python or "")
    return Run(
        number=header.row,
        started=header.started,
        committed=header.committed,
        commit=header.commit,
        branch=header.branch,
        dirty=bool(header.dirty),
        whole=False if not complete else None if header.whole is None else bool(header.whole),
        setting=f"{version[0] if version else ''} {header.platform or ''}".strip(),
    )
