"""Queries that are made to take for ever: answered or refused, while others are answered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.security.checking import check_answer, check_refused
from tests.security.corpus import BOMBS
from tests.support.api import Caller, calling
from tests.support.segments import numbered_segment
from tests.support.shop import line_segment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.api import Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")
MESSAGES = ("a" * 60_000 + "!", "a b " * 20_000, "(" * 60_000, "=" * 60_000, "x" * 60_000, "a.a." * 15_000)
FIELDS: dict[str, Any] = {"n": 1, "a": "a" * 5_000 + "!", "x": {"a": {"a": "a" * 5_000}}}
ASKED = ("", "/count", "/histogram", "/facets", "/patterns", "/export")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled() -> AsyncIterator[Caller]:
    """A collector with records of long messages, and many others."""
    async with calling(query_timeout_s=3.0) as caller:
        await caller.deliver(line_segment(*MESSAGES, **FIELDS))
        await caller.deliver(numbered_segment(3_000))
        yield caller


async def with_others(call: Caller, path: str, **params: str) -> Reply:
    """Send a request, and see that the collector answers others until its answer is there."""
    asked = asyncio.ensure_future(call("GET", path, params=params))
    others = 0
    while not asked.done() or not others:
        health = await call("GET", "/healthz")
        assert (health.status, health.json["status"]) == (200, "ok")
        others += 1
    reply = await asked
    if path.endswith("/export") and reply.status == 200:
        assert reply.headers["Content-Type"].startswith("application/x-ndjson")
    else:
        check_answer(reply)
    return reply


@pytest.mark.parametrize("name", BOMBS)
async def test_queries(filled: Caller, name: str) -> None:
    """Every bomb is answered or refused by a problem, wherever a query is taken; the collector lives."""
    for path in ASKED:
        reply = await with_others(filled, f"/api/v1/logs{path}", q=BOMBS[name])
        assert reply.status in {200, 400, 422, 503}, reply.body[:300]


@pytest.mark.parametrize(
    "name", ["nested-quantifiers", "alternation", "terms-or", "wildcards", "parentheses"]
)
async def test_queries_of_changes(filled: Caller, name: str) -> None:
    """A bomb that says which records to change changes none, and neither does one that follows them."""
    query = f'project:nowhere "nothing of this" ({BOMBS[name]})'[:4000]
    headers = {"Content-Type": "application/merge-patch+json"}
    patch = {"note": "bombed"}
    check_answer(await filled("PATCH", "/api/v1/logs", params={"q": query}, json=patch, headers=headers))
    check_answer(await filled("DELETE", "/api/v1/logs", params={"q": query}))
    assert (await filled("GET", "/api/v1/logs/count", params={"q": "has:note"})).json["total"] == 0


async def test_many_at_once(filled: Caller) -> None:
    """More bombs at once than there are readers leave health and delivery alone."""
    bombs = [
        filled("GET", "/api/v1/logs/facets", params={"q": BOMBS[name], "fields": "message,a,n,x.a.a,logger"})
        for name in ("terms-different", "wildcards", "terms-or", "prefixes", "nested-quantifiers") * 3
    ]
    asked = asyncio.gather(*bombs)
    delivered = await filled.deliver(numbered_segment(10))
    assert delivered.status == 200
    for reply in await asked:
        check_answer(reply)
    assert (await filled("GET", "/healthz")).status == 200


@pytest.mark.parametrize(
    ("path", "params", "refused"),
    [
        ("/histogram", {"since": "1970-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}, False),
        ("/histogram", {"since": "0", "until": "9999999999999999999", "step": "1"}, True),
        ("/histogram", {"buckets": "99999999999"}, True),
        ("/histogram", {"step": "0"}, True),
        ("/histogram", {"step": "-1"}, True),
        ("/histogram", {"since": "1h", "until": "2h"}, True),
        ("/histogram", {"since": "99999999999999999999999h"}, True),
        ("/histogram", {"since": "1e400"}, True),
        ("/histogram", {"since": "9" * 60}, True),
        ("", {"since": "now-" + "1h" * 20}, False),
        ("", {"limit": "1000000000000"}, True),
        ("", {"limit": "9" * 5_000}, True),
        ("", {"cursor": "A" * 400}, True),
        ("", {"cursor": "A" * 401}, True),
        ("/facets", {"fields": ",".join(f"f{number}" for number in range(21))}, True),
        ("/facets", {"fields": ",".join(["message"] * 20), "limit": "1000"}, False),
        ("/facets", {"fields": "a." * 99 + "a"}, False),
        ("/facets", {"fields": "a" * 201}, True),
        ("/facets", {"fields": "," * 3_000}, True),
        ("/patterns", {"limit": "1000"}, False),
        ("/65536", {"context": "500"}, False),
        ("/65536", {"context": "501"}, True),
        (f"/{2**63}", {}, True),
        (f"/{'9' * 4_000}", {}, True),
        ("", {f"p{number}": "x" for number in range(900)}, True),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
async def test_ranges_and_limits(filled: Caller, path: str, params: dict[str, str], refused: bool) -> None:
    """Ranges, limits and lists beyond what can be are refused; the widest that may be are answered."""
    reply = await with_others(filled, f"/api/v1/logs{path}", **params)
    if refused:
        check_refused(reply)
    else:
        assert reply.status in {200, 400, 422, 503}
