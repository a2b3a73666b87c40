"""Metrics over HTTP: values over steps, the newest ones, and what Prometheus scrapes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.api import Caller, calling
from tests.support.rights import OTHER, OWN, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HEADERS = "text/plain; version=0.0.4"


@pytest.fixture
async def call() -> AsyncIterator[Caller]:
    """Return what calls a collector."""
    async with calling() as caller:
        yield caller


def sample(name: str, value: float, when: float, **facts: Any) -> dict[str, Any]:
    """Return a sample of the shop's web-1 at a second."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))
    place = {"project": "shop", "service": "web", "instance": "web-1"}
    return {**place, "name": name, "value": value, "time": moment, **facts}


async def put(call: Caller, *samples: dict[str, Any]) -> list[int]:
    """Store samples, and return the ids of their metrics."""
    reply = await call("POST", "/api/v1/metrics", json={"samples": list(samples)})
    assert reply.status == 201, reply.json
    metrics: list[int] = reply.json["metrics"]
    return metrics


async def listed(call: Caller, **params: str) -> Any:
    """Return a list of metrics."""
    reply = await call("GET", "/api/v1/metrics", params=params)
    assert reply.status == 200, reply.json
    return reply.json


async def test_values_over_steps(call: Caller) -> None:
    """A gauge has average, bounds and percentile, a counter a rate; steps without samples are left out."""
    start = int(time.time()) // 60 * 60 - 600
    gauges = [sample("cpu", float(second), start + second, unit="%") for second in range(60)]
    late = [sample("cpu", 7.0, start + 130)]
    counts = [sample("hits", 10.0 * second, start + second, kind="counter") for second in range(0, 120, 10)]
    again = [sample("hits", 5.0, start + 120, kind="counter")]  # begun again
    await put(call, *gauges, *late, *counts, *again)
    found = await listed(call, since=str(start), until=str(start + 180), step="1m")
    assert (found["step_s"], found["resolution"]) == (60, "minute")
    cpu, hits = found["items"]
    assert [point["count"] for point in cpu["points"]] == [60, 1]
    first, last = cpu["points"]
    assert (first["min"], first["max"], first["avg"], first["last"], first["rate"]) == (0, 59, 29.5, 59, None)
    assert abs(first["p95"] - 56.0) <= 0.57
    assert last["time"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start + 120))
    assert (last["avg"], last["p95"]) == (7.0, 7.0)
    assert [point["rate"] for point in hits["points"]] == pytest.approx([10.0, 10.0, 0.5])
    assert {point["avg"] for point in hits["points"]} == {None}
    seconds = await listed(call, since=str(start), until=str(start + 180), step="10s", name="hits")
    assert (seconds["step_s"], seconds["resolution"]) == (10, "raw")
    assert [point["rate"] for point in seconds["items"][0]["points"]] == [None, *[10.0] * 11, 0.5]


async def test_a_list_without_a_range_has_no_points(call: Caller) -> None:
    """Who asks for no range gets the metrics alone."""
    await put(call, sample("cpu", 1.0, time.time()))
    found = await listed(call)
    assert (found["step_s"], found["resolution"], found["items"][0]["points"]) == (None, None, None)


async def test_lists_by_prefix(call: Caller) -> None:
    """A prefix means a place and what is under it, and not what only begins so."""
    now = time.time()
    numbers = await put(
        call,
        sample("cpu", 1.0, now),
        sample("cpu", 1.0, now, instance="web-2"),
        sample("cpu", 1.0, now, service="webmail"),
        sample("cpu", 1.0, now, project="shopping"),
    )
    for prefix, count in (("shop", 3), ("shop/web", 2), ("shop/web/web-2", 1), ("sho", 0)):
        found = [item["id"] for item in (await listed(call, prefix=prefix))["items"]]
        latest = (await call("GET", "/api/v1/metrics/latest", params={"prefix": prefix})).json
        assert len(found) == count
        assert found == [item["id"] for item in latest["items"]]
        assert set(found) <= set(numbers)
    for wrong in ("shop/", "/shop", "shop/web/web-1/x", "sh op"):
        assert (await call("GET", "/api/v1/metrics", params={"prefix": wrong})).status == 422


