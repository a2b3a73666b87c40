"""Test runs that come with records: stored once, found with their tests, and counted."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from pylogtap import wire
from pylogtap_collector.access.visitor import local
from pylogtap_collector.errors import MissingRight
from pylogtap_collector.storage.test_case_rows import CaseFilter
from pylogtap_collector.storage.test_filters import RunFilter
from pylogtap_collector.storage.test_run_rows import QUIET_NS
from tests.support.segments import numbered_segment
from tests.support.stores import deliver, messages, running_store
from tests.support.told_suites import RUN, Suite, cases_of, change, failure, rows, run_of, told

if TYPE_CHECKING:
    import sqlite3
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


async def test_a_run_from_its_begin_to_its_end(store: Collector) -> None:
    """A run and its cases are there as soon as somebody tells of them, and change with what follows."""
    suite = Suite()
    suite.begin(commit="5b8efff798", branch="main", ci={"provider": "github"}, python="CPython 3.14")
    first = suite.start("tests/test_cart.py::TestCart::test_total[eur]", markers=["slow"])
    assert await deliver(store, suite) == suite.end
    run = await run_of(store)
    assert (run.state, run.counts.running, run.counts.passed, run.branch) == ("running", 1, 0, "main")
    (case,) = await cases_of(store)
    assert (case.state, case.file, case.group, case.name) == (
        "running", "tests/test_cart.py", "TestCart", "test_total[eur]",
    )  # fmt: skip

    start = suite.end
    phases = {name: {"outcome": "failed", "duration": 0.4} for name in ("setup", "call")}
    facts = {"failure": failure(), "phases": phases, "output": {"call stdout": "x" * 900}}
    suite.case(case.node, "failed", phase="call", duration=0.5, **facts)
    suite.case("tests/test_cart.py::test_other", "passed", attempts=[{"outcome": "failed", "duration": 0.1}])
    suite.tell(wire.TEST_WARNING, {"case": first, "category": "UserWarning", "message": "old", "line": 3})
    suite.finish("failed", exit=1, dropped=2)
    assert await deliver(store, suite, start) == suite.end
    run = await run_of(store)
    assert (run.state, run.exit_status, run.duration_s, run.dropped, run.warnings) == ("failed", 1, 1.5, 2, 1)
    counts = {name: count for name, count in run.counts.model_dump().items() if count}
    assert counts == {"passed": 1, "failed": 1, "reran": 1}
    detail = await store.services.test_cases.one(first, local())
    assert (detail.state, detail.call_s, detail.phases["call"].outcome) == ("failed", 0.4, "failed")
    assert detail.failure is not None
    assert (detail.failure.message, detail.failure.line) == ("assert 3 == 4", 3)
    assert detail.failure.stacktrace
    assert detail.output == {"call stdout": "x" * 900}
    assert [(each.message, each.line) for each in detail.warnings] == [("old", 3)]
    assert (await cases_of(store, run=RUN))[0].failure.stacktrace == ""
    assert (store.counters.test_runs, store.counters.test_cases) == (1, 2)


async def test_sent_twice_is_stored_once(store: Collector) -> None:
    """Whatever is repeated or cut anew, each case counts once, and records are the same."""
    suite = Suite()
    site = suite.site("number %d")
    suite.begin()
    for number in range(6):
        suite.case(f"test_a.py::test_{number}")
        suite.record(site, [number])
        suite.tell(wire.TEST_WARNING, {"category": "W", "message": str(number)})
    for start, end in ((0, 6), (3, 9), (0, 9), (5, None)):
        slice_ = suite.slice(suite.offsets[start], None if end is None else suite.offsets[end])
        await store.services.ingest.accept(suite.identity, suite.offsets[start], slice_, encoding=None)
    run = await run_of(store)
    assert (run.counts.passed, run.warnings, store.counters.test_cases) == (6, 6, 6)
    assert len(await messages(store)) == 6


async def test_a_slice_without_records_is_not_kept(store: Collector) -> None:
    """What tells of tests alone leaves nothing to be sealed."""
    suite = Suite()
    suite.begin()
    await deliver(store, suite)
    assert await rows(store, "SELECT count(*) FROM hot") == [(0,)]
    assert (await store.services.catalog.services("shop")).items[0].name == "checkout"


async def test_another_project_is_refused(store: Collector) -> None:
    """A key for one project tells of no run of another: neither of a new one, nor of one that is there."""
    theirs = Suite(prefix="bank/vault/tests")
    theirs.begin(branch="main")
    await deliver(store, theirs)
    suite = numbered_segment(1)
    suite.put(told(wire.TEST_BEGIN, {"branch": "evil"}, place="bank/vault/tests"))
    with pytest.raises(MissingRight):
        await store.services.ingest.accept(
            suite.identity, 4096, suite.slice(), encoding=None, projects=frozenset({"shop"})
        )
    suite = numbered_segment(1)
    suite.put(told(wire.TEST_BEGIN, {"branch": "evil"}))
    suite.put(told(wire.TEST_CASE, {"id": "1" * 32, "node": "x", "outcome": "failed"}))
    suite.put(told(wire.TEST_END, {"outcome": "failed"}))
    await store.services.ingest.accept(
        suite.identity, 4096, suite.slice(), encoding=None, projects=frozenset({"shop"})
    )
    run = await run_of(store)
    assert (run.project, run.branch, run.state, run.counts.failed) == ("bank", "main", "running", 0)
    assert await cases_of(store) == []


async def test_what_is_not_heard_of_counts_as_interrupted(tmp_path: Path) -> None:
    """A silent run is interrupted, with its cases, until it is heard of again; our own absence counts not."""
    async with running_store(tmp_path) as store:
        suite = Suite()
        suite.begin()
        suite.start("test_a")
        await deliver(store, suite)

        async def hear(ago_ns: int) -> tuple[str, str, list[str], list[str]]:
            heard = time.time_ns() - ago_ns
            await change(store, "UPDATE test_run SET heard = ?", heard)
            by_state = {
                state: [
                    each.id for each in (await store.services.test_runs.page(RunFilter(states=[state]))).items
                ]
                for state in ("running", "interrupted")
            }
            (case,) = await cases_of(store)
            assert len(await cases_of(store, states=[case.state])) == 1
            return (await run_of(store)).state, case.state, by_state["running"], by_state["interrupted"]

        assert await hear(0) == ("running", "running", [RUN], [])
        assert await hear(2 * QUIET_NS) == ("running", "running", [RUN], [])  # we were not there before
        store.services.test_runs.listens_since -= HOUR_NS
        assert await hear(2 * QUIET_NS) == ("interrupted", "interrupted", [], [RUN])
        start = suite.end
        suite.tell(wire.TEST_BEAT)
        await deliver(store, suite, start)
        assert (await run_of(store)).state == "running"


async def test_tests_are_found_again(store: Collector) -> None:
    """Cases of one node are cases of one test; of a renamed one as well, unless both names are in a run."""
    for run in (RUN, OTHER_RUN):
        suite = Suite(run)
        suite.case("test_a.py::test_old")
        await deliver(store, suite)
    (test,) = {case.test for case in await cases_of(store)}
    assert await rows(store, "SELECT node, file, name FROM test") == [
        ("test_a.py::test_old", "test_a.py", "test_old")
    ]

    def rename(connection: sqlite3.Connection) -> None:
        connection.execute(
            "UPDATE test SET node = 'test_b.py::test_new', file = 'test_b.py', name = 'test_new'"
        )
        connection.execute(
            "INSERT INTO test_node VALUES ('shop', 'checkout', 'test_b.py::test_new', ?, 1)", (test,)
        )

    await store.engine.write(rename)
    old = await cases_of(store, run=RUN)
    assert [(case.file, case.name) for case in old] == [("test_a.py", "test_old")]
    third = Suite("3" * 32)
    third.case("test_a.py::test_old")
    await deliver(store, third)
    assert {case.test for case in await cases_of(store)} == {test}
    start = third.end
    third.case("test_b.py::test_new")
    await deliver(store, third, start)
    found = {case.node: case.test for case in await cases_of(store, run="3" * 32)}
    assert found["test_b.py::test_new"] == test
    assert found["test_a.py::test_old"] != test


async def test_failures_are_grouped(store: Collector) -> None:
    """Failures of one exception whose messages differ in values alone are one group, in one service."""
    suite = Suite()
    for number, message in enumerate(("assert 3 == 4\n  where 3 = f()", "assert 17 == 4", "no answer")):
        suite.case(f"test_{number}", "failed", failure=failure(message))
    suite.case("test_x", "xfailed", failure=failure("assert 1 == 2"))
    await deliver(store, suite)
    groups = {case.node: case.failure_group for case in await cases_of(store)}
    assert groups["test_0"] == groups["test_1"] != groups["test_2"]
    assert groups["test_x"] is None
    assert len(await cases_of(store, failure=groups["test_0"])) == 2
    assert await rows(store, "SELECT pattern FROM test_failure ORDER BY 1") == [
        ("assert <*> == <*>",),
        ("no answer",),
    ]


async def test_who_follows_misses_nothing(store: Collector) -> None:
    """What comes later than the change that one has seen is found, in its order, page by page."""
    suite, seen, start = Suite(), 0, wire.HEADER_SIZE
    suite.begin()
    followed: list[str] = []
    for number in range(5):
        suite.start(f"test_{number}")
        if number:
            suite.case(f"test_{number - 1}")
        start = await deliver(store, suite, start)
        wanted, cursor = CaseFilter(run=RUN, changed_after_ns=seen), None
        while True:
            page = await store.services.test_cases.page(wanted, limit=1, cursor=cursor)
            followed += [f"{case.node} {case.state}" for case in page.items]
            cursor = page.next
            if cursor is None:
                break
        ((seen,),) = await rows(store, "SELECT max(changed) FROM test_case")
    assert [each for each in followed if each.endswith("running")] == [
        f"test_{number} running" for number in range(5)
    ]
    assert [each for each in followed if each.endswith("passed")] == [
        f"test_{number} passed" for number in range(4)
    ]


async def test_many_senders_at_once(store: Collector) -> None:
    """Slices of one run that come by several streams at once all count."""
    suites = []
    for number in range(4):
        suite = Suite()
        for case in range(25):
            suite.case(f"test_{number}_{case}")
        suites.append(suite)
    await asyncio.gather(*[deliver(store, suite) for suite in suites])
    assert (await run_of(store)).counts.passed == 100
    assert len(await cases_of(store)) == 100
