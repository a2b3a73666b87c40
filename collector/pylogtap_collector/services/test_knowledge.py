"""What is known of tests beyond one run, as it is asked for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pylogtap_collector.access.rights import Right
from pylogtap_collector.errors import InvalidCursor
from pylogtap_collector.models.tests import (
    FailureGroups,
    RunReport,
    TestPage,
    Trend,
)
from pylogtap_collector.services.positions import read_position, write_position
from pylogtap_collector.services.test_models import TestModels
from pylogtap_collector.services.test_reports import group_of, point_of, report_of
from pylogtap_collector.storage import test_reports
from pylogtap_collector.storage.test_case_rows import CaseFilter
from pylogtap_collector.storage.test_digests import Suite
from pylogtap_collector.storage.test_filters import RunFilter
from pylogtap_collector.storage.test_reports import FailureFilter
from pylogtap_collector.storage.test_rows import get_test, list_tests
from pylogtap_collector.storage.test_run_rows import get_run, list_runs
from pylogtap_collector.times import parse_time

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.models.cases import CasePage
    from pylogtap_collector.models.tests import Test, TestOrder
    from pylogtap_collector.services.assessor import Assessor
    from pylogtap_collector.services.test_cases import TestCases
    from pylogtap_collector.services.test_runs import TestRuns
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.test_rows import WantedTests


class TestKnowledge:
    """
    Tests with their histories.

    All methods that name one raise NotFound where there is none such, or none that may be seen.
    """

    __test__ = False  # no class of tests, though its name begins as theirs do

    def __init__(self, engine: Engine, runs: TestRuns, cases: TestCases, assessor: Assessor) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
            runs: Know which runs go on.
            cases: Read the cases of a test.
            assessor: Compares runs.
        """
        self._engine = engine
        self._runs = runs
        self._cases = cases
        self._assessor = assessor

    async def page(
        self, wanted: WantedTests, *, order: TestOrder = "node", limit: int = 100, cursor: str | None = None
    ) -> TestPage:
        """
        Return tests.

        Args:
            wanted: Which; with the projects that may be seen.
            order: By node ascending, by all others descending.
            limit: How many.
            cursor: From the page before.

        Raises:
            InvalidCursor: It is none, or one of another order.
        """
        behind = None if cursor is None else _position(cursor, order)
        alive = self._runs.alive

        def job(connection: sqlite3.Connection) -> TestPage:
            rows = list_tests(connection, wanted, order, limit + 1, behind)
            following = (
                write_position(str(rows[limit - 1].key), rows[limit - 1].id) if len(rows) > limit else None
            )
            models = TestModels(connection, rows[:limit], alive)
            return TestPage.model_construct(items=models.all(), next=following)

        return await self._engine.read(job)

    async def one(self, test: int, visitor: Visitor) -> Test:
        """
        Return a test.

        Args:
            test: Its number.
            visitor: Who asks.
        """
        seen, alive = visitor.where(Right.READ), self._runs.alive

        def job(connection: sqlite3.Connection) -> Test:
            return TestModels(connection, [get_test(connection, test, seen)], alive).of(test)

        return await self._engine.read(job)

    async def history(
        self, test: int, visitor: Visitor, *, limit: int = 100, cursor: str | None = None
    ) -> CasePage:
        """
        Return the cases of a test, those of the newest runs first.

        Args:
            test: Its number.
            visitor: Who asks.
            limit: How many.
            cursor: From the page before.

        Raises:
            InvalidCursor: It is none.
        """
        seen = visitor.where(Right.READ)
        await self._engine.read(lambda connection: get_test(connection, test, seen))
        wanted = CaseFilter(RunFilter(projects=seen), test=test)
        return await self._cases.page(wanted, limit=limit, cursor=cursor)

    async def report(self, run: str, visitor: Visitor) -> RunReport:
        """
        Return what a run says that the runs before it did not; it is compared with them first, if need be.

        Args:
            run: Its id.
            visitor: Who asks.
        """
        seen = visitor.where(Right.READ)
        row = await self._engine.read(lambda connection: get_run(connection, run, seen))
        if row.assessed is None:
            await self._assessor.assess(Suite(row.project, row.service))
        alive = self._runs.alive

        def job(connection: sqlite3.Connection) -> RunReport:
            return report_of(connection, get_run(connection, run, seen), alive)

        return await self._engine.read(job)

    async def failures(
        self,
        visitor: Visitor,
        *,
        project: str | None = None,
        service: str | None = None,
        run: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int = 100,
    ) -> FailureGroups:
        """
        Return failures that are alike, taken together; the largest groups first.

        Args:
            visitor: Who asks.
            project: Of this project alone.
            service: Of services of this name alone.
            run: Of this run alone.
            since: Of cases that began from then on.
            until: Of cases that began before.
            limit: How many groups.

        Raises:
            Invalid: A time cannot be read.
        """
        now, alive, seen = time.time_ns(), self._runs.alive, visitor.where(Right.READ)
        ends = [None if text is None else parse_time(text, now) for text in (since, until)]

        def job(connection: sqlite3.Connection) -> FailureGroups:
            number = None if run is None else get_run(connection, run, seen).id
            wanted = FailureFilter(seen, project, service, number, *ends)
            rows = test_reports.failure_groups(connection, wanted, limit)
            return FailureGroups.model_construct(
                items=[group_of(connection, row, wanted, alive) for row in rows]
            )

        return await self._engine.read(job)

    async def trend(
        self,
        visitor: Visitor,
        *,
        project: str | None = None,
        service: str | None = None,
        branch: str | None = None,
        runs: int = 50,
    ) -> Trend:
        """
        Return the course of a suite.

        Args:
            visitor: Who asks.
            project: Of this project alone.
            service: Of services of this name alone.
            branch: Of this branch alone.
            runs: How many of the newest runs.
        """
        wanted = RunFilter(visitor.where(Right.READ), project, service, branch)
        alive = self._runs.alive

        def job(connection: sqlite3.Connection) -> Trend:
            rows = list_runs(connection, wanted, runs, alive=alive)[::-1]
            works = test_reports.works(connection, [row.id for row in rows])
            return Trend.model_construct(points=[point_of(row, *works[row.id], alive) for row in rows])

        return await self._engine.read(job)


def _position(cursor: str, order: TestOrder) -> tuple[str | float, int]:
    key, number = read_position(cursor, str, int)
    if order == "node":
        return key, number
    try:
        return float(key), number
    except ValueError as error:
        raise InvalidCursor("This cursor belongs to another order; leave it out to begin again.") from error
