"""The step of what comes in by other doors: how far sources were read, and slices that were made here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap_collector.storage.migrations.steps import migrations

if TYPE_CHECKING:
    from sqlite_utils import Database


@migrations(name="0011_intake")
def _intake(db: Database) -> None:
    db.table("bookmark").create(
        {"source": str, "value": str, "changed": int},
        pk="source",
        not_null={"value", "changed"},
        strict=True,
    )
    db.table("stream").add_column("made", int, not_null_default=0)
    db.execute("CREATE INDEX idx_stream_made ON stream (made) WHERE made")
