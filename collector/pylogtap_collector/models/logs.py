"""Types of records, and of answers to questions about them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from pylogtap_collector.models.base import LabelKey, LabelValue, Model


class SourcePlace(Model):
    """Where in the code a record was logged."""

    file: str | None = None
    line: int | None = None
    function: str | None = None


class ProcessPlace(Model):
    """Which process and thread logged a record."""

    pid: int | None = None
    thread: str | None = None


class LoggedException(Model):
    """The exception that a record carries."""

    type: str
    message: str
    stacktrace: str
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
    project: str
    service: str
    instance: str
    logger: str
    message: str
    template: str | None = Field(description="The message before its values were put in, where known.")
    pattern_id: int
    attributes: dict[str, Any] = Field({})
    exception: LoggedException | None = None
    trace_id: str | None = None
    span_id: str | None = None
    source: SourcePlace = SourcePlace()
    process: ProcessPlace = ProcessPlace()
    test_id: str | None = None
    labels: dict[str, str] = Field({})
    note: str | None = None


class LogPage(Model):
    """Some logs, and where to go on."""

    items: list[Log]
    next: str | None = Field(description="Give it as `cursor` to get the following page; null at the end.")


class LogInContext(Log):
    """One record with its neighbours of the same instance."""

    before: list[Log] = Field(description="The lines before it, oldest first.")
    after: list[Log] = Field(description="The lines behind it, oldest first.")


class LogPatch(Model):
    """What people may add to a record. A label set to null is removed (RFC 7396)."""

    labels: dict[LabelKey, LabelValue | None] | None = Field(
        None, max_length=64, examples=[{"cause": "disk"}]
    )
    note: str | None = Field(None, max_length=10_000, examples=["Seen again after the release of Tuesday."])


class Deleted(Model):
    """How much a delete removed."""

    deleted: int


class Annotated(Model):
    """How many records were given labels or a note."""

    annotated: int


class Bucket(Model):
    """The records of one stretch of time."""

    start: datetime
    total: int
    levels: dict[str, int] = Field(
        description="Count by trace, debug, info, warning, error, critical, unknown."
    )


class Count(Model):
    """How many records match."""

    total: int


class Histogram(Model):
    """Counts over the whole range asked for."""

    since: datetime
    until: datetime
    step_s: float
    total: int
    buckets: list[Bucket] = Field(description="Every bucket of the range, empty ones included.")


class FacetValue(Model):
    """One value of a field and how many records carry it."""

    value: str
    count: int


class Facet(Model):
    """The most frequent values of one field."""

    field: str
    values: list[FacetValue]


class Facets(Model):
    """The most frequent values of some fields."""

    items: list[Facet]


class Pattern(Model):
    """A message's template, with how often it came."""

    id: int
    template: str
    count: int
    first: datetime
    last: datetime
    levels: dict[str, int]


class Patterns(Model):
    """The most frequent patterns."""

    items: list[Pattern]
