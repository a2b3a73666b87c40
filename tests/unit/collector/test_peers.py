"""Who asks: the connection tells; headers do where a proxy that is known sent them."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from pylogtap_collector.api.peers import Peer, parse_networks, peer_of

if TYPE_CHECKING:
    from collections.abc import Iterable

CLIENT, PROXY, SECOND = "203.0.113.7", "10.0.0.1", "10.0.0.2"
PROXIES = ("10.0.0.0/8", "::1")
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
NAMES = ("Forwarded", "Via", "X-Real-IP", *(f"X-Forwarded-{name}" for name in ("For", "Host", "Proto", "By")))

Lines = list[tuple[str, str]]


def peer(
    lines: Iterable[tuple[str, str]],
    direct: str | None = PROXY,
    proxies: tuple[str, ...] = PROXIES,
    *,
    tls: bool = False,
    target: str = "/",
) -> Peer:
    """
    Return who asks by a request.

    Args:
        lines: Its headers.
        direct: Address of the connection's other end; None: it has none.
        proxies: That are believed.
        tls: The connection is one of TLS.
        target: Of the request's first line.
    """
    context = TLS if tls else None
    wire = asyncio.Transport({"peername": direct and (direct, 4711), "sslcontext": context})
    headers = CIMultiDict([("Host", "logs.example"), *lines])
    request = make_mocked_request("GET", target, headers, transport=wire, sslcontext=context)
    return peer_of(request, parse_networks(proxies))


def for_(*texts: str) -> Lines:
    """Return lines of X-Forwarded-For."""
    return [("X-Forwarded-For", text) for text in texts]


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        ([], PROXY),
        (for_(CLIENT), CLIENT),
        (for_(f"  {CLIENT}  "), CLIENT),
        (for_(f"{CLIENT}:50000"), CLIENT),
        (for_("2001:db8::7"), "2001:db8::7"),
        (for_("2001:DB8:0::7"), "2001:db8::7"),
        (for_("[2001:db8::7]"), "2001:db8::7"),
        (for_("[2001:db8::7]:50000"), "2001:db8::7"),
        (for_(f"::ffff:{CLIENT}"), CLIENT),
        (for_(f"{CLIENT}, {SECOND}"), CLIENT),
        (for_(f"{CLIENT},{SECOND},::1"), CLIENT),
        (for_(CLIENT, SECOND), CLIENT),
        (for_(f"{CLIENT},, {SECOND},"), CLIENT),
        (for_(f"{SECOND}, 10.9.9.9"), SECOND),
    ],
)
def test_behind_proxies(lines: Lines, address: str) -> None:
    """Behind proxies that are known, the client is who stands before all of them."""
    assert peer(lines).address == address


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        (for_(f"127.0.0.1, {CLIENT}"), CLIENT),
        (for_(f"10.0.0.9, {CLIENT}"), CLIENT),
        (for_("127.0.0.1", CLIENT), CLIENT),
        (for_(f"nonsense, {CLIENT}, {SECOND}"), CLIENT),
        ([("X-Real-IP", "127.0.0.1"), ("Forwarded", "for=127.0.0.1")], PROXY),
    ],
)
def test_what_a_client_wrote_before_the_proxy(lines: Lines, address: str) -> None:
    """What stands left of the client was sent by the client, and tells nothing."""
    assert peer(lines).address == address


@pytest.mark.parametrize(
    "text",
    [
        *("", ",", "unknown", "_hidden", "nonsense", f"{CLIENT}, nonsense", "for=1.2.3.4", "1.2.3.4;5.6.7.8"),
        *("1.2.3", "01.2.3.4", "\u0661.2.3.4", "0x7f.1", "127.0.0.1/8", "[::1"),
        *("1.2.3.4:", "1.2.3.4:x", "1.2.3.4:123456"),
    ],
)
def test_lists_that_cannot_be_read(text: str) -> None:
    """Where the proxies' part of the list cannot be read, the connection's address is the one known."""
    assert peer(for_(text)).address == PROXY


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    ("values", "secure"),
    [
        (["https"], True),
        (["HTTPS "], True),
        (["http"], False),
        (["https, http"], False),
        (["http", "https"], True),
        ([], None),
        (["wss"], None),
        ([""], None),
        (["https;"], None),
    ],
)
def test_whether_the_client_speaks_tls(values: list[str], secure: bool | None, tls: bool) -> None:
    """The nearest proxy's word counts; where it says nothing that can be read, the connection does."""
    lines = [("X-Forwarded-Proto", value) for value in values]
    assert peer(lines, tls=tls).secure is (tls if secure is None else secure)


