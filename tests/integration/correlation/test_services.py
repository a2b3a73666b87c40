"""Services stamp what they log for a request with the case that the request carries, and nothing else."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import requests
from aiohttp import web

from pylogtap import wire
from pylogtap.correlation import asgi, wsgi
from pylogtap.correlation.aiohttp import case_middleware
from tests.support.carried import CASE, OTHER, aiohttp_server, asgi_server, wsgi_server
from tests.support.spooled import kept

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import pylogtap

    Serve = Callable[..., Any]

BAGGAGE = {"baggage": f"user=ada, pylogtap.test={CASE};note=x"}


def serve_wsgi(log: logging.Logger, downstream: str, **options: Any) -> Any:
    """Serve by wsgiref; the body is made while it is sent."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        log.info("began")
        if downstream:
            requests.get(downstream, timeout=10).close()
        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            for number in range(2):
                log.info("piece")
                yield b"%d" % number
        finally:
            log.info("closed")

    return wsgi_server(wsgi.CaseMiddleware(app, **options))


def serve_asgi(log: logging.Logger, downstream: str, **options: Any) -> Any:
    """Serve by uvicorn."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        log.info("began")
        if downstream:
            async with aiohttp.ClientSession() as session, session.get(downstream):
                pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(2):
            log.info("piece")
            await send({"type": "http.response.body", "body": b"%d" % number, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        log.info("closed")

    return asgi_server(asgi.CaseMiddleware(app, **options))


def serve_aiohttp(log: logging.Logger, downstream: str, **options: Any) -> Any:
    """Serve by aiohttp; it writes the body when the handler and all middlewares have returned."""

    async def body() -> AsyncIterator[bytes]:
        for number in range(2):
            log.info("piece")
            yield b"%d" % number
        log.info("closed")

    async def handle(request: web.Request) -> web.Response:
        log.info("began")
        if downstream:
            async with aiohttp.ClientSession() as session, session.get(downstream):
                pass
        return web.Response(body=body())

    app = web.Application(middlewares=[case_middleware(**options)])
    app.router.add_get("/", handle)
    return aiohttp_server(app)


SERVERS: dict[str, Serve] = {"wsgi": serve_wsgi, "asgi": serve_asgi, "aiohttp": serve_aiohttp}
each_server = pytest.mark.parametrize("serve", SERVERS.values(), ids=SERVERS)


class Asking:
    """Asks a service, and tells the cases of what it has logged for that."""

    def __init__(self, handler: pylogtap.Handler) -> None:
        self._spool = handler.client.spool

    async def __call__(self, url: str, headers: Any) -> list[str | None]:
        """Ask once."""
        before = len(kept(self._spool))
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
            assert (answer.status, await answer.text()) == (200, "01")
        found = kept(self._spool)[before:]
        for _ in range(1000):  # what is logged behind the last byte
            if len(found) == 4:
                break
            await asyncio.sleep(0.01)
            found = kept(self._spool)[before:]
        assert [each.message for each in found] == ["began", "piece", "piece", "closed"]
        return [each.more.get(wire.MORE_TEST) for each in found]


@pytest.fixture
def ask(handler: pylogtap.Handler) -> Asking:
    """Return how to ask."""
    return Asking(handler)


async def served(stack: AsyncExitStack, context: Any) -> str:
    """Enter a server, of whichever kind, and return its address."""
    if hasattr(context, "__aenter__"):
        return str(await stack.enter_async_context(context))
    return str(stack.enter_context(context))


@each_server
async def test_a_request_and_its_answer(serve: Serve, log: logging.Logger, ask: Asking) -> None:
    """All that is logged for a request carries its case, to the last piece of a streamed answer."""
    async with AsyncExitStack() as stack:
        url = await served(stack, serve(log, ""))
        assert await ask(url, BAGGAGE) == [CASE] * 4
        assert await ask(url, {}) == [None] * 4
        assert await ask(url, {"baggage": f"pylogtap.test={OTHER.upper()}"}) == [OTHER] * 4
        several = [("baggage", "user=ada"), ("baggage", f"pylogtap.test={CASE}")]
        if serve is not serve_wsgi:  # wsgiref keeps the last one of several headers
            assert await ask(url, several) == [CASE] * 4


@each_server
@pytest.mark.parametrize(
    "baggage",
    [
        "user=ada", "pylogtap.test=", "pylogtap.test", "pylogtap.test=tests/test_pay.py::test", "=" * 8000,
        f"pylogtap.test={CASE}0", f"pylogtap.test={'0' * 32}", f"pylogtap.tests={CASE}",
        f"x=pylogtap.test={CASE}", "pylogtap.test=%00%ff" + "a" * 30, f"pylogtap.test=\xe9{CASE}",
    ],
    ids=range(11),
)  # fmt: skip
async def test_what_is_no_case(baggage: str, serve: Serve, log: logging.Logger, ask: Asking) -> None:
    """Baggage without a case, and what is no id, is passed over; the request is served as ever."""
    async with AsyncExitStack() as stack:
        url = await served(stack, serve(log, ""))
        assert await ask(url, {"baggage": baggage}) == [None] * 4


@each_server
async def test_strangers_are_not_believed(
    serve: Serve, log: logging.Logger, ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is switched off, by argument or setting, a request's word counts for nothing."""
    async with AsyncExitStack() as stack:
        assert await ask(await served(stack, serve(log, "", trust=False)), BAGGAGE) == [None] * 4
        monkeypatch.setenv("PYLOGTAP_TEST_HEADERS", "0")
        assert await ask(await served(stack, serve(log, "")), BAGGAGE) == [None] * 4
        assert await ask(await served(stack, serve(log, "", trust=True)), BAGGAGE) == [CASE] * 4
        monkeypatch.setenv("PYLOGTAP_TEST_HEADERS", "perhaps")
        assert await ask(await served(stack, serve(log, "")), BAGGAGE) == [None] * 4


