"""One record as a row of `recent`, and as the API shows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from pylogtap_collector.models import Log, LoggedException, ProcessPlace, SourcePlace
from pylogtap_collector.query.fields import tokens

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode
_decode_texts = msgspec.json.Decoder(dict[str, str]).decode
SLICE_BITS = 16  # of an id: the record's index in its slice


class Row(NamedTuple):
    """A row of `recent`, in the order of its columns."""

    id: int
    time: int
    received: int
    level: str
    severity: int
    project: str
    service: str
    instance: str
    logger: str
    message: str
    template: str | None
    pattern: int
    attributes: str | None
    exception_type: str | None
    exception_message: str | None
    stacktrace: str | None
    arguments: str | None
    trace_id: str | None
    span_id: str | None
    file: str | None
    line: int | None
    function: str | None
    pid: int | None
    thread: str | None
    test_id: str | None
    words: str | None

    @property
    def indexed_text(self) -> str:
        """What the full-text index holds of it; as the view `recent_text`."""
        return self.message if self.words is None else self.words


COLUMNS = ", ".join(f"recent.{name}" for name in Row._fields)


def words_of(message: str) -> str | None:
    """
    Return the words of a message as the query language knows them.

    Args:
        message: The message.

    Returns:
        Them, joined; None where the full-text index finds the same ones by itself.
    """
    return None if message.isascii() else " ".join(tokens(message))


def to_datetime(ns: int) -> datetime:
    """Return a time in nanoseconds since the epoch as a UTC datetime; nanoseconds are cut off."""
    return _EPOCH + timedelta(microseconds=ns // 1000)


def to_log(row: Row, labels: str | None = None, note: str | None = None) -> Log:
    """
    Make the API's form of a record. It was validated when it was stored, so this is not repeated.

    Args:
        row: The record.
        labels: Its labels, a JSON object.
        note: Its note.
    """
    exception = None
    if row.exception_type is not None:
        exception = LoggedException.model_construct(
            type=row.exception_type,
            message=row.exception_message or "",
            stacktrace=row.stacktrace or "",
            arguments=_decode_texts(row.arguments) if row.arguments else None,
        )
    return Log.model_construct(
        id=row.id,
        time=to_datetime(row.time),
        received=to_datetime(row.received),
        level=row.level,
        severity_number=row.severity,
        project=row.project,
        service=row.service,
        instance=row.instance,
        logger=row.logger,
        message=row.message,
        template=row.template,
        pattern_id=row.pattern,
        attributes=_decode_object(row.attributes) if row.attributes else {},
        exception=exception,
        trace_id=row.trace_id,
        span_id=row.span_id,
        source=SourcePlace.model_construct(file=row.file, line=row.line, function=row.function),
        process=ProcessPlace.model_construct(pid=row.pid, thread=row.thread),
        test_id=row.test_id,
        labels=_decode_texts(labels) if labels else {},
        note=note,
    )
