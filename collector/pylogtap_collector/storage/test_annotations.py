"""What people add to test runs and cases: labels and notes. Times are ns since the epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pylogtap_collector.storage.test_runs import next_change

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.models.cases import CasePatch, TestRunPatch

_decode_labels = msgspec.json.Decoder(dict[str, str]).decode


def annotate_row(
    connection: sqlite3.Connection,
    table: str,
    row: int,
    run: int,
    patch: TestRunPatch | CasePatch,
    now_ns: int,
) -> None:
    """
    Merge a patch into what people have added to a run or a case (RFC 7396).

    Args:
        connection: In a transaction.
        table: `test_run` or `test_case`.
        row: Number of the row.
        run: Number of the run's row.
        patch: What to add, change or remove.
        now_ns: The time.
    """
    changed = next_change(connection, now_ns)
    (stored,) = connection.execute(f"SELECT labels FROM {table} WHERE id = ?", (row,)).fetchone()
    labels = {**_decode_labels(stored), **patch.labels}
    kept = {name: value for name, value in labels.items() if value is not None}
    connection.execute(
        f"UPDATE {table} SET labels = ?, changed = ? WHERE id = ?",
        (msgspec.json.encode(kept).decode(), changed, row),
    )
    if "note" in patch.model_fields_set:
        connection.execute(f"UPDATE {table} SET note = ? WHERE id = ?", (patch.note, row))
    connection.execute("UPDATE test_run SET changed = ? WHERE id = ?", (changed, run))


def label_cases(connection: sqlite3.Connection, labels: dict[str, dict[str, str]]) -> None:
    """
    Give new cases their labels.

    Args:
        connection: In the transaction that adds them.
        labels: By the id of the case.
    """
    connection.executemany(
        "UPDATE test_case SET labels = ? WHERE case_id = ?",
        [(msgspec.json.encode(each).decode(), case) for case, each in labels.items()],
    )
