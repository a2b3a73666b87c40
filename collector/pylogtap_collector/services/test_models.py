"""From rows of tests to the API's types."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from pylogtap_collector.models.tests import Flakiness, Test
from pylogtap_collector.services.assessment import STATE_OF
from pylogtap_collector.storage.test_case_models import state_of
from pylogtap_collector.storage.test_case_rows import cases_by_row
from pylogtap_collector.storage.test_courses import read_slower
from pylogtap_collector.storage.test_rows import former_nodes, names_by_row
from pylogtap_collector.times import to_datetime

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from datetime import datetime

    from pylogtap_collector.models.cases import CaseState, Standing
    from pylogtap_collector.models.slowdowns import Slowdown
    from pylogtap_collector.storage.test_rows import KnownRow


class _Flaky(msgspec.Struct):
    score: float
    commits: int
    mixed_commits: int
    reruns_passed: int
    lone_failures: int
    last_ns: int | None
    evidence: list[int]


class TestModels:
    """Describes some tests; what they refer to is read at once for all."""

    __test__ = False  # no class of tests, though its name begins as theirs do

    def __init__(self, connection: sqlite3.Connection, rows: Sequence[KnownRow], alive: int) -> None:
        """
        Read what they refer to.

        Args:
            connection: Reads.
            rows: The tests; one without a case is left out.
            alive: From :func:`pylogtap_collector.storage.test_run_rows.alive_after`.
        """
        self._alive = alive
        self._last = cases_by_row(connection, [row.last_case for row in rows if row.last_case is not None])
        self._rows = {row.id: row for row in rows if row.last_case in self._last}
        self._former = former_nodes(connection, self._rows)
        self._flaky = {
            row.id: msgspec.json.decode(row.flakiness, type=_Flaky)
            for row in rows
            if row.flakiness is not None
        }
        self._slow = {row.id: read_slower(row.slowdown) for row in rows if row.slowdown is not None}
        shown = {case for each in self._flaky.values() for case in each.evidence}
        self._cases = names_by_row(connection, "test_case", shown)
        since = {each.since_run for each in self._slow.values() if each.since_run is not None}
        self._runs = names_by_row(connection, "test_run", since)

    def __contains__(self, test: int) -> bool:
        """Tell whether a test is described."""
        return test in self._rows

    def all(self) -> list[Test]:
        """Return all tests, in the order of their rows."""
        return [self.of(test) for test in self._rows]

    def of(self, test: int) -> Test:
        """
        Return a test.

        Args:
            test: Its number.
        """
        row = self._rows[test]
        last = self._last[row.last_case or 0]
        letters = row.recent or ""
        return Test.model_construct(
            **{
                name: getattr(row, name)
                for name in ("id", "project", "service", "node", "file", "group", "name")
            },
            former_nodes=self._former.get(test, []),
            first_seen=to_datetime(row.first_seen),
            last_seen=to_datetime(row.last_seen),
            state=state_of(last, self._alive),
            standing=cast("Standing | None", row.standing),
            last_case=last.case_id,
            failing_since=_moment(row.failing_since),
            first_bad_commit=row.first_bad,
            last_good_commit=row.last_good,
            gone=row.gone_run is not None,
            flakiness=self._flakiness(test),
            slowdown=self._slowdown(test),
            median_s=row.median,
            runs=row.runs or 0,
            failures=row.failures or 0,
            recent=[cast("CaseState", STATE_OF.get(letter, "interrupted")) for letter in letters],
        )

    def _flakiness(self, test: int) -> Flakiness | None:
        told = self._flaky.get(test)
        return (
            None
            if told is None
            else Flakiness.model_construct(
                score=told.score,
                commits=told.commits,
                mixed_commits=told.mixed_commits,
                reruns_passed=told.reruns_passed,
                lone_failures=told.lone_failures,
                last=_moment(told.last_ns),
                evidence=[self._cases[case] for case in told.evidence if case in self._cases],
            )
        )

    def _slowdown(self, test: int) -> Slowdown | None:
        told = self._slow.get(test)
        return None if told is None else told.told(self._runs.get(told.since_run or 0))


def _moment(ns: int | None) -> datetime | None:
    return None if ns is None else to_datetime(ns)
