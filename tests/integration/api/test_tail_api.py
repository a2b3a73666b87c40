"""The live tail over real HTTP: server-sent events that lose and repeat nothing."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap_collector.api import streams
from tests.support.segments import numbered_segment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiohttp

    from tests.support.api import Caller

TAIL = "/api/v1/logs/tail"


async def events(answer: aiohttp.ClientResponse) -> AsyncIterator[dict[str, str]]:
    """Yield the events of a stream; a comment is an event with only `comment`."""
    event: dict[str, str] = {}
    async for raw in answer.content:
        line = raw.decode().rstrip("\n")
        if line.startswith(":"):
            yield {"comment": line[1:].strip()}
        elif line:
            name, _, value = line.partition(": ")
            event[name] = value
        elif event:
            yield event
            event = {}


async def take(answer: aiohttp.ClientResponse, count: int) -> list[dict[str, Any]]:
    """Return the next records of a stream."""
    logs: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        async for event in events(answer):
            if "data" in event:
                log = json.loads(event["data"])
                assert event["id"] == str(log["id"])
                logs.append(log)
            if len(logs) == count:
                break
    return logs


async def test_records_come_as_they_arrive(call: Caller) -> None:
    """A reader gets what matches and arrives after he came, and nothing else."""
    await call.deliver(numbered_segment(5))
    async with call.session.get(call.url + TAIL, params={"q": "n:>=100"}) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        await answer.content.readline()
        await call.deliver(numbered_segment(20, first=90))
        logs = await take(answer, 10)
    assert [log["attributes"]["n"] for log in logs] == list(range(100, 110))


@pytest.mark.parametrize("by_header", [True, False])
async def test_going_on_behind_a_record(call: Caller, by_header: bool) -> None:
    """A reader that was cut off names the last record it has, and misses and repeats none."""
    await call.deliver(numbered_segment(10))
    logs = (await call("GET", "/api/v1/logs", params={"order": "asc"})).json["items"]
    last = str(logs[3]["id"])
    options: dict[str, Any] = (
        {"headers": {"Last-Event-ID": last}} if by_header else {"params": {"after": last}}
    )
    async with call.session.get(call.url + TAIL, **options) as answer:
        found = await take(answer, 6)
        await call.deliver(numbered_segment(3, first=50))
        found += await take(answer, 3)
    assert [log["attributes"]["n"] for log in found] == [*range(4, 10), 50, 51, 52]


async def test_a_silent_tail_shows_that_it_lives(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without records, comments come, so that neither proxies nor readers take it for dead."""
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.05)
    async with call.session.get(call.url + TAIL) as answer, asyncio.timeout(20):
        seen = [event async for event in first(events(answer), 3)]
    assert all("comment" in event for event in seen)


async def first(source: AsyncIterator[dict[str, str]], count: int) -> AsyncIterator[dict[str, str]]:
    """Yield the first events of a stream."""
    async for event in source:
        yield event
        count -= 1
        if not count:
            return


async def test_a_wrong_query_is_refused_before_the_stream(call: Caller) -> None:
    """A mistake in the query gives a problem, not a stream."""
    reply = await call("GET", TAIL, params={"q": "("})
    assert (reply.status, reply.json["code"]) == (400, "invalid_query")


async def test_readers_that_leave_are_forgotten(call: Caller) -> None:
    """When the connection is gone, the collector follows for nobody."""
    async with call.session.get(call.url + TAIL) as answer:
        await answer.content.readline()
        assert "pylogtap_collector_followers 1" in (await call("GET", "/metrics")).body.decode()
    async with asyncio.timeout(20):
        number = 0
        while "pylogtap_collector_followers 0" not in (await call("GET", "/metrics")).body.decode():
            number += 1
            await call.deliver(numbered_segment(1, first=number))  # writing finds out that nobody reads
            await asyncio.sleep(0.05)
