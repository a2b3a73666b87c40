"""How large slices are once they are decompressed: what reading them takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap_collector.storage.migrations.steps import migrations

if TYPE_CHECKING:
    from sqlite_utils import Database

# Of slices from earlier versions it is estimated; those of the store's own clients shrink to a sixth or so.
_STEPS = (
    "ALTER TABLE hot ADD COLUMN size INTEGER NOT NULL DEFAULT 1048576",
    "UPDATE hot SET size = min(1048576, length(body) * CASE encoding WHEN '' THEN 1 ELSE 6 END)",
)


@migrations(name="0016_sizes")
def _sizes(db: Database) -> None:
    for statement in _STEPS:
        db.execute(statement)
