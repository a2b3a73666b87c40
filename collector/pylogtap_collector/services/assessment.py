"""What follows from the outcomes of a suite: how its cases stand, and what is known of its tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from pylogtap_collector.services.slowdowns import Slowdowns, shown_in
from pylogtap_collector.storage.test_courses import CaseFailing, pack_failing
from pylogtap_collector.storage.test_standings import Failing, StandingRow
from pylogtap_collector.verdicts.absence import absent
from pylogtap_collector.verdicts.flakiness import measure, signs
from pylogtap_collector.verdicts.grid import ERROR, FAILED, PASSED, STATES, XPASSED, broken_runs, medians
from pylogtap_collector.verdicts.runs import line_of
from pylogtap_collector.verdicts.standing import STANDINGS, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap_collector.services.suites import Course
    from pylogtap_collector.storage.test_digests import Digest
    from pylogtap_collector.verdicts.flakiness import Flaky
    from pylogtap_collector.verdicts.grid import Marks, Numbers
    from pylogtap_collector.verdicts.standing import Standings

RECENT = 30  # runs that `recent` shows
_LATELY = (
    10  # executions that the median is of: six slower ones move it, and five that chance made slow do not
)
_EVIDENCE = 10
LETTERS = {"": "-", "passed": "p", "failed": "f", "error": "e", "skipped": "s", "xfailed": "x",
           "xpassed": "X", "running": "r", "interrupted": "i"}  # fmt: skip
STATE_OF = {letter: state for state, letter in LETTERS.items()}
_AS_LETTERS = bytes(ord(LETTERS[state]) for state in STATES) + bytes(256 - len(STATES))


class Assessed(NamedTuple):
    """
    What is to be stored.

    Attributes:
        cases: Standing, and row of the case; of those that have changed.
        failing: Of cases that fail, since when; those of older runs first.
        slow: Of the runs that were to be assessed, what took longer than it had, by number.
        digests: Of the runs of these, by number.
        baselines: Number of the newest run that each run was compared with, by number.
        tests: What is known of the tests that were in the runs.
        gone: Of other tests: the run that made it certain that they are gone, or None, and the test.
    """

    cases: list[tuple[str | None, int]]
    failing: list[CaseFailing]
    slow: dict[int, list[tuple[str, int]]]
    digests: dict[int, Digest]
    baselines: dict[int, int | None]
    tests: list[StandingRow]
    gone: list[tuple[int | None, int]]


class Assessment:
    """Looks at a suite once."""

    def __init__(self, course: Course) -> None:
        """
        Put everything into tables.

        Args:
            course: The suite.
        """
        self._course = course
        self._runs = course.runs
        self._grid = grid = course.grid()
        self._default = course.default
        self._broken = broken_runs(grid)
        self._signs = signs(grid, self._default, self._broken)
        begins = min((run.started for run in self._runs), default=0)
        self._old = course.first_seen(grid.tests) < begins
        self._judged: dict[int, Standings] = {}

    def all(self) -> Assessed:
        """Return all that is to be stored."""
        pending = self._course.pending
        concerned = np.isin(
            self._grid.tests, np.fromiter(self._course.left, np.int64, len(self._course.left))
        )
        for row in pending:
            concerned |= self._grid.outcomes[row] > 0
        cases: list[tuple[str | None, int]] = []
        failing: list[CaseFailing] = []
        digests = {}
        for row in self._affected():
            changed = self._stand(row, concerned, cases)
            failing += self._fails(row, concerned)
            if changed is not None:
                digests[self._runs[row].number] = changed
        gone_since = self._gone()
        return Assessed(
            cases,
            failing,
            {self._runs[row].number: list(self._slow(row)) for row in pending},
            digests,
            {self._runs[row].number: self._baseline(row) for row in pending},
            list(self._known(concerned, gone_since)),
            self._others(concerned, gone_since),
        )

    def _line(self, row: int) -> list[int]:
        return line_of(self._runs, row, self._default)

    def _baseline(self, row: int) -> int | None:
        """Return the newest run that was whole or ran half of the same tests; else just the newest."""
        line, ran = self._line(row), self._grid.outcomes[row] > 0
        for before in reversed(line):
            same = np.count_nonzero(ran & (self._grid.outcomes[before] > 0))
            if self._runs[before].whole or 2 * same >= np.count_nonzero(ran):
                return self._runs[before].number
        return self._runs[line[-1]].number if line else None

    def _affected(self) -> list[int]:
        """Return the runs that are to be judged: the pending ones, and those that are compared with them."""
        pending = set(self._course.pending)
        states = {self._runs[row].state for row in pending}
        first = min(pending, default=len(self._runs))
        return [
            row
            for row, run in enumerate(self._runs)
            if row in pending
            or run.state in states
            or (row > first and not pending.isdisjoint(self._line(row)))
        ]

    def _judge(self, row: int) -> Standings:
        if row not in self._judged:
            known = self._old.copy()
            for before in range(row):
                known |= self._grid.outcomes[before] > 0
            self._judged[row] = judge(
                self._grid,
                self._line(row),
                row,
                flaky=measure(self._signs, row).flaky,
                broken=self._broken,
                known=known,
            )
        return self._judged[row]

    def _stand(self, row: int, concerned: Marks, cases: list[tuple[str | None, int]]) -> Digest | None:
        """Note how the cases of a run stand now, where that has changed, and return its digest then."""
        digest = self._course.digests[self._runs[row].number]
        columns = np.searchsorted(self._grid.tests, digest.tests)
        codes = self._judge(row).codes[columns]
        codes = np.where(digest.outcomes == self._grid.outcomes[row, columns], codes, 0).astype(np.uint8)
        changed = (codes != digest.standings) & concerned[columns]
        if not changed.any():
            return None
        found = zip(codes[changed].tolist(), digest.cases[changed].tolist(), strict=True)
        cases += [(STANDINGS[code] or None, case) for code, case in found]
        return digest._replace(standings=np.where(changed, codes, digest.standings))

    def _fails(self, row: int, concerned: Marks) -> Iterator[CaseFailing]:
        """Return since when the cases of a run fail, as far as the runs that are looked at say."""
        judged = self._judge(row)
        for column in np.flatnonzero(concerned & (judged.first_bad >= 0)).tolist():
            test, first = int(self._grid.tests[column]), int(judged.first_bad[column])
            case = self._course.case_of(row, test)
            if case is not None:
                unknown = first != row and judged.last_good[column] < 0
                earlier = self._course.case_of(first, test) if unknown else None
                yield CaseFailing(pack_failing(self._fails_since(judged, column)), case, earlier)

    def _slow(self, row: int) -> Iterator[tuple[str, int]]:
        """Return which cases of a run took longer than they had."""
        for column, told in shown_in(self._grid, self._line(row), row).items():
            case = self._course.case_of(row, int(self._grid.tests[column]))
            if case is not None:
                yield msgspec.json.encode(told).decode(), case

    def _gone(self) -> Numbers:
        """Return the number of the run that made a test's absence certain; 0: it is not; -1: unknown."""
        grid = self._grid
        numbers: dict[str | None, int] = {}
        files = np.full(len(grid.tests), -1, np.int64)
        for column, test in enumerate(grid.tests.tolist()):
            name = self._course.names.get(test)
            if name is not None and name.file is not None:
                files[column] = numbers.setdefault(name.file, len(numbers))
        found = np.full(len(grid.tests), -1, np.int64)
        run_numbers = np.array([run.number for run in self._runs] or [0], np.int64)
        branches = [self._runs[row].branch for row in self._course.pending]
        others = {each or "" for each in branches if each != self._default}
        for branch in [*sorted(others), self._default]:
            line = [row for row, run in enumerate(self._runs) if (run.branch or "") == (branch or "")]
            clean = [row for row in line if not self._runs[row].dirty] or line
            gone = absent(grid, clean, files)
            seen = (grid.outcomes[clean] > 0).any(axis=0)
            found[seen] = np.where(gone.gone, run_numbers[gone.since], 0)[seen]
        return found

    def _others(self, concerned: Marks, gone_since: Numbers) -> list[tuple[int | None, int]]:
        """Return what has changed of the absence of tests that were in no pending run."""
        found: list[tuple[int | None, int]] = []
        for column in np.flatnonzero(~concerned & (gone_since >= 0)).tolist():
            test, since = int(self._grid.tests[column]), int(gone_since[column])
            if self._course.gone.get(test, 0) != since:
                found.append((since or None, test))
        return found

    def _known(self, concerned: Marks, gone_since: Numbers) -> Iterator[StandingRow]:
        grid = self._grid
        by_start = sorted(range(len(self._runs)), key=lambda row: self._runs[row].started)
        last = np.full(len(grid.tests), -1, np.int64)
        for row in by_start:
            last[grid.outcomes[row] > 0] = row
        flaky = measure(self._signs)
        slow = Slowdowns(grid, self._line, last, concerned)
        ordered = grid.outcomes[by_start]
        good = (ordered == PASSED) | (ordered == XPASSED)
        latest = good & (np.cumsum(good[::-1], axis=0)[::-1] <= _LATELY)
        middle = medians(np.where(latest, grid.durations[by_start], np.nan).astype(np.float64))
        runs = (ordered > 0).sum(axis=0)
        failures = ((ordered == FAILED) | (ordered == ERROR)).sum(axis=0)
        for column in np.flatnonzero(concerned & (last >= 0)).tolist():
            test, row = int(grid.tests[column]), int(last[column])
            case = self._course.case_of(row, test)
            if test not in self._course.names or case is None:
                continue
            judged = self._judge(row)
            outcomes = ordered[:, column]
            slower, since = slow.of(column), self._failing(judged, column)
            yield StandingRow(
                test=test,
                state=STATES[grid.outcomes[row, column]],
                standing=STANDINGS[judged.codes[column]] or None,
                last_case=case,
                last_run=self._runs[row].number,
                failing_since=since.since,
                first_bad=since.first_bad,
                last_good=since.last_good,
                gone_run=int(gone_since[column]) if gone_since[column] > 0 else None,
                flaky=float(flaky.score[column]) if flaky.flaky[column] else None,
                flaky_bound=float(flaky.bound[column]) if flaky.flaky[column] else None,
                flakiness=self._flakiness(flaky, column) if flaky.flaky[column] else None,
                slower=None if slower is None else slower["ratio"],
                slow_since=None if slower is None else slower["since_ns"],
                slowdown=None if slower is None else msgspec.json.encode(slower).decode(),
                median=None if np.isnan(middle[column]) else float(middle[column]),
                runs=int(runs[column]),
                failures=int(failures[column]),
                recent=outcomes[outcomes > 0][-RECENT:].tobytes().translate(_AS_LETTERS).decode(),
            )

    def _failing(self, judged: Standings, column: int) -> Failing:
        """Return since when a test fails; where it does in all runs looked at, what was known before."""
        row, good = int(judged.first_bad[column]), int(judged.last_good[column])
        now = self._fails_since(judged, column)
        known = self._course.failing.get(int(self._grid.tests[column]))
        if row < 0 or good >= 0 or known is None or known.since is None:
            return now
        return known if known.since < self._runs[row].started else now

    def _fails_since(self, judged: Standings, column: int) -> Failing:
        return Failing(
            self._started(judged.first_bad[column]),
            self._commit(judged.first_bad_commit[column]),
            self._commit(judged.last_good[column]),
        )

    def _flakiness(self, flaky: Flaky, column: int) -> str:
        grid = self._grid
        found: list[int] = []
        for row in reversed(range(len(self._runs))):
            if not self._broken[row] and (grid.bad(row)[column] or grid.reran(row)[column]):
                case = self._course.case_of(row, int(grid.tests[column]))
                found += [] if case is None else [case]
            if len(found) == _EVIDENCE:
                break
        told = {
            "score": round(float(flaky.score[column]), 6),
            "commits": int(flaky.states[column]),
            "mixed_commits": int(flaky.mixed[column]),
            "reruns_passed": int(flaky.reran[column]),
            "lone_failures": int(flaky.lone[column]),
            "last_ns": self._started(flaky.last[column]),
            "evidence": found,
        }
        return msgspec.json.encode(told).decode()

    def _started(self, row: int | np.int64) -> int | None:
        return None if row < 0 else self._runs[int(row)].started

    def _commit(self, row: int | np.int64) -> str | None:
        return None if row < 0 else self._runs[int(row)].commit
