"""The audit log, `audit`: it is only added to. Times are ns since the epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pylogtap_collector.errors import NotFound

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.access.visitor import Projects, Visitor

_COLUMNS = "id, time, actor_kind, actor, address, action, project, target, detail"


class EntryRow(NamedTuple):
    """A row of `audit`."""

    id: int
    time: int
    actor_kind: str
    actor: str
    address: str
    action: str
    project: str | None
    target: str
    detail: str


class EntryFilter(NamedTuple):
    """
    Which entries are meant.

    Attributes:
        projects: Of these projects; None: all, also those of none.
        project: Of this one.
        actor: By whom.
        action: What was done; its beginning is enough: `key.`.
        since_ns: From then on.
        until_ns: Before.
    """

    projects: Projects = None
    project: str | None = None
    actor: str | None = None
    action: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None


def note(
    connection: sqlite3.Connection,
    visitor: Visitor,
    now_ns: int,
    action: str,
    target: str,
    project: str | None = None,
    **detail: Any,
) -> None:
    """
    Add an entry, in the transaction that does what it tells of.

    Args:
        connection: In a transaction.
        visitor: Who did it.
        now_ns: When.
        action: What: a noun and a verb, like `key.create`.
        target: To what.
        project: In which project.
        detail: More. Never a secret.
    """
    connection.execute(
        "INSERT INTO audit (time, actor_kind, actor, address, action, project, target, detail)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            now_ns,
            visitor.kind,
            visitor.name,
            visitor.address,
            action,
            project,
            target,
            msgspec.json.encode(detail).decode(),
        ),
    )


def list_entries(
    connection: sqlite3.Connection, wanted: EntryFilter, limit: int, before: int | None
) -> list[EntryRow]:
    """
    Return entries, the newest first.

    Args:
        connection: Reads.
        wanted: Which.
        limit: How many at most.
        before: Number of the entry behind which to begin.
    """
    rows = connection.execute(
        f"""
        SELECT {_COLUMNS} FROM audit
        WHERE (:projects IS NULL OR project IN (SELECT value FROM json_each(:projects)))
          AND (:project IS NULL OR project = :project)
          AND (:actor IS NULL OR actor = :actor)
          AND (:action IS NULL OR instr(action, :action) = 1)
          AND (:since IS NULL OR time >= :since) AND (:until IS NULL OR time < :until)
          AND (:before IS NULL OR id < :before)
        ORDER BY id DESC LIMIT :limit
        """,
        {
            "projects": _names(wanted.projects),
            "project": wanted.project,
            "actor": wanted.actor,
            "action": wanted.action,
            "since": wanted.since_ns,
            "until": wanted.until_ns,
            "before": before,
            "limit": limit,
        },
    )
    return [EntryRow(*row) for row in rows]


def get_entry(connection: sqlite3.Connection, entry: int, projects: Projects) -> EntryRow:
    """
    Return one entry.

    Args:
        connection: Reads.
        entry: Its number.
        projects: Of these projects alone; None: of any.

    Raises:
        NotFound: There is none.
    """
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM audit WHERE id = :id"
        " AND (:projects IS NULL OR project IN (SELECT value FROM json_each(:projects)))",
        {"id": entry, "projects": _names(projects)},
    ).fetchone()
    if row is None:
        raise NotFound(f"There is no entry {entry} in the audit log.")
    return EntryRow(*row)


def _names(projects: Projects) -> str | None:
    return None if projects is None else msgspec.json.encode(sorted(projects)).decode()
