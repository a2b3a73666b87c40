"""Requests of HTTP clients carry the case that is active where they are made, and else stay as they are."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
import pytest
import requests
import urllib3
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from pylogtap import correlation
from pylogtap.context import propagate, set_process_case, within_case
from pylogtap.correlation.aiohttp import trace_config
from pylogtap.correlation.httpx import instrument_client
from pylogtap.correlation.requests import instrument_session
from pylogtap.correlation.urllib3 import instrument_pool
from pylogtap.errors import SettingsError
from tests.support.carried import CASE, OTHER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Ask = Callable[[str, dict[str, str]], Awaitable[dict[str, str]]]

TRACE = re.compile(rf"00-{CASE}-[0-9a-f]{{16}}-01")


async def ask_aiohttp(url: str, headers: dict[str, str]) -> Any:
    """By a session of aiohttp, its default headers among those given."""
    async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as answer:
        return await answer.json()


async def ask_httpx(url: str, headers: dict[str, str]) -> Any:
    """By the shortcut of httpx."""
    return (await asyncio.to_thread(httpx.get, url, headers=headers, follow_redirects=True)).json()


async def ask_httpx_async(url: str, headers: dict[str, str]) -> Any:
    """By an asynchronous client of httpx."""
    async with httpx.AsyncClient(headers=headers, follow_redirects=True) as client:
        return (await client.get(url)).json()


async def ask_requests(url: str, headers: dict[str, str]) -> Any:
    """By the shortcut of requests."""
    return (await asyncio.to_thread(requests.get, url, headers=headers, timeout=10)).json()


async def ask_urllib3(url: str, headers: dict[str, str]) -> Any:
    """By a manager of pools."""
    with urllib3.PoolManager() as pools:
        return pools.request("GET", url, headers=headers).json()


async def ask_pool(url: str, headers: dict[str, str]) -> Any:
    """By a single pool, with usual headers and everything by place."""
    address = urllib3.util.parse_url(url)
    assert address.host is not None
    with urllib3.HTTPConnectionPool(address.host, address.port, headers=headers) as pool:
        answer = pool.urlopen("GET", address.path or "/", None, None)
        while location := answer.get_redirect_location():
            answer = pool.urlopen("GET", location, None, headers)
        return answer.json()


ASK: dict[str, tuple[str, Ask]] = {
    "aiohttp": ("aiohttp", ask_aiohttp),
    "httpx": ("httpx", ask_httpx),
    "httpx async": ("httpx", ask_httpx_async),
    "requests": ("requests", ask_requests),
    "urllib3": ("urllib3", ask_urllib3),
    "urllib3 pool": ("urllib3", ask_pool),
}
each_client = pytest.mark.parametrize(("library", "ask"), ASK.values(), ids=ASK)


@each_client
async def test_headers(library: str, ask: Ask, telling_url: str) -> None:
    """Within a case, a request carries its id as the trace's and as baggage; elsewhere it carries nothing."""
    correlation.instrument(library)
    correlation.instrument(library)
    with within_case(CASE):
        told = await ask(telling_url, {})
        other = await ask(telling_url, {})
    assert set(told) == {"traceparent", "baggage"}
    assert TRACE.fullmatch(told["traceparent"])
    assert told["baggage"] == f"pylogtap.test={CASE}"
    assert other["traceparent"] != told["traceparent"]
    assert await ask(telling_url, {}) == {}
    set_process_case(OTHER)
    assert (await ask(telling_url, {}))["baggage"] == f"pylogtap.test={OTHER}"


@each_client
async def test_what_a_request_has_stays(library: str, ask: Ask, telling_url: str) -> None:
    """A trace that the caller has begun, and baggage of others, stay; nothing is there twice."""
    correlation.instrument(library)
    own = {"Traceparent": f"00-{OTHER}-00f067aa0ba902b7-00", "Baggage": "user=ada;p=1"}
    with within_case(CASE):
        told = await ask(telling_url, own)
    assert told == {
        "traceparent": own["Traceparent"], "baggage": f"user=ada;p=1,pylogtap.test={CASE}",
    }  # fmt: skip
    assert own["Baggage"] == "user=ada;p=1"


@each_client
async def test_redirects(library: str, ask: Ask, telling_url: str) -> None:
    """A request that is sent on says the same, once."""
    correlation.instrument(library)
    with within_case(CASE):
        told = await ask(f"{telling_url}/again", {})
    assert told["baggage"] == f"pylogtap.test={CASE}"


