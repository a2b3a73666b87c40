"""Test runs: read, added, annotated, deleted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pylogtap import wire
from pylogtap.cases.identity import new_run_id
from pylogtap_collector.access.rights import Right
from pylogtap_collector.errors import Conflict
from pylogtap_collector.models.cases import TestRunPage, TestRunPatch
from pylogtap_collector.services.positions import read_position, write_position
from pylogtap_collector.services.test_given import check_case_ids, run_events
from pylogtap_collector.services.versions import check_version
from pylogtap_collector.storage import audit
from pylogtap_collector.storage.test_annotations import annotate_row, label_cases
from pylogtap_collector.storage.test_removal import delete_runs
from pylogtap_collector.storage.test_run_rows import (
    alive_after,
    get_run,
    list_runs,
    run_number,
    run_of,
    runs_by_row,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.models.cases import TestRun, TestRunIn
    from pylogtap_collector.services.test_additions import TestAdditions
    from pylogtap_collector.services.versions import Expected
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.test_filters import RunFilter
    from pylogtap_collector.taps.test_events import TestEvent


class TestRuns:
    """
    Executions of suites.

    All methods that name one raise NotFound where there is no such run, or none that may be seen.

    Attributes:
        listens_since: When we began to listen, ns since the epoch: what was not heard before says nothing.
    """

    __test__ = False  # no class of tests, though its name begins as theirs do

    def __init__(self, engine: Engine, additions: TestAdditions) -> None:
        """
        Bind what it needs; runs can be heard of from now on.

        Args:
            engine: The database.
            additions: The way in.
        """
        self._engine = engine
        self._additions = additions
        self.listens_since = 0 if engine.read_only else time.time_ns()

    @property
    def alive(self) -> int:
        """Runs of which something was heard after this time go on, ns since the epoch."""
        return alive_after(time.time_ns(), self.listens_since)

    async def page(self, wanted: RunFilter, *, limit: int = 100, cursor: str | None = None) -> TestRunPage:
        """
        Return runs, those that began last first.

        Args:
            wanted: Which; with the projects that may be seen.
            limit: How many.
            cursor: From the page before.

        Raises:
            InvalidCursor: It is none.
        """
        before = None if cursor is None else read_position(cursor, int, int)
        alive = self.alive
        rows = await self._engine.read(
            lambda connection: list_runs(connection, wanted, limit + 1, alive=alive, before=before)
        )
        last = rows[limit - 1] if len(rows) > limit else None
        following = None if last is None else write_position(last.started, last.id)
        return TestRunPage(items=[run_of(row, alive) for row in rows[:limit]], next=following)

    async def one(self, run: str, visitor: Visitor) -> TestRun:
        """
        Return a run.

        Args:
            run: Its id.
            visitor: Who asks.
        """
        seen = visitor.where(Right.READ)
        return run_of(await self._engine.read(lambda connection: get_run(connection, run, seen)), self.alive)

    async def create(self, new: TestRunIn, visitor: Visitor) -> TestRun:
        """
        Add a run that has ended, with its cases.

        Args:
            new: The run.
            visitor: Who does it.

        Raises:
            NotFound: There is no such project for whoever adds it.
            MissingRight: He may not add runs to it.
            Conflict: There is a run, or a case, of this id already.
            Invalid: A case is of another run, or two have the same id; or a time lies too far away.
            Overloaded: Too much waits, or the disk cannot take it.
        """
        visitor.demand(Right.DELIVER, new.project)
        run, now = new.id or new_run_id(), time.time_ns()
        events = run_events(new, run, now)
        cases = [event.facts["id"] for event in events if event.kind == wire.TEST_CASE]
        labels = {
            event_id: case.labels for event_id, case in zip(cases, new.cases, strict=True) if case.labels
        }

        def check(connection: sqlite3.Connection) -> None:
            if run_number(connection, run) is not None:
                raise Conflict(f"There is a test run {run} already; leave `id` out, and it gets a new one.")
            check_case_ids(connection, cases)

        def annotate(connection: sqlite3.Connection) -> None:
            row = run_number(connection, run)
            if row is not None and (new.labels or new.note is not None):
                patch = TestRunPatch(labels=dict(new.labels), note=new.note)
                annotate_row(connection, "test_run", row, row, patch, now)
            label_cases(connection, labels)

        rows = await self._additions.add(events, visitor, before=check, after=annotate)
        return (await self._by_row(rows))[0]

    async def change(
        self, run: str, patch: TestRunPatch, visitor: Visitor, *, expected: Expected = None
    ) -> TestRun:
        """
        Change labels and note of a run, and return it.

        Args:
            run: Its id.
            patch: What to change (RFC 7396).
            visitor: Who does it.
            expected: Versions that may be changed.

        Raises:
            MissingRight: He may see it, and no more.
            StaleVersion: It is none of the versions expected.
        """
        seen, alive = visitor.where(Right.READ), self.alive

        def job(connection: sqlite3.Connection) -> TestRun:
            row, now = get_run(connection, run, seen), time.time_ns()
            visitor.demand(Right.WRITE, row.project)
            check_version(run_of(row, alive), expected)
            annotate_row(connection, "test_run", row.id, row.id, patch, now)
            changed = sorted(patch.model_fields_set)
            audit.note(connection, visitor, now, "test_run.change", run, row.project, changed=changed)
            return run_of(get_run(connection, run, seen), alive)

        return await self._engine.write(job, urgent=True)

    async def delete(self, run: str, visitor: Visitor, *, expected: Expected = None) -> None:
        """
        Remove a run with its cases; what the logs say of it stays.

        Args:
            run: Its id.
            visitor: Who does it.
            expected: Versions that may be deleted.

        Raises:
            MissingRight: He may see it, and no more.
            StaleVersion: It is none of the versions expected.
        """
        seen, alive = visitor.where(Right.READ), self.alive

        def job(connection: sqlite3.Connection) -> None:
            row = get_run(connection, run, seen)
            visitor.demand(Right.MANAGE, row.project)
            check_version(run_of(row, alive), expected)
            cases = delete_runs(connection, [row.id])
            place = f"{row.project}/{row.service}/{row.instance}"
            detail = {"cases": cases, "prefix": place}
            audit.note(connection, visitor, time.time_ns(), "test_run.delete", run, row.project, **detail)

        await self._engine.write(job, urgent=True)

    async def add(self, events: Sequence[TestEvent], visitor: Visitor) -> list[TestRun]:
        """
        Store what happened in test runs, all or none, with records of what failed and how they ended.

        Args:
            events: What happened; values that are not sound are left out.
            visitor: Who adds it.

        Returns:
            The runs, those that began first first.

        Raises:
            NotFound: There is no such project for whoever adds it.
            MissingRight: He may not add to a project.
            Overloaded: Too much waits, or the disk cannot take it.
        """
        return await self._by_row(await self._additions.add(events, visitor))

    async def _by_row(self, rows: Sequence[int]) -> list[TestRun]:
        found = await self._engine.read(lambda connection: runs_by_row(connection, rows))
        return [run_of(row, self.alive) for row in found]
