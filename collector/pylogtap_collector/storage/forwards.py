"""What is delivered to other systems, and how far: `forward`. Times are ns since the epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pylogtap_collector.errors import NotFound

if TYPE_CHECKING:
    import sqlite3

_COLUMNS = (
    "id, name, url, query, header_names, headers, enabled, position, sent, refused, last_sent, last_error,"
    " created, changed"
)
_LAST_ID = 2**63 - 1


class ForwardRow(NamedTuple):
    """A row of `forward`; `headers` are encrypted, `header_names` a list."""

    id: int
    name: str
    url: str
    query: str
    header_names: list[str]
    headers: bytes | None
    enabled: bool
    position: int
    sent: int
    refused: int
    last_sent: int | None
    last_error: str | None
    created: int
    changed: int


def list_forwards(connection: sqlite3.Connection, limit: int, behind: int = 0) -> list[ForwardRow]:
    """
    Return rows by their numbers.

    Args:
        connection: Reads.
        limit: How many at most.
        behind: Number behind which to begin.
    """
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM forward WHERE id > ? ORDER BY id LIMIT ?", (behind, limit)
    )
    return [_row(values) for values in rows]


def get_forward(connection: sqlite3.Connection, number: int) -> ForwardRow:
    """
    Return one.

    Args:
        connection: Reads.
        number: Its number.

    Raises:
        NotFound: There is none.
    """
    found = None
    if 0 < number <= _LAST_ID:
        found = connection.execute(f"SELECT {_COLUMNS} FROM forward WHERE id = ?", (number,)).fetchone()
    if found is None:
        raise NotFound(f"There is no forward {number}; it may have been deleted.")
    return _row(found)


def insert_forward(connection: sqlite3.Connection, now_ns: int, **values: Any) -> int:
    """
    Add one, and return its number.

    Args:
        connection: In a transaction.
        now_ns: The time.
        values: Name, url, query, header_names, headers, enabled and position.
    """
    cursor = connection.execute(
        "INSERT INTO forward (name, url, query, header_names, headers, enabled, position, sent, refused,"
        " created, changed) VALUES (:name, :url, :query, :header_names, :headers, :enabled, :position, 0, 0,"
        " :now, :now)",
        {**_stored(values), "now": now_ns},
    )
    return cursor.lastrowid or 0


def update_forward(connection: sqlite3.Connection, number: int, now_ns: int, **changes: Any) -> None:
    """
    Change what people say of one.

    Args:
        connection: In a transaction.
        number: Its number.
        now_ns: The time.
        changes: New values by column.
    """
    values = {**_stored(changes), "changed": now_ns}
    columns = ", ".join(f"{name} = ?" for name in values)
    connection.execute(f"UPDATE forward SET {columns} WHERE id = ?", (*values.values(), number))


def advance_forward(
    connection: sqlite3.Connection, number: int, position: int, sent: int, refused: int, now_ns: int
) -> None:
    """
    Note that records were delivered, once the other system has said so.

    Args:
        connection: In a transaction.
        number: Of the forward.
        position: Id of the last record that was delivered or passed over.
        sent: How many more were delivered.
        refused: How many more were refused for good.
        now_ns: The time.
    """
    connection.execute(
        "UPDATE forward SET position = max(position, ?), sent = sent + ?, refused = refused + ?,"
        " last_sent = CASE WHEN ? THEN ? ELSE last_sent END, last_error = NULL WHERE id = ?",
        (position, sent, refused, sent, now_ns, number),
    )


def note_error(connection: sqlite3.Connection, number: int, error: str) -> None:
    """
    Note why nothing is delivered at present.

    Args:
        connection: In a transaction.
        number: Of the forward.
        error: Why.
    """
    connection.execute("UPDATE forward SET last_error = ? WHERE id = ?", (error, number))


def delete_forward(connection: sqlite3.Connection, number: int) -> None:
    """Remove one."""
    connection.execute("DELETE FROM forward WHERE id = ?", (number,))


def _stored(values: dict[str, Any]) -> dict[str, Any]:
    names = values.get("header_names")
    if names is None:
        return values
    return {**values, "header_names": msgspec.json.encode(names).decode()}


def _row(values: tuple[Any, ...]) -> ForwardRow:
    row = ForwardRow(*values)
    names = msgspec.json.decode(values[4], type=list[str])
    return row._replace(header_names=names, enabled=bool(row.enabled))
