"""Which steps of the schema a database has: what each start has to know, without loading what makes them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from pylogtap_collector.errors import DataUnusable

if TYPE_CHECKING:
    from pathlib import Path

# The names of all migrations of this version, in their order: see storage/migrations.
STEPS = (
    "0001_streams",
    "0002_places",
    "0003_logs",
    "0004_words",
    "0005_blocks",
    "0006_retention",
    "0007_access",
    "0008_metrics",
    "0009_settings",
    "0010_chunks",
    "0011_intake",
    "0012_forwards",
    "0013_cases",
    "0014_knowledge",
    "0015_courses",
    "0016_sizes",
)
APPLIED = "_sqlite_migrations"  # where sqlite-utils notes them
SET = "pylogtap"  # and under which name
OLD_ROWS = "old_recent"  # a table that is there as long as records of versions before blocks are not sealed


def refuse_newer(path: Path) -> None:
    """
    Look whether this version knows the database, before anything in it is touched.

    Args:
        path: The file; it may be missing.

    Raises:
        DataUnusable: A newer version has changed it.
        sqlite3.Error: It is no database.
    """
    if not path.exists() or not path.stat().st_size:
        return
    unknown = applied_in(path) - set(STEPS)
    if unknown:
        raise DataUnusable(
            f"the database {path} is of a newer version of pylogtap-collector (it has {min(unknown)}, which "
            f"this one does not know); install the newer version again, or put a copy from before the "
            f"upgrade in its place: {path}.before-…"
        )


def applied_in(path: Path) -> set[str]:
    """Return the names of the migrations that a file has, without changing it."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        return applied(connection)


def applied(connection: sqlite3.Connection) -> set[str]:
    """Return the names of the migrations that a database has."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (APPLIED,)).fetchone()
    if found is None:
        return set()
    rows = connection.execute(f"SELECT name FROM {APPLIED} WHERE migration_set = ?", (SET,))
    return {name for (name,) in rows}


def is_current(connection: sqlite3.Connection) -> bool:
    """Tell whether a database is that of this version, all of it."""
    return applied(connection) >= set(STEPS) and not has_old_rows(connection)


def has_old_rows(connection: sqlite3.Connection) -> bool:
    """Tell whether there are rows of earlier versions to be sealed; see storage/old_rows.py."""
    row = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (OLD_ROWS,))
    return row.fetchone() is not None
