"""From rows to reports of runs, groups of failures and points of a trend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pylogtap_collector.models.tests import FailureGroup, Finding, RunReport, TrendPoint
from pylogtap_collector.services.test_models import TestModels
from pylogtap_collector.storage import test_reports
from pylogtap_collector.storage.test_case_models import case_of
from pylogtap_collector.storage.test_case_rows import cases_by_row
from pylogtap_collector.storage.test_rows import tests_by_number
from pylogtap_collector.storage.test_run_rows import run_of, runs_by_row
from pylogtap_collector.times import to_datetime

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.models.cases import Case
    from pylogtap_collector.models.tests import Test
    from pylogtap_collector.storage.test_reports import FailureFilter, GroupRow, Named
    from pylogtap_collector.storage.test_run_rows import RunRow

_LISTED = 200  # tests of each list of a report
_COUNTED = 200_000  # tests that are counted; more than any suite has
_LISTS = {
    "new_failure": "new_failures",
    "still_failing": "still_failing",
    "flaky_failure": "flaky_failures",
    "reran": "reran",
    "fixed": "fixed",
    "new": "new",
    "slower": "slower",
}
_HELD = ("failing_since", "first_bad_commit", "last_good_commit", "slowdown")
_STANDINGS = ("new_failure", "still_failing", "flaky_failure", "fixed", "new")


def report_of(connection: sqlite3.Connection, run: RunRow, alive: int) -> RunReport:
    """
    Describe what a run says that those before it did not.

    Args:
        connection: Reads.
        run: The run.
        alive: From :func:`pylogtap_collector.storage.test_run_rows.alive_after`.
    """
    lists: dict[str, list[Named]] = {name: [] for name in _LISTS.values()}
    named = test_reports.named_cases(connection, run.id, _STANDINGS)
    for each in [*named, *test_reports.slower_cases(connection, run.id, _COUNTED)]:
        lists[_LISTS[each.why]].append(each)
    gone = test_reports.gone_tests(connection, run.id, _COUNTED)
    totals = {**{name: len(found) for name, found in lists.items()}, "gone": len(gone)}
    lists, gone = {name: found[:_LISTED] for name, found in lists.items()}, gone[:_LISTED]
    shown = [each for found in lists.values() for each in found]
    tests = tests_by_number(connection, {*(each.test for each in shown), *gone})
    models = TestModels(connection, list(tests.values()), alive)
    cases = cases_by_row(connection, [each.case for each in shown])
    baseline = test_reports.baseline_of(connection, run.id)
    before = [] if baseline is None else runs_by_row(connection, [baseline])
    members: dict[str, Any] = {
        name: [
            _finding(models.of(each.test), case_of(cases[each.case], alive))
            for each in found
            if each.test in models and each.case in cases
        ]
        for name, found in lists.items()
    }
    return RunReport.model_construct(
        None,
        run=run_of(run, alive),
        baseline=run_of(before[0], alive) if before else None,
        totals=totals,
        gone=[Finding.model_construct(test=models.of(test), case=None) for test in gone if test in models],
        **members,
    )


def _finding(test: Test, case: Case) -> Finding:
    """Name a test with what held for its case, whatever holds of the test by now."""
    held = {name: getattr(case, name) for name in _HELD}
    return Finding.model_construct(test=test.model_copy(update=held), case=case)


def group_of(
    connection: sqlite3.Connection, row: GroupRow, wanted: FailureFilter, alive: int
) -> FailureGroup:
    """
    Describe a group of failures.

    Args:
        connection: Reads.
        row: The group.
        wanted: Which failures are meant.
        alive: From :func:`pylogtap_collector.storage.test_run_rows.alive_after`.
    """
    numbers = test_reports.newest_of(connection, row.id, wanted)
    cases = cases_by_row(connection, numbers)
    newest = [case_of(cases[number], alive) for number in numbers if number in cases]
    return FailureGroup.model_construct(
        **{name: getattr(row, name) for name in ("id", "project", "service", "type", "pattern")},
        message=newest[0].failure.message if newest and newest[0].failure else "",
        first_seen=to_datetime(row.first_seen),
        last_seen=to_datetime(row.last_seen),
        cases=row.cases,
        tests=row.tests,
        runs=row.runs,
        newest=newest,
    )


def point_of(row: RunRow, work: float, flaky: int, alive: int) -> TrendPoint:
    """
    Describe a run in the course of a suite.

    Args:
        row: The run.
        work: Seconds that its cases took together.
        flaky: Cases that passed in a later attempt.
        alive: From :func:`pylogtap_collector.storage.test_run_rows.alive_after`.
    """
    counts = (row.passed, row.failed, row.errors, row.skipped, row.xfailed, row.xpassed)
    return TrendPoint(
        run=row.run,
        started=to_datetime(row.started),
        commit=row.commit_id,
        branch=row.branch,
        state=row.outcome or ("running" if row.heard > alive else "interrupted"),
        cases=sum(counts),
        passed=row.passed + row.xfailed + row.xpassed,
        failed=row.failed + row.errors,
        skipped=row.skipped,
        flaky=flaky,
        duration_s=row.duration,
        work_s=work,
    )
