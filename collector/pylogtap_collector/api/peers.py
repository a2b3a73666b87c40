"""
Who asks, and how: the connection tells, and behind a reverse proxy that is known, its headers.

Anybody can send a header. So they count only where the connection comes from an address of the setting
`proxies`, and of a list only what such proxies added: its right end.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from aiohttp import web

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_log = logging.getLogger("pylogtap.collector")
_SIGNS = frozenset({"forwarded", "x-real-ip", "via"})
_PREFIX = "x-forwarded-"
_WITH_PORT = re.compile(r"\[([^\]]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")
_HOST = re.compile(r"(?:[A-Za-z0-9_.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Peer:
    """
    Who asks.

    Attributes:
        address: The client's address, as far as it can be believed; empty where there is none.
        secure: The client's connection is TLS.
        host: The host that the client asked for, with its port where it gave one.
        forwarded: The request has headers of a proxy, believed or not.
    """

    address: str
    secure: bool
    host: str
    forwarded: bool


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """
    Read addresses and networks.

    Args:
        texts: Like `127.0.0.1` or `10.0.0.0/8`.

    Raises:
        ValueError: One is neither.
    """
    return tuple(ipaddress.ip_network(text) for text in texts)


class Hearsay:
    """Notices, once, that requests come through a proxy that nobody has named."""

    def __init__(self, proxies: Collection[Network]) -> None:
        """
        Bind what is named.

        Args:
            proxies: From :func:`parse_networks`.
        """
        self._proxies = proxies
        self._told = False

    def look_at(self, request: web.Request, peer: Peer) -> None:
        """
        Look at who sends a request.

        Args:
            request: The request.
            peer: Who sends it, as far as he can be believed.
        """
        if self._told or not peer.forwarded:
            return
        direct = _address(request.remote or "")
        if direct is not None and not _within(direct, self._proxies):
            self._told = True
            _log.warning(
                "a request came through a proxy at %s that PYLOGTAP_COLLECTOR_PROXIES does not name: all who "
                "come through it count as one address, and as not using TLS",
                direct,
            )


def peer_of(request: web.Request, proxies: Collection[Network]) -> Peer:
    """
    Tell who asks.

    Args:
        request: What came.
        proxies: Whose headers are believed.
    """
    direct = _address(request.remote or "")
    transport = request.transport
    # not request.secure and request.host: a request line with a whole address changes what they say
    secure = transport is not None and transport.get_extra_info("sslcontext") is not None
    host = request.headers.get("Host", "")
    forwarded = any(name in _SIGNS or name.startswith(_PREFIX) for name in map(str.lower, request.headers))
    if direct is None or not _within(direct, proxies):
        return Peer("" if direct is None else str(direct), secure, host, forwarded)
    scheme = _last(request, "X-Forwarded-Proto").lower()
    asked = _last(request, "X-Forwarded-Host")
    return Peer(
        str(_client(_listed(request, "X-Forwarded-For"), proxies) or direct),
        scheme == "https" if scheme in {"http", "https"} else secure,
        asked if _HOST.fullmatch(asked) else host,
        forwarded,
    )


def host_name(host: str) -> str:
    """
    Return the name or address of a header Host, without its port; empty: it is no host.

    Args:
        host: As it was sent. What else could be read out of it does not count: `[::1]evil.example`.
    """
    if _HOST.fullmatch(host) is None:
        return ""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _client(texts: list[str], proxies: Collection[Network]) -> Address | None:
    """Return who stands before all of the proxies; None: what they say cannot be read."""
    address: Address | None = None
    for text in reversed(texts):
        address = _address(text)
        if address is None or not _within(address, proxies):
            break
    return address


def _listed(request: web.Request, name: str) -> list[str]:
    """Return the members of a list, whose lines are one list (RFC 9110, 5.3)."""
    parts = ",".join(request.headers.getall(name, [])).split(",")
    return [part.strip() for part in parts if part.strip()]


def _last(request: web.Request, name: str) -> str:
    """Return what the nearest proxy says."""
    values = _listed(request, name)
    return values[-1] if values else ""


def _address(text: str) -> Address | None:
    """Read an address, which may have a port."""
    if match := _WITH_PORT.fullmatch(text):
        text = match[1] or match[2]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _within(address: Address, networks: Collection[Network]) -> bool:
    return any(address in network for network in networks)
