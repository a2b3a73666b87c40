"""Projects, services and instances: they appear with their first record, and people may manage them."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from pylogtap_collector.models import (
    Instance,
    InstanceIn,
    InstancePage,
    PlacePatch,
    Project,
    ProjectIn,
    ProjectPage,
    Service,
    ServiceIn,
    ServicePage,
)
from pylogtap_collector.query import query_of
from pylogtap_collector.query.ast import And, Compare
from pylogtap_collector.services.positions import read_position, write_position
from pylogtap_collector.services.test_clearing import RUNS, clear_runs
from pylogtap_collector.services.versions import Expected, check_version
from pylogtap_collector.storage import access, audit, places, series
from pylogtap_collector.storage.logs import Selection
from pylogtap_collector.storage.test_removal import delete_runs, runs_under
from pylogtap_collector.times import to_datetime

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from pylogtap_collector.access.visitor import Projects, Visitor
    from pylogtap_collector.services.directory import Directory
    from pylogtap_collector.services.rewriter import Rewriter
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.places import PlaceRow
    from pylogtap_collector.storage.tiers import Tiers

_LEVELS = ("project", "service", "instance")


class Catalog:
    """
    The places of records.

    Deleting a place deletes the records, metrics and test runs under it; it appears again when another one
    comes.
    All methods raise NotFound where a place, or the one above it, is not there.
    """

    def __init__(self, engine: Engine, tiers: Tiers, rewriter: Rewriter, directory: Directory) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
            tiers: Where records are.
            rewriter: Deletes records.
            directory: Members and keys go with a project.
        """
        self._engine = engine
        self._tiers = tiers
        self._rewriter = rewriter
        self._directory = directory

    async def projects(
        self,
        seen: Projects = None,
        *,
        name: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> ProjectPage:
        """
        Return projects by name.

        Args:
            seen: Those that may be seen; None: all.
            name: A part of their names; case does not count.
            limit: How many.
            cursor: From the page before.
        """
        rows, following = await self._page((), limit, cursor, name, seen)
        return ProjectPage(items=[_project(row) for row in rows], next=following)

    async def project(self, project: str) -> Project:
        """Return a project."""
        return _project(await self._get((project,)))

    async def create_project(self, new: ProjectIn) -> Project:
        """
        Add a project.

        Raises:
            Conflict: It is there already.
        """
        return _project(await self._create((new.name,), new.description))

    async def change_project(self, project: str, patch: PlacePatch, *, expected: Expected = None) -> Project:
        """
        Change a project's description.

        Raises:
            StaleVersion: It is none of the versions expected.
        """
        return _project(
            await self._change((project,), patch, lambda row: check_version(_project(row), expected))
        )

    async def delete_project(self, project: str, visitor: Visitor, *, expected: Expected = None) -> None:
        """
        Remove a project with its services, records, metrics, test runs, saved searches, members and keys.

        Args:
            project: Its name.
            visitor: Who does it.
            expected: Versions that may be deleted.

        Raises:
            StaleVersion: It is none of the versions expected.
        """
        await self._delete((project,), visitor, lambda row: check_version(_project(row), expected))

    async def services(
        self, project: str, *, name: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> ServicePage:
        """
        Return the services of a project by name.

        Args:
            project: The project.
            name: A part of their names; case does not count.
            limit: How many.
            cursor: From the page before.
        """
        rows, following = await self._page((project,), limit, cursor, name)
        return ServicePage(items=[_service(row) for row in rows], next=following)

    async def service(self, project: str, service: str) -> Service:
        """Return a service."""
        return _service(await self._get((project, service)))

    async def create_service(self, project: str, new: ServiceIn) -> Service:
        """
        Add a service.

        Raises:
            Conflict: It is there already.
        """
        return _service(await self._create((project, new.name), new.description))

    async def change_service(
        self, project: str, service: str, patch: PlacePatch, *, expected: Expected = None
    ) -> Service:
        """
        Change a service's description.

        Raises:
            StaleVersion: It is none of the versions expected.
        """
        return _service(
            await self._change((project, service), patch, lambda row: check_version(_service(row), expected))
        )

    async def delete_service(
        self, project: str, service: str, visitor: Visitor, *, expected: Expected = None
    ) -> None:
        """
        Remove a service, its instances, and all of their records, metrics and test runs.

        Args:
            project: The project.
            service: Its name.
            visitor: Who does it.
            expected: Versions that may be deleted.

        Raises:
            StaleVersion: It is none of the versions expected.
        """
        await self._delete((project, service), visitor, lambda row: check_version(_service(row), expected))

    async def instances(
        self,
        project: str,
        service: str,
        *,
        name: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> InstancePage:
        """
        Return the instances of a service by name.

        Args:
            project: The project.
            service: The service.
            name: A part of their names; case does not count.
            limit: How many.
            cursor: From the page before.
        """
        rows, following = await self._page((project, service), limit, cursor, name)
        return InstancePage(items=[_instance(row) for row in rows], next=following)

    async def instance(self, project: str, service: str, instance: str) -> Instance:
        """Return an instance."""
        return _instance(await self._get((project, service, instance)))

    async def create_instance(self, project: str, service: str, new: InstanceIn) -> Instance:
        """
        Add an instance.

        Raises:
            Conflict: It is there already.
        """
        return _instance(await self._create((project, service, new.name), new.description))

    async def change_instance(
        self, project: str, service: str, instance: str, patch: PlacePatch, *, expected: Expected = None
    ) -> Instance:
        """
        Change an instance's description.

        Raises:
            StaleVersion: It is none of the versions expected.
        """
        return _instance(
            await self._change(
                (project, service, instance), patch, lambda row: check_version(_instance(row), expected)
            )
        )

    async def delete_instance(
        self, project: str, service: str, instance: str, visitor: Visitor, *, expected: Expected = None
    ) -> None:
        """
        Remove an instance, its records, its metrics and its test runs.

        Args:
            project: The project.
            service: The service.
            instance: Its name.
            visitor: Who does it.
            expected: Versions that may be deleted.

        Raises:
            StaleVersion: It is none of the versions expected.
        """
        await self._delete(
            (project, service, instance), visitor, lambda row: check_version(_instance(row), expected)
        )

    async def _page(
        self,
        parent: tuple[str, ...],
        limit: int,
        cursor: str | None,
        name: str | None,
        seen: Projects = None,
    ) -> tuple[list[PlaceRow], str | None]:
        behind = None if cursor is None else read_position(cursor, str)[0]
        wanted = places.PlaceFilter(parent, seen, name, behind)
        rows = await self._engine.read(
            lambda connection: places.list_places(
                connection, self._tiers.hot_counts(connection), wanted, limit + 1
            )
        )
        more, rows = len(rows) > limit, rows[:limit]
        return rows, write_position(rows[-1].path[-1]) if more else None

    async def _get(self, path: tuple[str, ...]) -> PlaceRow:
        return await self._engine.read(lambda connection: self._place(connection, path))

    async def _create(self, path: tuple[str, ...], description: str) -> PlaceRow:
        def job(connection: sqlite3.Connection) -> PlaceRow:
            places.create_place(connection, path, description, time.time_ns())
            return self._place(connection, path)

        return await self._engine.write(job, urgent=True)

    async def _change(
        self, path: tuple[str, ...], patch: PlacePatch, check: Callable[[PlaceRow], None]
    ) -> PlaceRow:
        def job(connection: sqlite3.Connection) -> PlaceRow:
            check(self._place(connection, path))
            if "description" in patch.model_fields_set:
                places.describe_place(connection, path, patch.description or "")
            return self._place(connection, path)

        return await self._engine.write(job, urgent=True)

    async def _delete(
        self, path: tuple[str, ...], visitor: Visitor, check: Callable[[PlaceRow], None]
    ) -> None:
        row = await self._get(path)
        check(row)
        action = f"{_LEVELS[len(path) - 1]}.delete"
        note = partial(
            audit.note, visitor=visitor, now_ns=time.time_ns(), action=action, target="/".join(path),
            project=path[0], records=row.records,
        )  # fmt: skip
        await self._engine.write(note)  # at first: who kills the collector meanwhile is known, too
        await clear_runs(self._engine, partial(runs_under, path=path, limit=RUNS))
        here = And(tuple(Compare(level, "=", name) for level, name in zip(_LEVELS, path, strict=False)))
        await self._rewriter.delete(Selection(query_of(here)))

        def job(connection: sqlite3.Connection) -> None:
            places.delete_place(connection, self._tiers.hot_counts(connection), path)
            series.delete_series_under(connection, path)
            delete_runs(connection, runs_under(connection, path))  # those that have come meanwhile
            if len(path) == 1:
                access.forget_project(connection, path[0])

        await self._directory.change(job)

    def _place(self, connection: sqlite3.Connection, path: tuple[str, ...]) -> PlaceRow:
        return places.get_place(connection, self._tiers.hot_counts(connection), path)


def _project(row: PlaceRow) -> Project:
    return Project(services=row.below, **_facts(row))


def _service(row: PlaceRow) -> Service:
    return Service(project=row.path[0], instances=row.below, **_facts(row))


def _instance(row: PlaceRow) -> Instance:
    return Instance(project=row.path[0], service=row.path[1], **_facts(row))


def _facts(row: PlaceRow) -> dict[str, Any]:
    """Return what places of all levels have."""
    return {
        "name": row.path[-1],
        "description": row.description,
        "created": to_datetime(row.created),
        "last_seen": None if row.last_seen is None else to_datetime(row.last_seen),
        "records": row.records,
    }
