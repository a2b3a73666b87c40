"""What all of the API has in common: problems, access, limits, description, health."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from openapi_spec_validator import validate

from tests.support.api import Caller, calling
from tests.support.segments import numbered_segment

KEY = "correct horse battery"
OPEN = ("/", "/docs", "/healthz", "/readyz", "/openapi.json")
CLOSED = ("/api/v1/logs", "/api/v1/projects", "/metrics", "/api/v1/logs/tail", "/nothing")
SLICE = {"Content-Type": "application/vnd.pylogtap.slice"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing/here", 404, "not_found"),
        ("PUT", "/api/v1/logs", 405, "method_not_allowed"),
        ("PATCH", "/api/v1/logs/histogram", 405, "method_not_allowed"),
        ("GET", f"/api/v1/logs?q={'x' * 60_000}", 400, "bad_http"),
        ("GET", "/api/v1/logs/999999", 404, "not_found"),
        ("POST", "/api/v1/projects", 415, "unsupported_media_type"),
    ],
)
async def test_every_refusal_is_a_problem(
    call: Caller, method: str, path: str, status: int, code: str
) -> None:
    """Refusals, also those of the HTTP server, are problem documents with a code and a way out."""
    reply = await call(method, path)
    assert reply.status == status
    assert reply.headers["Content-Type"].startswith("application/problem+json")
    assert reply.json["code"] == code
    assert reply.json["status"] == status
    assert len(reply.json["detail"]) > 10


async def test_a_method_that_is_not_there_names_those_that_are(call: Caller) -> None:
    """405 carries Allow (RFC 9110, 15.5.6)."""
    reply = await call("PUT", "/api/v1/logs")
    assert set(reply.headers["Allow"].split(",")) == {"GET", "HEAD", "POST", "PATCH", "DELETE"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"name": "a", "name2": 1}', b"\xff"])
async def test_bodies_that_cannot_be_read(call: Caller, body: bytes) -> None:
    """A body that is no JSON, or another document, is refused with 422."""
    reply = await call("POST", "/api/v1/projects", data=body, headers={"Content-Type": "application/json"})
    assert (reply.status, reply.json["code"]) == (422, "invalid")


async def test_the_longest_query_fits_into_an_address(call: Caller) -> None:
    """A query as long as the limit is read, also where each of its characters takes several bytes."""
    reply = await call("GET", "/api/v1/logs", params={"q": "ж" * 4000})
    assert (reply.status, reply.json["items"]) == (200, [])


@pytest.mark.parametrize(
    "request_text", ["nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01\r\n\r\n"]
)
async def test_what_is_no_http(call: Caller, request_text: str) -> None:
    """Bytes that are no request are answered by a problem, and the connection is closed."""
    parts = urlsplit(call.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(request_text.encode("latin-1"))
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    assert re.match(rb"HTTP/1.[01] 400 ", answer)
    assert b"application/problem+json" in answer


async def test_a_body_that_is_too_large() -> None:
    """A body above the limit is refused with 413, and the collector goes on."""
    async with calling(body_max_bytes=10_000) as call:
        reply = await call("POST", "/api/v1/ingest", data=b"x" * 20_000, headers=SLICE, params=slice_params())
        assert (reply.status, reply.json["code"]) == (413, "too_large")
        assert (await call("GET", "/readyz")).status == 200


async def test_a_body_that_does_not_come() -> None:
    """A body that stops in the middle is given up, and the connection closed."""
    async with calling(body_timeout_s=0.2) as call:
        parts = urlsplit(call.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        head = f"POST /api/v1/ingest?stream={'0' * 32}&offset=4096 HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        head += "Content-Type: application/vnd.pylogtap.slice\r\nContent-Length: 1000\r\n\r\nabc"
        writer.write(head.encode())
        async with asyncio.timeout(10):
            answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"body_too_slow" in answer


def slice_params() -> dict[str, str]:
    """Return the parameters of a first slice."""
    return {"stream": "0" * 32, "offset": "4096"}


async def test_delivery_and_its_answer(call: Caller) -> None:
    """A delivered slice is answered by where to go on; sent again, it changes nothing."""
    segment = numbered_segment(20)
    first = await call.deliver(segment)
    assert (first.status, first.json) == (200, {"next": segment.end, "words": {}})
    again = await call.deliver(segment)
    assert again.json["next"] == segment.end
    found = (await call("GET", "/api/v1/logs", params={"limit": "1000"})).json["items"]
    assert len(found) == 20


async def test_a_damaged_frame_is_pointed_at(call: Caller) -> None:
    """The refusal says which frame to set aside; what stands before it is stored."""
    segment = numbered_segment(3)
    damaged = segment.put(b"nonsense", damaged=True)
    reply = await call.deliver(segment)
    assert (reply.status, reply.json["code"]) == (400, "damaged_frame")
    assert (reply.json["frame"], reply.json["next"]) == (damaged, segment.end)
    assert len((await call("GET", "/api/v1/logs")).json["items"]) == 3


async def test_with_a_key_only_who_knows_it_comes_in() -> None:
    """A wrong or missing key is refused, whatever is asked for; what tells nothing stays open."""
    async with calling(key=KEY) as call:
        for path in CLOSED:
            assert (await call("GET", path)).json["code"] == "no_key"
            wrong = await call("GET", path, headers={"Authorization": "Bearer wrong"})
            assert (wrong.status, wrong.json["code"]) == (401, "wrong_key")
            assert "WWW-Authenticate" in wrong.headers
        for path in OPEN:
            assert (await call("GET", path)).status == 200
        good = await call("GET", "/api/v1/logs", headers={"Authorization": f"bearer {KEY}"})
        assert good.status == 200


async def test_an_empty_key_is_none() -> None:
    """A bearer of nothing, as of a variable that is not set, is what no header is."""
    nothing = {"Authorization": "Bearer "}
    async with calling() as call:
        assert (await call("GET", "/api/v1/logs", headers=nothing)).status == 200
    async with calling(key=KEY) as call:
        refused = await call("GET", "/api/v1/logs", headers=nothing)
        assert (refused.status, refused.json["code"]) == (401, "no_key")


async def test_the_files_of_the_page_need_no_key() -> None:
    """A browser can load the page, which then asks for the key."""
    async with calling(key=KEY) as call:
        page = (await call("GET", "/")).body.decode()
        files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
        assert files
        for path in files:
            assert (await call("GET", path)).status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:8270", ""])
async def test_other_names_do_not_lead_here(call: Caller, host: str) -> None:
    """Without a key, a name that was made to point here by somebody else is refused (DNS rebinding)."""
    reply = await call("GET", "/api/v1/logs", headers={"Host": host})
    assert (reply.status, reply.json["code"]) == (403, "wrong_host")


@pytest.mark.parametrize("host", ["localhost", "localhost:8270", "127.0.0.1", "[::1]:8270"])
async def test_names_of_the_loopback_do(call: Caller, host: str) -> None:
    """The loopback may be called by all of its names."""
    assert (await call("GET", "/api/v1/logs", headers={"Host": host})).status == 200


async def test_pages_of_elsewhere_change_nothing(call: Caller) -> None:
    """A request that a browser sends for a page of another origin is refused, our own page's is not."""
    await call.deliver(numbered_segment(2))
    theirs = await call("DELETE", "/api/v1/logs?all=true", headers={"Origin": "https://evil.example"})
    assert (theirs.status, theirs.json["code"]) == (403, "cross_origin")
    ours = await call("DELETE", "/api/v1/logs?all=true", headers={"Origin": call.url})
    assert ours.json == {"deleted": 2}


