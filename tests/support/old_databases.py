"""
Databases as the versions before blocks left them: made by the old steps, filled by the old statements.

That store numbered patterns, had one row of `recent` and one of `recent_words` for each record, counted
records of places as they were indexed, and noted in `progress` how far that was.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from sqlite_utils import Database

from pylogtap.wire import HEADER_SIZE
from pylogtap_collector.parts.building import build
from pylogtap_collector.parts.reading import SegmentReader
from pylogtap_collector.parts.rows import logs_of
from pylogtap_collector.parts.sites import CallSites, Patterns
from pylogtap_collector.query.fields import tokens
from pylogtap_collector.storage.migrations import migrations
from pylogtap_collector.storage.tiers import Tiers
from pylogtap_collector.wire import Definitions, scan
from tests.support.segments import SegmentBuilder, numbered_segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pylogtap_collector.models import Log
    from pylogtap_collector.parts.part import Part

STEPS = ("0001_streams", "0002_places", "0003_logs", "0004_words", "0005_blocks")
RECEIVED = 1_700_000_000_000_000_000
_COLUMNS = (
    "id", "time", "received", "level", "severity", "project", "service", "instance", "logger", "message",
    "template", "pattern", "attributes", "exception_type", "exception_message", "stacktrace", "arguments",
    "trace_id", "span_id", "file", "line", "function", "pid", "thread", "test_id", "words",
)  # fmt: skip
_INSERT = f"INSERT INTO recent ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
_COUNT = """
    INSERT INTO instance (project, service, name, description, created, last_seen, records)
    VALUES (?, ?, ?, '', ?, ?, 1)
    ON CONFLICT DO UPDATE SET records = records + 1, last_seen = excluded.last_seen
"""


def old_database(path: Path | str, steps: int = 4, before: str | None = None) -> Database:
    """
    Make an empty database of an earlier version.

    Args:
        path: The file.
        steps: How many migrations it has.
        before: The name of the first one that it has not; instead of `steps`.
    """
    database = Database(sqlite3.connect(path, isolation_level=None))
    for pragma in ("page_size = 8192", "auto_vacuum = INCREMENTAL", "journal_mode = WAL"):
        database.execute(f"PRAGMA {pragma}").fetchall()
    migrations.apply(database, stop_before=before or STEPS[steps])
    return database


def fill_old_database(path: Path, steps: int = 4) -> list[Log]:
    """
    Make a database of an earlier version with records in all states that it knows.

    With four migrations: some records have rows, some of these are deleted, others carry labels; one slice
    has rows for half of its records, one has none yet. With fewer, all are in slices.

    Args:
        path: The file.
        steps: How many migrations it has.

    Returns:
        The records, in the order of their ids.
    """
    database = old_database(path, steps)
    with closing(database.conn):
        segments = [
            numbered_segment(10, prefix=f"shop/s{number % 2}/i", first=number * 10) for number in range(5)
        ]
        numbers = [store_old_slice(database, segment) for segment in segments]
        part = part_of_slices(segments, numbers)
        if steps < len(STEPS) - 1:
            return logs_of(part, part.ids.argsort())
        upto = (numbers[3] << 16) + 4
        logs = store_old_rows(database, part, upto=upto)
        gone = [logs[3].id, logs[12].id, upto - 1]
        delete_old_rows(database, gone)
        annotate_old(database, logs[5].id, {"team": "pay"}, "look")
        return [log for log in logs if log.id not in gone]


def store_old_slice(database: Database, segment: SegmentBuilder) -> int:
    """Store a segment as one slice that nobody has indexed, and return the slice's number."""
    data = segment.slice()
    found = scan(data, HEADER_SIZE, segment.identity)
    with database.atomic():
        stream = database.execute(
            "INSERT INTO stream (segment, next_offset, first_seen, last_seen) VALUES (?, ?, ?, ?)",
            (segment.identity, found.end, RECEIVED, RECEIVED),
        ).lastrowid
        database.conn.executemany(
            "INSERT INTO definition (stream, offset, payload) VALUES (?, ?, ?)",
            [(stream, offset, payload) for offset, payload in found.definitions],
        )
        number = database.execute(
            "INSERT INTO hot (stream, offset, records, received, encoding, body) VALUES (?, ?, ?, ?, '', ?)",
            (stream, HEADER_SIZE, found.records, RECEIVED, data),
        ).lastrowid
    assert number is not None
    return number


