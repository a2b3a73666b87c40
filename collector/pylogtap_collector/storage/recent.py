"""Write the rows of records: `recent` with its words, `pattern`, and what places count."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pylogtap_collector.storage.rows import Row

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    PlaceKey = tuple[str, str, str]

_INSERT = f"INSERT INTO recent ({', '.join(Row._fields)}) VALUES ({', '.join('?' * len(Row._fields))})"
_INSERT_WORDS = "INSERT INTO recent_words (rowid, words) VALUES (?, ?)"
_COUNT = """
    INSERT INTO instance (project, service, name, description, created, last_seen, records)
    VALUES (?, ?, ?, '', ?, ?, ?)
    ON CONFLICT DO UPDATE SET records = records + excluded.records,
                              last_seen = max(coalesce(last_seen, 0), excluded.last_seen)
"""


def insert_rows(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """
    Store records, and whatever of their places is new.

    Args:
        connection: In a transaction.
        rows: The records; none of them is stored yet.
    """
    connection.executemany(_INSERT, rows)
    connection.executemany(_INSERT_WORDS, [(row.id, row.indexed_text) for row in rows])
    counts = Counter([(row.project, row.service, row.instance) for row in rows])
    seen = {(row.project, row.service, row.instance): row.received for row in rows}  # the last one counts
    for (project, service, instance), count in counts.items():
        now = seen[project, service, instance]
        connection.execute(
            "INSERT OR IGNORE INTO project (name, description, created) VALUES (?, '', ?)", (project, now)
        )
        connection.execute(
            "INSERT OR IGNORE INTO service (project, name, description, created) VALUES (?, ?, '', ?)",
            (project, service, now),
        )
        connection.execute(_COUNT, (project, service, instance, now, now, count))


def delete_rows(connection: sqlite3.Connection, ids: Iterable[int]) -> int:
    """
    Remove records with everything that hangs on them.

    Args:
        connection: In a transaction.
        ids: The records; some may be gone already.

    Returns:
        How many there were.
    """
    keys = [(key,) for key in ids]
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS doomed (id INTEGER PRIMARY KEY)")
    connection.execute("DELETE FROM doomed")
    connection.executemany("INSERT OR IGNORE INTO doomed VALUES (?)", keys)
    connection.execute(
        """
        INSERT INTO recent_words (recent_words, rowid, words)
        SELECT 'delete', recent_text.id, recent_text.words FROM recent_text JOIN doomed USING (id)
        """
    )
    counts = connection.execute(
        """
        SELECT project, service, instance, count(*) FROM recent JOIN doomed USING (id) GROUP BY 1, 2, 3
        """
    ).fetchall()
    for project, service, instance, count in counts:
        connection.execute(
            "UPDATE instance SET records = records - ? WHERE project = ? AND service = ? AND name = ?",
            (count, project, service, instance),
        )
    connection.execute("DELETE FROM annotation WHERE log_id IN (SELECT id FROM doomed)")
    return connection.execute("DELETE FROM recent WHERE id IN (SELECT id FROM doomed)").rowcount


def insert_patterns(connection: sqlite3.Connection, patterns: Iterable[tuple[int, str]]) -> None:
    """
    Store new patterns.

    Args:
        connection: In a transaction.
        patterns: Number and template of each.
    """
    connection.executemany("INSERT INTO pattern (id, template) VALUES (?, ?)", patterns)


def all_patterns(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the number of each template."""
    return dict(connection.execute("SELECT template, id FROM pattern").fetchall())
