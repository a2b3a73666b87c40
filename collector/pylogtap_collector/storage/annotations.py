"""What people add to records: `annotation`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from pylogtap_collector.models import LogPatch

_decode_labels = msgspec.json.Decoder(dict[str, str]).decode


def annotate(connection: sqlite3.Connection, log_id: int, patch: LogPatch, now_ns: int) -> None:
    """
    Merge a patch into what people have added to a record (RFC 7396).

    Args:
        connection: In a transaction.
        log_id: The record; it is there.
        patch: What to add, change or remove.
        now_ns: The time.
    """
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


def annotations_of(
    connection: sqlite3.Connection, ids: Sequence[int]
) -> dict[int, tuple[dict[str, str], str | None]]:
    """
    Return labels and note of those of some records that have any.

    Args:
        connection: Reads.
        ids: The records.
    """
    if connection.execute("SELECT 1 FROM annotation LIMIT 1").fetchone() is None:
        return {}
    rows = connection.execute(
        "SELECT log_id, labels, note FROM annotation WHERE log_id IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(ids).decode(),),
    )
    return {log_id: (_decode_labels(labels), note) for log_id, labels, note in rows}


def every_annotation(connection: sqlite3.Connection) -> dict[int, tuple[dict[str, str], str | None]]:
    """Return labels and note of all records that have any."""
    rows = connection.execute("SELECT log_id, labels, note FROM annotation")
    return {log_id: (_decode_labels(labels), note) for log_id, labels, note in rows}


def forget_annotations(connection: sqlite3.Connection, ids: Sequence[int]) -> None:
    """
    Remove what people have added to some records.

    Args:
        connection: In a transaction.
        ids: The records.
    """
    connection.executemany("DELETE FROM annotation WHERE log_id = ?", [(log_id,) for log_id in ids])
