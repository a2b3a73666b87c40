"""Serve a collector until a signal says stop: listen, keep slow clients out, end gracefully."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from aiohttp import web

from pylogtap_collector.app import COLLECTOR, build

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from pylogtap_collector.settings import Settings

_KEEPALIVE_S = 75.0
_LINGERING_S = 2.0  # how long the rest of a refused body is taken, so that its sender reads the refusal
_HEADER_END = b"\r\n\r\n"
_HEADER_MAX = 32 << 10  # bytes without an end are no header of a client of ours

_log = logging.getLogger("pylogtap.collector")


class Doorkeeper(asyncio.Protocol):
    """
    Holds a new connection until its first header is complete, and hangs up on one that takes too long.

    aiohttp itself waits for ever for a client that sends nothing, or half a header.
    """

    def __init__(self, inside: Callable[[], asyncio.Protocol], timeout_s: float) -> None:
        """
        Wait for a connection.

        Args:
            inside: Makes the protocol that takes over.
            timeout_s: How long a header may take.
        """
        self._inside = inside
        self._timeout_s = timeout_s
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._timer = asyncio.get_running_loop().call_later(self._timeout_s, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Collect the header; once it is there, let the connection in with all that was received."""
        assert self._transport is not None
        self._received += data
        if _HEADER_END not in self._received:
            if len(self._received) > _HEADER_MAX:
                self._transport.abort()
            return
        self._stop_timer()
        protocol = self._inside()
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(bytes(self._received))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Forget a connection that never got in."""
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class GuardedSite(web.BaseSite):
    """A TCP site whose connections come through a doorkeeper."""

    def __init__(self, runner: web.AppRunner, settings: Settings) -> None:
        """
        Describe the site; `start` listens.

        Args:
            runner: Set up already.
            settings: Host, port and limits.
        """
        super().__init__(runner)
        self._settings = settings
        self.port = settings.port

    @property
    def name(self) -> str:
        """Its address."""
        host = self._settings.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    async def start(self) -> None:
        """
        Listen.

        Raises:
            OSError: The port is taken, or the host is not ours.
        """
        await super().start()
        inside: Any = self._runner.server
        assert inside is not None
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Doorkeeper(inside, self._settings.header_timeout_s),
            self._settings.host,
            self._settings.port,
            backlog=256,
        )
        self.port = self._server.sockets[0].getsockname()[1]


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    """
    Serve a collector while this lasts; then finish what has begun, and close the database.

    Args:
        settings: What the collector is told.

    Yields:
        Its address.

    Raises:
        DataUnusable: The data folder or the database cannot be used.
        OSError: It cannot listen there.
    """
    app = build(settings)
    runner = web.AppRunner(
        app,
        access_log=None,
        auto_decompress=False,  # aiohttp would inflate without bounds, on the event loop
        handle_signals=False,
        keepalive_timeout=_KEEPALIVE_S,
        lingering_time=_LINGERING_S,
        shutdown_timeout=settings.stop_timeout_s,
    )
    await runner.setup()
    try:
        site = GuardedSite(runner, settings)
        await site.start()
        app[COLLECTOR].adopt(site.port)
        yield site.name
    finally:
        await runner.cleanup()


def run(settings: Settings, *, started: Callable[[str], None] | None = None) -> None:
    """
    Serve until SIGINT or SIGTERM.

    Args:
        settings: What the collector is told.
        started: Called with the address once it answers.

    Raises:
        DataUnusable: The data folder or the database cannot be used.
        OSError: It cannot listen there.
    """
    asyncio.run(_run(settings, started))


async def _run(settings: Settings, started: Callable[[str], None] | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serving(settings) as url:
        _log.info("serving %s", url)
        if started is not None:
            started(url)
        with suppress(asyncio.CancelledError):
            await stop.wait()
        _log.info("stopping")
