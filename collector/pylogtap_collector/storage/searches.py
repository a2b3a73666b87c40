"""Searches that people save: `saved_search`. Times are ns since the epoch."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pylogtap_collector.errors import NotFound

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.access.visitor import Projects

_SELECT = """
    SELECT s.id, s.project, s.owner, u.name, s.name, s.query, s.since, s.until, s.created, s.changed
    FROM saved_search AS s LEFT JOIN user AS u ON u.id = s.owner
    WHERE CASE WHEN s.project IS NOT NULL
                    THEN :projects IS NULL OR s.project IN (SELECT value FROM json_each(:projects))
               WHEN s.owner IS NOT NULL THEN s.owner = :user
               ELSE :projects IS NULL END"""


class SearchRow(NamedTuple):
    """A row of `saved_search`, with the name of its owner."""

    id: int
    project: str | None
    owner: int | None
    owner_name: str | None
    name: str
    query: str
    since: str | None
    until: str | None
    created: int
    changed: int


class Reader(NamedTuple):
    """
    For whom searches are read.

    Attributes:
        projects: That he may read; None: all, and then also searches that belong to nobody.
        user: His number; None: he is no user, and has no private searches.
    """

    projects: Projects
    user: int | None


def list_searches(
    connection: sqlite3.Connection,
    reader: Reader,
    limit: int,
    *,
    project: str | None = None,
    part: str | None = None,
    behind: tuple[str, int] | None = None,
) -> list[SearchRow]:
    """
    Return searches by name.

    Args:
        connection: Reads.
        reader: For whom.
        limit: How many at most.
        project: Of this project alone.
        part: A part of the name; case does not count.
        behind: Name and number of the one behind which to begin.
    """
    name, number = behind or (None, None)
    rows = connection.execute(
        f"""{_SELECT}
          AND (:project IS NULL OR s.project = :project)
          AND (:name IS NULL OR (s.name, s.id) > (:name, :number))
        ORDER BY s.name, s.id
        """,
        {**_marks(reader), "project": project, "name": name, "number": number},
    )
    folded = (part or "").casefold()  # SQLite knows the case of ASCII letters alone
    found = (row for row in map(SearchRow._make, rows) if folded in row.name.casefold())
    return list(islice(found, limit))


def get_search(connection: sqlite3.Connection, search: int, reader: Reader) -> SearchRow:
    """
    Return a search.

    Args:
        connection: Reads.
        search: Its number.
        reader: For whom.

    Raises:
        NotFound: There is none, or none that he may see.
    """
    row = connection.execute(f"{_SELECT} AND s.id = :id", {**_marks(reader), "id": search}).fetchone()
    if row is None:
        raise NotFound(f"There is no saved search {search}.")
    return SearchRow(*row)


def insert_search(
    connection: sqlite3.Connection, project: str | None, owner: int | None, now_ns: int, **values: Any
) -> int:
    """
    Add a search, and return its number.

    Args:
        connection: In a transaction.
        project: Whose readers see it.
        owner: Number of the user who made it.
        now_ns: The time.
        values: Name, query, since and until.
    """
    cursor = connection.execute(
        "INSERT INTO saved_search (project, owner, name, query, since, until, created, changed)"
        " VALUES (:project, :owner, :name, :query, :since, :until, :now, :now)",
        {"since": None, "until": None, **values, "project": project, "owner": owner, "now": now_ns},
    )
    return cursor.lastrowid or 0


def update_search(connection: sqlite3.Connection, search: int, now_ns: int, **changes: Any) -> None:
    """
    Change columns of a search.

    Args:
        connection: In a transaction.
        search: Its number.
        now_ns: The time.
        changes: New values by column.
    """
    columns = ", ".join(f"{name} = ?" for name in (*changes, "changed"))
    connection.execute(f"UPDATE saved_search SET {columns} WHERE id = ?", (*changes.values(), now_ns, search))


def delete_search(connection: sqlite3.Connection, search: int) -> None:
    """Remove a search."""
    connection.execute("DELETE FROM saved_search WHERE id = ?", (search,))


def _marks(reader: Reader) -> dict[str, Any]:
    names = None if reader.projects is None else msgspec.json.encode(sorted(reader.projects)).decode()
    return {"projects": names, "user": reader.user}
