"""How far sources were read that are not pushed but pulled: `bookmark`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping


def set_bookmarks(connection: sqlite3.Connection, marks: Mapping[str, str], now_ns: int) -> None:
    """
    Remember how far sources were read.

    Args:
        connection: In the transaction that stores what was read.
        marks: By source, what its reader needs to go on; empty: forget the source.
        now_ns: The time.
    """
    connection.executemany(
        "INSERT OR REPLACE INTO bookmark (source, value, changed) VALUES (?, ?, ?)",
        [(source, value, now_ns) for source, value in marks.items() if value],
    )
    connection.executemany(
        "DELETE FROM bookmark WHERE source = ?", [(source,) for source, value in marks.items() if not value]
    )


def read_bookmarks(connection: sqlite3.Connection, beginning: str) -> dict[str, str]:
    """
    Return how far sources were read.

    Args:
        connection: Reads.
        beginning: Of their names.
    """
    rows = connection.execute(
        "SELECT source, value FROM bookmark WHERE substr(source, 1, ?) = ?", (len(beginning), beginning)
    )
    return dict(rows.fetchall())