def part_of_slices(segments: Sequence[SegmentBuilder], numbers: Sequence[int]) -> Part:
    """Return the records of segments that are stored as one slice each, by the numbers of these."""
    sites = CallSites(Patterns())
    return build(
        [
            SegmentReader(Definitions(), sites).read(number, RECEIVED, segment.slice(), "")
            for number, segment in zip(numbers, segments, strict=True)
        ]
    )


def store_old_rows(database: Database, part: Part, *, upto: int | None = None) -> list[Log]:
    """
    Index records, as far as rows had been written when the old version was stopped.

    Args:
        database: With four migrations.
        part: The records.
        upto: Id of the last one that has a row; default: all of them, and their slices are gone.

    Returns:
        All records of the part, in the order of their ids.
    """
    order = part.ids.argsort()
    logs = logs_of(part, order)
    last = logs[-1].id if upto is None else upto
    moments = zip(logs, part.times[order].tolist(), part.received(order).tolist(), strict=True)
    with database.atomic():
        for log, time, received in moments:
            if log.id <= last:
                _insert(database, log, time, received)
        done = last >> 16 if upto is None else (last >> 16) - 1
        database.execute("DELETE FROM hot WHERE id <= ?", (done,))
        database.execute("INSERT OR REPLACE INTO progress (task, log_id) VALUES ('index', ?)", (last,))
    return logs


def _insert(database: Database, log: Log, time: int, received: int) -> None:
    pattern = database.execute(
        "SELECT id FROM pattern WHERE template = ?", (f"of {log.pattern_id}",)
    ).fetchone()
    number = pattern[0] if pattern else None
    if number is None:
        number = database.execute(
            "INSERT INTO pattern (template) VALUES (?)", (f"of {log.pattern_id}",)
        ).lastrowid
    words = None if log.message.isascii() else " ".join(tokens(log.message))
    failure = log.exception
    database.execute(
        _INSERT,
        (
            *(log.id, time, received, log.level, log.severity_number),
            *(log.project, log.service, log.instance, log.logger, log.message, log.template, number),
            _json(log.attributes or None),
            *((failure.type, failure.message, failure.stacktrace) if failure else (None, None, None)),
            _json(failure.arguments if failure else None),
            *(log.trace_id, log.span_id, log.source.file, log.source.line, log.source.function),
            *(log.process.pid, log.process.thread, log.test_id, words),
        ),
    )
    database.execute(
        "INSERT INTO recent_words (rowid, words) VALUES (?, ?)",
        (log.id, log.message if words is None else words),
    )
    place = (log.project, log.service, log.instance)
    database.execute("INSERT OR IGNORE INTO project VALUES (?, '', ?)", (log.project, received))
    database.execute("INSERT OR IGNORE INTO service VALUES (?, ?, '', ?)", (*place[:2], received))
    database.execute(_COUNT, (*place, received, received))


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def delete_old_rows(database: Database, ids: Iterable[int]) -> None:
    """Delete records that have rows, as the old version did."""
    with database.atomic():
        for log_id in ids:
            project, service, instance = database.execute(
                "SELECT project, service, instance FROM recent WHERE id = ?", (log_id,)
            ).fetchone()
            database.execute(
                "INSERT INTO recent_words (recent_words, rowid, words)"
                " SELECT 'delete', id, words FROM recent_text WHERE id = ?",
                (log_id,),
            )
            database.execute("DELETE FROM recent WHERE id = ?", (log_id,))
            database.execute(
                "UPDATE instance SET records = records - 1 WHERE project = ? AND service = ? AND name = ?",
                (project, service, instance),
            )


def annotate_old(database: Database, log_id: int, labels: dict[str, str], note: str | None) -> None:
    """Add a label and a note to a record, as the old version did."""
    with database.atomic():
        database.execute("INSERT INTO annotation VALUES (?, ?, ?, 1)", (log_id, _json(labels), note))


def stored_logs(connection: sqlite3.Connection) -> list[Log]:
    """Return all records of a database, in the order of their ids."""
    tiers = Tiers(1 << 20)
    tiers.load(connection)
    found = []
    for tier in tiers.all(connection):
        part = tier.open()
        found += logs_of(part, np.arange(part.head.rows))
    return sorted(found, key=lambda log: log.id)


def names_in(path: Path) -> list[str]:
    """Return the names of the migrations that a file has."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name FROM _sqlite_migrations ORDER BY id").fetchall()
    return [name for (name,) in rows]
