"""Runs are compared with those before them when they have ended, whatever order they come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pylogtap_collector.access.visitor import local
from pylogtap_collector.services.assessor import Assessor
from pylogtap_collector.storage.test_rows import WantedTests
from tests.support.stores import running_store
from tests.support.suites import nodes, tell_run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pylogtap_collector.assembly import Collector
    from pylogtap_collector.models.tests import Finding, RunReport, Test

ADA = local()


@pytest.fixture(params=["file", "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Collector]:
    """Return a collector whose background task does not assess, so that tests say when."""
    data = tmp_path if request.param == "file" else None
    async with running_store(data, adopt=False) as collector:
        await collector.tasks.stop()
        yield collector


async def known_tests(store: Collector, **wanted: Any) -> dict[str, Test]:
    """Return the tests that fit, by the end of their nodes, after all that has ended was assessed."""
    await store.assessor.assess_pending()
    page = await store.services.test_knowledge.page(WantedTests(**wanted))
    return {test.node.rpartition("::")[2]: test for test in page.items}


async def report(store: Collector, run: str) -> RunReport:
    """Return the report of a run."""
    return await store.services.test_knowledge.report(run, ADA)


def names(findings: list[Finding]) -> list[str]:
    """Return the ends of the nodes of findings."""
    return [each.test.node.rpartition("_")[2] for each in findings]


async def test_a_report_says_what_is_new(store: Collector) -> None:
    """A report names what fails newly or still, is mended, or is new, and what it is compared with."""
    first = await tell_run(store, 1, nodes("pffp"))
    second = await tell_run(store, 2, nodes("ffppp"))
    told = await report(store, second)
    assert names(told.new_failures) == ["0"]
    assert names(told.still_failing) == ["1"]
    assert names(told.fixed) == ["2"]
    assert names(told.new) == ["4"]
    assert told.baseline is not None
    assert (told.baseline.id, told.run.id) == (first, second)
    assert {each.case.standing for each in told.new_failures if each.case} == {"new_failure"}


async def test_what_fails_knows_its_first_bad_commit(store: Collector) -> None:
    """A test that fails says since when, since which commit, and what the last good one was."""
    for at, letters in enumerate(["pp", "pp", "fp", "fp"]):
        await tell_run(store, at, nodes(letters))
    test = (await known_tests(store, standing="still_failing"))["test_0"]
    assert (test.first_bad_commit, test.last_good_commit) == (f"{2:040x}", f"{1:040x}")
    assert test.state == "failed"
    assert test.recent == ["passed", "passed", "failed", "failed"]
    assert (test.runs, test.failures) == (4, 2)


async def test_a_run_that_comes_late_takes_its_place(store: Collector) -> None:
    """A run of an older commit that arrives later moves the first bad commit, and what later runs say."""
    await tell_run(store, 1, nodes("pp"))
    late = await tell_run(store, 3, nodes("fp"))
    assert names((await report(store, late)).new_failures) == ["0"]
    between = await tell_run(store, 2, nodes("fp"))
    assert names((await report(store, between)).new_failures) == ["0"]
    assert names((await report(store, late)).still_failing) == ["0"]
    assert (await known_tests(store))["test_0"].first_bad_commit == f"{2:040x}"


async def test_a_repetition_that_passes_shows_a_flaky_test(store: Collector) -> None:
    """Where the same commit passes later, the failure was a flaky one, and says so afterwards."""
    await tell_run(store, 1, nodes("pp"))
    failed = await tell_run(store, 2, nodes("fp"))
    assert names((await report(store, failed)).new_failures) == ["0"]
    again = await tell_run(store, 3, nodes("pp"), commit=2)
    assert names((await report(store, again)).fixed) == []
    told = await report(store, failed)
    assert (names(told.new_failures), names(told.flaky_failures)) == ([], ["0"])
    (test,) = (await known_tests(store, flaky=True)).values()
    assert test.flakiness is not None
    assert (test.flakiness.mixed_commits, test.flakiness.commits) == (1, 2)
    assert (
        test.flakiness.evidence == [told.flaky_failures[0].case.id] if told.flaky_failures[0].case else False
    )


async def test_a_later_attempt_that_passes_shows_a_flaky_test(store: Collector) -> None:
    """A test that passed in a second attempt is listed as such, and is flaky."""
    run = await tell_run(store, 1, nodes("pp"), reran=frozenset({"tests/test_a.py::test_1"}))
    assert names((await report(store, run)).reran) == ["1"]
    test = (await known_tests(store, flaky=True))["test_1"]
    assert test.flakiness is not None
    assert test.flakiness.reruns_passed == 1


async def test_deleted_runs_are_forgotten(store: Collector) -> None:
    """When a run is deleted, what only it said is no longer said; a test without any case is no test."""
    await tell_run(store, 1, nodes("pp"))
    bad = await tell_run(store, 2, nodes("fpp"))
    assert set(await known_tests(store)) == {"test_0", "test_1", "test_2"}
    await store.services.test_runs.delete(bad, ADA)
    found = await known_tests(store)
    assert set(found) == {"test_0", "test_1"}
    assert (found["test_0"].standing, found["test_0"].first_bad_commit) == ("new", None)
    assert await store.assessor.assess_pending() == 0


async def test_a_deleted_case_is_forgotten(store: Collector) -> None:
    """When a case is deleted, its test stands as it did without it."""
    await tell_run(store, 1, nodes("pp"))
    await tell_run(store, 2, nodes("fp"))
    test = (await known_tests(store))["test_0"]
    await store.services.test_cases.delete(test.last_case, ADA)
    found = (await known_tests(store))["test_0"]
    assert (found.state, found.runs, found.first_bad_commit) == ("passed", 1, None)


async def test_a_moved_file_keeps_its_history(store: Collector) -> None:
    """Tests of a file that was renamed are found by either name, and their runs are of one test."""
    for at in range(3):
        await tell_run(store, at, nodes("pppp") | nodes("pppp", "tests/test_b.py"))
    before = await known_tests(store)
    moved = nodes("fppp", "tests/unit/test_a.py")
    run = await tell_run(store, 4, moved | nodes("pppp", "tests/test_b.py"))
    told = await report(store, run)
    assert (names(told.new_failures), told.new) == (["0"], [])
    found = (await store.services.test_knowledge.page(WantedTests(node="unit/"))).items
    assert [test.former_nodes for test in found] == [[f"tests/test_a.py::test_{n}"] for n in range(4)]
    former = await store.services.test_knowledge.page(WantedTests(node="tests/TEST_A.py::test_2"))
    assert [test.id for test in former.items] == [found[2].id]
    assert found[0].runs == 4
    assert len(before) <= len({test.id for test in found}) * 2
    later = await tell_run(store, 5, moved | nodes("pppp", "tests/test_b.py"))
    assert names((await report(store, later)).still_failing) == ["0"]


async def test_what_is_not_run_any_more_is_gone(store: Collector) -> None:
    """A test that three whole runs went without is gone; the run that makes it certain says so."""
    await tell_run(store, 0, nodes("ppp"))
    for at in (1, 2):
        await tell_run(store, at, nodes("pp"))
    assert await known_tests(store, gone=True) == {}
    run = await tell_run(store, 3, nodes("pp"))
    assert names((await report(store, run)).gone) == ["2"]
    assert set(await known_tests(store, gone=True)) == {"test_2"}
    await tell_run(store, 4, nodes("ppp"))
    assert await known_tests(store, gone=True) == {}


async def test_a_test_that_takes_longer(store: Collector) -> None:
    """A test that takes three times as long from some run on is slower since then, on slow machines too."""
    outcomes = nodes("p" * 12)
    slow = "tests/test_a.py::test_3"
    runs = []
    for at in range(30):
        speed = 2.0 if at % 4 == 0 else 1.0 + at % 3 / 50
        seconds = {node: 0.1 * speed * (3 if node == slow and at >= 20 else 1) for node in outcomes}
        runs.append(await tell_run(store, at, outcomes, seconds=seconds))
    (test,) = (await known_tests(store, slower=True)).values()
    assert (test.node, test.slowdown and test.slowdown.since_run) == (slow, runs[20])
    assert test.slowdown is not None
    assert (test.slowdown.kind, test.slowdown.since_commit) == ("step", f"{20:040x}")
    assert abs(test.slowdown.ratio - 3) < 0.1
    assert names((await report(store, runs[-1])).slower) == ["3"]


async def test_a_report_keeps_since_when_its_tests_failed(store: Collector) -> None:
    """Since when a test failed is a fact about the run: another branch, and its mending, change nothing."""
    await tell_run(store, 1, nodes("pp"))
    runs = [await tell_run(store, at, nodes("fp"), branch="topic") for at in (2, 3)]
    await store.assessor.assess_pending()
    await tell_run(store, 4, nodes("pp"))
    await tell_run(store, 5, nodes("pp"), branch="topic")
    await store.assessor.assess_pending()
    for run, standing in zip(runs, ("new_failures", "still_failing"), strict=True):
        (found,) = getattr(await report(store, run), standing)
        assert found.case is not None
        for told in (found.case, found.test):
            assert (told.first_bad_commit, told.last_good_commit) == (f"{2:040x}", f"{1:040x}")
            assert told.failing_since == (await report(store, runs[0])).run.started
    test = (await known_tests(store))["test_0"]
    assert (test.first_bad_commit, test.failing_since) == (None, None)


async def test_a_failure_that_was_chance_after_all_has_no_begin(store: Collector) -> None:
    """Where a failure turns out to be flaky, since when its test failed is said no more."""
    await tell_run(store, 1, nodes("pp"))
    failed = await tell_run(store, 2, nodes("fp"))
    assert (await report(store, failed)).new_failures[0].test.first_bad_commit == f"{2:040x}"
    await tell_run(store, 3, nodes("pp"), commit=2)
    await store.assessor.assess_pending()
    assert (await report(store, failed)).flaky_failures[0].test.first_bad_commit is None


async def test_since_when_is_known_of_what_failed_longer_than_runs_are_looked_at(store: Collector) -> None:
    """A case knows since when its test fails though only those that failed as well are still in sight."""
    for at in range(170):
        await tell_run(store, at, nodes("fp" if at >= 2 else "pp"), seconds=0.01)
    run = await tell_run(store, 170, nodes("fp"), seconds=0.01)
    await store.assessor.assess_pending()
    (found,) = (await report(store, run)).still_failing
    assert (found.test.first_bad_commit, found.test.last_good_commit) == (f"{2:040x}", f"{1:040x}")


async def test_only_a_run_that_took_longer_says_that_tests_are_slower(store: Collector) -> None:
    """What got slow on one branch is no news of a run on another; and no later run changes what one said."""
    outcomes = nodes("p" * 12)
    slow = "tests/test_a.py::test_3"
    runs = []
    for at in range(24):
        seconds = {node: 0.3 if node == slow and at >= 12 else 0.05 for node in outcomes}
        runs.append(await tell_run(store, at, outcomes, seconds=seconds))
    await store.assessor.assess_pending()
    await known_tests(store)
    feature = await tell_run(store, 24, outcomes, seconds=dict.fromkeys(outcomes, 0.051), branch="feature")
    assert (await report(store, feature)).slower == []
    for _ in range(2):
        (found,) = (await report(store, runs[-1])).slower
        assert found.case is not None
        assert (found.case.slowdown, found.test.node) == (found.test.slowdown, slow)
        assert found.case.slowdown is not None
        assert found.case.slowdown.since_run == runs[12]
        assert abs(found.case.slowdown.ratio - 6) < 0.01
        assert (await report(store, runs[5])).slower == []
        for at in range(25, 40):
            await tell_run(store, at, outcomes, seconds=0.05)
        await store.assessor.assess_pending()


async def test_a_run_is_compared_with_one_of_most_of_its_tests(store: Collector) -> None:
    """The run that a report names for comparison ran half of the same tests, or the whole suite."""
    whole = await tell_run(store, 1, nodes("p" * 8))
    few = await tell_run(store, 2, nodes("ppp"), whole=False)
    for at, letters, baseline in ((3, "p" * 8, whole), (4, "pp", few), (5, "p" * 30, whole)):
        run = await tell_run(store, at, nodes(letters), whole=False)
        told = await report(store, run)
        assert told.baseline is not None
        assert told.baseline.id == baseline
        await store.services.test_runs.delete(run, ADA)


async def test_one_observation_does_not_lead_the_flaky_ones(store: Collector) -> None:
    """A test that ran once, and passed at the second attempt, comes behind one that did so twice of 16."""
    often, once = "tests/test_a.py::test_0", "tests/test_a.py::test_9"
    for at in range(16):
        await tell_run(store, at, nodes("p" * 9), reran=frozenset({often} if at in {8, 14} else ()))
    await tell_run(store, 16, nodes("p" * 10), reran=frozenset({once}))
    await store.assessor.assess_pending()
    page = await store.services.test_knowledge.page(WantedTests(flaky=True), order="flaky")
    assert [test.node for test in page.items] == [often, once]
    scores = [test.flakiness.score for test in page.items if test.flakiness]
    assert scores[0] < 0.2
    assert scores[1] == 1


async def test_the_median_is_of_what_a_test_takes_now(store: Collector) -> None:
    """A test that took longer in its last eight runs has that as its median, and is the slowest by it."""
    outcomes = nodes("pp")
    slow, other = outcomes
    for at in range(30):
        await tell_run(store, at, outcomes, seconds={slow: 0.3 if at >= 22 else 0.051, other: 0.1})
    await store.assessor.assess_pending()
    page = await store.services.test_knowledge.page(WantedTests(), order="slowest")
    assert [(test.node, round(test.median_s or 0, 3)) for test in page.items] == [(slow, 0.3), (other, 0.1)]


async def test_a_run_that_goes_on_is_not_compared(store: Collector) -> None:
    """A run is assessed once it has ended, and its report has empty lists before."""
    await tell_run(store, 1, nodes("pp"))
    run = await tell_run(store, 2, nodes("fp"), end=False)
    told = await report(store, run)
    assert (told.run.state, told.new_failures) == ("running", [])
    assert (await known_tests(store))["test_0"].state in {"passed", "failed"}


async def test_many_runs_at_once(store: Collector) -> None:
    """A history that is imported at once says in the end what it would have said run by run."""
    for at in range(130):
        await tell_run(store, at, nodes("fp" if at >= 100 else "pp"), seconds=0.01)
    assert await store.assessor.assess_pending() == 130
    test = (await known_tests(store))["test_0"]
    assert (test.standing, test.first_bad_commit) == ("still_failing", f"{100:040x}")
    other = Assessor(store.engine)
    assert await other.assess_pending() == 0


async def test_lists_in_any_order_go_on_where_they_ended(store: Collector) -> None:
    """Each order lists every test once over all pages, and refuses the cursor of another order."""
    await tell_run(store, 1, nodes("p" * 7), reran=frozenset({"tests/test_a.py::test_1"}))
    knowledge = store.services.test_knowledge
    await store.assessor.assess_pending()
    for order in ("node", "flaky", "slowest", "slower", "last_seen"):
        found, cursor = [], None
        while True:
            page = await knowledge.page(WantedTests(), order=order, limit=3, cursor=cursor)
            found += [test.node for test in page.items]
            cursor = page.next
            if cursor is None:
                break
        assert sorted(found) == sorted(nodes("p" * 7))
        if order == "flaky":
            assert found[0].endswith("test_1")


async def test_failures_alike_are_one_group(store: Collector) -> None:
    """Failures whose messages differ in values alone are taken together, and counted."""
    await tell_run(store, 1, nodes("ff"))
    run = await tell_run(store, 2, nodes("fp"))
    (group,) = (await store.services.test_knowledge.failures(ADA)).items
    assert (group.type, group.pattern) == ("AssertionError", "order <*> is lost")
    assert (group.cases, group.tests, group.runs) == (3, 2, 2)
    assert group.message == "order 2 is lost"
    (alone,) = (await store.services.test_knowledge.failures(ADA, run=run)).items
    assert (alone.cases, [case.run for case in alone.newest]) == (1, [run])


async def test_the_course_of_a_suite(store: Collector) -> None:
    """The trend has the newest runs, oldest first, with what became of their cases, and their time."""
    for at in range(3):
        await tell_run(store, at, nodes("pfs"), reran=frozenset({"tests/test_a.py::test_0"}))
    await store.assessor.assess_pending()
    first, second = (await store.services.test_knowledge.trend(ADA, runs=2)).points
    assert first.started < second.started
    assert (second.cases, second.passed, second.failed, second.skipped, second.flaky) == (3, 1, 1, 1, 1)
    assert abs(second.work_s - 0.3) < 1e-6


async def test_nothing_is_left_of_a_suite(store: Collector) -> None:
    """When the last run is deleted, nothing is known of any test; tests need no files."""
    runs = [await tell_run(store, at, {"adds": "p", "keeps": "f"}, whole=None) for at in (1, 2)]
    assert (await known_tests(store))["keeps"].standing == "still_failing"
    for run in runs:
        await store.services.test_runs.delete(run, ADA)
    assert await known_tests(store) == {}
    assert (await store.services.test_knowledge.trend(ADA)).points == []
