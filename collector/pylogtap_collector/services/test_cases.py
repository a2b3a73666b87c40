"""Cases of test runs: read, added, annotated, deleted."""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING

from pylogtap.cases.identity import case_id
from pylogtap_collector.access.rights import Right
from pylogtap_collector.models.cases import CasePage
from pylogtap_collector.services.positions import read_position, write_position
from pylogtap_collector.services.test_given import case_event, check_case_ids
from pylogtap_collector.services.versions import check_version
from pylogtap_collector.storage import audit
from pylogtap_collector.storage.test_annotations import annotate_row, label_cases
from pylogtap_collector.storage.test_case_models import case_of, cases_of, detail_of
from pylogtap_collector.storage.test_case_rows import get_case, ids_of_node, list_cases, position_of
from pylogtap_collector.storage.test_removal import delete_case
from pylogtap_collector.storage.test_run_rows import get_run
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.models.cases import CaseDetail, CaseOfRunIn, CasePatch
    from pylogtap_collector.services.test_additions import TestAdditions
    from pylogtap_collector.services.test_notice import TestNotice
    from pylogtap_collector.services.test_runs import TestRuns
    from pylogtap_collector.services.versions import Expected
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.test_case_rows import CaseFilter
    from pylogtap_collector.storage.test_run_rows import RunRow


class TestCases:
    """
    What became of tests in runs.

    All methods that name one raise NotFound where there is no such case, or none that may be seen.
    """

    __test__ = False  # no class of tests, though its name begins as theirs do

    def __init__(self, engine: Engine, runs: TestRuns, additions: TestAdditions, notice: TestNotice) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
            runs: Know which runs go on.
            additions: The way in.
            notice: Hears of what is taken away from runs that have ended.
        """
        self._engine = engine
        self._runs = runs
        self._additions = additions
        self._notice = notice

    async def page(self, wanted: CaseFilter, *, limit: int = 100, cursor: str | None = None) -> CasePage:
        """
        Return cases: of the newest runs first, within a run the newest first; or in the order of changes.

        Args:
            wanted: Which; with the projects that may be seen.
            limit: How many.
            cursor: From the page before.

        Raises:
            InvalidCursor: It is none.
        """
        behind: tuple[int, ...] | None = None
        if cursor is not None and wanted.changed_after_ns is not None:
            behind = read_position(cursor, int, int)
        elif cursor is not None:
            behind = read_position(cursor, int, int, int)
        alive = self._runs.alive

        def job(connection: sqlite3.Connection) -> CasePage:
            rows = list_cases(connection, wanted, limit + 1, alive=alive, behind=behind)
            following = None
            if len(rows) > limit:
                following = write_position(*position_of(rows[limit - 1], wanted))
            return CasePage.model_construct(items=cases_of(rows[:limit], alive), next=following)

        return await self._engine.read(job)

    async def one(self, case: str, visitor: Visitor) -> CaseDetail:
        """
        Return a case with all that is known of it.

        Args:
            case: Its id.
            visitor: Who asks.
        """
        seen = visitor.where(Right.READ)
        row = await self._engine.read(lambda connection: get_case(connection, case, seen))
        return detail_of(row, self._runs.alive)

    async def create(self, new: CaseOfRunIn, visitor: Visitor) -> CaseDetail:
        """
        Add a case to a run.

        Args:
            new: The case.
            visitor: Who does it.

        Raises:
            NotFound: There is no such run for whoever adds it.
            MissingRight: He may not add to its project.
            Conflict: There is a case of this id already.
            Invalid: A time lies too far away.
            Overloaded: Too much waits, or the disk cannot take it.
        """
        run, free = await self._run_for(new, visitor)
        identity = new.id or free
        place = Place(run.project, run.service, run.instance)
        event = case_event(place, run.run, new, identity, run.started)
        await self._additions.add(
            [event],
            visitor,
            runners={run.run: run.runner},
            before=lambda connection: check_case_ids(connection, [identity]),
            after=lambda connection: label_cases(connection, {identity: new.labels} if new.labels else {}),
        )
        row = await self._engine.read(lambda connection: get_case(connection, identity, None))
        return detail_of(row, self._runs.alive)

    async def change(
        self, case: str, patch: CasePatch, visitor: Visitor, *, expected: Expected = None
    ) -> CaseDetail:
        """
        Change labels and note of a case, and return it.

        Args:
            case: Its id.
            patch: What to change (RFC 7396).
            visitor: Who does it.
            expected: Versions that may be changed.

        Raises:
            MissingRight: He may see it, and no more.
            StaleVersion: It is none of the versions expected.
        """
        seen, alive = visitor.where(Right.READ), self._runs.alive

        def job(connection: sqlite3.Connection) -> CaseDetail:
            row, now = get_case(connection, case, seen), time.time_ns()
            visitor.demand(Right.WRITE, row.project)
            check_version(case_of(row, alive), expected)
            annotate_row(connection, "test_case", row.id, row.run, patch, now)
            changed = sorted(patch.model_fields_set)
            audit.note(connection, visitor, now, "test_case.change", case, row.project, changed=changed)
            return detail_of(get_case(connection, case, seen), alive)

        return await self._engine.write(job, urgent=True)

    async def delete(self, case: str, visitor: Visitor, *, expected: Expected = None) -> None:
        """
        Remove a case; what the logs say of it stays.

        Args:
            case: Its id.
            visitor: Who does it.
            expected: Versions that may be deleted.

        Raises:
            MissingRight: He may see it, and no more.
            StaleVersion: It is none of the versions expected.
        """
        seen, alive = visitor.where(Right.READ), self._runs.alive

        def job(connection: sqlite3.Connection) -> int | None:
            row, now = get_case(connection, case, seen), time.time_ns()
            visitor.demand(Right.MANAGE, row.project)
            check_version(case_of(row, alive), expected)
            delete_case(connection, row.id, row.run, now)
            detail = {"run": row.run_id, "node": row.node}
            audit.note(connection, visitor, now, "test_case.delete", case, row.project, **detail)
            return None if row.run_outcome is None else row.run

        ended = await self._engine.write(job, urgent=True)
        if ended is not None:
            self._notice.ended(ended)

    async def _run_for(self, new: CaseOfRunIn, visitor: Visitor) -> tuple[RunRow, str]:
        """Return the run of a new case, and an id that none of its cases has."""
        allowed = visitor.where(Right.DELIVER)
        seen = visitor.where(Right.READ)
        known = None if allowed is None or seen is None else allowed | seen

        def job(connection: sqlite3.Connection) -> tuple[RunRow, str]:
            row = get_run(connection, new.run, known)
            known_ids = ids_of_node(connection, row.id, new.node)
            ids = (case_id(new.run, new.node, occurrence) for occurrence in count())
            return row, next(each for each in ids if each not in known_ids)

        row, free = await self._engine.read(job)
        visitor.demand(Right.DELIVER, row.project)
        return row, free
