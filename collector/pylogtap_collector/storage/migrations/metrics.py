"""
The steps of what holds metrics: a row of `series` for each, and a row of `sample` for each of its values.

Samples stand at the resolution in which they came. Coarser ones get tables of their own beside `sample`, with
the same key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap_collector.storage.migrations.steps import migrations

if TYPE_CHECKING:
    from sqlite_utils import Database


@migrations(name="0008_metrics")
def _metrics(db: Database) -> None:
    # AUTOINCREMENT and WITHOUT ROWID, which sqlite-utils does not offer: the number of a series is its
    # address and must never come back; samples of one series stand together, in the order of their times.
    db.execute(
        """
        CREATE TABLE series (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            project TEXT NOT NULL,
            service TEXT NOT NULL,
            instance TEXT NOT NULL,
            name TEXT NOT NULL,
            unit TEXT,
            kind TEXT NOT NULL,
            labels TEXT NOT NULL,
            description TEXT NOT NULL,
            created INTEGER NOT NULL,
            samples INTEGER NOT NULL
        ) STRICT
        """
    )
    db.table("series").create_index(["project", "service", "instance", "name", "labels"], unique=True)
    db.execute(
        """
        CREATE TABLE sample (
            series INTEGER NOT NULL,
            time INTEGER NOT NULL,
            value REAL NOT NULL,
            PRIMARY KEY (series, time)
        ) STRICT, WITHOUT ROWID
        """
    )
