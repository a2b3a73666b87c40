"""Places by name: `project`, `service`, `instance`; one way for the three, told apart by their level."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pylogtap_collector.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

LEVELS = ("project", "service", "instance")
# What a place shows beyond its own row: when it was last heard of, its records, the places under it.
_SUMMARIES = {
    "project": """
        (SELECT max(last_seen) FROM instance AS i WHERE i.project = p.name),
        (SELECT coalesce(sum(records), 0) FROM instance AS i WHERE i.project = p.name),
        (SELECT count(*) FROM service AS s WHERE s.project = p.name)""",
    "service": """
        (SELECT max(last_seen) FROM instance AS i WHERE i.project = p.project AND i.service = p.name),
        (SELECT coalesce(sum(records), 0) FROM instance AS i
         WHERE i.project = p.project AND i.service = p.name),
        (SELECT count(*) FROM instance AS i WHERE i.project = p.project AND i.service = p.name)""",
    "instance": "p.last_seen, p.records, 0",
}


HotCounts = Mapping[tuple[str, str, str], tuple[int, int]]  # records of an instance, and when the last came


class PlaceRow(NamedTuple):
    """A place with what is under it."""

    path: tuple[str, ...]
    description: str
    created: int
    last_seen: int | None
    records: int
    below: int


class PlaceFilter(NamedTuple):
    """
    Which places are meant.

    Attributes:
        parent: Names of the place above; empty: projects.
        seen: Names of projects that may be seen; None: all.
        name: A part of the name; case does not count.
        behind: Name behind which to begin.
    """

    parent: Sequence[str] = ()
    seen: Collection[str] | None = None
    name: str | None = None
    behind: str | None = None


def list_places(
    connection: sqlite3.Connection, hot: HotCounts, wanted: PlaceFilter, limit: int
) -> list[PlaceRow]:
    """
    Return places of one level, by name.

    Args:
        connection: Reads.
        hot: Counts of records that are not sealed.
        wanted: Which.
        limit: How many at most.

    Raises:
        NotFound: There is no such place above.
    """
    parent = wanted.parent
    if parent:
        get_place(connection, hot, parent)
    where, params = _match(LEVELS[: len(parent)], parent)
    if wanted.seen is not None:
        names = msgspec.json.encode(sorted(wanted.seen)).decode()
        where, params = f"{where} AND p.name IN (SELECT value FROM json_each(?))", [*params, names]
    if wanted.name is not None:
        where, params = f"{where} AND instr(lower(p.name), lower(?))", [*params, wanted.name]
    if wanted.behind is not None:
        where, params = f"{where} AND p.name > ?", [*params, wanted.behind]
    return _select(connection, hot, len(parent), f"{where} ORDER BY p.name LIMIT ?", [*params, limit])


def get_place(connection: sqlite3.Connection, hot: HotCounts, path: Sequence[str]) -> PlaceRow:
    """
    Return one place.

    Args:
        connection: Reads.
        hot: Counts of records that are not sealed.
        path: Its names.

    Raises:
        NotFound: There is no such place.
    """
    where, params = _match((*LEVELS[: len(path) - 1], "name"), path)
    found = _select(connection, hot, len(path) - 1, where, params)
    if not found:
        raise NotFound(f"There is no {LEVELS[len(path) - 1]} {'/'.join(path)}.")
    return found[0]


def create_place(connection: sqlite3.Connection, path: Sequence[str], description: str, now_ns: int) -> None:
    """
    Add a place.

    Raises:
        NotFound: The place above is not there.
        Conflict: It is there already.
    """
    level = len(path) - 1
    if level:
        get_place(connection, {}, path[:-1])
    columns = (*LEVELS[:level], "name", "description", "created")
    marks = ", ".join("?" * len(columns))
    try:
        connection.execute(
            f"INSERT INTO {LEVELS[level]} ({', '.join(columns)}) VALUES ({marks})",
            (*path, description, now_ns),
        )
    except sqlite3.IntegrityError as error:
        raise Conflict(f"There is a {LEVELS[level]} {'/'.join(path)} already.") from error


def describe_place(connection: sqlite3.Connection, path: Sequence[str], description: str) -> None:
    """
    Change a place's description.

    Raises:
        NotFound: There is no such place.
    """
    get_place(connection, {}, path)
    where, params = _match((*LEVELS[: len(path) - 1], "name"), path)
    connection.execute(
        f"UPDATE {LEVELS[len(path) - 1]} AS p SET description = ? WHERE {where}", (description, *params)
    )


def delete_place(connection: sqlite3.Connection, hot: HotCounts, path: Sequence[str]) -> None:
    """
    Remove a place and those under it. Their records have to be gone.

    Args:
        connection: In a transaction.
        hot: Counts of records that are not sealed.
        path: Its names.

    Raises:
        NotFound: There is no such place.
        Conflict: Records have come meanwhile.
    """
    if get_place(connection, hot, path).records:
        raise Conflict(f"Records have come under {'/'.join(path)} meanwhile; delete it again.")
    for level in range(len(path) - 1, len(LEVELS)):
        names = (*LEVELS[: len(path)],) if level >= len(path) else (*LEVELS[:level], "name")
        where, params = _match(names, path)
        connection.execute(f"DELETE FROM {LEVELS[level]} AS p WHERE {where}", params)


def ensure_places(connection: sqlite3.Connection, places: Iterable[Sequence[Any]], now_ns: int) -> None:
    """
    Add those places that are not there.

    Args:
        connection: In a transaction.
        places: Project, service and instance of each, first of all.
        now_ns: When they were first heard of.
    """
    for project, service, instance in {tuple(place[:3]) for place in places}:
        connection.execute(
            "INSERT OR IGNORE INTO project (name, description, created) VALUES (?, '', ?)", (project, now_ns)
        )
        connection.execute(
            "INSERT OR IGNORE INTO service (project, name, description, created) VALUES (?, ?, '', ?)",
            (project, service, now_ns),
        )
        connection.execute(
            "INSERT OR IGNORE INTO instance (project, service, name, description, created)"
            " VALUES (?, ?, ?, '', ?)",
            (project, service, instance, now_ns),
        )


def count_records(
    connection: sqlite3.Connection, path: Sequence[str], count: int, last_ns: int | None
) -> None:
    """
    Count sealed records of an instance.

    Args:
        connection: In a transaction.
        path: Project, service, instance.
        count: How many more; negative: less.
        last_ns: When the last of them came.
    """
    connection.execute(
        """
        UPDATE instance SET records = max(0, records + ?1),
               last_seen = CASE WHEN ?2 IS NULL THEN last_seen ELSE max(coalesce(last_seen, 0), ?2) END
        WHERE project = ?3 AND service = ?4 AND name = ?5
        """,
        (count, last_ns, *path),
    )


def _match(columns: Sequence[str], values: Sequence[str]) -> tuple[str, list[Any]]:
    conditions = [f"p.{column} = ?" for column in columns]
    return " AND ".join(conditions) or "1", list(values)


def _select(
    connection: sqlite3.Connection, hot: HotCounts, level: int, where: str, params: list[Any]
) -> list[PlaceRow]:
    names = (*LEVELS[:level], "name")
    columns = ", ".join(f"p.{name}" for name in names)
    rows = connection.execute(
        f"SELECT {columns}, p.description, p.created, {_SUMMARIES[LEVELS[level]]} "
        f"FROM {LEVELS[level]} AS p WHERE {where}",
        params,
    )
    width = len(names)
    return [_with_hot(PlaceRow(tuple(row[:width]), *row[width:]), hot) for row in rows]


def _with_hot(row: PlaceRow, hot: HotCounts) -> PlaceRow:
    size = len(row.path)
    mine = [found for place, found in hot.items() if place[:size] == row.path]
    if not mine:
        return row
    last = max(last for _, last in mine)
    return row._replace(
        records=row.records + sum(count for count, _ in mine), last_seen=max(row.last_seen or 0, last)
    )