@pytest.mark.parametrize(
    ("values", "host"),
    [
        (["collector.example"], "collector.example"),
        (["collector.example:8443"], "collector.example:8443"),
        (["[2001:db8::7]:8443"], "[2001:db8::7]:8443"),
        (["evil.example, collector.example"], "collector.example"),
        (["evil.example", "collector.example"], "collector.example"),
        ([], "logs.example"),
        (["a b"], "logs.example"),
        (["a/b"], "logs.example"),
        (["me@a"], "logs.example"),
        (["a:port"], "logs.example"),
        (["x" * 300], "logs.example"),
    ],
)
def test_what_the_client_asked_for(values: list[str], host: str) -> None:
    """A proxy that changes the host tells which it was; what can be none is passed over."""
    assert peer([("X-Forwarded-Host", value) for value in values]).host == host


@pytest.mark.parametrize("direct", [CLIENT, "127.0.0.1", "2001:db8::1", "11.0.0.1"])
@pytest.mark.parametrize("tls", [False, True])
def test_others_are_not_believed(direct: str, tls: bool) -> None:
    """Whoever connects from elsewhere, the loopback included, may send what it likes."""
    lines = [
        *for_("127.0.0.1", SECOND),
        ("X-Forwarded-Proto", "http" if tls else "https"),
        ("X-Forwarded-Host", "localhost"),
    ]
    assert peer(lines, direct, tls=tls) == Peer(direct, tls, "logs.example", forwarded=True)


def test_a_proxy_that_connects_by_a_mapped_address() -> None:
    """An IPv4 proxy is the same one on a socket that takes both kinds of addresses."""
    assert peer(for_(CLIENT), f"::ffff:{PROXY}").address == CLIENT


def test_a_connection_without_an_address() -> None:
    """Where the other end has no address, nobody is taken for it."""
    assert peer(for_(CLIENT), None) == Peer("", secure=False, host="logs.example", forwarded=True)


def test_a_whole_address_as_target() -> None:
    """A request line that names scheme and host changes neither."""
    assert peer([], CLIENT, target="https://localhost/") == Peer(
        CLIENT, secure=False, host="logs.example", forwarded=False
    )


@pytest.mark.parametrize("name", [*NAMES, *map(str.lower, NAMES)])
def test_signs_of_a_proxy(name: str) -> None:
    """A header of a proxy is seen, also where it is not believed."""
    assert peer([(name, "x")], CLIENT).forwarded
    assert peer([(name, "x")]).forwarded


def test_other_headers_are_no_sign() -> None:
    """Most requests come without a proxy."""
    assert not peer([("X-Forward", "1"), ("Viable", "1"), ("Origin", "http://a")]).forwarded


def test_what_is_no_network() -> None:
    """Settings refuse it before, with more words."""
    with pytest.raises(ValueError, match=r"proxy\.example"):
        parse_networks(["proxy.example"])


VALUES = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126)),
    st.lists(st.sampled_from([CLIENT, PROXY, "127.0.0.1", "::1", "https", "http", "", "x"])).map(",".join),
    st.ip_addresses().map(str),
)


@given(
    lines=st.lists(st.tuples(st.sampled_from(NAMES), VALUES)),
    direct=st.ip_addresses(),
    tls=st.booleans(),
)
def test_without_proxies_headers_never_matter(lines: Lines, direct: object, tls: bool) -> None:
    """Nobody who connects can seem to be somebody else, whatever is sent."""
    plain, sent = (peer(each, str(direct), (), tls=tls) for each in ([], lines))
    assert sent == Peer(plain.address, tls, "logs.example", forwarded=bool(lines))


@given(lines=st.lists(st.tuples(st.sampled_from(NAMES), VALUES)))
def test_any_headers_can_be_read(lines: Lines) -> None:
    """Behind a proxy, too, an address is always one, and a host has nothing that does not belong there."""
    found = peer(lines)
    parse_networks([found.address])
    assert not set(found.host) & set(" ,/@\\")
