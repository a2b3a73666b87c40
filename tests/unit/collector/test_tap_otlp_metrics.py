"""Metrics of OTLP become points of gauges and counters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pylogtap_collector.taps.deltas import Deltas, Series
from pylogtap_collector.taps.labels import OTHERS, labels_of, unit_of
from pylogtap_collector.taps.otlp_metrics import Measured, decode_metrics
from pylogtap_collector.wire import Place
from tests.support.shipments import T
from tests.unit.collector.test_tap_otlp import HERE, pairs

NOW = T + 5
CUMULATIVE, DELTA = 2, 1


def decoded(*metrics: dict[str, Any], deltas: Deltas | None = None) -> Measured:
    """Return the points of some metrics."""
    document = {"resourceMetrics": [{"scopeMetrics": [{"metrics": list(metrics)}]}]}
    return decode_metrics(
        json.dumps(document).encode(), HERE, NOW, Deltas() if deltas is None else deltas, is_json=True
    )


def values(measured: Measured) -> list[tuple[str, float, str]]:
    """Return name, value and kind of each point."""
    return [(point.name, point.value, point.kind) for point in measured.points]


def point(**members: Any) -> dict[str, Any]:
    """Return a point in JSON."""
    return {"timeUnixNano": str(T), **members}


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"gauge": {}}, "gauge"),
        ({"sum": {"aggregationTemporality": CUMULATIVE, "isMonotonic": True}}, "counter"),
        ({"sum": {"aggregationTemporality": CUMULATIVE}}, "gauge"),
        ({"sum": {"aggregationTemporality": DELTA, "isMonotonic": True}}, "counter"),
        ({"sum": {"aggregationTemporality": DELTA}}, "gauge"),
    ],
)
def test_what_only_grows_is_a_counter(data: dict[str, Any], kind: str) -> None:
    """A sum that may shrink is a gauge."""
    ((name, inner),) = data.items()
    metric = {"name": "queue", "unit": "By", name: {**inner, "dataPoints": [point(asInt="3")]}}
    (found,) = decoded(metric).points
    assert (found.kind, found.value, found.unit, found.time_ns) == (kind, 3.0, "bytes", T)


def test_growth_is_added_up_and_a_repetition_is_not() -> None:
    """From one request to the next, for each series."""
    deltas = Deltas()

    def told(time_ns: int, grown: int, kind: str = "tea") -> float:
        one = {"timeUnixNano": str(time_ns), "asInt": grown, "attributes": pairs({"kind": kind})}
        data = {"aggregationTemporality": DELTA, "isMonotonic": True, "dataPoints": [one]}
        (found,) = decoded({"name": "orders", "sum": data}, deltas=deltas).points
        return found.value

    assert [told(T, 3), told(T + 1, 4), told(T + 1, 4), told(T + 2, 1, "milk")] == [3, 7, 7, 1]


def test_deltas_forget_what_has_not_come_for_longest() -> None:
    """Their memory is bounded."""
    deltas = Deltas(most=2)
    first, second, third = (Series(HERE, name, ()) for name in "abc")
    for series in (first, second, first, third):
        deltas.add(series, 1, NOW)
    assert len(deltas) == 2
    assert deltas.add(first, 1, NOW + 1) == 2
    assert deltas.add(second, 1, NOW + 1) == 1


def test_a_histogram() -> None:
    """Its buckets hold all that lies below their bound, as those of Prometheus."""
    one = point(
        count="4", sum=110.5, min=5.0, max=50.5, bucketCounts=["2", "1", "1"], explicitBounds=[10, 0.5e2]
    )
    data = {"aggregationTemporality": CUMULATIVE, "dataPoints": [one]}
    measured = decoded({"name": "took", "unit": "ms", "histogram": data})
    assert values(measured) == [
        ("took.count", 4.0, "counter"),
        ("took.sum", 110.5, "counter"),
        ("took.min", 5.0, "gauge"),
        ("took.max", 50.5, "gauge"),
        ("took.bucket", 2.0, "counter"),
        ("took.bucket", 3.0, "counter"),
        ("took.bucket", 4.0, "counter"),
    ]
    assert [point.labels for point in measured.points[-3:]] == [
        (("le", "10"),),
        (("le", "50"),),
        (("le", "+Inf"),),
    ]
    assert [point.unit for point in measured.points[:2]] == [None, "ms"]


def test_an_exponential_histogram_and_a_summary() -> None:
    """What can be told without buckets; quantiles are labels."""
    exponential = {"dataPoints": [point(count="2", sum=3.0, scale=1)], "aggregationTemporality": CUMULATIVE}
    quantiles = [{"quantile": 0.99, "value": 7.0}]
    summary = {"dataPoints": [point(count="2", sum=3.0, quantileValues=quantiles)]}
    measured = decoded({"name": "a", "exponentialHistogram": exponential}, {"name": "b", "summary": summary})
    assert values(measured) == [
        ("a.count", 2.0, "counter"),
        ("a.sum", 3.0, "counter"),
        ("b.count", 2.0, "counter"),
        ("b.sum", 3.0, "counter"),
        ("b", 7.0, "gauge"),
    ]
    assert measured.points[-1].labels == (("quantile", "0.99"),)


def test_a_histogram_with_too_many_buckets_comes_without() -> None:
    """They would be a series each."""
    one = point(count="1", bucketCounts=["0"] * 300, explicitBounds=list(range(299)))
    assert len(decoded({"name": "a", "histogram": {"dataPoints": [one]}}).points) == 1


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_counted_as_bad(value: str) -> None:
    """It cannot be stored; the points beside it can."""
    points = [point(asDouble=value), point(asDouble=1.5)]
    measured = decoded({"name": "heat", "gauge": {"dataPoints": points}})
    assert values(measured) == [("heat", 1.5, "gauge")]
    assert len(measured.bad) == 1
    assert "heat" in measured.bad[0]


def test_no_recorded_value_is_passed_over() -> None:
    """It says that there is none, which is no mistake."""
    assert decoded({"name": "a", "gauge": {"dataPoints": [point(flags=1)]}}) == Measured([], [], [])


def test_names_and_times() -> None:
    """A name becomes one that can be stored; a point without a time is of now."""
    gauge = {"dataPoints": [{"asInt": 1}]}
    first, second = decoded({"name": "my metric!", "gauge": gauge}, {"name": "9x", "gauge": gauge}).points
    assert (first.name, first.time_ns, second.name) == ("my_metric_", NOW, "_9x")
    far = {"dataPoints": [{"asInt": 1, "timeUnixNano": str(1 << 63)}]}
    assert len(decoded({"name": "", "gauge": gauge}, {"name": "x", "gauge": far}).bad) == 2


@pytest.mark.parametrize(
    ("unit", "readable"),
    [
        ("By", "bytes"), ("1", None), ("", None), ("{request}", None), ("s", "s"), ("By/s", "bytes/s"),
        ("{request}/s", "/s"), ("Cel", "°C"), ("%", "%"),
    ],
)  # fmt: skip
def test_units_as_people_read_them(unit: str, readable: str | None) -> None:
    """Annotations are left out."""
    assert unit_of(unit) == readable


def test_labels_beyond_the_limit_become_one_that_tells_them_apart() -> None:
    """Two series that differ are never taken for one."""
    many = {f"n{number:02}": "x" for number in range(20)}
    first, second = labels_of(many), labels_of({**many, "n19": "y"})
    assert len(first) == len(second) == 16
    assert first != second
    assert OTHERS in dict(first)
    long = {name: dict(labels_of({"a": "x" * 500 + name}))["a"] for name in "ab"}
    assert long["a"] != long["b"]
    assert labels_of({"": 1, "b": None, "a b": [1, 2], ".c": True}) == (("_.c", "true"), ("a_b", "[1,2]"))


def test_the_place_is_that_of_the_resource() -> None:
    """As with records."""
    resource = {"attributes": pairs({"service.namespace": "shop", "service.name": "db"})}
    metrics = [{"name": "a", "gauge": {"dataPoints": [point(asInt=1)]}}]
    document = {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": metrics}]}]}
    (found,) = decode_metrics(json.dumps(document).encode(), HERE, NOW, Deltas(), is_json=True).points
    assert found.place == Place("shop", "db", "127.0.0.1")


def test_nobody_makes_the_sums_of_others_grow() -> None:
    """Points of projects to which nothing may be added are told, and change nothing."""
    deltas = Deltas()
    data = {"aggregationTemporality": DELTA, "isMonotonic": True, "dataPoints": [point(asInt=1)]}
    document = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "a", "sum": data}]}]}]}
    body = json.dumps(document).encode()
    measured = decode_metrics(body, HERE, NOW, deltas, is_json=True, allowed={"other"})
    assert (measured, len(deltas)) == (Measured([], [], ["default"]), 0)
