"""What the three services have in common: a port, an end, and the request they work for."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

from aiohttp import web

import pylogtap

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

REQUEST = "X-Request-Id"


@web.middleware
async def carry_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put the id of the customer's request on every record that is logged while a service works for it."""
    with pylogtap.bound_fields(request=request.headers.get(REQUEST, "none")):
        return await handler(request)


async def serve(app: web.Application) -> None:
    """
    Serve until a signal, or until the program that started this one is gone.

    Prints the port, so that the other services can be told.

    Args:
        app: The service.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    gone = asyncio.create_task(_parent_gone(stop))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await stop.wait()
    gone.cancel()
    await runner.cleanup()


async def _parent_gone(stop: asyncio.Event) -> None:
    """Standard input is a pipe that nobody writes to; it ends with whoever holds the other end."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    await reader.read()
    stop.set()