@each_client
async def test_as_it_was(library: str, ask: Ask, telling_url: str) -> None:
    """Without the hook, and after it was taken away, no request carries anything."""
    with within_case(CASE):
        assert await ask(telling_url, {}) == {}
        correlation.instrument(library)
        assert await ask(telling_url, {}) != {}
        correlation.uninstrument()
        assert await ask(telling_url, {}) == {}


@each_client
async def test_open_telemetry_goes_first(library: str, ask: Ask, telling_url: str) -> None:
    """While a span is active, its instrumentation writes the trace; we say the case alone."""
    correlation.instrument(library)
    tracer = TracerProvider().get_tracer("tests")
    with within_case(CASE), trace.use_span(tracer.start_span("request"), end_on_exit=True):
        assert await ask(telling_url, {}) == {"baggage": f"pylogtap.test={CASE}"}


async def test_each_client_alone(telling_url: str) -> None:
    """A single client can have the hook, and no other of its library gets it."""
    with (
        within_case(CASE),
        requests.Session() as session,
        httpx.Client() as client,
        urllib3.PoolManager() as pools,
    ):
        told = [
            instrument_session(session).get(telling_url, timeout=10).json(),
            instrument_client(client).get(telling_url).json(),
            instrument_pool(pools).request("GET", telling_url).json(),
            instrument_pool(pools.connection_from_url(telling_url)).request("GET", "/").json(),
        ]
        async with (
            instrument_client(httpx.AsyncClient()) as later,
            aiohttp.ClientSession(trace_configs=[trace_config()]) as own,
            own.get(telling_url) as answer,
        ):
            told += [await answer.json(), (await later.get(telling_url)).json()]
        assert [each["baggage"] for each in told] == [f"pylogtap.test={CASE}"] * 6
        for _, ask in ASK.values():
            assert await ask(telling_url, {}) == {}


@pytest.mark.filterwarnings("error")
async def test_all_at_once(telling_url: str) -> None:
    """All that is installed is instrumented by one call; a library on top of another says it once."""
    correlation.instrument_installed()
    correlation.instrument_installed()
    with within_case(CASE):
        told = [await ask(telling_url, {"baggage": "a=1"}) for _, ask in ASK.values()]
    assert [each["baggage"] for each in told] == [f"a=1,pylogtap.test={CASE}"] * len(ASK)


async def test_tasks_and_threads(telling_url: str) -> None:
    """Requests made at the same time each carry their own case, those of threads too."""
    propagate()
    correlation.instrument("httpx", "requests")

    async def ask(case: str | None) -> bool:
        with within_case(case):
            told = await ask_httpx_async(telling_url, {})
            by_thread = await asyncio.to_thread(requests.get, telling_url, timeout=10)
        wanted = f"pylogtap.test={case}" if case else None
        return bool(told.get("baggage") == by_thread.json().get("baggage") == wanted)

    assert all(await asyncio.gather(*(ask(case) for case in (CASE, OTHER, None) * 4)))
    with ThreadPoolExecutor(2) as pool, within_case(CASE):
        jobs = [pool.submit(requests.get, telling_url, timeout=10) for _ in range(4)]
    assert {job.result().json()["baggage"] for job in jobs} == {f"pylogtap.test={CASE}"}


@pytest.mark.parametrize(("library", "says"), [("gopher", "there are: aiohttp, httpx, requests, urllib3")])
def test_unknown_library(library: str, says: str) -> None:
    """A library that we do not know is refused, with those that we know; nothing is instrumented then."""
    with pytest.raises(SettingsError, match=says):
        correlation.instrument("requests", library)
    with within_case(CASE):
        assert requests.Session.send.__module__ == "requests.sessions"
        assert not hasattr(requests.Session.send, "__wrapped__")


async def test_somebody_else_wraps_too(telling_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook that others have put around ours stays when ours is taken away, and works on."""
    correlation.instrument("requests")
    ours, calls = requests.Session.send, []

    def theirs(self: Any, request: Any, **kwargs: Any) -> Any:
        calls.append(request.url)
        return ours(self, request, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(requests.Session, "send", theirs)
        correlation.uninstrument()
        await ask_requests(telling_url, {})
        assert len(calls) == 1
        assert requests.Session.send is theirs