@each_server
@pytest.mark.parametrize("forward", [True, False])
async def test_a_service_asks_another(
    serve: Serve, forward: bool, log: logging.Logger, handler: pylogtap.Handler
) -> None:
    """What a service asks others while it serves a request carries the case on, unless it is told not to."""
    carried: list[str | None] = []

    def downstream(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        carried.append(environ.get("HTTP_BAGGAGE"))
        start_response("204 No Content", [])
        return [b""]

    async with AsyncExitStack() as stack:
        behind = await served(stack, wsgi_server(downstream))
        url = await served(stack, serve(log, behind, forward=forward))
        for headers in ({}, BAGGAGE, {}):
            async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
                await answer.text()
    assert carried == [None, f"pylogtap.test={CASE}" if forward else None, None]


async def test_many_at_once(log: logging.Logger, handler: pylogtap.Handler) -> None:
    """Requests that are served at the same time keep their cases apart."""

    async def handle(request: web.Request) -> web.Response:
        await asyncio.sleep(0.001)
        log.info("served", extra={"own": request.query["case"]})
        return web.Response()

    app = web.Application(middlewares=[case_middleware()])
    app.router.add_get("/", handle)
    async with aiohttp_server(app) as url, aiohttp.ClientSession() as session:

        async def ask(case: str) -> None:
            headers = {"baggage": f"pylogtap.test={case}"} if case else {}
            async with session.get(url, params={"case": case}, headers=headers) as answer:
                assert answer.status == 200

        await asyncio.gather(*(ask(case) for case in (CASE, OTHER, "") * 10))
    found = kept(handler.client.spool)
    assert len(found) == 30
    assert [each.more.get(wire.MORE_TEST, "") for each in found] == [each.fields["own"] for each in found]


async def test_a_websocket(log: logging.Logger, handler: pylogtap.Handler) -> None:
    """What is logged for a websocket belongs to the case of the request that opened it."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            log.info("got %s", message.data)
        return socket

    app = web.Application(middlewares=[case_middleware()])
    app.router.add_get("/", handle)
    async with (
        aiohttp_server(app) as url,
        aiohttp.ClientSession() as session,
        session.ws_connect(url, headers=BAGGAGE) as socket,
    ):
        await socket.send_str("a")
        await socket.send_str("b")
    assert [each.more.get(wire.MORE_TEST) for each in kept(handler.client.spool)] == [CASE] * 2


@pytest.mark.parametrize("kind", ["asgi", "aiohttp"])
async def test_what_nobody_catches(kind: str, log: logging.Logger, handler: pylogtap.Handler) -> None:
    """An exception that the server catches and logs, behind everything of ours, is the request's as well."""

    async def fail(*_: Any) -> Any:
        raise ValueError("no such order")

    name = {"asgi": "uvicorn.error", "aiohttp": "aiohttp.server"}[kind]
    server_log = logging.getLogger(name)
    server_log.addHandler(handler)
    app = web.Application(middlewares=[case_middleware()])
    app.router.add_get("/", fail)
    try:
        async with AsyncExitStack() as stack:
            server = asgi_server(asgi.CaseMiddleware(fail)) if kind == "asgi" else aiohttp_server(app)
            url = await served(stack, server)
            for headers in (BAGGAGE, {}):
                async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
                    assert answer.status == 500
    finally:
        server_log.removeHandler(handler)
    found = [each for each in kept(handler.client.spool) if wire.MORE_EXCEPTION in each.more]
    assert [each.more.get(wire.MORE_TEST) for each in found] == [CASE, None]
    assert {each.logger for each in found} == {name}
