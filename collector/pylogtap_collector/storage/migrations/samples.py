"""The step that lets samples lie in the order of their times, and packs those that are not new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap_collector.storage.migrations.steps import migrations

if TYPE_CHECKING:
    from sqlite_utils import Database


@migrations(name="0010_chunks")
def _chunks(db: Database) -> None:
    # By time first: what is measured together is added to one page, not to one page for each series.
    db.execute("ALTER TABLE sample RENAME TO old_sample")
    db.execute(
        """
        CREATE TABLE sample (
            series INTEGER NOT NULL,
            time INTEGER NOT NULL,
            value REAL NOT NULL,
            PRIMARY KEY (time, series)
        ) STRICT, WITHOUT ROWID
        """
    )
    db.execute(
        "INSERT INTO sample (series, time, value) SELECT series, time, value FROM old_sample ORDER BY 2, 1"
    )
    db.execute("DROP TABLE old_sample")
    db.execute("UPDATE series SET samples = 0")  # it counts those in chunks from now on
    db.table("chunk").create(
        {
            "id": int,
            "series": int,
            "resolution": str,
            "start": int,
            "count": int,
            "last_time": int,
            "last_value": float,
            "state": int,  # see storage/chunks.py
            "data": bytes,  # see storage/packing.py
        },
        pk="id",
        not_null={"series", "resolution", "start", "count", "last_time", "last_value", "state", "data"},
        strict=True,
    )
    db.table("chunk").create_index(["series", "resolution", "start"], unique=True)
    db.table("chunk").create_index(["resolution", "start"])
    db.execute("CREATE INDEX idx_chunk_state ON chunk (start) WHERE state > 0")
    db.table("sample_state").create({"name": str, "value": int}, pk="name", not_null={"value"}, strict=True)
