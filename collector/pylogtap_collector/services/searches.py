"""Searches that people save, for themselves or for all who read a project."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pylogtap_collector import query as language
from pylogtap_collector.access.rights import Right
from pylogtap_collector.models import SavedSearch, SavedSearchPage
from pylogtap_collector.services.positions import read_position, write_position
from pylogtap_collector.services.versions import check_version
from pylogtap_collector.storage import audit, searches
from pylogtap_collector.storage.places import get_place
from pylogtap_collector.storage.searches import Reader
from pylogtap_collector.times import parse_time, to_datetime

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.models import SavedSearchIn, SavedSearchPatch
    from pylogtap_collector.services.versions import Expected
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.searches import SearchRow


class Searches:
    """
    Saved searches.

    One of a project is seen by whoever reads that, and changed by whoever writes in it. One of none is its
    owner's alone; without an owner, because no user made it, it is that of all who read and write everywhere.
    All methods that name one raise NotFound where there is no such search, or none that may be seen.
    """

    def __init__(self, engine: Engine) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
        """
        self._engine = engine

    async def page(
        self,
        visitor: Visitor,
        *,
        project: str | None = None,
        name: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> SavedSearchPage:
        """
        Return searches by name.

        Args:
            visitor: Who asks.
            project: Those of one project alone.
            name: A part of their names; case does not count.
            limit: How many.
            cursor: From the page before.

        Raises:
            InvalidCursor: It is none.
        """
        behind = None if cursor is None else read_position(cursor, str, int)
        reader = _reader(visitor)
        rows = await self._engine.read(
            lambda connection: searches.list_searches(
                connection, reader, limit + 1, project=project, part=name, behind=behind
            )
        )
        last = rows[limit - 1] if len(rows) > limit else None
        following = None if last is None else write_position(last.name, last.id)
        return SavedSearchPage(items=[_describe(row) for row in rows[:limit]], next=following)

    async def one(self, search: int, visitor: Visitor) -> SavedSearch:
        """
        Return a search.

        Args:
            search: Its number.
            visitor: Who asks.
        """
        reader = _reader(visitor)
        return _describe(
            await self._engine.read(lambda connection: searches.get_search(connection, search, reader))
        )

    async def create(self, new: SavedSearchIn, visitor: Visitor) -> SavedSearch:
        """
        Save a search.

        Args:
            new: What is searched for, and who else is to see it.
            visitor: Who does it.

        Raises:
            NotFound: There is no such project for whoever asks.
            MissingRight: He may not save searches there.
            InvalidQuery: The query cannot be read.
            Invalid: The range cannot be read.
        """
        values, now, owner = new.model_dump(exclude={"project"}), time.time_ns(), _user(visitor)
        _check(values, now)
        _demand(visitor, new.project, owner)

        def job(connection: sqlite3.Connection) -> SavedSearch:
            if new.project is not None:
                get_place(connection, {}, (new.project,))
            search = searches.insert_search(connection, new.project, owner, now, **values)
            if new.project is not None:
                audit.note(connection, visitor, now, "search.create", new.name, new.project, id=search)
            return _describe(searches.get_search(connection, search, _reader(visitor)))

        return await self._engine.write(job, urgent=True)

    async def change(
        self, search: int, patch: SavedSearchPatch, visitor: Visitor, *, expected: Expected = None
    ) -> SavedSearch:
        """
        Change a search.

        Args:
            search: Its number.
            patch: What changes (RFC 7396).
            visitor: Who does it.
            expected: Versions that may be changed.

        Raises:
            MissingRight: He may see it, and no more.
            StaleVersion: It is none of the versions expected.
            InvalidQuery: The query cannot be read.
            Invalid: The range cannot be read.
        """
        given, now = patch.model_dump(exclude_unset=True), time.time_ns()
        _check(given, now)

        def job(connection: sqlite3.Connection) -> SavedSearch:
            row = _checked(connection, search, visitor, expected)
            changes = dict(given)
            if "project" in given and patch.project != row.project:
                changes |= _moved(connection, row, patch.project, visitor)
            searches.update_search(connection, search, now, **changes)
            places = {row.project, changes.get("project", row.project)}
            for project in sorted(place for place in places if place is not None):
                changed = {"id": search, "changed": sorted(given)}
                audit.note(connection, visitor, now, "search.change", row.name, project, **changed)
            return _describe(searches.get_search(connection, search, _reader(visitor)))

        return await self._engine.write(job, urgent=True)

    async def delete(self, search: int, visitor: Visitor, *, expected: Expected = None) -> None:
        """
        Remove a search.

        Args:
            search: Its number.
            visitor: Who does it.
            expected: Versions that may be deleted.

        Raises:
            MissingRight: He may see it, and no more.
            StaleVersion: It is none of the versions expected.
        """

        def job(connection: sqlite3.Connection) -> None:
            row, now = _checked(connection, search, visitor, expected), time.time_ns()
            searches.delete_search(connection, search)
            if row.project is not None:
                audit.note(connection, visitor, now, "search.delete", row.name, row.project, id=search)

        await self._engine.write(job, urgent=True)


def _check(values: dict[str, Any], now_ns: int) -> None:
    """Make sure that a search can be done: what is saved is not looked at again before somebody needs it."""
    if "query" in values:
        language.parse(values["query"], now_ns=now_ns)
    for end in ("since", "until"):
        if values.get(end) is not None:
            parse_time(values[end], now_ns)


def _checked(connection: sqlite3.Connection, search: int, visitor: Visitor, expected: Expected) -> SearchRow:
    row = searches.get_search(connection, search, _reader(visitor))
    _demand(visitor, row.project, row.owner)
    check_version(_describe(row), expected)
    return row


def _moved(
    connection: sqlite3.Connection, row: SearchRow, project: str | None, visitor: Visitor
) -> dict[str, Any]:
    """Return what changes of a search that goes into a project, or out of one: then to whoever takes it."""
    owner = _user(visitor) if project is None else row.owner
    _demand(visitor, project, owner)
    if project is not None:
        get_place(connection, {}, (project,))
    return {"project": project, "owner": owner}


def _demand(visitor: Visitor, project: str | None, owner: int | None) -> None:
    """Let only those change a search who write where it belongs; a private one is only seen by its owner."""
    if project is not None or owner is None:
        visitor.demand(Right.WRITE, project)


def _user(visitor: Visitor) -> int | None:
    return visitor.id if visitor.kind == "user" else None


def _reader(visitor: Visitor) -> Reader:
    return Reader(visitor.where(Right.READ), _user(visitor))


def _describe(row: SearchRow) -> SavedSearch:
    return SavedSearch(
        id=row.id,
        name=row.name,
        query=row.query,
        since=row.since,
        until=row.until,
        project=row.project,
        owner=row.owner_name,
        created=to_datetime(row.created),
        changed=to_datetime(row.changed),
    )
