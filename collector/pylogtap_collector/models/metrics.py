"""Types of metrics: numbers that programs measure, each a series of samples."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from pylogtap_collector.models.base import LabelKey, Model, Moment, Name, Readable

MetricKind = Literal["gauge", "counter"]
MetricResolution = Literal["raw", "minute", "hour"]
MetricName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_.:/-]{0,199}$"),
    Field(description="What is measured.", examples=["http.requests"]),
]
MetricUnit = Annotated[
    Readable,
    StringConstraints(min_length=1, max_length=32),
    Field(description="What the values count, as people read it.", examples=["ms", "bytes"]),
]
MetricLabel = Annotated[Readable, StringConstraints(max_length=200)]

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(2262, 1, 1, tzinfo=UTC)  # the database counts nanoseconds, in 63 bits
_EVERYWHERE = "all"  # a name that a place can have, for what is not of a single instance


class SampleIn(Model):
    """A value of a metric at a time. Its first sample makes a metric."""

    project: Name = Field(description="First part of the prefix.", examples=["shop"])
    service: Name = Field(description="Second part of the prefix.", examples=["checkout"])
    instance: Name = Field(
        _EVERYWHERE, description="Which copy of the service; leave it out where they are measured together."
    )
    name: MetricName
    value: float = Field(allow_inf_nan=False, description="In the metric's unit.", examples=[12.5])
    time: Moment | None = Field(
        None,
        ge=_FIRST,
        lt=_END,
        description="When it was measured, RFC 3339 with an offset, years 1970 to 2261, to the microsecond; "
        "null: now. A later sample of the same metric and time replaces this one.",
        examples=["2026-01-31T12:00:00Z"],
    )
    unit: MetricUnit | None = Field(
        None, description="Said by the first sample of a metric; people may change it later."
    )
    kind: MetricKind = Field(
        "gauge", description="`gauge` goes up and down; `counter` only grows, until its program starts again."
    )
    labels: dict[LabelKey, MetricLabel] = Field(
        {},
        max_length=16,
        description="What tells metrics of one name apart.",
        examples=[{"method": "GET"}],
    )


class SamplesIn(Model):
    """Samples to store, of any metrics: all of them, or none."""

    samples: list[SampleIn] = Field(
        min_length=1, max_length=1000, description="All of them are stored, or none."
    )


class SamplesStored(Model):
    """What became of samples."""

    stored: int = Field(description="How many; those of one metric and the same time count once.")
    metrics: list[int] = Field(description="Ids of their metrics, each once, in the order of the samples.")


class Metric(Model):
    """A series: what is measured where, with its newest value."""

    id: int = Field(description="Stable, and never given twice.")
    project: str = Field(description="First part of the prefix.")
    service: str = Field(description="Second part of the prefix.")
    instance: str = Field(description="Third part of the prefix.")
    name: str = Field(examples=["http.requests"], description="What is measured.")
    unit: str | None = Field(description="What the values count.", examples=["ms"])
    kind: MetricKind = Field(description="`gauge` goes up and down; `counter` only grows.")
    labels: dict[str, str] = Field(description="What tells it from others of its name.")
    description: str = Field(description="What people wrote about it.")
    created: datetime = Field(description="When its first sample came, RFC 3339, UTC.")
    last_time: datetime | None = Field(description="Time of its newest sample; null: it has none.")
    last_value: float | None = Field(description="Value of its newest sample, in its unit.")
    samples: int = Field(description="How many samples are kept one by one.")


class StepValues(Model):
    """What a metric has been over one step, in its unit."""

    time: datetime = Field(description="When the step begins, RFC 3339, UTC.")
    count: int = Field(description="How many samples it has.")
    last: float = Field(description="The last value.")
    avg: float | None = Field(None, description="Mean of the values; null for a counter.")
    min: float | None = Field(None, description="The least value; null for a counter.")
    max: float | None = Field(None, description="The greatest value; null for a counter.")
    p95: float | None = Field(
        None, description="95 % of the values are not greater, within 1 %; null for a counter."
    )
    rate: float | None = Field(
        None,
        description="How much a counter has grown in a second since the sample before the step; one that is "
        "smaller than before has begun again at 0. Null for a gauge, and for the first sample of all.",
    )


class MetricWithSteps(Metric):
    """A metric, with what it has been over steps of a range."""

    points: list[StepValues] | None = Field(
        description="The steps that have samples, by their times; null: none were asked for."
    )


class MetricPage(Model):
    """Some metrics, and where to go on."""

    items: list[MetricWithSteps] = Field(description="In the order that the operation names.")
    next: str | None = Field(description="Give it as `cursor` to get the following page; null at the end.")
    step_s: int | None = Field(
        description="How long the steps are, in seconds; null: none were asked for. They are longer than "
        "asked for where the range begins before the time for which samples are kept."
    )
    resolution: MetricResolution | None = Field(
        description="What they are made of: `raw` samples, or one value a `minute` or `hour`, as far as it "
        "is there already; null: none were asked for."
    )


class LatestValue(Model):
    """The newest sample of a metric."""

    id: int = Field(description="Of the metric.")
    project: str = Field(description="First part of the prefix.")
    service: str = Field(description="Second part of the prefix.")
    instance: str = Field(description="Third part of the prefix.")
    name: str = Field(examples=["container.cpu.percent"], description="What is measured.")
    unit: str | None = Field(description="What the value counts.", examples=["%"])
    kind: MetricKind = Field(description="`gauge` goes up and down; `counter` only grows.")
    labels: dict[str, str] = Field(description="What tells it from others of its name.")
    time: datetime = Field(description="When it was measured, RFC 3339, UTC.")
    age_s: float = Field(description="Seconds since then; never negative.")
    value: float = Field(description="In its unit.")
    rate: float | None = Field(
        description="How much a counter has grown in a second, over the last minute; null for a gauge, and "
        "where it has only one sample in that."
    )


class LatestValues(Model):
    """The newest samples of metrics."""

    time: datetime = Field(description="When this was, RFC 3339, UTC.")
    items: list[LatestValue] = Field(description="By their ids.")
    truncated: bool = Field(description="Whether there are more, which the limit left out.")


class MetricPatch(Model):
    """What people may change of a metric. What is set to null is removed (RFC 7396)."""

    description: Readable | None = Field(
        None, max_length=2000, description="What it is.", examples=["Answers of the shop's pages."]
    )
    unit: MetricUnit | None = Field(None, description="What the values count.")


class Sample(Model):
    """One value of a metric."""

    time: datetime = Field(description="When it was measured, RFC 3339, UTC.")
    value: float = Field(description="In the metric's unit.")


class MetricWithSamples(Metric):
    """A metric, with its newest samples of a range of time."""

    points: list[Sample] = Field(description="The samples of the range, the oldest first.")
    truncated: bool = Field(description="Whether the range has older samples, which the limit left out.")
