"""Headers and requests that are made to be misread by somebody on the way."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
import zstandard

from tests.security.checking import check_answer, check_headers, check_refused
from tests.security.odd_requests import request, send
from tests.support.api import Caller, calling
from tests.support.segments import numbered_segment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio(loop_scope="module")
KEY = "only-for-these-tests"
BEARER = f"Authorization: Bearer {KEY}"
CLOSE = "Connection: close"
JSON = "Content-Type: application/json"
MERGE = "Content-Type: application/merge-patch+json"
SLICE = {"Content-Type": "application/vnd.pylogtap.slice"}
LINE_ENDS = {
    "crlf": "x\r\nX-Injected: 1",
    "lf": "x\nX-Injected: 1",
    "cr": "x\rX-Injected: 1",
    "crlf-crlf": "x\r\n\r\n<script>alert(1)</script>",
    "wide": "x\u560d\u560aX-Injected: 1",  # cut to bytes, these are CR and LF
    "next-line": "x\x85X-Injected: 1",
    "separator": "x\u2028X-Injected: 1",
    "null": "x\x00X-Injected: 1",
    "encoded": "x%0d%0aX-Injected: 1",
    "twice-encoded": "x%250d%250aX-Injected: 1",
    "escape": "x\x1b[2JX-Injected",
    "folded": "x\r\n X-Injected: 1",
    "vertical": "x\x0bX-Injected: 1",
    "set-cookie": "x\r\nSet-Cookie: pylogtap_session=evil",
    "quote": 'x"\r\nX-Injected: 1',
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_one() -> AsyncIterator[Caller]:
    """A collector without accounts and keys."""
    async with calling() as caller:
        await caller.deliver(numbered_segment(3))
        yield caller


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded() -> AsyncIterator[Caller]:
    """A collector that wants a key, and has a user."""
    async with calling(key=KEY) as caller:
        account = {"name": "ada", "password": "correct horse battery"}
        made = await caller("POST", "/api/v1/users", json=account, headers={"Authorization": f"Bearer {KEY}"})
        assert made.status == 201
        yield caller


@pytest.mark.parametrize("name", LINE_ENDS)
async def test_line_ends_in_values(open_one: Caller, name: str) -> None:
    """No value of a request ends a header of the answer, whichever part of the request it is."""
    text = LINE_ENDS[name]
    for method, path, options in (
        ("GET", "/api/v1/logs", {"params": {"q": text}}),
        ("GET", "/api/v1/logs", {"params": {text: "x"}}),
        ("GET", "/api/v1/logs", {"params": {"cursor": text}}),
        ("POST", "/api/v1/projects", {"json": {"name": text}}),
        ("POST", "/api/v1/keys", {"json": {"name": "x", "project": text}}),
        ("POST", "/api/v1/users", {"json": {"name": text, "password": "correct horse battery"}}),
        ("POST", "/api/v1/projects/shop/members", {"json": {"user": text, "role": "viewer"}}),
        ("POST", "/api/v1/sessions", {"json": {"name": text, "password": text}}),
    ):
        reply = await open_one(method, path, **options)
        check_answer(reply, text)
    for path in ("/api/v1/projects/{}", "/api/v1/projects/{}/members", "/{}", "/api/v1/logs/{}"):
        for method in ("GET", "POST", "PUT"):
            encoded = "".join(f"%{byte:02x}" for byte in text.encode())
            line = request(open_one, method, path.format(encoded), CLOSE, JSON, body=b"{}")
            (reply,) = (await send(open_one, line)).replies
            check_refused(reply, text)
    for header in ("If-Match", "Accept", "Content-Type", "Origin", "X-Request-Id", "Last-Event-ID"):
        line = request(open_one, "PATCH", "/api/v1/logs/65536", f"{header}: {text}", CLOSE, MERGE, body=b"{}")
        for reply in (await send(open_one, line)).replies:
            check_headers(reply.headers, text)
            assert reply.status < 500


SMUGGLED = "GET /api/v1/audit?smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
SMUGGLERS = {
    "length-and-chunks": ("Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\n" + SMUGGLED),
    "chunks-and-length": ("Transfer-Encoding: chunked\r\nContent-Length: 6", "0\r\n\r\n" + SMUGGLED),
    "two-lengths": ("Content-Length: 2\r\nContent-Length: 60", "{}" + SMUGGLED),
    "two-lengths-in-one": ("Content-Length: 2, 60", "{}" + SMUGGLED),
    "length-with-plus": ("Content-Length: +2", "{}" + SMUGGLED),
    "length-negative": ("Content-Length: -1", "{}" + SMUGGLED),
    "length-hex": ("Content-Length: 0x2", "{}" + SMUGGLED),
    "length-underscore": ("Content-Length: 1_0", "{}" + SMUGGLED),
    "length-wide-digits": ("Content-Length: \uff12", "{}" + SMUGGLED),
    "length-huge": (f"Content-Length: {'9' * 400}", "{}"),
    "length-blank-before-colon": ("Content-Length : 2", "{}" + SMUGGLED),
    "length-empty": ("Content-Length:", "{}" + SMUGGLED),
    "chunk-size-bad": ("Transfer-Encoding: chunked", "zz\r\n{}\r\n0\r\n\r\n"),
    "chunk-size-negative": ("Transfer-Encoding: chunked", "-2\r\n{}\r\n0\r\n\r\n"),
    "chunk-size-0x": ("Transfer-Encoding: chunked", "0x2\r\n{}\r\n0\r\n\r\n"),
    "chunk-size-underscore": ("Transfer-Encoding: chunked", "1_0\r\n{}\r\n0\r\n\r\n"),
    "chunk-too-long": ("Transfer-Encoding: chunked", "2\r\n{}x\r\n0\r\n\r\n"),
    "chunk-without-cr": ("Transfer-Encoding: chunked", "2\n{}\n0\n\n" + SMUGGLED),
    "coding-unknown": ("Transfer-Encoding: xchunked", "2\r\n{}\r\n0\r\n\r\n" + SMUGGLED),
    "coding-twice": ("Transfer-Encoding: chunked, chunked", "2\r\n{}\r\n0\r\n\r\n" + SMUGGLED),
    "coding-two-lines": (
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "2\r\n{}\r\n0\r\n\r\n" + SMUGGLED,
    ),
    "coding-folded": ("Transfer-Encoding:\r\n chunked", "2\r\n{}\r\n0\r\n\r\n" + SMUGGLED),
    "coding-null": ("Transfer-Encoding: chunked\x00", "2\r\n{}\r\n0\r\n\r\n"),
    "name-with-blank": ("X Y: 1\r\nContent-Length: 2", "{}"),
    "name-null": ("X\x00Y: 1\r\nContent-Length: 2", "{}"),
    "line-without-colon": ("nonsense\r\nContent-Length: 2", "{}"),
    "bare-returns": ("X: 1\rContent-Length: 2", "{}" + SMUGGLED),
}


@pytest.mark.parametrize("name", SMUGGLERS)
async def test_smuggling(open_one: Caller, name: str) -> None:
    """A request whose length can be read in two ways is refused; nothing behind it is another request."""
    headers, body = SMUGGLERS[name]
    data = request(open_one, "POST", "/api/v1/projects", JSON, headers) + body.encode()
    answer = await send(open_one, data)
    assert len(answer.replies) <= 1, [reply.status for reply in answer.replies]
    assert answer.closed
    for reply in answer.replies:
        check_refused(reply)
    assert (await open_one("GET", "/api/v1/projects")).status == 200


@pytest.mark.parametrize(
    "line",
    [
        "X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X-Method-Override: DELETE",
        "X-Original-URL: /api/v1/backup", "X-Rewrite-URL: /api/v1/backup", "X-Original-Method: DELETE",
        "Upgrade: websocket\r\nConnection: Upgrade", "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings",
        "Expect: 100-continue", "Range: bytes=0-0", "TE: trailers", "Max-Forwards: 0", "Connection: Host",
        "Accept-Encoding: gzip;q=1.0, identity; q=0, *;q=0", "If-Match: *, *", "If-None-Match: *",
        "Prefer: return=minimal",
    ],
)  # fmt: skip
async def test_headers_that_change_nothing(open_one: Caller, line: str) -> None:
    """Headers that would make another request out of this one are not understood."""
    data = request(open_one, "GET", "/api/v1/logs/count", line)
    (reply,) = (await send(open_one, data)).replies
    check_answer(reply)
    assert (reply.status, reply.json["total"]) == (200, 3)
    await open_one("POST", "/api/v1/logs/count?_method=DELETE")
    assert (await open_one("GET", "/api/v1/logs/count")).json["total"] == 3


@pytest.mark.parametrize(
    ("host", "lines"),
    [
        ("evil.example", ()), ("127.0.0.1.evil.example", ()), ("localhost.evil.example", ()),
        ("evil.example:127.0.0.1", ()), ("127.0.0.1@evil.example", ()), ("evil.example#127.0.0.1", ()),
        ("127.0.0.1, evil.example", ()), ("[::1", ()), ("[::1]evil.example", ()), ("", ()), (" ", ()),
        ("0.0.0.0", ()), ("2130706433.nip.io", ()), ("localhost\t.evil.example", ()),
        ("xn--localhst-8ve", ()),
        ("localhost\u3002evil.example", ()), ("a" * 5_000, ()), ("127.0.0.1/../evil.example", ()),
        ("evil.example", ("Host: 127.0.0.1",)), ("evil.example", ("X-Forwarded-Host: 127.0.0.1",)),
        ("127.0.0.1", ("X-Forwarded-Host: evil.example",)), ("127.0.0.1", ("Forwarded: host=127.0.0.1",)),
        ("127.0.0.1", ("X-Forwarded-For: 127.0.0.1",)), ("127.0.0.1", ("X-Real-IP: 127.0.0.1",)),
        ("127.0.0.1", ("Host: evil.example",)), ("127.0.0.1", ("Via: 1.1 evil",)),
    ],
)  # fmt: skip
async def test_hosts_of_an_open_collector(open_one: Caller, host: str, lines: tuple[str, ...]) -> None:
    """Without accounts, a name that only leads here, two names, or a proxy's headers, let nobody in."""
    for method in ("GET", "DELETE"):
        data = request(open_one, method, "/api/v1/logs?q=number", CLOSE, *lines, host=host)
        (reply,) = (await send(open_one, data)).replies
        check_refused(reply, "evil.example")
    assert (await open_one("GET", "/api/v1/logs/count")).json["total"] == 3


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example\\@x", "[::1", "a" * 999]
)
async def test_hosts_with_accounts(guarded: Caller, host: str) -> None:
    """With accounts a host may be any, gives no rights, and stands in nothing that is answered."""
    account = b'{"name": "ada", "password": "correct horse battery"}'
    for data in (
        request(guarded, "GET", "/api/v1/me", BEARER, CLOSE, host=host),
        request(guarded, "GET", "/", CLOSE, host=host),
        request(guarded, "GET", "/favicon.ico", CLOSE, host=host),
        request(
            guarded,
            "POST",
            "/api/v1/sessions",
            JSON,
            "X-Forwarded-Proto: https",
            CLOSE,
            body=account,
            host=host,
        ),
    ):
        for reply in (await send(guarded, data)).replies:
            check_headers(reply.headers, host)
            assert host.encode() not in reply.body or reply.status == 400
            assert "Domain" not in reply.headers.get("Set-Cookie", "")
            assert "__Host-" not in reply.headers.get("Set-Cookie", "")  # a proxy that nobody named


