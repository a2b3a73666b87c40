"""The steps of settings that are changed while the collector runs, and of searches that people save."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap_collector.storage.migrations.steps import migrations

if TYPE_CHECKING:
    from sqlite_utils import Database


@migrations(name="0009_settings")
def _settings(db: Database) -> None:
    db.table("setting").create(
        {"name": str, "value": str, "secret": bytes, "changed": int},
        pk="name",
        not_null={"changed"},
        strict=True,
    )
    db.execute(
        """
        CREATE TABLE saved_search (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            project TEXT,
            owner INTEGER,
            name TEXT NOT NULL,
            query TEXT NOT NULL,
            since TEXT,
            until TEXT,
            created INTEGER NOT NULL,
            changed INTEGER NOT NULL
        ) STRICT
        """
    )
    db.table("saved_search").create_index(["project", "name"])