async def test_steps_are_chosen(call: Caller) -> None:
    """Without a step there are about 300 at most; old ranges are cut into minutes and hours."""
    await put(call, sample("cpu", 1.0, time.time()))
    for since, step, resolution in (
        ("5m", 1, "raw"),
        ("1h", 15, "raw"),
        ("6h", 120, "minute"),
        ("1d", 300, "minute"),
        ("7d", 3600, "hour"),
        ("365d", 2 * 86400, "hour"),
        ("1970-01-02", None, "hour"),
    ):
        found = await listed(call, since=since)
        assert found["resolution"] == resolution
        assert step is None or found["step_s"] == step
        assert len(found["items"][0]["points"]) == 1
    assert (await listed(call, since="3d", step="500s"))["step_s"] == 540
    assert (await listed(call, since="60d", step="1h"))["step_s"] == 3600
    assert (await listed(call, since="1h", limit="1000"))["step_s"] == 120


async def test_a_step_that_is_longer_than_everything(call: Caller) -> None:
    """It is one step, however long: numbers that the database cannot keep are none of its business."""
    await put(call, sample("cpu", 1.0, time.time() - 5))
    for step in ("400000d", "999999d"):
        (cpu,) = (await listed(call, since="1m", step=step))["items"]
        assert [point["last"] for point in cpu["points"]] == [1.0]


async def test_answers_that_would_be_too_large(call: Caller) -> None:
    """They are refused, and the answer says what to ask for instead."""
    await put(call, *(sample(f"m{number}", 1.0, time.time()) for number in range(40)))
    for params, text in (
        ({"since": "1d", "step": "1s"}, "give a larger `step`, or a shorter range"),
        ({"since": "1h", "step": "2s"}, "give a `limit` of 33 at most"),
    ):
        reply = await call("GET", "/api/v1/metrics", params=params)
        assert (reply.status, reply.json["code"]) == (422, "too_many_points")
        assert text in reply.json["detail"]
    assert (await call("GET", "/api/v1/metrics", params={"since": "tomorrow"})).status == 422
    assert (await listed(call, since="now", until="1h"))["items"][0]["points"] == []
    for step in ("0s", "1", "5 m", "1h30m", "-1s"):
        assert (await call("GET", "/api/v1/metrics", params={"step": step})).status == 422


async def test_the_newest_values(call: Caller) -> None:
    """Each comes with its age, a counter with its rate over a minute; what is silent only when asked for."""
    now = time.time()
    counts = [
        sample("hits", 100.0 + 3 * second, now - 60 + second, kind="counter") for second in range(0, 60, 2)
    ]
    await put(call, *counts, sample("cpu", 5.0, now - 2), sample("old", 1.0, now - 400))
    found = (await call("GET", "/api/v1/metrics/latest")).json
    assert [(item["name"], item["value"]) for item in found["items"]] == [("hits", 274.0), ("cpu", 5.0)]
    hits, cpu = found["items"]
    assert hits["rate"] == pytest.approx(3.0)
    assert cpu["rate"] is None
    assert 0 <= cpu["age_s"] < 60
    everything = (await call("GET", "/api/v1/metrics/latest", params={"stale": "true", "limit": "2"})).json
    assert (len(everything["items"]), everything["truncated"]) == (2, True)


async def test_the_newest_values_follow_what_people_do(call: Caller) -> None:
    """A metric that was deleted or described anew is so among the newest values at once."""
    now = time.time()
    first, second = await put(call, sample("cpu", 5.0, now), sample("load", 1.0, now))
    assert len((await call("GET", "/api/v1/metrics/latest")).json["items"]) == 2
    await call("DELETE", f"/api/v1/metrics/{first}")
    await call("PATCH", f"/api/v1/metrics/{second}", json={"unit": "jobs"})
    (left,) = (await call("GET", "/api/v1/metrics/latest")).json["items"]
    assert (left["id"], left["unit"]) == (second, "jobs")
    await call("DELETE", "/api/v1/projects/shop")
    assert (await call("GET", "/api/v1/metrics/latest")).json["items"] == []


async def scraped(call: Caller, **options: Any) -> dict[str, list[Any]]:
    """Return what Prometheus makes of the answer: for each name its samples."""
    reply = await call("GET", "/metrics", **options)
    assert reply.headers["Content-Type"].startswith(HEADERS)
    found: dict[str, list[Any]] = {}
    for family in text_string_to_metric_families(reply.body.decode()):
        for each in family.samples:
            found.setdefault(each.name, []).append(each)
    return found


