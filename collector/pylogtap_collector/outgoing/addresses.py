"""
Decides which addresses the collector may call: what is listed, and never its own machine by a trick.

A URL is typed by an administrator, but where its name points is said by a name server. So both are checked:
the text by `check_url`, with a narrow grammar that leaves nothing to be read in two ways, and every address
that the name has by `check_address`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Self

from pylogtap_collector.errors import UrlRefused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

VARIABLE = "PYLOGTAP_COLLECTOR_OUTGOING"
DEFAULT_ALLOWED = (
    "https://api.github.com",
    "https://api.openai.com",
    "http://127.0.0.1:11434",
    "http://localhost:11434",
)
PUBLIC_HOSTS = frozenset({"api.github.com", "api.openai.com"})  # never in anybody's own network

_PORTS = {"http": 80, "https": 443}
_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")  # RFC 3986, 2
_URL = re.compile(r"(https?)://([^/?#]*)(.*)", re.ASCII | re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::([1-9][0-9]{0,4}))?")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"  # names of containers have underscores
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")  # what some resolvers take for an IPv4 address

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network

_LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1"))
_PRIVATE_V6 = IPv6Network("fc00::/7")
_PRIVATE: tuple[_Network, ...] = (
    *map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")),
    _PRIVATE_V6,
)
_GLOBAL_V6 = IPv6Network("2000::/3")  # the only other one in use: anything else is reserved or local
# The lists are here and not taken from `ipaddress`, whose answers differ between Python's releases.
_REFUSED: tuple[_Network, ...] = (
    IPv4Network("0.0.0.0/8"),  # "this host": Linux connects it to the loopback
    IPv4Network("169.254.0.0/16"),  # link-local, with the metadata of most clouds
    IPv4Network("192.0.0.0/24"),  # protocols; metadata of Oracle's cloud
    IPv4Network("192.0.2.0/24"),  # documentation, as the two below
    IPv4Network("198.51.100.0/24"),
    IPv4Network("203.0.113.0/24"),
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv4Network("198.18.0.0/15"),  # benchmarks
    IPv4Network("224.0.0.0/3"),  # multicast, reserved, broadcast
    IPv4Network("100.100.100.200/32"),  # metadata of Alibaba's cloud
    IPv4Network("168.63.129.16/32"),  # metadata of Azure
    IPv6Network("fd00:ec2::/32"),  # metadata of Amazon's cloud
    IPv6Network("fd20:ce::254/128"),  # metadata of Google's cloud
    IPv6Network("2001::/23"),  # protocols
    IPv6Network("2001:db8::/32"),  # documentation
    IPv6Network("3fff::/20"),  # documentation
)
# IPv6 networks whose addresses carry an IPv4 address, and how many bits stand behind it.
_WRAPPERS = (
    (IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (IPv6Network("::/96"), 0),  # compatible
    (IPv6Network("::ffff:0:0:0/96"), 0),  # translated
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("2002::/16"), 80),  # 6to4
)
_TEREDO = IPv6Network("2001::/32")
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
_WORD = 0xFFFF_FFFF


@dataclass(frozen=True)
class Origin:
    """
    Where requests go: what two URLs share when the same server answers them.

    Attributes:
        scheme: `http` or `https`.
        host: A name or an address in its canonical form, an IPv6 address without brackets.
        port: The port, also where it is the default.
    """

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read an entry of the allow-list.

        Args:
            text: Scheme, host and perhaps a port, as in `https://ai.example:8443`.

        Raises:
            UrlRefused: It is anything else.
        """
        scheme, host, port, rest = _split(text)
        if rest not in {"", "/"}:
            raise UrlRefused(
                f"An entry of {VARIABLE} ends after host and port, as in https://ai.example:8443; "
                "leave the path away."
            )
        return cls(scheme, host, port)

    @property
    def literal(self) -> _Address | None:
        """The host as an address, if it is one."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    @property
    def is_loopback(self) -> bool:
        """Whether the host is, by its text alone, this machine."""
        return self.host == "localhost" or (self.literal is not None and _is_loopback(self.literal))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")


def parse_allowed(texts: Iterable[str]) -> frozenset[Origin]:
    """
    Read an allow-list.

    Args:
        texts: Its entries.

    Raises:
        UrlRefused: One of them is no origin.
    """
    return frozenset(map(Origin.parse, texts))


def check_url(url: str, allowed: Collection[Origin]) -> Origin:
    """
    Return the origin of a URL that may be called.

    Args:
        url: What somebody typed. It may hold secrets, so no error repeats more than the origin.
        allowed: The allow-list.

    Raises:
        UrlRefused: It is not on the list, or cannot be read in one way only.
    """
    scheme, host, port, rest = _split(url)
    if "#" in rest:
        raise UrlRefused("The address has a part behind '#', which no server gets; leave it away.")
    origin = Origin(scheme, host, port)
    if origin not in allowed:
        raise UrlRefused(
            f"{origin} is not among the addresses that this collector may call; "
            f"add it to {VARIABLE} and start the collector again."
        )
    if origin.literal is not None:
        check_address(host, origin)
    return origin


def check_address(ip: str, origin: Origin) -> None:
    """
    Refuse an address to which a listed name must not lead.

    Args:
        ip: What the name server, or the URL itself, says.
        origin: What is called.

    Raises:
        UrlRefused: The address is never called, or not for this origin.
    """
    try:
        address = ip_address(ip)
    except ValueError:
        raise UrlRefused(f"{origin} leads to something that is no IP address.") from None
    if not _may_lead_to(origin, address):
        raise UrlRefused(
            f"{origin} leads to {address}, which the collector does not call for it; correct the name's "
            f"entry in the name server, or list another address in {VARIABLE}."
        )


def _may_lead_to(origin: Origin, address: _Address) -> bool:
    if origin.literal not in {None, address}:
        return False
    if origin.is_loopback:
        return _is_loopback(address)
    return all(_is_acceptable(each, origin) for each in _meant_by(address))


def _is_acceptable(address: _Address, origin: Origin) -> bool:
    if _is_in(address, (*_LOOPBACK, *_REFUSED)):
        return False
    if isinstance(address, IPv6Address) and address not in _PRIVATE_V6 and address not in _GLOBAL_V6:
        return False
    return origin.host not in PUBLIC_HOSTS or not _is_in(address, _PRIVATE)


def _meant_by(address: _Address) -> list[_Address]:
    """Return where packets to an address may end: itself, or the IPv4 addresses inside it."""
    if isinstance(address, IPv4Address):
        return [address]
    number = int(address)
    if address in _TEREDO:  # the server, and the client with its bits inverted
        return [IPv4Address(number >> 64 & _WORD), IPv4Address(~number & _WORD)]
    for network, behind in _WRAPPERS:
        if address in network:
            return [IPv4Address(number >> behind & _WORD)]
    if number >> 32 & _WORD in _ISATAP:
        return [address, IPv4Address(number & _WORD)]
    return [address]


def _is_loopback(address: _Address) -> bool:
    return _is_in(address, _LOOPBACK)


def _is_in(address: _Address, networks: Iterable[_Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _split(url: str) -> tuple[str, str, int, str]:
    """Return scheme, host, port and the rest of a URL, or refuse it."""
    whole = _URL.fullmatch(url) if _CHARACTERS.fullmatch(url) else None
    authority = _AUTHORITY.fullmatch(whole[2].lower()) if whole else None
    host = _host(authority[1], authority[2]) if authority else None
    if whole is None or authority is None or host is None:
        raise UrlRefused(
            "This is no address that the collector can call; write it as https://host:port/path in plain "
            "ASCII, without a user name, and an IP address in its usual form."
        )
    scheme = whole[1].lower()
    port = int(authority[3] or _PORTS[scheme])
    if port > 65535:
        raise UrlRefused("The address has a port beyond 65535; correct it.")
    return scheme, host, port, whole[3]


def _host(inside_brackets: str | None, outside: str) -> str | None:
    try:
        if inside_brackets is not None:
            return str(IPv6Address(inside_brackets))
        if _NUMERIC.fullmatch(outside):
            return str(IPv4Address(outside))
    except ValueError:
        return None
    return outside if _NAME.fullmatch(outside) else None