async def test_the_description_is_valid(call: Caller) -> None:
    """`/openapi.json` is valid OpenAPI 3.1, and describes every operation with its errors."""
    document: dict[str, Any] = (await call("GET", "/openapi.json")).json
    validate(document)
    assert document["openapi"].startswith("3.1")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert "500" in operation["responses"], where
            for parameter in operation["parameters"]:
                assert parameter.get("description"), f"{where}: {parameter['name']}"


async def test_what_is_described_is_there(call: Caller) -> None:
    """Every operation of the description answers, and no answer has a status that it does not name."""
    document: dict[str, Any] = (await call("GET", "/openapi.json")).json
    for path, methods in document["paths"].items():
        if path.endswith("/tail"):
            continue
        concrete = re.sub(r"\{[^}]+\}", "7", path)
        for method, operation in methods.items():
            reply = await call(method.upper(), concrete)
            assert str(reply.status) in operation["responses"], f"{method} {path}: {reply.status}"


async def test_health(call: Caller) -> None:
    """Alive and ready say so; metrics are Prometheus' text with help and type for each."""
    assert (await call("GET", "/healthz")).json["status"] == "ok"
    ready = (await call("GET", "/readyz")).json
    assert {task["name"] for task in ready["tasks"]} >= {"keep"}
    await call.deliver(numbered_segment(12))
    metrics = await call("GET", "/metrics")
    assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    text = metrics.body.decode()
    assert "\npylogtap_collector_records_total 12\n" in text
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) \w+ .+|\w+ -?[\d.e+-]+", line), line


async def test_swagger_ui_is_served_by_us(call: Caller) -> None:
    """The documentation page loads nothing from elsewhere."""
    page = await call("GET", "/docs")
    text = page.body.decode()
    assert "swagger-ui-bundle.js" in text
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', text)
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
