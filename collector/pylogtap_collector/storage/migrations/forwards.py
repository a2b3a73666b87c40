"""The step of what is delivered to other systems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap_collector.storage.migrations.steps import migrations

if TYPE_CHECKING:
    from sqlite_utils import Database


@migrations(name="0012_forwards")
def _forwards(db: Database) -> None:
    # AUTOINCREMENT, which sqlite-utils does not offer: a number must never come back.
    db.execute(
        """
        CREATE TABLE forward (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,
            url TEXT NOT NULL,
            query TEXT NOT NULL,
            header_names TEXT NOT NULL,
            headers BLOB,
            enabled INTEGER NOT NULL,
            position INTEGER NOT NULL,
            sent INTEGER NOT NULL,
            refused INTEGER NOT NULL,
            last_sent INTEGER,
            last_error TEXT,
            created INTEGER NOT NULL,
            changed INTEGER NOT NULL
        ) STRICT
        """
    )
