"""Test runs that end, that are added, and that go."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap import wire
from pylogtap.cases.identity import case_id
from pylogtap_collector.access.visitor import local
from pylogtap_collector.errors import Conflict
from pylogtap_collector.models.cases import CaseIn
from pylogtap_collector.models.cases import TestRunIn as RunIn
from pylogtap_collector.taps.test_events import TestEvent as Event
from pylogtap_collector.wire import Place
from tests.support.stores import deliver, messages, running_store
from tests.support.told_suites import RUN, START_NS, Suite, cases_of, change, failure, rows, run_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pylogtap_collector.assembly import Collector

OTHER_RUN = "0" * 32
HOUR_NS = 3_600_000_000_000


@pytest.fixture(params=["disk", "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Collector]:
    """A running collector, of both kinds."""
    async with running_store(tmp_path if request.param == "disk" else None) as running:
        yield running


async def test_ended_runs_are_told_of(store: Collector) -> None:
    """Whoever looks at runs hears of each end, also of what comes behind it, and that it is to look anew."""
    heard: list[int] = []
    store.test_notice.ended = heard.append
    suite = Suite()
    suite.begin()
    await deliver(store, suite)
    assert heard == []
    for told_more in (suite.finish, lambda: suite.case("late")):
        start = suite.end
        told_more()
        await deliver(store, suite, start)
        assert heard == [1]
        assert await rows(store, "SELECT assessed FROM test_run") == [(None,)]
        await change(store, "UPDATE test_run SET assessed = 1")
        heard.clear()


async def test_added_runs_are_found_in_the_logs(store: Collector) -> None:
    """What is added without a client says in the logs what failed, under its case, and how it ended."""
    place = Place("shop", "checkout", "ci")
    event = {"id": "1" * 32, "node": "test_a", "outcome": "failed", "done": True, "failure": dict(failure())}
    (run,) = await store.services.test_runs.add(
        [
            Event(
                START_NS, place, RUN, wire.TEST_BEGIN, {"runner": "jest", "source": "import", "x": object()}
            ),
            Event(START_NS + 1, place, RUN, wire.TEST_CASE, {**event, "output": {"stdout": "o" * 99_000}}),
            Event(START_NS + 2, place, RUN, wire.TEST_END, {"outcome": "failed", "duration": 2.0}),
        ],
        local(),
    )
    assert (run.state, run.runner, run.source, run.counts.failed) == ("failed", "jest", "import", 1)
    assert await messages(store) == ["test_a failed: assert 3 == 4", "test run of jest ended: failed"]
    (log,) = (await store.services.logs.page("level:error test_a")).items
    assert (log.test_id, log.logger, log.exception and log.exception.type) == (
        "1" * 32,
        "jest",
        "AssertionError",
    )
    assert log.attributes == {"run": RUN, "node": "test_a", "outcome": "failed"}


async def test_what_stands_against_it_leaves_nothing(store: Collector) -> None:
    """A run whose case has the id of another is not added, and neither are its records."""
    case = CaseIn(id="1" * 32, node="test_a", outcome="failed")
    await store.services.test_runs.create(RunIn(project="shop", service="a", cases=[case]), local())
    before = await messages(store)
    with pytest.raises(Conflict):
        await store.services.test_runs.create(RunIn(project="shop", service="b", cases=[case]), local())
    assert await messages(store) == before
    assert await rows(store, "SELECT count(*) FROM test_run") == [(1,)]


async def test_old_runs_go(tmp_path: Path) -> None:
    """Runs older than the setting go with their cases, tests and failures; 0 days keep all."""
    async with running_store(tmp_path, tests_days=10) as store:
        for run, days in ((RUN, 11), (OTHER_RUN, 9)):
            suite = Suite(run)
            moment = time.time_ns() - days * 24 * HOUR_NS
            suite.tell(wire.TEST_BEGIN, {"runner": "pytest"}, when=moment)
            for number in range(3):
                case = {"id": case_id(run, str(number)), "node": f"{run[:1]}_{number}", "outcome": "failed"}
                suite.tell(wire.TEST_CASE, {**case, "failure": failure(run)}, when=moment + 1)
            suite.tell(wire.TEST_END, {"outcome": "failed"}, when=moment + 2)
            await deliver(store, suite)
        await change(store, "UPDATE test_run SET heard = started")
        await store.services.retention.enforce()
        assert await rows(store, "SELECT run FROM test_run") == [(OTHER_RUN,)]
        for table, count in (("test_case", 3), ("test", 3), ("test_node", 3), ("test_failure", 1)):
            assert await rows(store, f"SELECT count(*) FROM {table}") == [(count,)]
    async with running_store(tmp_path, tests_days=0) as store:
        await store.services.retention.enforce(time.time_ns() + 10_000 * 24 * HOUR_NS)
        assert await rows(store, "SELECT count(*) FROM test_run") == [(1,)]


@pytest.mark.parametrize("path", [("shop",), ("shop", "checkout"), ("shop", "checkout", "tests")])
async def test_they_go_with_their_place(store: Collector, path: tuple[str, ...]) -> None:
    """Deleting a project, a service or an instance deletes the runs in it, and no other."""
    for run, prefix in ((RUN, "shop/checkout/tests"), (OTHER_RUN, "bank/checkout/tests")):
        suite = Suite(run, prefix)
        suite.case("test_a", "failed", failure=failure())
        await deliver(store, suite)
    catalog = store.services.catalog
    delete: Any = (catalog.delete_project, catalog.delete_service, catalog.delete_instance)[len(path) - 1]
    await delete(*path, local())
    for table in ("test_run", "test", "test_node", "test_failure"):
        assert await rows(store, f"SELECT DISTINCT project FROM {table}") == [("bank",)]
    assert await rows(store, "SELECT count(*) FROM test_case") == [(1,)]


async def test_a_deleted_case_is_counted_no_more(store: Collector) -> None:
    """A case goes with what nothing is left of; the run's counts and the audit log say so."""
    suite = Suite()
    gone, stays = suite.case("test_a", "failed", failure=failure()), suite.case("test_b")
    suite.finish()
    await deliver(store, suite)
    heard: list[int] = []
    store.test_notice.ended = heard.append
    await store.services.test_cases.delete(gone, local())
    assert [case.id for case in await cases_of(store)] == [stays]
    counts = (await run_of(store)).counts
    assert (counts.passed, counts.failed, heard) == (1, 0, [1])
    assert await rows(store, "SELECT node FROM test") == [("test_b",)]
    assert await rows(store, "SELECT count(*) FROM test_failure") == [(0,)]
    assert (await store.services.audit.page(local())).items[0].action == "test_case.delete"