async def test_addresses_are_those_of_connections(guarded: Caller) -> None:
    """Who is not named as a proxy cannot say that he is somebody else, wherever he puts it."""
    names = ("X-Forwarded-For", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP")
    forged = {**dict.fromkeys(names, "203.0.113.9"), "Forwarded": "for=203.0.113.9"}
    await guarded("POST", "/api/v1/sessions", json={"name": "x", "password": "y"}, headers=forged)
    audit = await guarded("GET", "/api/v1/audit?limit=1", headers={"Authorization": f"Bearer {KEY}"})
    assert audit.json["items"][0]["address"] == "127.0.0.1"


@pytest.mark.parametrize(
    "origin",
    [
        "null", "", "https://evil.example", "http://127.0.0.1", "http://127.0.0.1:1", "http://localhost",
        "http://[", "http://[::1", "file://", "javascript:", "//", "*", "http://{own}.evil.example",
        "http://evil.example@{own}", "http://{own}@evil.example", "http://{own}, https://evil.example",
        "http://{own}\u3002evil.example", "chrome-extension://abc", "http://EVIL.example#http://{own}",
    ],
)  # fmt: skip
async def test_origins(open_one: Caller, guarded: Caller, origin: str) -> None:
    """A page of another origin, and of none that can be read, changes nothing."""
    for call in (open_one, guarded):
        own = call.url.removeprefix("http://")
        line = f"Origin: {origin.format(own=own)}"
        data = request(
            call, "DELETE", "/api/v1/logs?all=true", line, CLOSE, *([BEARER] if call is guarded else [])
        )
        (reply,) = (await send(call, data)).replies
        check_refused(reply, "evil.example")
        assert reply.json["code"] in {"cross_origin", "bad_http"}
    data = request(
        open_one, "POST", "/api/v1/projects", JSON, "Sec-Fetch-Site: cross-site", CLOSE, body=b'{"name": "x"}'
    )
    (reply,) = (await send(open_one, data)).replies
    assert reply.json["code"] == "cross_origin"


@pytest.mark.parametrize(
    "target",
    [
        "http://evil.example/api/v1/logs", "http://evil.example:99999/", "http://[/", "//evil.example/", "*",
        "https://127.0.0.1/api/v1/audit", "http://", "ftp://127.0.0.1/", "http://user:pw@127.0.0.1/", "?",
        "x", "#", "/ x",
        "/\x7f", "/\u00e9", "gopher://127.0.0.1/_x",
    ],
)  # fmt: skip
async def test_targets(guarded: Caller, target: str) -> None:
    """A target that is a whole address reaches nothing else, lets nobody in, and sends nobody elsewhere."""
    for method in ("GET", "OPTIONS", "CONNECT", "TRACE", "PROPFIND", "get"):
        for reply in (await send(guarded, request(guarded, method, target, CLOSE))).replies:
            check_headers(reply.headers, "evil.example")
            assert "Location" not in reply.headers
            assert reply.status in {200, 400, 401, 403, 404, 405}
            assert reply.status != 200 or reply.body.startswith(b"<!doctype html>")


TYPES = (
    "", "text/plain", "text/html", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    "application/jsonp", "application/json, text/html", "text/plain\r\nContent-Type: application/json",
    "application/json; charset=utf-7", "application/xml", "application/json\x00", "application/json\u3000",
    "application/vnd.pylogtap.slice", "image/svg+xml", "*/*", "json",
)  # fmt: skip


@pytest.mark.parametrize("kind", TYPES)
async def test_types_of_bodies(open_one: Caller, kind: str) -> None:
    """A body of another type than JSON is not read as JSON: forms of foreign pages cannot send that."""
    data = request(
        open_one, "POST", "/api/v1/projects", f"Content-Type: {kind}", CLOSE, body=b'{"name": "x\\u0000"}'
    )
    (reply,) = (await send(open_one, data)).replies
    check_refused(reply)


async def test_compressed_bodies(open_one: Caller) -> None:
    """JSON is not decompressed, whatever it is compressed with."""
    for coding in ("gzip", "deflate", "br", "zstd", "identity, gzip", "x-gzip", "nonsense"):
        body = gzip.compress(b'{"name": "packed"}')
        headers = {"Content-Type": "application/json", "Content-Encoding": coding}
        check_refused(await open_one("POST", "/api/v1/projects", data=body, headers=headers))
    assert (await open_one("GET", "/api/v1/projects/packed")).status == 404


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("coding", ["gzip", "zstd", "zstd-with-size"])
async def test_bombs_of_bytes(coding: str, layers: int) -> None:
    """A body that would grow beyond the limit is refused with 413, before it has grown, and others go on."""
    packed = zstandard.ZstdCompressor(level=19, write_content_size=coding == "zstd-with-size").compress
    pack = gzip.compress if coding == "gzip" else packed
    data = bytes(80 << 20)
    for _ in range(layers):
        data = pack(data)
    async with calling(inflated_max_bytes=1 << 20, body_max_bytes=256 << 10) as call:
        before = resident()
        for _ in range(5):
            reply = await call(
                "POST", "/api/v1/ingest", params={"stream": "0" * 32, "offset": "4096"}, data=data,
                headers={**SLICE, "Content-Encoding": coding.partition("-")[0]},
            )  # fmt: skip
            check_answer(reply)
            if layers == 1:
                assert (reply.status, reply.json["code"]) == (413, "too_large")
        assert resident() - before < 60 << 20
        assert (await call.deliver(numbered_segment(1))).status == 200


def resident() -> int:
    """Return how much memory this process, in which the collector runs, has in use, bytes."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no file on any disk
        return int(file.read().split()[1]) * 4096
