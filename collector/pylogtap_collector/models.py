"""The types of the API, shared by all layers. A field's unit is in its name or its description."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
LabelKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,62}$")]
LabelValue = Annotated[str, StringConstraints(max_length=1000)]
Order = Literal["asc", "desc"]


class Model(BaseModel):
    """What all API types share: unknown members are refused, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    attributes: dict[str, Any] = {}
    exception: LoggedException | None = None
    trace_id: str | None = None
    span_id: str | None = None
    source: SourcePlace = SourcePlace()
    process: ProcessPlace = ProcessPlace()
    test_id: str | None = None
    labels: dict[str, str] = {}
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


class ProjectIn(Model):
    """A project to create."""

    name: Name
    description: str = Field("", max_length=2000)


class PlacePatch(Model):
    """What may change of a project, service or instance."""

    description: str | None = Field(None, max_length=2000)


class ProjectRetention(Model):
    """How long a project's records are kept."""

    keep_days: float | None = Field(description="Days after a record's time; null: as the settings say.")
    keep_bytes: int | None = Field(description="Bytes that its sealed records may take; null: no limit.")
    default_keep_days: float | None = Field(description="What the settings say; null: forever.")
    bytes: int = Field(description="Bytes that its sealed records take, about.")


class RetentionPatch(Model):
    """What may change of how long records are kept; null: as the settings say."""

    keep_days: float | None = Field(None, gt=0, le=36_500)
    keep_bytes: int | None = Field(None, gt=0)


class Project(Model):
    """The first segment of a prefix."""

    name: str
    description: str
    created: datetime
    last_seen: datetime | None
    records: int = Field(description="Records stored under it.")
    services: int = Field(description="Services known under it.")


class ServiceIn(Model):
    """A service to create."""

    name: Name
    description: str = Field("", max_length=2000)


class Service(Model):
    """The second segment of a prefix."""

    project: str
    name: str
    description: str
    created: datetime
    last_seen: datetime | None
    records: int
    instances: int


class InstanceIn(Model):
    """An instance to create."""

    name: Name
    description: str = Field("", max_length=2000)


class Instance(Model):
    """The third segment of a prefix."""

    project: str
    service: str
    name: str
    description: str
    created: datetime
    last_seen: datetime | None
    records: int


class ProjectPage(Model):
    """Some projects, and where to go on."""

    items: list[Project]
    next: str | None


class ServicePage(Model):
    """Some services, and where to go on."""

    items: list[Service]
    next: str | None


class InstancePage(Model):
    """Some instances, and where to go on."""

    items: list[Instance]
    next: str | None


class IngestAnswer(Model):
    """What the collector has of a stream."""

    next: int = Field(description="Byte offset from which to send on; smaller than the offset sent: rewind.")
    words: dict[str, Any] = Field({}, description="Words to the client; empty so far.")


class Compaction(Model):
    """How far a compaction has come."""

    done: bool = Field(description="Whether this is the end.")
    blocks_before: int
    blocks: int
    block_bytes_before: int = Field(description="Bytes of all blocks when it began.")
    block_bytes: int
    file_bytes_before: int = Field(description="Bytes of the database when it began.")
    file_bytes: int


class TaskState(Model):
    """How a background task is doing."""

    name: str
    running: bool
    restarts: int
    last_error: str | None


class Health(Model):
    """Whether the collector is alive, and can store."""

    status: Literal["ok", "failing"]
    version: str
    reasons: list[str] = Field([], description="Why it cannot store, one sentence each.")
    tasks: list[TaskState] = []


class Problem(BaseModel):
    """An error as RFC 9457 describes it, with a stable code."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str = Field(description="What is wrong and what to do about it.")
