"""
An incident file: a database of its own that holds some of the records, with all that belongs to them.

It has the schema of every collector's database, so that a collector can show it; its records keep their ids.
The table `about` says what it is a piece of.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pylogtap_collector.parts.joining import join
from pylogtap_collector.parts.sealing import seal
from pylogtap_collector.storage.connections import check_deadline, open_writer
from pylogtap_collector.storage.dictionary import Numbered
from pylogtap_collector.storage.incident_metrics import copy_metrics
from pylogtap_collector.storage.places import LEVELS
from pylogtap_collector.storage.sealing import count_part
from pylogtap_collector.storage.shelf import insert_block

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pylogtap_collector.parts.numbers import Ints
    from pylogtap_collector.parts.part import Part
    from pylogtap_collector.storage.logs import Selection
    from pylogtap_collector.storage.tiers import Tiers

BLOCK = 65_536  # records: large blocks are small
LEVEL = 19  # of zstd: it is written once, and sent by mail
_PAGE = 1_024  # bytes: an eighth of what a collector takes, because most tables are nearly empty
_KEYS = {level: (*LEVELS[:number], "name") for number, level in enumerate(LEVELS)}


def write_incident(
    tiers: Tiers,
    connection: sqlite3.Connection,
    selection: Selection,
    target: Path,
    about: Mapping[str, str],
) -> int:
    """
    Write a database of some records.

    Args:
        tiers: Where records are.
        connection: In a transaction.
        selection: Which records.
        target: A file that is not there.
        about: Said of the file in its table `about`.

    Returns:
        How many records it holds.

    Raises:
        QueryTooSlow: Nobody waits any more.
    """
    with closing(open_writer(target)) as file:
        file.execute("PRAGMA synchronous = OFF")  # it is synced when it is complete
        file.execute("CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
        file.executemany("INSERT INTO about VALUES (?, ?)", about.items())
        writer = _Writer(connection, file)
        evaluation = selection.evaluation(connection)
        for tier in tiers.behind(connection, 0):
            check_deadline()
            if evaluation.possible(tier.head, tier.words):
                part = tier.open()
                writer.add(part, np.sort(selection.rows(evaluation, part)))
        writer.flush()
        _describe_places(connection, file)
        copy_metrics(connection, file)
        file.execute("PRAGMA journal_mode = DELETE").fetchall()
        file.execute(f"PRAGMA page_size = {_PAGE}")
        file.execute("PRAGMA temp_store = FILE")  # what VACUUM puts aside is as large as the file
        file.execute("VACUUM")
        return writer.records


class _Writer:
    """Puts rows into blocks of a file."""

    def __init__(self, connection: sqlite3.Connection, file: sqlite3.Connection) -> None:
        self.records = 0
        self._connection = connection
        self._file = file
        self._dictionary = Numbered()
        self._taken: list[tuple[Part, Ints]] = []
        self._held = 0

    def add(self, part: Part, rows: Ints) -> None:
        """Take rows of a part; parts come in the order of arrival."""
        if not len(rows):
            return
        if self._held + len(rows) > BLOCK:
            self.flush()
        self._taken.append((part, rows))
        self._held += len(rows)

    def flush(self) -> None:
        """Write what has been taken."""
        if not self._held:
            return
        part = join(self._taken)
        sealed = seal(part, self._dictionary, level=LEVEL)
        self._file.execute("BEGIN")
        self._dictionary.stored(self._dictionary.store(self._file))
        insert_block(self._file, part, sealed)
        count_part(self._file, part)
        self._annotate(part.ids.tolist())
        self._file.execute("COMMIT")
        self.records += self._held
        self._taken, self._held = [], 0

    def _annotate(self, ids: list[int]) -> None:
        rows = self._connection.execute(
            "SELECT log_id, labels, note, changed FROM annotation"
            " WHERE log_id IN (SELECT value FROM json_each(?))",
            (msgspec.json.encode(ids).decode(),),
        )
        self._file.executemany(
            "INSERT INTO annotation (log_id, labels, note, changed) VALUES (?, ?, ?, ?)", rows
        )


def _describe_places(connection: sqlite3.Connection, file: sqlite3.Connection) -> None:
    """Copy what is said of those places that the file has."""
    for level, keys in _KEYS.items():
        condition = " AND ".join(f"{key} = ?" for key in keys)
        rows = connection.execute(f"SELECT description, created, {', '.join(keys)} FROM {level}").fetchall()
        file.executemany(f"UPDATE {level} SET description = ?, created = ? WHERE {condition}", rows)


def about(connection: sqlite3.Connection) -> dict[str, str]:
    """Return what an incident file says of itself; empty where the database is none."""
    try:
        return dict(connection.execute("SELECT name, value FROM about"))
    except sqlite3.OperationalError:
        return {}
