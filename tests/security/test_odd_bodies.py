"""Keys, cookies and JSON documents that are made to break whoever reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.security.checking import check_answer, check_refused
from tests.security.odd_requests import request, send
from tests.support.api import Caller, calling

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio(loop_scope="module")
KEY = "only-for-these-tests"
BEARER = {"Authorization": f"Bearer {KEY}"}
ACCOUNT = {"name": "ada", "password": "correct horse battery"}
CLOSE = "Connection: close"
CREDENTIALS = {
    "empty": b"",
    "scheme-alone": b"Bearer",
    "scheme-and-blank": b"Bearer ",
    "basic": b"Basic YTpi",
    "basic-of-key": b"Basic " + KEY.encode(),
    "digest": b'Digest username="ada"',
    "no-scheme": KEY.encode(),
    "two-keys": f"Bearer {KEY} {KEY}".encode(),
    "two-schemes": f"Bearer Bearer {KEY}".encode(),
    "comma": f"Bearer x, Bearer {KEY}".encode(),
    "quoted": f'Bearer "{KEY}"'.encode(),
    "prefix-of-it": f"Bearer {KEY[:-1]}".encode(),
    "longer": f"Bearer {KEY}x".encode(),
    "upper": f"Bearer {KEY.upper()}".encode(),
    "null": f"Bearer {KEY}\0".encode(),
    "null-inside": b"Bearer a\0b",
    "no-utf-8": b"Bearer \xff\xfe\x80",
    "overlong": b"Bearer \xc0\xaf",
    "surrogate": b"Bearer \xed\xa0\x80",
    "wide": "Bearer ｏｎｌｙ".encode(),  # noqa: RUF001 - some normalise them
    "long": b"Bearer " + b"x" * 40_000,
    "longest": b"Bearer " + b"x" * 60_000,
    "our-form": b"Bearer plt_0000000000_" + b"0" * 43,
    "sql": b"Bearer ' OR '1'='1",
    "wildcard": b"Bearer *",
    "tab": f"Bearer\t{KEY}".encode(),
    "escape": b"Bearer \x1b[2J",
    "json": b'Bearer {"$ne": null}',
    "jwt-none": b"Bearer eyJhbGciOiJub25lIn0.eyJhZG1pbiI6dHJ1ZX0.",
}
COOKIES = {
    "empty": b"",
    "unknown": b"pylogtap_session=x",
    "no-utf-8": b"pylogtap_session=\xff\xfe",
    "null": b"pylogtap_session=a\0b",
    "escapes": b'pylogtap_session="\\377\\000\\x"',
    "no-name": b"=x; ;;; ,",
    "two": b"pylogtap_session=a; pylogtap_session=b",
    "host-prefix": b"__Host-pylogtap_session=x",
    "attributes": b"pylogtap_session=x; Path=/; Domain=evil.example; $Version=1",
    "odd-names": b"a b=c; (=); [x]=y; {=}; \x7f=z",
    "open-quote": b'pylogtap_session="',
    "long": b"pylogtap_session=" + b"x" * 40_000,
    "many": b"; ".join(b"c%d=x" % number for number in range(4_000)),
    "proto": b"__proto__=x; constructor=y",
    "sql": b"pylogtap_session=' OR '1'='1",
    "reserved": b"path=x; expires=y; httponly=z",
}
DEEP = 100_000
BODIES = {
    "nothing": b"",
    "blank": b" \n\t ",
    "null": b"null",
    "number": b"1",
    "text": b'"name"',
    "list": b'[{"name": "x"}]',
    "not-a-number": b'{"name": NaN}',
    "infinity": b'{"name": Infinity, "x": -Infinity}',
    "deep-lists": b"[" * DEEP,
    "deep-objects": b'{"name":' * DEEP,
    "deep-and-whole": b'{"name":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "huge-number": b'{"name": ' + b"9" * 100_000 + b"}",
    "huge-exponent": b'{"name": 1e999999999}',
    "lone-surrogate": b'{"name": "\\ud800"}',
    "lone-surrogate-bytes": b'{"name": "\xed\xa0\x80"}',
    "swapped-surrogates": b'{"name": "\\udc00\\ud800"}',
    "byte-order-mark": b'\xef\xbb\xbf{"name": "x"}',
    "utf-16": '{"name": "x"}'.encode("utf-16"),
    "utf-16-le": '{"name": "x"}'.encode("utf-16-le"),
    "utf-32": '{"name": "x"}'.encode("utf-32"),
    "utf-7": b'{"name": "+ADw-script+AD4-"}',
    "no-utf-8": b'{"name": "\xff"}',
    "overlong": b'{"name": "\xc0\xaf"}',
    "null-character": b'{"name": "a\\u0000b"}',
    "raw-null": b'{"name": "a\0b"}',
    "raw-newline": b'{"name": "a\nb"}',
    "bad-escape": b'{"name": "\\x41"}',
    "comment": b'{"name": "x" /* y */}',
    "trailing-comma": b'{"name": "x",}',
    "single-quotes": b"{'name': 'x'}",
    "two-documents": b'{"name": "x"}{"name": "y"}',
    "rest": b'{"name": "x"} rest',
    "proto": b'{"__proto__": {"admin": true}, "name": "x"}',
    "duplicate-unlike": b'{"name": "x", "name": ["y"]}',
    "many-members": b"{" + b",".join(b'"m%d": 1' % number for number in range(50_000)) + b"}",
    "long-text": b'{"name": "' + b"x" * 1_000_000 + b'"}',
    "wrong-types": b'{"name": {"$gt": ""}, "password": {"$ne": null}, "user": [], "description": []}',
    "form": b"name=x&password=y",
    "xml": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
    "yaml": b'!!python/object/apply:os.system ["touch owned"]',
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded() -> AsyncIterator[Caller]:
    """A collector that wants a key, and has a user."""
    async with calling(key=KEY) as caller:
        assert (await caller("POST", "/api/v1/users", json=ACCOUNT, headers=BEARER)).status == 201
        yield caller


@pytest.mark.parametrize("name", CREDENTIALS)
async def test_keys(guarded: Caller, name: str) -> None:
    """What only looks like a key lets nobody in, and is refused as any other."""
    line = f"Authorization: {CREDENTIALS[name].decode('utf-8', 'surrogateescape')}"
    for method, path in (("GET", "/api/v1/logs"), ("POST", "/api/v1/backup"), ("GET", "/nothing")):
        (reply,) = (await send(guarded, request(guarded, method, path, line, CLOSE))).replies
        check_refused(reply)
        assert reply.json["code"] in {"no_key", "wrong_key", "bad_http"}
        assert KEY.encode() not in reply.body or reply.status == 400
    twice = request(guarded, "GET", "/api/v1/audit", line, f"Authorization: Bearer {KEY}", CLOSE)
    (reply,) = (await send(guarded, twice)).replies
    check_refused(reply)


@pytest.mark.parametrize("name", COOKIES)
async def test_cookies(guarded: Caller, name: str) -> None:
    """A cookie that is none of ours lets nobody in, and breaks nothing."""
    line = f"Cookie: {COOKIES[name].decode('utf-8', 'surrogateescape')}"
    (reply,) = (await send(guarded, request(guarded, "GET", "/api/v1/logs", line, CLOSE))).replies
    check_refused(reply)
    assert reply.json["code"] in {"no_key", "bad_http"}
    own = f"Origin: {guarded.url}"
    for reply in (
        await send(guarded, request(guarded, "DELETE", "/api/v1/sessions", line, own, CLOSE))
    ).replies:
        check_refused(reply)


@pytest.mark.parametrize("name", BODIES)
async def test_bodies(guarded: Caller, name: str) -> None:
    """A body that is no such document is refused, wherever one is taken."""
    for method, path, kind in (
        ("POST", "/api/v1/projects", "json"),
        ("POST", "/api/v1/users", "json"),
        ("POST", "/api/v1/keys", "json"),
        ("POST", "/api/v1/sessions", "json"),
        ("POST", "/api/v1/setup", "json"),
        ("PATCH", "/api/v1/logs?q=x", "merge-patch+json"),
        ("PATCH", "/api/v1/users/1", "merge-patch+json"),
        ("PATCH", "/api/v1/projects/shop/retention", "merge-patch+json"),
    ):
        headers = {**BEARER, "Content-Type": f"application/{kind}"}
        reply = await guarded(method, path, data=BODIES[name], headers=headers)
        if (path, name) == ("/api/v1/keys", "utf-7"):  # plain ASCII: the name of a key like any other
            check_answer(reply)
            continue
        check_refused(reply)
        assert len(reply.body) < 100_000
        if path.endswith(("sessions", "setup")) and len(BODIES[name]) > 1 << 16:
            assert (reply.status, reply.json["code"]) == (413, "too_large")


async def test_a_member_twice(guarded: Caller) -> None:
    """Of a member that is given twice the last one counts, everywhere: what is checked is what is used."""
    body = b'{"name": "good", "name": "../evil", "role": "read", "role": "admin"}'
    check_refused(
        await guarded(
            "POST", "/api/v1/projects", data=body, headers={**BEARER, "Content-Type": "application/json"}
        )
    )
    body = b'{"name": "x", "project": null, "role": "admin", "role": "read"}'
    made = await guarded(
        "POST", "/api/v1/keys", data=body, headers={**BEARER, "Content-Type": "application/json"}
    )
    check_answer(made)
    assert made.json["role"] == "read"


@pytest.mark.parametrize(
    "agent", [b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\xaf", b"x" * 5_000, b"a\tb", b"\xe2\x80\xaex"]
)
async def test_programs_with_odd_names(guarded: Caller, agent: bytes) -> None:
    """Whatever a program calls itself, its user is let in, and the name is text."""
    line = f"User-Agent: {agent.decode('utf-8', 'surrogateescape')}"
    body = b'{"name": "ada", "password": "correct horse battery"}'
    data = request(
        guarded, "POST", "/api/v1/sessions", line, "Content-Type: application/json", CLOSE, body=body
    )
    (reply,) = (await send(guarded, data)).replies
    check_answer(reply)
    assert reply.status == 201
    assert len(reply.json["agent"]) <= 200
