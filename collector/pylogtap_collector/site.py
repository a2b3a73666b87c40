"""Where the collector listens: slow clients are kept out; what is no HTTP is answered by a problem, too."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.streams import EMPTY_PAYLOAD

from pylogtap_collector.api.problems import problem_answer
from pylogtap_collector.crowd import Crowd

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylogtap_collector.settings import Settings
    from pylogtap_collector.tls import Certificate

# Bytes of a request's first line: the longest query, each of its characters written as %XX%XX%XX.
LINE_MAX = 48 << 10
_HEADER_END = b"\r\n\r\n"
_HEADER_MAX = 64 << 10  # bytes without an end are no header of a client of ours
_TOO_MANY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\n"
    b"X-Content-Type-Options: nosniff\r\nConnection: close\r\nContent-Length: 148\r\n\r\n"
    b'{"type":"about:blank","title":"Overloaded","status":503,"code":"overloaded",'
    b'"detail":"More connections are open than the collector serves at once."}'
)
_FAREWELL_S = 2.0  # how long a client may take to say that it read the end of a TLS connection


class Doorkeeper(asyncio.Protocol):
    """
    Holds a new connection until its first header is complete, and hangs up on one that takes too long.

    aiohttp itself waits for ever for a client that sends nothing, or half a header.
    """

    def __init__(self, inside: Callable[[], Connection], timeout_s: float, crowd: Crowd) -> None:
        """
        Wait for a connection, which is there; TLS has to be agreed upon first.

        Args:
            inside: Makes the protocol that takes over.
            timeout_s: How long all may take until the header is there.
            crowd: Knows how many there are.
        """
        self._inside = inside
        self._crowd = crowd
        self._deadline = asyncio.get_running_loop().time() + timeout_s
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if not self._crowd.admit(self, str((transport.get_extra_info("peername") or ("?",))[0])):
            transport.write(_TOO_MANY)
            transport.close()
            return
        self._timer = asyncio.get_running_loop().call_at(self._deadline, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Collect the header; once it is there, let the connection in with all that was received."""
        assert self._transport is not None
        if self._timer is None:  # it has been refused
            return
        self._received += data
        self._crowd.hold(self, len(self._received))
        if self._transport.is_closing():  # too much waits: it was the one to go
            return
        if _HEADER_END not in self._received:
            if len(self._received) > _HEADER_MAX:
                self._transport.abort()
            return
        self._stop_timer()
        protocol = self._inside()
        self._crowd.enter(self, protocol)
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(bytes(self._received))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Forget a connection that never got in."""
        self._stop_timer()
        self._crowd.leave(self)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is done for it: it has not asked for anything yet."""
        return True

    def give_up(self) -> None:
        """Close it, to make room for others."""
        self._stop_timer()
        if self._transport is not None:
            self._transport.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class Connection(web.RequestHandler):
    """
    aiohttp's side of a connection.

    It answers a request that it cannot read by a problem document, and hangs up on one whose header begins
    and does not end.
    """

    __slots__ = ("_crowd", "_header_timeout_s", "_header_timer")

    def __init__(self, server: Any, crowd: Crowd, header_timeout_s: float) -> None:
        """
        Take over from a doorkeeper.

        Args:
            server: aiohttp's.
            crowd: Knows how many there are.
            header_timeout_s: How long a header may take.
        """
        super().__init__(server, loop=asyncio.get_running_loop(), **server._kwargs)  # noqa: SLF001 - as it does
        self._crowd = crowd
        self._header_timeout_s = header_timeout_s
        self._header_timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Take bytes; those that are the beginning of a header have to go on soon."""
        super().data_received(data)
        alone = all(payload is EMPTY_PAYLOAD for _, payload in self._messages)  # no body follows a header
        begun = alone and (self.is_idle or bool(self._messages)) and not data.endswith(_HEADER_END)
        if not begun:
            self._stop_timer()
        elif self._header_timer is None:
            self._header_timer = self._loop.call_later(self._header_timeout_s, self._check_header)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget it."""
        self._stop_timer()
        self._crowd.leave(self)
        super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is done for it: it waits for a request."""
        return self._current_request is None

    def give_up(self) -> None:
        """Close it, to make room for others."""
        self._stop_timer()
        self.force_close()
        if self.transport is not None:
            self.transport.abort()

    def _check_header(self) -> None:
        self._header_timer = None
        if self.is_idle and not self._messages:
            self.give_up()
        else:  # the requests before it are being answered
            self._header_timer = self._loop.call_later(self._header_timeout_s, self._check_header)

    def _stop_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what aiohttp itself refuses; what a handler raises is answered by the middleware."""
        del exc
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        detail = " ".join((message or "This is no HTTP request that can be read.").split())
        answer = problem_answer(status, "bad_http" if status < 500 else "internal", detail[:300])
        answer.force_close()
        return answer


class GuardedSite(web.BaseSite):
    """A TCP site whose connections come through a doorkeeper, within TLS where there is a certificate."""

    def __init__(
        self, runner: web.AppRunner, settings: Settings, certificate: Certificate | None = None
    ) -> None:
        """
        Describe the site; `start` listens.

        Args:
            runner: Set up already.
            settings: Host, port and limits.
            certificate: What it proves itself with; None: it speaks plain HTTP.
        """
        super().__init__(runner)
        self._settings = settings
        self._certificate = certificate
        self.port = settings.port

    @property
    def name(self) -> str:
        """Its address."""
        host, scheme = self._settings.host, "https" if self._certificate else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"

    async def start(self) -> None:
        """
        Listen.

        Raises:
            OSError: The port is taken, or the host is not ours.
        """
        await super().start()
        server: Any = self._runner.server
        assert server is not None

        settings = self._settings
        timeout_s = settings.header_timeout_s
        crowd = Crowd(settings.connections, settings.connections_per_address)

        def inside() -> Connection:
            return Connection(server, crowd, timeout_s)

        secure: dict[str, Any] = {}
        if self._certificate is not None:
            secure = {
                "ssl": self._certificate.context,
                "ssl_handshake_timeout": timeout_s,
                "ssl_shutdown_timeout": _FAREWELL_S,
            }
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Doorkeeper(inside, timeout_s, crowd),
            self._settings.host,
            self._settings.port,
            backlog=256,
            **secure,
        )
        self.port = self._server.sockets[0].getsockname()[1]
