"""What people add to records: `annotation`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pylogtap_collector.errors import NotFound

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.models import LogPatch

_decode_labels = msgspec.json.Decoder(dict[str, str]).decode


def annotate(connection: sqlite3.Connection, log_id: int, patch: LogPatch, now_ns: int) -> None:
    """
    Merge a patch into what people have added to a record (RFC 7396).

    Args:
        connection: In a transaction.
        log_id: The record.
        patch: What to add, change or remove.
        now_ns: The time.

    Raises:
        NotFound: There is no such record.
    """
    if connection.execute("SELECT 1 FROM recent WHERE id = ?", (log_id,)).fetchone() is None:
        raise NotFound(f"There is no log {log_id}.")
    row = connection.execute("SELECT labels, note FROM annotation WHERE log_id = ?", (log_id,)).fetchone()
    labels, note = (_decode_labels(row[0]), row[1]) if row else ({}, None)
    if "labels" in patch.model_fields_set:
        changed = {**labels, **patch.labels} if patch.labels is not None else {}
        labels = {name: value for name, value in changed.items() if value is not None}
    if "note" in patch.model_fields_set:
        note = patch.note
    if not labels and note is None:
        connection.execute("DELETE FROM annotation WHERE log_id = ?", (log_id,))
        return
    connection.execute(
        "INSERT OR REPLACE INTO annotation (log_id, labels, note, changed) VALUES (?, ?, ?, ?)",
        (log_id, msgspec.json.encode(labels).decode(), note, now_ns),
    )
