"""Projects, services and instances: they appear with their first record, and people may manage them."""

from __future__ import annotations

import base64
import binascii
import time
from typing import TYPE_CHECKING, Any

from pylogtap_collector.errors import InvalidCursor
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
from pylogtap_collector.services.versions import Expected, check_version
from pylogtap_collector.storage import places
from pylogtap_collector.storage.logs import Selection
from pylogtap_collector.times import to_datetime

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from pylogtap_collector.services.rewriter import Rewriter
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.places import PlaceRow
    from pylogtap_collector.storage.tiers import Tiers


class Catalog:
    """
    The places of records.

    Deleting a place deletes the records under it; it appears again when another one comes.
    All methods raise NotFound where a place, or the one above it, is not there.
    """

    def __init__(self, engine: Engine, tiers: Tiers, rewriter: Rewriter) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
            tiers: Where records are.
            rewriter: Deletes records.
        """
        self._engine = engine
        self._tiers = tiers
        self._rewriter = rewriter

    async def projects(self, *, limit: int = 100, cursor: str | None = None) -> ProjectPage:
        """
        Return projects by name.

        Args:
            limit: How many.
            cursor: From the page before.
        """
        rows, following = await self._page((), limit, cursor)
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

    async def delete_project(self, project: str, *, expected: Expected = None) -> None:
        """
        Remove a project, all under it, and all of its records.

        Raises:
            StaleVersion: It is none of the versions expected.
        """
        await self._delete((project,), lambda row: check_version(_project(row), expected))

    async def services(self, project: str, *, limit: int = 100, cursor: str | None = None) -> ServicePage:
        """
        Return the services of a project by name.

        Args:
            project: The project.
            limit: How many.
            cursor: From the page before.
        """
        rows, following = await self._page((project,), limit, cursor)
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

    async def delete_service(self, project: str, service: str, *, expected: Expected = None) -> None:
        """
        Remove a service, its instances, and all of its records.

        Raises:
            StaleVersion: It is none of the versions expected.
        """
        await self._delete((project, service), lambda row: check_version(_service(row), expected))

    async def instances(
        self, project: str, service: str, *, limit: int = 100, cursor: str | None = None
    ) -> InstancePage:
        """
        Return the instances of a service by name.

        Args:
            project: The project.
            service: The service.
            limit: How many.
            cursor: From the page before.
        """
        rows, following = await self._page((project, service), limit, cursor)
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
        self, project: str, service: str, instance: str, *, expected: Expected = None
    ) -> None:
        """
        Remove an instance and all of its records.

        Raises:
            StaleVersion: It is none of the versions expected.
        """
        await self._delete((project, service, instance), lambda row: check_version(_instance(row), expected))

    async def _page(
        self, parent: tuple[str, ...], limit: int, cursor: str | None
    ) -> tuple[list[PlaceRow], str | None]:
        behind = None if cursor is None else _read_cursor(cursor)
        rows = await self._engine.read(
            lambda connection: places.list_places(
                connection, self._tiers.hot_counts(connection), parent, limit + 1, behind
            )
        )
        more, rows = len(rows) > limit, rows[:limit]
        return rows, _write_cursor(rows[-1].path[-1]) if more else None

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

    async def _delete(self, path: tuple[str, ...], check: Callable[[PlaceRow], None]) -> None:
        check(await self._get(path))
        fields = ("project", "service", "instance")
        here = And(tuple(Compare(field, "=", name) for field, name in zip(fields, path, strict=False)))
        await self._rewriter.delete(Selection(query_of(here)))
        await self._engine.write(
            lambda connection: places.delete_place(connection, self._tiers.hot_counts(connection), path),
            urgent=True,
        )

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


def _write_cursor(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).rstrip(b"=").decode()


def _read_cursor(text: str) -> str:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidCursor("This is no cursor; leave it out to begin with the first page.") from error
