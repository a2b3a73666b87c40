"""Compares each run that has ended with those before it, and stores what follows for its cases and tests."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from pylogtap_collector.services.assessment import Assessment
from pylogtap_collector.services.renames import renames
from pylogtap_collector.services.suites import Course, runs_of, window
from pylogtap_collector.storage import test_courses, test_digests, test_standings
from pylogtap_collector.storage.test_run_rows import alive_after
from pylogtap_collector.verdicts.standing import STANDINGS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from pylogtap_collector.services.assessment import Assessed
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.test_digests import CaseColumns, Digest, Header, Suite
    from pylogtap_collector.storage.test_standings import NodeName

T = TypeVar("T")
PERIOD_S = 1.0
_HEADERS = 1_000  # runs of a suite, from which those that are looked at are chosen
_AT_ONCE = 50  # runs that are assessed together, where many have come
_ROWS = 2_000  # that are read in one go, and
_ROWS_WRITTEN = 500  # that are written in one transaction: others wait for no longer than some ms
_DIGESTS = 5  # that are read in one go


class Assessor:
    """Knows what runs say beyond themselves."""

    def __init__(self, engine: Engine) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
        """
        self._engine = engine
        self._begun = time.time_ns()
        self._lock = asyncio.Lock()
        self._news = asyncio.Event()

    async def run(self, *, period_s: float = PERIOD_S) -> None:
        """
        Assess runs as they end, until cancelled.

        Args:
            period_s: How often to look for them.
        """
        while True:
            await self.assess_pending()
            # Not by `wait_for`: before Python 3.12, it forgets that it is cancelled while news come.
            with suppress(TimeoutError):
                async with asyncio.timeout(period_s):
                    await self._news.wait()
            self._news.clear()

    def notice(self, _: int) -> None:
        """Hear that a run has ended, or of something that came after that."""
        self._news.set()

    async def assess_pending(self) -> int:
        """Assess all runs that have ended or changed, and return how many that were."""
        alive = self._alive()
        suites = await self._engine.read(partial(test_digests.suites_to_assess, alive=alive))
        return sum([await self.assess(suite) for suite in suites])

    async def assess(self, suite: Suite) -> int:
        """
        Assess the runs of a suite that have ended or changed since they were assessed.

        Args:
            suite: Which.

        Returns:
            How many that were.
        """
        assessed = 0
        async with self._lock:
            while True:
                count, more = await self._assess(suite)
                assessed += count
                if not more:
                    return assessed

    def _alive(self) -> int:
        return alive_after(time.time_ns(), self._begun)

    async def _assess(self, suite: Suite) -> tuple[int, bool]:
        """Assess some runs, and tell whether there are more."""
        read = self._engine.read
        left = await read(partial(test_digests.orphans, suite=suite))
        job = partial(test_digests.read_headers, suite=suite, alive=self._alive(), limit=_HEADERS)
        headers = {header.row: header for header in await read(job)}
        runs = runs_of(list(headers.values()))
        pending = [position for position, run in enumerate(runs) if headers[run.number].assessed is None]
        now, later = pending[:_AT_ONCE], set(pending[_AT_ONCE:])
        if not now and not left:
            return 0, False
        chosen = [position for position in window(runs, now) if position not in later]
        mine = [runs[position] for position in chosen]
        fresh = [runs[position].number for position in now]
        begins = min((run.started for run in mine), default=0)
        missed = [number for number, started in left.items() if started >= begins]
        tests_left = await self._tests_in([*missed, *fresh])
        digests = await self._digests(suite, [headers[run.number] for run in mine], frozenset(fresh))
        course = Course(
            suite=suite,
            runs=mine,
            pending=[chosen.index(position) for position in now],
            headers=headers,
            digests=digests,
            names=await self._names(suite),
            gone=await read(partial(test_standings.read_gone, suite=suite)),
            failing=await read(partial(test_standings.read_failing, suite=suite)),
            left=tests_left,
        )
        await self._rename(course)
        assessed = await asyncio.to_thread(lambda: Assessment(course).all())
        await self._store(course, assessed)
        await self._engine.write(partial(_finish, course=course, assessed=assessed, left=left))
        return len(now), bool(later)

    async def _tests_in(self, runs: Sequence[int]) -> set[int]:
        """Return the tests that were in runs when these were looked at last."""
        tests: set[int] = set()
        for some in _parts(runs, _DIGESTS):
            bodies = await self._engine.read(partial(test_digests.read_digests, runs=some))
            for body in bodies.values():
                tests.update(test_digests.unpack_digest(body).tests.tolist())
        return tests

    async def _digests(
        self, suite: Suite, headers: Sequence[Header], fresh: frozenset[int]
    ) -> dict[int, Digest]:
        """Return digests of runs; those of fresh ones are made from their cases."""
        stored = [header.row for header in headers if header.row not in fresh and header.digested]
        digests: dict[int, Digest] = {}
        for runs in _parts(stored, _DIGESTS):
            bodies = await self._engine.read(partial(test_digests.read_digests, runs=runs))
            digests |= await asyncio.to_thread(
                lambda found: {run: test_digests.unpack_digest(body) for run, body in found.items()}, bodies
            )
        for header in headers:
            if header.row not in digests:
                digests[header.row] = await self._digest(suite, header)
        return digests

    async def _digest(self, suite: Suite, header: Header) -> Digest:
        rows: list[CaseColumns] = []
        behind = (0, 0)
        while True:
            job = partial(test_digests.read_cases, run=header.row, behind=behind, limit=_ROWS)
            found = await self._engine.read(job)
            rows += found
            if len(found) < _ROWS:
                break
            behind = (found[-1][1], found[-1][0])
        digest = await asyncio.to_thread(test_digests.make_digest, rows, STANDINGS)
        await self._write_digest(suite, header.row, header.started, digest)
        return digest

    async def _write_digest(self, suite: Suite, run: int, started: int, digest: Digest) -> None:
        body = await asyncio.to_thread(test_digests.pack_digest, digest)
        await self._engine.write(
            partial(
                test_digests.store_digest, run=run, suite=suite, started=started, digest=digest, body=body
            )
        )

    async def _names(self, suite: Suite) -> dict[int, NodeName]:
        names: dict[int, NodeName] = {}
        behind = ""
        while True:
            job = partial(test_standings.read_names, suite=suite, behind=behind, limit=_ROWS)
            found = await self._engine.read(job)
            names.update((name.test, name) for name in found)
            if len(found) < _ROWS:
                return names
            behind = found[-1].node

    async def _rename(self, course: Course) -> None:
        """Let tests whose files were moved or renamed keep their histories."""
        grid = await asyncio.to_thread(course.grid)
        for row in course.pending:
            pairs = await asyncio.to_thread(renames, course, grid, row)
            done: dict[int, int] = {}
            for part in _parts(sorted(pairs.items()), _ROWS_WRITTEN // 5):
                job = partial(test_standings.join_tests, pairs=[(stays, goes) for goes, stays in part])
                done.update((goes, stays) for stays, goes in await self._engine.write(job))
            if done:
                for number in course.rename(done):
                    started = course.headers[number].started
                    await self._write_digest(course.suite, number, started, course.digests[number])
                grid = await asyncio.to_thread(course.grid)

    async def _store(self, course: Course, assessed: Assessed) -> None:
        write = self._engine.write
        for cases in _parts(assessed.cases, _ROWS_WRITTEN):
            await write(partial(test_standings.store_case_standings, rows=cases))
        for failing in _parts(assessed.failing, _ROWS_WRITTEN):
            await write(partial(test_courses.store_failing, rows=failing))
        for run, slow in assessed.slow.items():
            await write(partial(test_courses.store_slowdowns, run=run, rows=slow))
        for number, digest in assessed.digests.items():
            await self._write_digest(course.suite, number, course.headers[number].started, digest)
        for tests in _parts(assessed.tests, _ROWS_WRITTEN):
            await write(partial(test_standings.store_standings, rows=tests))
        for gone in _parts(assessed.gone, _ROWS_WRITTEN):
            await write(partial(test_standings.set_gone, rows=gone))
        lost = sorted(test for test in course.left if test not in course.names)
        for part in _parts(lost, _ROWS_WRITTEN):
            await write(partial(test_standings.forget_standings, tests=part))


def _finish(connection: sqlite3.Connection, course: Course, assessed: Assessed, left: Iterable[int]) -> None:
    now = time.time_ns()
    for number, baseline in assessed.baselines.items():
        changed = course.headers[number].changed
        test_digests.set_assessed(connection, number, changed, baseline, now)
    test_digests.forget_digests(connection, left)


def _parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]
