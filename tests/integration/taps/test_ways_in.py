"""Who may deliver by other protocols, and what a collector says that cannot take more."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # has no annotations

from tests.support.api import calling
from tests.support.shipments import ENVELOPE, one_of_bulk, one_of_loki, one_of_otlp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.api import Caller

ROOT = {"Authorization": "Bearer key of the environment"}
JSON = {"Content-Type": "application/json"}
PROTOBUF = {"Content-Type": "application/x-protobuf"}
NDJSON = {"Content-Type": "application/x-ndjson"}
SENTRY = {"Content-Type": "application/x-sentry-envelope"}


@pytest.fixture
async def call() -> AsyncIterator[Caller]:
    """A collector that asks for a key."""
    async with calling(key="key of the environment") as caller:
        yield caller


@pytest.fixture
async def key(call: Caller) -> str:
    """A key that delivers to one project."""
    body = {"name": "shipper", "project": "shop", "role": "ingest"}
    return str((await call("POST", "/api/v1/keys", json=body, headers=ROOT)).json["secret"])


async def found(call: Caller, query: str = "") -> list[dict[str, Any]]:
    """Return the records that a query finds."""
    reply = await call("GET", "/api/v1/logs", params={"q": query}, headers=ROOT)
    return list(reply.json["items"])


async def test_each_shows_its_key_in_its_own_way(call: Caller, key: str) -> None:
    """As the settings of shippers have it; what says no project goes to that of the key."""
    basic = {"Authorization": f"Basic {base64.b64encode(f'any:{key}'.encode()).decode()}"}
    sentry = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={key}, sentry_client=x"}
    ways: list[tuple[str, bytes, dict[str, str]]] = [
        ("/v1/logs", one_of_otlp("logs", "shop"), {**JSON, "Authorization": f"Bearer {key}"}),
        ("/v1/traces", one_of_otlp("spans", "shop"), {**JSON, "X-API-Key": key}),
        ("/loki/api/v1/push", one_of_loki("shop"), {**JSON, **basic}),
        ("/_bulk", one_of_bulk("shop"), {**NDJSON, "Authorization": f"ApiKey {key}"}),
        ("/api/1/envelope/", ENVELOPE, {**SENTRY, **sentry}),
        (f"/shop/api/api/1/envelope/?sentry_key={key}", ENVELOPE, SENTRY),
        ("/ingest", b'{"message": "x"}', {**JSON, **basic}),
    ]
    for path, body, headers in ways:
        reply = await call("POST", path, data=body, headers=headers)
        assert reply.status in {200, 204}, (path, reply.body)
    records = await found(call)
    assert {record["project"] for record in records} == {"shop"}
    assert len(records) == len(ways)


async def test_what_is_refused_is_logged(call: Caller, key: str, caplog: pytest.LogCaptureFixture) -> None:
    """Many shippers show nobody what they were answered, so the collector says it: once a minute."""
    wrong = {"Authorization": "Bearer plt_wrong"}
    for _ in range(3):
        await call("POST", "/loki/api/v1/push", data=one_of_loki("shop"), headers=JSON | wrong)
    await call("POST", "/v1/logs", data=b"broken", headers=JSON | {"Authorization": f"Bearer {key}"})
    told = [record.getMessage() for record in caplog.records if "is refused" in record.getMessage()]
    assert [text.split(" is refused")[0].rpartition(" ")[2] for text in told] == [
        "/loki/api/v1/push",
        "/v1/logs",
    ]
    assert "127.0.0.1" in told[0]
    assert "not a good one" in told[0]


async def test_without_a_key_each_is_refused_in_its_own_words(call: Caller) -> None:
    """The status is 401 everywhere."""
    otlp = await call("POST", "/v1/logs", data=one_of_otlp("logs", "shop", as_json=False))
    assert (otlp.status, otlp.headers["Content-Type"]) == (401, "application/x-protobuf")
    assert Status.FromString(otlp.body).code == 16
    loki = await call("POST", "/loki/api/v1/push", data=one_of_loki("shop"), headers=JSON)
    assert (loki.status, loki.body[:5]) == (401, b"A key")
    bulk = await call("POST", "/_bulk", data=one_of_bulk("shop"), headers=NDJSON)
    assert (bulk.status, bulk.json["status"], bulk.json["error"]["type"]) == (401, 401, "no_key_exception")
    assert bulk.headers["X-Elastic-Product"] == "Elasticsearch"
    sentry = await call("POST", "/api/1/envelope/", data=ENVELOPE, headers=SENTRY)
    assert (sentry.status, "key" in sentry.headers["X-Sentry-Error"]) == (401, True)
    shipment = await call("POST", "/ingest", data=b"{}", headers=JSON)
    assert (shipment.status, shipment.json["code"]) == (401, "no_key")


async def test_records_of_other_projects_are_refused_and_the_others_stored(call: Caller, key: str) -> None:
    """Each protocol says which; where there are none but those, the request is refused."""
    shown = {"Authorization": f"Bearer {key}"}
    own, other = (json.loads(one_of_otlp("logs", name))["resourceLogs"] for name in ("shop", "zoo"))
    for resources, status in ((own + other, 200), (other, 403)):
        body = json.dumps({"resourceLogs": resources}).encode()
        reply = await call("POST", "/v1/logs", data=body, headers=JSON | shown)
        assert reply.status == status
        if status == 200:
            assert reply.json["partialSuccess"]["rejectedLogRecords"] == "1"
        else:
            assert reply.json["code"] == 7
    body = one_of_bulk("shop") + one_of_bulk("zoo")
    reply = await call("POST", "/_bulk", data=body, headers=NDJSON | shown)
    assert [item["create"]["status"] for item in reply.json["items"]] == [201, 403]
    metrics = await call("POST", "/v1/metrics", data=one_of_otlp("metrics", "zoo"), headers=JSON | shown)
    assert metrics.status == 403
    assert {record["project"] for record in await found(call)} == {"shop"}


async def test_a_collector_that_is_full_asks_to_wait() -> None:
    """With 503 and Retry-After: exporters wait, and send it again; nothing is lost."""
    async with calling(backlog_max_bytes=1) as call:
        first, reply = [
            await call("POST", "/v1/logs", data=one_of_otlp("logs", name, as_json=False), headers=PROTOBUF)
            for name in ("a", "b")
        ]
        assert (first.status, reply.status) == (200, 503)
        assert int(reply.headers["Retry-After"]) >= 1
        assert Status.FromString(reply.body).code == 14
        loki = await call("POST", "/loki/api/v1/push", data=one_of_loki("c"), headers=JSON)
        assert (loki.status, "Retry-After" in loki.headers) == (503, True)


async def test_bodies_beyond_the_limit_are_refused() -> None:
    """Also those that are small as they are sent."""
    async with calling(tap_max_bytes=100_000) as call:
        body = gzip.compress(bytes(10_000_000))
        for path in ("/v1/logs", "/loki/api/v1/push", "/_bulk", "/ingest", "/api/1/envelope/"):
            headers = {"Content-Encoding": "gzip", **JSON}
            assert (await call("POST", path, data=body, headers=headers)).status == 413
            assert (await call("POST", path, data=bytes(100_001), headers=JSON)).status == 413


async def test_an_open_collector_needs_no_key_and_minds_none() -> None:
    """A DSN of sentry has to have one, whatever it is."""
    async with calling() as call:
        sentry = {"X-Sentry-Auth": "Sentry sentry_key=none"}
        reply = await call("POST", "/api/1/envelope/", data=ENVELOPE, headers=SENTRY | sentry)
        assert reply.status == 200
        empty = {"Authorization": "Bearer "}  # where a variable of the shipper's settings is not set
        reply = await call("POST", "/ingest", data=b'{"message": "a"}', headers=JSON | empty)
        assert reply.status == 200
        other = await call("GET", "/api/v1/logs", headers={"Authorization": "Bearer none"})
        assert other.status == 401
