r"""
The steps of what holds records, places and what people do with them.

A record's way through the tables::

    hot ──seal──▶ block, block_data     every record is in exactly one of them
     └──rows──▶ recent                  the newest once more, for people

What each table and column means stands in docs/reference/schema.md, which a test compares with these steps.
The steps 0001 to 0004 are those of the first store: it had a row of `recent` for every record, and an index
of their words. Step 0005 sets these rows aside; :mod:`pylogtap_collector.storage.old_rows` seals them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap_collector.storage.migrations.steps import migrations
from pylogtap_collector.wire import pack_definitions

if TYPE_CHECKING:
    from sqlite_utils import Database

INDEX_TASK = "index"  # of the first store: its row in `progress` named the last record that had a row


@migrations(name="0001_streams")
def _streams(db: Database) -> None:
    db.table("stream").create(
        {
            "id": int,
            "segment": bytes,  # the segment's id, 16 bytes
            "next_offset": int,  # bytes of the segment that are stored, counted from its beginning
            "first_seen": int,
            "last_seen": int,
            "skew_ns": int,  # our clock minus the sender's when it sent last
        },
        pk="id",
        not_null={"segment", "next_offset", "first_seen", "last_seen"},
        strict=True,
    )
    db.table("stream").create_index(["segment"], unique=True)
    db.table("definition").create(
        {"stream": int, "offset": int, "payload": bytes},
        pk=("stream", "offset"),
        not_null={"payload"},
        strict=True,
    )
    # AUTOINCREMENT, which sqlite-utils does not offer: the numbers of slices make the ids of records and
    # must never come back, also when the newest slice is gone.
    db.execute(
        """
        CREATE TABLE hot (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            stream INTEGER NOT NULL,
            offset INTEGER NOT NULL,
            records INTEGER NOT NULL,
            received INTEGER NOT NULL,
            encoding TEXT NOT NULL,
            body BLOB NOT NULL
        ) STRICT
        """
    )
    db.table("progress").create({"task": str, "log_id": int}, pk="task", not_null={"log_id"}, strict=True)


@migrations(name="0002_places")
def _places(db: Database) -> None:
    seen = {"description": str, "created": int}
    counts = {"last_seen": int, "records": int}
    db.table("project").create({"name": str, **seen}, pk="name", not_null=set(seen), strict=True)
    db.table("service").create(
        {"project": str, "name": str, **seen}, pk=("project", "name"), not_null=set(seen), strict=True
    )
    db.table("instance").create(
        {"project": str, "service": str, "name": str, **seen, **counts},
        pk=("project", "service", "name"),
        not_null={*seen, "records"},
        defaults={"records": 0},
        strict=True,
    )


@migrations(name="0003_logs")
def _logs(db: Database) -> None:
    db.table("pattern").create({"id": int, "template": str}, pk="id", not_null={"template"}, strict=True)
    db.table("pattern").create_index(["template"], unique=True)
    db.table("recent").create(
        {
            "id": int,  # number of the slice << 16 | index of the record in it
            "time": int,
            "received": int,
            "level": str,
            "severity": int,  # OpenTelemetry, 1 to 24; 0 is unknown
            "project": str,
            "service": str,
            "instance": str,
            "logger": str,
            "message": str,
            "template": str,
            "pattern": int,
            "attributes": str,  # JSON object, null where there are none
            "exception_type": str,
            "exception_message": str,
            "stacktrace": str,
            "arguments": str,  # JSON object: the arguments of the exception's innermost frame, as text
            "trace_id": str,
            "span_id": str,
            "file": str,
            "line": int,
            "function": str,
            "pid": int,
            "thread": str,
            "test_id": str,
            "words": str,
        },
        pk="id",
        not_null={
            "time", "received", "level", "severity", "project", "service", "instance", "logger", "message",
            "pattern",
        },
        strict=True,
    )  # fmt: skip
    db.table("recent").create_index(["time"])
    db.table("recent").create_index(["service", "time"])
    db.table("recent").create_index(["project", "time"])
    for column in ("trace_id", "test_id"):
        db.execute(f"CREATE INDEX idx_recent_{column} ON recent ({column}) WHERE {column} IS NOT NULL")
    db.table("annotation").create(
        {"log_id": int, "labels": str, "note": str, "changed": int},
        pk="log_id",
        not_null={"labels", "changed"},
        strict=True,
    )


@migrations(name="0004_words")
def _words(db: Database) -> None:
    db.create_view("recent_text", "SELECT id, coalesce(words, message) AS words FROM recent")
    # The ascii tokenizer leaves everything beyond ASCII alone, so that our own tokens stay whole.
    db.execute(
        """
        CREATE VIRTUAL TABLE recent_words USING fts5(
            words, content='recent_text', content_rowid='id', columnsize=0, tokenize="ascii tokenchars '_'"
        )
        """
    )
    db.create_view(
        "log",
        """
        SELECT id, strftime('%Y-%m-%dT%H:%M:%S', time / 1000000000, 'unixepoch')
               || printf('.%06dZ', time / 1000 % 1000000) AS time,
               level, project || '/' || service || '/' || instance AS prefix, logger, message, attributes,
               exception_type, exception_message, stacktrace, trace_id, test_id, labels, note
        FROM recent LEFT JOIN annotation ON annotation.log_id = recent.id
        """,
    )


@migrations(name="0005_blocks")
def _blocks(db: Database) -> None:
    db.table("source").create(
        {"id": int, "project": str, "service": str, "instance": str, "pid": int},
        pk="id",
        not_null={"project", "service", "instance"},
        strict=True,
    )
    db.table("form").create(
        {
            "id": int,
            "level": str,
            "severity": int,  # OpenTelemetry, 1 to 24; 0 is unknown
            "logger": str,
            "template": str,
            "pattern": int,
            "file": str,
            "line": int,
            "function": str,
            "literals": str,  # JSON array: what stands before, between and behind the pieces of a message
        },
        pk="id",
        not_null={"level", "severity", "logger", "pattern", "literals"},
        strict=True,
    )
    # AUTOINCREMENT: what is kept in memory of a block goes by its number, which must never come back.
    db.execute(
        """
        CREATE TABLE block (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            first_id INTEGER NOT NULL,
            last_id INTEGER NOT NULL,
            first_time INTEGER NOT NULL,
            last_time INTEGER NOT NULL,
            records INTEGER NOT NULL,
            bytes INTEGER NOT NULL,
            summary BLOB NOT NULL,
            words BLOB NOT NULL
        ) STRICT
        """
    )
    for column in ("first_id", "last_id", "first_time", "last_time"):
        db.table("block").create_index([column])
    db.table("block_data").create({"id": int, "data": bytes}, pk="id", not_null={"data"}, strict=True)
    db.table("gone").create({"log_id": int}, pk="log_id", strict=True)
    old = db.execute("SELECT stream, offset, payload FROM definition").fetchall()
    db.execute("DELETE FROM definition")
    db.execute("ALTER TABLE definition RENAME COLUMN payload TO payloads")  # of a slice: msgpack, zstd
    db.conn.executemany(
        "INSERT INTO definition VALUES (?, ?, ?)",
        [(stream, offset, pack_definitions([payload])) for stream, offset, payload in old],
    )
    for view in ("log", "recent_text"):
        db.execute(f"DROP VIEW {view}")
    db.execute("DROP TABLE recent_words")
    db.execute("DELETE FROM pattern")  # their numbers tell them from now on
    # Slices that are left are read from there. What is missing among their records that had rows was deleted.
    db.execute(
        """
        WITH RECURSIVE had(id) AS (
            SELECT (log_id >> 16) << 16 FROM progress
            WHERE task = ? AND EXISTS (SELECT 1 FROM hot WHERE hot.id = log_id >> 16)
            UNION ALL SELECT id + 1 FROM had WHERE id < (SELECT log_id FROM progress WHERE task = ?)
        )
        INSERT INTO gone SELECT id FROM had WHERE id NOT IN (SELECT id FROM recent)
        """,
        (INDEX_TASK, INDEX_TASK),
    )
    db.execute("DELETE FROM progress WHERE task = ?", (INDEX_TASK,))
    db.execute("DELETE FROM recent WHERE id >> 16 >= (SELECT min(id) FROM hot)")
    db.execute("ALTER TABLE recent RENAME TO old_recent")
    for index in ("time", "service_time", "project_time", "trace_id", "test_id"):
        db.execute(f"DROP INDEX IF EXISTS idx_recent_{index}")
    db.table("recent").create(
        {
            "id": int,  # number of the slice << 16 | place of the record in it
            "time": int,
            "received": int,
            "source": int,
            "form": int,
            "message": str,
            "attributes": str,  # JSON object, null where there are none
            "exception_type": str,
            "exception_message": str,
            "stacktrace": str,
            "arguments": str,  # JSON object: the arguments of the exception's innermost frame, as text
            "trace_id": str,
            "span_id": str,
            "thread": str,
            "test_id": str,
        },
        pk="id",
        not_null={"time", "received", "source", "form", "message"},
        strict=True,
    )
    db.create_view(
        "log",
        """
        SELECT recent.id,
               strftime('%Y-%m-%dT%H:%M:%S', recent.time / 1000000000, 'unixepoch')
               || printf('.%06dZ', recent.time / 1000 % 1000000) AS time,
               form.level, source.project || '/' || source.service || '/' || source.instance AS prefix,
               form.logger, recent.message, recent.attributes, recent.exception_type,
               recent.exception_message, recent.stacktrace, recent.trace_id, recent.test_id,
               annotation.labels, annotation.note
        FROM recent JOIN source ON source.id = recent.source JOIN form ON form.id = recent.form
        LEFT JOIN annotation ON annotation.log_id = recent.id
        """,
    )


@migrations(name="0006_retention")
def _retention(db: Database) -> None:
    """How long records of a project are kept, where it is not as the settings say."""
    db.table("retention").create(
        {"project": str, "keep_days": float, "keep_bytes": int}, pk="project", strict=True
    )
