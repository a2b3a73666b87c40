"""Types of records, and of answers to questions about them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from pylogtap_collector.models.base import LabelKey, LabelValue, Model


class SourcePlace(Model):
    """Where in the code a record was logged."""

    file: str | None = Field(None, description="Path of the file.")
    line: int | None = Field(None, description="1-based.")
    function: str | None = Field(None, description="Its name.")


class ProcessPlace(Model):
    """Which process and thread logged a record."""

    pid: int | None = Field(None, description="Number of the process.")
    thread: str | None = Field(None, description="Name of the thread.")


class LoggedException(Model):
    """The exception that a record carries."""

    type: str = Field(description="Name of the exception's class.")
    message: str = Field(description="What it says.")
    stacktrace: str = Field(description="Its traceback, as text.")
    arguments: dict[str, str] | None = Field(None, description="Arguments of the innermost frame, as text.")


class Log(Model):
    """One stored record."""

    id: int = Field(description="Stable, unique in this collector, grows with the order of arrival.")
    time: datetime = Field(description="When it was logged, RFC 3339, UTC, microseconds.")
    received: datetime = Field(description="When the collector got it, RFC 3339, UTC.")
    level: str = Field(
        description="The level's name as the source wrote it, in lower case.", examples=["warning"]
    )
    severity_number: int = Field(ge=0, le=24, description="OpenTelemetry severity, 1 to 24; 0 is unknown.")
    project: str = Field(description="First part of the prefix.")
    service: str = Field(description="Second part of the prefix.")
    instance: str = Field(description="Third part of the prefix.")
    logger: str = Field(description="Name of the logger.")
    message: str = Field(description="With its values put in.")
    template: str | None = Field(description="The message before its values were put in, where known.")
    pattern_id: int = Field(description="Of its pattern: found by `pattern:ID`.")
    attributes: dict[str, Any] = Field({}, description="Fields that the program added.")
    exception: LoggedException | None = Field(None, description="What it was logged with.")
    trace_id: str | None = Field(None, description="W3C trace id, 32 hex digits.")
    span_id: str | None = Field(None, description="Span id, 16 hex digits.")
    source: SourcePlace = Field(SourcePlace(), description="Where in the code.")
    process: ProcessPlace = Field(ProcessPlace(), description="Which process and thread.")
    test_id: str | None = Field(None, description="The test case that caused it.")
    labels: dict[str, str] = Field({}, description="What people put on it.")
    note: str | None = Field(None, description="What people wrote about it.")


class LogPage(Model):
    """Some logs, and where to go on."""

    items: list[Log] = Field(description="Logs, in the order asked for.")
    next: str | None = Field(description="Give it as `cursor` to get the following page; null at the end.")


class LogInContext(Log):
    """One record with its neighbours of the same instance."""

    before: list[Log] = Field(description="The lines before it, oldest first.")
    after: list[Log] = Field(description="The lines behind it, oldest first.")


class LogPatch(Model):
    """What people may add to a record. A label set to null is removed (RFC 7396)."""

    labels: dict[LabelKey, LabelValue | None] | None = Field(
        None,
        max_length=64,
        examples=[{"cause": "disk"}],
        description="Labels to add or change; null removes one, or all of them.",
    )
    note: str | None = Field(
        None,
        max_length=10_000,
        examples=["Seen again after the release of Tuesday."],
        description="A text; null removes it.",
    )


class Deleted(Model):
    """How much a delete removed."""

    deleted: int = Field(description="How many records.")


class Annotated(Model):
    """How many records were given labels or a note."""

    annotated: int = Field(description="How many records.")


class Bucket(Model):
    """The records of one stretch of time."""

    start: datetime = Field(description="Where the stretch begins, RFC 3339, UTC.")
    total: int = Field(description="How many records.")
    levels: dict[str, int] = Field(
        description="Count by trace, debug, info, warning, error, critical, unknown."
    )


class Count(Model):
    """How many records match."""

    total: int = Field(description="How many records.")


class Histogram(Model):
    """Counts over the whole range asked for."""

    since: datetime = Field(description="Beginning of the range, RFC 3339, UTC.")
    until: datetime = Field(description="Its end, not included.")
    step_s: float = Field(description="Length of a bucket, seconds.")
    total: int = Field(description="How many records.")
    buckets: list[Bucket] = Field(description="Every bucket of the range, empty ones included.")


class FacetValue(Model):
    """One value of a field and how many records carry it."""

    value: str = Field(description="As the query language writes it.")
    count: int = Field(description="How many records.")


class Facet(Model):
    """The most frequent values of one field."""

    field: str = Field(description="Of the query language.")
    values: list[FacetValue] = Field(description="The most frequent first.")


class Facets(Model):
    """The most frequent values of some fields."""

    items: list[Facet] = Field(description="One for each field that was asked for.")


class Pattern(Model):
    """A message's template, with how often it came."""

    id: int = Field(description="Found by `pattern:ID`.")
    template: str = Field(description="A message without what varies in it.")
    count: int = Field(description="How many records.")
    first: datetime = Field(description="When the first came, RFC 3339, UTC.")
    last: datetime = Field(description="When the last came.")
    levels: dict[str, int] = Field(description="How many, by class of level.")


class Patterns(Model):
    """The most frequent patterns."""

    items: list[Pattern] = Field(description="The most frequent first.")
