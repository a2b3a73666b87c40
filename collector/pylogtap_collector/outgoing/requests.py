"""
Makes the collector's own requests: to a listed origin, at an address that was checked, and within bounds.

Between the check of a name and its use, a name server may change its mind. So a name is resolved once, and
the connection is made to that very address. Redirects are not followed; proxies and cookies are not used.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from pylogtap_collector.errors import Invalid, Unreachable, UrlRefused
from pylogtap_collector.outgoing.addresses import Origin, check_address, check_url

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from aiohttp.client import ClientTimeout
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

    Resolve = Callable[[str, int], Awaitable[list[str]]]

_BOUNDED_OUTSIDE = aiohttp.ClientTimeout(total=None, sock_connect=None)
_HEADERS = {
    "User-Agent": "pylogtap-collector",
    "Accept-Encoding": "identity",  # what is compressed may inflate beyond any bound
}


@dataclass(frozen=True)
class Fetched:
    """
    What a server answered.

    Attributes:
        status: The HTTP status; a redirect is given as it is.
        headers: Its headers; their names in any case.
        body: The whole body.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)  # both may hold secrets, which belong in no log
    body: bytes = field(repr=False)


class Outgoing:
    """Calls other servers, if they are listed."""

    def __init__(
        self,
        allowed: Collection[Origin],
        *,
        timeout_s: float = 10.0,
        answer_max_bytes: int = 1 << 20,
        resolve: Resolve | None = None,
    ) -> None:
        """
        Set the bounds.

        Args:
            allowed: The allow-list.
            timeout_s: Seconds that a whole request may take, from resolving to the last byte.
            answer_max_bytes: Bytes that the body of an answer may have.
            resolve: Gives the addresses of a host and port; default: the system.
        """
        self._allowed = frozenset(allowed)
        self._timeout_s = timeout_s
        self._answer_max_bytes = answer_max_bytes
        self._resolve = resolve or _ask_system

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: bytes | None = None,
    ) -> Fetched:
        """
        Make a request. What is in its headers and body appears in no error.

        Args:
            method: The HTTP method.
            url: What is called.
            headers: Headers beyond the usual ones.
            json: What the body says; none: no body.
            data: Instead of that, the body itself.

        Raises:
            Invalid: A header cannot be sent.
            UrlRefused: The URL, or an address that its name has, may not be called.
            Unreachable: No answer came, or not within the bounds.
        """
        origin = check_url(url, self._allowed)
        given = dict(headers or {})
        _check_headers(given)
        try:
            async with asyncio.timeout(self._timeout_s):
                address = await self._pin(origin)
                async with (
                    aiohttp.ClientSession(
                        connector=PinnedConnector(origin, address),
                        cookie_jar=aiohttp.DummyCookieJar(),
                        trust_env=False,
                        auto_decompress=False,
                        headers=_HEADERS,
                        timeout=_BOUNDED_OUTSIDE,
                    ) as session,
                    session.request(
                        method, url, headers=given, json=json, data=data, allow_redirects=False
                    ) as answer,
                ):
                    return Fetched(answer.status, answer.headers, await self._read(origin, answer))
        except TimeoutError:
            problem = f"did not answer within {self._timeout_s:g} s; look whether it is overloaded"
        except (aiohttp.ClientError, OSError) as error:
            problem = _describe(error)
        # Raised out here so that it does not lead back to an error of aiohttp, which knows the headers.
        raise Unreachable(f"{origin} {problem}.")

    async def _pin(self, origin: Origin) -> str:
        """Return the one address that is called."""
        if origin.literal is not None:
            addresses = [origin.host]
        else:
            addresses = await self._resolve(origin.host, origin.port)
        if not addresses:
            raise Unreachable(f"{origin} has no address; look whether its name is spelt rightly.")
        for address in addresses:
            check_address(address, origin)
        # `localhost` is often ::1 first, where few servers listen.
        return min(addresses, key=lambda address: address == "::1")

    async def _read(self, origin: Origin, answer: aiohttp.ClientResponse) -> bytes:
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Unreachable(f"{origin} answered in a compressed form that it was not asked for.")
        body = bytearray()
        async for piece in answer.content.iter_any():
            body += piece
            if len(body) > self._answer_max_bytes:
                raise Unreachable(
                    f"{origin} answered with more than {self._answer_max_bytes} bytes; ask it for less."
                )
        return bytes(body)


class PinnedConnector(aiohttp.TCPConnector):
    """Connects to one origin at one address, whatever is asked of it."""

    def __init__(self, origin: Origin, address: str) -> None:
        """
        Pin it.

        Args:
            origin: The only one that is called.
            address: Its IP address, which was checked.
        """
        super().__init__(resolver=_Pin(address), use_dns_cache=False, force_close=True, limit=1)
        self._origin = origin
        self._address = address

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - aiohttp's signature
    ) -> Connection:
        """
        Return a connection, on which nothing is sent yet.

        Args:
            req: What will be sent.
            traces: Who is told.
            timeout: How long it may take.

        Raises:
            UrlRefused: The request is to another origin, or the connection to another address.
        """
        if Origin.parse(str(req.url.origin())) != self._origin:  # aiohttp reads the URL otherwise than we do
            raise UrlRefused(f"The address can be read in other ways than {self._origin}; write it plainly.")
        connection = await super().connect(req, traces, timeout)
        peer = connection.transport and connection.transport.get_extra_info("peername")
        if not peer or ip_address(peer[0]) != ip_address(self._address):
            connection.close()
            raise UrlRefused(f"{self._origin} was reached at another address than {self._address}.")
        return connection


class _Pin(AbstractResolver):
    """Resolves every name to one address."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        family = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        flags = socket.AI_NUMERICHOST
        return [
            ResolveResult(hostname=host, host=self._address, port=port, family=family, proto=0, flags=flags)
        ]

    async def close(self) -> None:
        """There is nothing to close."""


async def _ask_system(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not (name + value).isprintable():
            raise Invalid(
                f"The value for the header {name!r} has a line break or another character that cannot be "
                "sent; enter it again without."
            )


def _describe(error: Exception) -> str:
    """Say what went wrong in words of our own: those of an error may repeat what was sent."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "has a certificate that is not trusted here; have it signed by an authority that is"
    if isinstance(error, aiohttp.ClientSSLError):
        return "does not speak TLS as it should; look whether it is https at all"
    if isinstance(cause, socket.gaierror):
        return "has no address; look whether its name is spelt rightly"
    if isinstance(cause, ConnectionRefusedError):
        return "takes no connections; look whether it runs"
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError | ConnectionResetError):
        return "ended the connection before its answer was complete; look into its log"
    if isinstance(error, aiohttp.ClientResponseError):
        return "answered with something that is not HTTP; look whether the port is right"
    return "cannot be reached; look whether it runs, and whether the network lets the collector there"