async def test_containers_have_the_names_of_cadvisor(call: Caller) -> None:
    """Boards that were made for cAdvisor find what containers use, under its names and labels."""
    now = time.time()
    await put(
        call,
        sample("container.cpu.time", 12.5, now, kind="counter", unit="s"),
        sample("container.memory.usage", 2**20, now, unit="bytes"),
        sample(
            "container.network.io", 77.0, now, kind="counter", unit="bytes", labels={"direction": "receive"}
        ),
        sample("container.restarts", 2.0, now, kind="counter", labels={"cause": 'a "quoted"\\\nword'}),
        sample("container.cpu.percent", 3.5, now, unit="%"),
        {**sample("container.pids", 2.0, now), "project": "docker", "service": "alone", "instance": "alone"},
    )
    found = await scraped(call)
    (alone,) = found["container_threads"]
    assert alone.labels == {"project": "docker", "service": "alone", "instance": "alone", "name": "alone"}
    (cpu,) = found["container_cpu_usage_seconds_total"]
    assert cpu.value == 12.5
    assert cpu.labels == {
        "project": "shop", "service": "web", "instance": "web-1", "name": "shop-web-1", "cpu": "total",
        "container_label_com_docker_compose_project": "shop",
        "container_label_com_docker_compose_service": "web",
    }  # fmt: skip
    assert cpu.timestamp is None
    assert found["container_memory_working_set_bytes"][0].value == 2**20
    (received,) = found["container_network_receive_bytes_total"]
    assert (received.value, received.labels["interface"], "direction" in received.labels) == (
        77,
        "all",
        False,
    )
    assert found["container_restarts_total"][0].labels["cause"] == 'a "quoted"\\\nword'
    assert found["container_cpu_percent"][0].value == 3.5


async def test_other_metrics_have_their_own_names(call: Caller) -> None:
    """Any name becomes one that Prometheus takes, with its unit, and no sample is there twice."""
    now = time.time()
    await put(
        call,
        sample(
            "http.requests", 3.0, now, kind="counter", labels={"method": "GET", "instance": "x", "a/b": "y"}
        ),
        sample("wait", 0.5, now, unit="ms"),
        sample("wait.ms", 0.7, now, unit="m/s²"),
        sample("left_total", 1.0, now),
        sample("left", 2.0, now, kind="counter"),
        sample("a.b", 1.0, now),
        sample("a:b", 1.5, now),
        sample("a/b", 2.0, now),
        sample("pylogtap_collector_up", 9.0, now),
        sample("silent", 4.0, now - 400),
        sample("forgotten", 4.0, now - 4000),
    )
    found = await scraped(call)
    (requests,) = found["http_requests_total"]
    assert requests.labels == {
        "project": "shop", "service": "web", "instance": "web-1", "method": "GET", "exported_instance": "x",
        "a_b": "y",
    }  # fmt: skip
    assert found["wait_milliseconds"][0].value == 0.5
    assert found["wait_ms_m_s"][0].value == 0.7
    assert (found["left_total_value"][0].value, found["left_total"][0].value) == (1.0, 2.0)
    assert ([each.value for each in found["a_b"]], found["a:b"][0].value) == ([1.0], 1.5)
    assert [each.value for each in found["pylogtap_collector_up"]] == [1.0]
    assert found["exported_pylogtap_collector_up"][0].value == 9.0
    assert found["silent"][0].timestamp == pytest.approx(now - 400, abs=1.0)
    assert "forgotten" not in found


async def test_who_scrapes_sees_his_projects() -> None:
    """A key that reads one project gets its samples; the collector's own go to who may watch it."""
    async with world() as here:
        for visitor, projects, own in (
            ("read key", {OWN}, False),
            ("read key of all", {OWN, OTHER}, True),
            ("viewer", {OWN}, False),
        ):
            found = await scraped(here.call, headers=here.headers[visitor])
            assert {each.labels["project"] for each in found["cpu"]} == projects
            assert ("pylogtap_collector_up" in found) is own


@pytest.mark.parametrize(
    ("given", "words"), [({"step": "half"}, "such as `30s`"), ({"prefix": "a b/"}, "`shop/web`")]
)
async def test_what_cannot_be_read(call: Caller, given: dict[str, str], words: str) -> None:
    """A step or a place that is none is answered by what one looks like."""
    reply = await call("GET", "/api/v1/metrics", params={"since": "1h", **given})
    assert reply.status == 422
    assert words in reply.json["detail"]
