"""
Ordinary rows for any SQLite tool: what `pylogtap export --format sqlite` writes.

A table `log`, one row a record, the oldest first, and a table `source`, one row for each process that logged.
Times are text that sorts as times do and that SQLite's date functions read; JSON is text for `json_extract`.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_TYPES = {"integer": "INTEGER"}
_INDEXES = ("time", "service, time", "trace_id")
_SOURCES = """
    CREATE TABLE source AS
    SELECT project, service, instance, pid, count(*) AS records,
           min(time) AS first_time, max(time) AS last_time
    FROM log GROUP BY project, service, instance, pid ORDER BY project, service, instance, pid
"""


class SqliteRows:
    """Writes a database."""

    def __init__(self, path: Path, columns: Sequence[tuple[str, str]]) -> None:
        """
        Make the table.

        Args:
            path: A file that is not there.
            columns: Name and kind of each: `text`, `integer`, `time` or `json`. One is called `id`.
        """
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        described = ", ".join(
            f'"{name}" {_TYPES.get(kind, "TEXT")}' + (" NOT NULL UNIQUE" if name == "id" else "")
            for name, kind in columns
        )
        self._connection.execute(f"CREATE TABLE log ({described})")
        self._connection.execute("BEGIN")
        self._insert = f"INSERT INTO log VALUES ({', '.join('?' * len(columns))})"

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        """
        Write rows.

        Args:
            rows: A value for each column.
        """
        self._connection.executemany(self._insert, [tuple(map(_plain, row)) for row in rows])

    def close(self) -> None:
        """Add indexes and sources, and end the file."""
        for columns in _INDEXES:
            self._connection.execute(f"CREATE INDEX log_{columns.replace(', ', '_')} ON log ({columns})")
        self._connection.execute(_SOURCES)
        self._connection.execute("COMMIT")
        self._connection.close()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    return value
