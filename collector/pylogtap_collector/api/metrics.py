"""CRUD of metrics, and where samples are added."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.parameters import (
    Cursor,
    IfMatch,
    Limit,
    Number,
    Prefix,
    ProjectFilter,
    Since,
    Step,
    Text,
    Until,
    etag,
    expected_versions,
)
from pylogtap_collector.api.routing import Answer, Routes
from pylogtap_collector.errors import (
    Conflict,
    Invalid,
    InvalidCursor,
    MissingRight,
    NotFound,
    StaleVersion,
    TooManyPoints,
)
from pylogtap_collector.models import (
    LatestValues,
    Metric,
    MetricPage,
    MetricPatch,
    MetricWithSamples,
    SamplesIn,
    SamplesStored,
)
from pylogtap_collector.services import Services
from pylogtap_collector.services.measures import Over
from pylogtap_collector.services.versions import version_of
from pylogtap_collector.storage.series import Filter

METRICS = "/api/v1/metrics"
METRIC = f"{METRICS}/{{metric_id}}"
_TAG = {"ETag": "Version of description and unit; give it as If-Match when you change or delete it."}
ServiceFilter = Annotated[Text | None, Field(max_length=63, description="Of services of this name.")]
InstanceFilter = Annotated[Text | None, Field(max_length=63, description="Of instances of this name.")]
NameFilter = Annotated[
    Text | None,
    Field(max_length=201, description="Of this name; `http.*`: that begins so.", examples=["http.*"]),
]
MetricId = Annotated[int, Number, Field(description="The metric's `id`.")]

routes = Routes("metrics", "Metrics: numbers that are measured over time, each with its samples.")


@routes.get(METRICS, right=Right.READ, errors=(InvalidCursor, Invalid, TooManyPoints))
async def list_metrics(
    services: Services,
    visitor: Visitor,
    prefix: Prefix = None,
    project: ProjectFilter = None,
    service: ServiceFilter = None,
    instance: InstanceFilter = None,
    name: NameFilter = None,
    since: Since = None,
    until: Until = None,
    step: Step = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> MetricPage:
    """
    List metrics with their newest values, in the order in which they appeared.

    With `since`, `until` or `step`, each comes with what it has been over the steps of that range: of gauges
    average, minimum, maximum and 95th percentile, of counters the rate. Steps begin at multiples of their
    length since 1970 and cover all of the range; those without samples are left out. An answer has 60,000
    points at most, and 2,000 of each metric.
    """
    wanted = Filter(visitor.where(Right.READ), project, service, instance, name, _path(prefix))
    return await services.metrics.page(wanted, Over(since, until, step or None), limit=limit, cursor=cursor)


@routes.get(f"{METRICS}/latest", right=Right.READ)
async def read_latest_metrics(
    services: Services,
    visitor: Visitor,
    prefix: Prefix = None,
    name: NameFilter = None,
    stale: Annotated[
        bool, Field(description="Whether to list metrics, too, that have been silent for five minutes.")
    ] = False,
    limit: Annotated[int, Field(ge=1, le=20_000, description="The most to return.")] = 5_000,
) -> LatestValues:
    """List the newest values of all metrics, with their age, and with the rate of counters, in one answer."""
    wanted = Filter(visitor.where(Right.READ), name=name, prefix=_path(prefix))
    return await services.metrics.latest.values(wanted, stale=stale, limit=limit)


@routes.post(METRICS, right=Right.DELIVER, status=201, errors=(NotFound, MissingRight, Conflict))
async def add_samples(services: Services, visitor: Visitor, new: SamplesIn) -> SamplesStored:
    """
    Add samples, up to 1,000 at once: all of them, or none.

    Metrics and places that are not there are made. To repeat a request changes nothing, where its samples
    have their times.
    """
    return await services.metrics.add(new, visitor)


@routes.get(METRIC, right=Right.READ, errors=(NotFound, Invalid), headers=_TAG)
async def read_metric(
    services: Services,
    visitor: Visitor,
    metric_id: MetricId,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, Field(ge=1, le=10_000, description="The most samples; the newest.")] = 1_000,
) -> Answer[MetricWithSamples]:
    """Return a metric with its samples of a range."""
    found = await services.metrics.one(
        metric_id, visitor.where(Right.READ), since=since, until=until, limit=limit
    )
    return Answer(found, etag(version_of(found)))


@routes.patch(METRIC, right=Right.WRITE, errors=(NotFound, MissingRight, StaleVersion), headers=_TAG)
async def change_metric(
    services: Services, visitor: Visitor, metric_id: MetricId, patch: MetricPatch, if_match: IfMatch = None
) -> Answer[Metric]:
    """Change description and unit of a metric, by a merge patch (RFC 7396)."""
    expected = expected_versions(if_match)
    changed = await services.metrics.change(metric_id, patch, visitor, expected=expected)
    return Answer(changed, etag(version_of(changed)))


@routes.delete(METRIC, right=Right.MANAGE, errors=(NotFound, MissingRight, StaleVersion))
async def delete_metric(
    services: Services, visitor: Visitor, metric_id: MetricId, if_match: IfMatch = None
) -> None:
    """
    Delete a metric with all of its samples.

    It appears again, under another id, when another sample comes.
    """
    await services.metrics.delete(metric_id, visitor, expected=expected_versions(if_match))


def _path(prefix: str | None) -> tuple[str, ...]:
    return tuple(prefix.split("/")) if prefix else ()
