"""Small real servers for tests of what requests carry: one that tells what it got, and services that log."""

from __future__ import annotations

import json
import threading
from contextlib import asynccontextmanager, contextmanager
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import uvicorn
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

CASE = "a1b2" * 8
OTHER = "c3d4" * 8


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the library
        pass


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


@contextmanager
def wsgi_server(app: Any) -> Iterator[str]:
    """Serve a WSGI application by wsgiref, a thread for each request; yields its address."""
    with make_server("127.0.0.1", 0, app, server_class=_Server, handler_class=_Silent) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def asgi_server(app: Any) -> Iterator[str]:
    """Serve an ASGI application by uvicorn, in a thread; yields its address."""
    settings = uvicorn.Config(app, port=0, log_config=None, ws="none", lifespan="off", access_log=False)
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@asynccontextmanager
async def aiohttp_server(app: web.Application) -> AsyncIterator[str]:
    """Serve an application of aiohttp, on this loop; yields its address."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield site.name.rstrip("/") if not site.name.endswith(":0") else _address(runner)
    finally:
        await runner.cleanup()


def _address(runner: web.AppRunner) -> str:
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


def telling(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer with the headers that came, as JSON; `/again` first leads to `/`."""
    if environ["PATH_INFO"] == "/again":
        start_response("302 Found", [("Location", "/"), ("Content-Length", "0")])
        return [b""]
    names = {"HTTP_TRACEPARENT": "traceparent", "HTTP_BAGGAGE": "baggage"}
    body = json.dumps({name: environ[key] for key, name in names.items() if key in environ}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
