"""
Metrics of OTLP to points (source: open-telemetry/opentelemetry-proto, metrics/v1/metrics.proto).

A sum that only grows is a counter, any other value a gauge. Histograms become a counter `NAME.count`, one
`NAME.sum`, and one `NAME.bucket` for each bound, with the label `le` and the count of all that lies below it,
as Prometheus has them; exponential ones have no buckets. Summaries become gauges with the label `quantile`.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, DataPointFlags

from pylogtap_collector.taps.deltas import Deltas, Labels, Series
from pylogtap_collector.taps.entries import Point, PointKind
from pylogtap_collector.taps.labels import labels_of, metric_name, unit_of, with_label
from pylogtap_collector.taps.otlp_requests import METRICS, read_request
from pylogtap_collector.taps.otlp_values import attributes_of, origin_of
from pylogtap_collector.taps.values import MAX_TIME_NS

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from pylogtap_collector.wire import Place

_DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
_NO_VALUE = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK
_MAX_BUCKETS = 256  # of one histogram; one with more comes without
_MAX_NAME = 190  # characters; the name of a part of it has up to 7 more


class Measured(NamedTuple):
    """
    What a body holds.

    Attributes:
        points: What can be stored.
        bad: What is wrong with each point that cannot.
        foreign: The project of each point that is of one to which nothing may be added.
    """

    points: list[Point]
    bad: list[str]
    foreign: list[str]


class _Metric(NamedTuple):
    place: Place
    name: str
    unit: str | None
    is_delta: bool = False
    grows: bool = True


class _Moment(NamedTuple):
    time_ns: int
    labels: Labels


def decode_metrics(
    body: bytes,
    default: Place,
    now_ns: int,
    deltas: Deltas,
    *,
    is_json: bool = False,
    allowed: Container[str] | None = None,
) -> Measured:
    """
    Decode the body of a request to `/v1/metrics`.

    Args:
        body: Decompressed.
        default: The place of what does not say where it comes from.
        now_ns: The present, ns since the epoch: the time of points without one.
        deltas: Add up what comes as growth.
        is_json: It is JSON, else protobuf.
        allowed: Projects to which may be added; nobody may make the sums of others grow. None: all.

    Raises:
        Undecodable: It is no such request.
    """
    request, bad = read_request(METRICS, body, is_json=is_json)
    measured = Measured([], bad, [])
    for of_resource in request.resource_metrics:
        place = origin_of(of_resource.resource, default).place
        foreign = allowed is not None and place.project not in allowed
        for of_scope in of_resource.scope_metrics:
            for metric in of_scope.metrics:
                if foreign:
                    measured.foreign.extend([place.project] * _count(metric))
                else:
                    _add_metric(metric, place, now_ns, deltas, measured)
    return measured


def _count(metric: Any) -> int:
    kind = metric.WhichOneof("data")
    return 0 if kind is None else len(getattr(metric, kind).data_points)


def _add_metric(metric: Any, place: Place, now_ns: int, deltas: Deltas, measured: Measured) -> None:
    kind = metric.WhichOneof("data")
    if kind is None:
        return
    data = getattr(metric, kind)
    name = metric_name(metric.name)
    named = _Metric(
        place,
        name,
        unit_of(metric.unit),
        is_delta=getattr(data, "aggregation_temporality", 0) == _DELTA,
        grows=getattr(data, "is_monotonic", kind != "gauge"),
    )
    reader = _READERS[kind]
    for point in data.data_points:
        if point.flags & _NO_VALUE:
            continue
        wrong = _wrong_with(name, point)
        if wrong:
            measured.bad.append(f"{name[:_MAX_NAME] or 'a metric'}: {wrong}")
            continue
        moment = _Moment(point.time_unix_nano or now_ns, labels_of(attributes_of(point.attributes)))
        for found in reader(named, point, moment, deltas):
            if math.isfinite(found.value):
                measured.points.append(found)
            else:
                measured.bad.append(f"{found.name}: the value is {found.value}")


def _wrong_with(name: str, point: Any) -> str | None:
    if not name or len(name) > _MAX_NAME:
        return f"a metric's name has 1 to {_MAX_NAME} characters"
    if point.time_unix_nano > MAX_TIME_NS:
        return "its time is beyond the year 2262"
    return None


def _number(metric: _Metric, point: Any, moment: _Moment, deltas: Deltas) -> Iterator[Point]:
    kind = point.WhichOneof("value")
    value = float(getattr(point, kind)) if kind else math.nan
    if metric.grows or metric.is_delta:
        yield _total(metric, metric.name, value, moment, deltas, unit=metric.unit)
    else:
        yield _gauge(metric, metric.name, value, moment)


def _histogram(metric: _Metric, point: Any, moment: _Moment, deltas: Deltas) -> Iterator[Point]:
    yield from _exponential(metric, point, moment, deltas)
    counts, bounds = list(point.bucket_counts), list(point.explicit_bounds)
    if len(counts) != len(bounds) + 1 or len(counts) > _MAX_BUCKETS:
        return
    for bound, below in zip([*map(_bound, bounds), "+Inf"], accumulate(counts), strict=True):
        labelled = moment._replace(labels=with_label(moment.labels, "le", bound))
        yield _total(metric, f"{metric.name}.bucket", below, labelled, deltas)


def _exponential(metric: _Metric, point: Any, moment: _Moment, deltas: Deltas) -> Iterator[Point]:
    """Yield what both kinds of histogram have."""
    yield _total(metric, f"{metric.name}.count", point.count, moment, deltas)
    if point.HasField("sum"):
        yield _total(metric, f"{metric.name}.sum", point.sum, moment, deltas, unit=metric.unit)
    for extreme in ("min", "max"):
        if point.HasField(extreme):
            yield _gauge(metric, f"{metric.name}.{extreme}", getattr(point, extreme), moment)


def _summary(metric: _Metric, point: Any, moment: _Moment, deltas: Deltas) -> Iterator[Point]:
    yield _total(metric, f"{metric.name}.count", point.count, moment, deltas)
    yield _total(metric, f"{metric.name}.sum", point.sum, moment, deltas, unit=metric.unit)
    for each in point.quantile_values:
        labels = with_label(moment.labels, "quantile", _bound(each.quantile))
        yield _gauge(metric, metric.name, each.value, moment._replace(labels=labels))


_READERS: dict[str, Any] = {
    "gauge": _number,
    "sum": _number,
    "histogram": _histogram,
    "exponential_histogram": _exponential,
    "summary": _summary,
}


def _gauge(metric: _Metric, name: str, value: float, moment: _Moment) -> Point:
    return Point(metric.place, name, float(value), moment.time_ns, metric.unit, "gauge", moment.labels)


def _total(
    metric: _Metric, name: str, value: float, moment: _Moment, deltas: Deltas, *, unit: str | None = None
) -> Point:
    """Return the point of a total, which is a counter unless it may shrink."""
    total = float(value)
    if metric.is_delta and math.isfinite(total):
        total = deltas.add(Series(metric.place, name, moment.labels), total, moment.time_ns)
    kind: PointKind = "counter" if metric.grows else "gauge"
    return Point(metric.place, name, total, moment.time_ns, unit, kind, moment.labels)


def _bound(value: float) -> str:
    return "+Inf" if value == math.inf else f"{value:g}"
