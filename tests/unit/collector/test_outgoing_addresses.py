"""What the collector may call, by the text of a URL and by the addresses of its name."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylogtap_collector.errors import UrlRefused
from pylogtap_collector.outgoing.addresses import (
    DEFAULT_ALLOWED,
    Origin,
    check_address,
    check_url,
    parse_allowed,
)

ALLOWED = parse_allowed(
    (
        *DEFAULT_ALLOWED,
        "http://[::1]:11434",
        "https://ai.example:8443",
        "http://model_1:8000",
        "https://xn--bcher-kva.example",
        "http://192.168.1.20:11434",
        "http://169.254.169.254",  # listing it does not help
        "http://[::ffff:127.0.0.1]:11434",
        "http://[fe80::1]:11434",
    )
)
INNER = Origin.parse("http://model.internal:11434")
PUBLIC = Origin.parse("https://api.github.com")
LOOPBACK = Origin.parse("http://localhost:11434")
SECRET = "swordfish"

REFUSED_TEXTS = [
    # other writings of loopback and metadata addresses
    "http://2130706433:11434/",
    "http://0x7f000001:11434/",
    "http://0x7f.0.0.1:11434/",
    "http://0X7F.0x0.0x0.0x1:11434/",
    "http://017700000001:11434/",
    "http://0177.0.0.1:11434/",
    "http://0177.0000.0000.0001:11434/",
    "http://127.1:11434/",
    "http://127.0.1:11434/",
    "http://127.0.0.01:11434/",
    "http://127.0.0.1.:11434/",
    "http://127.0.0.256:11434/",
    "http://0:11434/",
    "http://0.0.0.0:11434/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0xa9.0xfe.0xa9.0xfe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://100.100.100.200/",
    "http://127.0.0.2:11434/",
    "http://127。0。0。1:11434/",
    "http://①②⑦.⓪.⓪.①:11434/",
    # IPv6
    "http://[::]:11434/",
    "http://[::ffff:127.0.0.1]:11434/",
    "http://[::ffff:7f00:1]:11434/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:11434/",
    "http://[::127.0.0.1]:11434/",
    "http://[64:ff9b::127.0.0.1]:11434/",
    "http://[2002:7f00:1::]:11434/",
    "http://[fe80::1]:11434/",
    "http://[fe80::1%25eth0]:11434/",
    "http://[fe80::1%eth0]:11434/",
    "http://[::1%25lo]:11434/",
    "http://[::1]",
    "http://[::1:11434/",
    "http://::1:11434/",
    "http://[127.0.0.1]:11434/",
    "http://[v1.x]:11434/",
    "http://[]:11434/",
    # who is called, and who only seems to be
    "http://localhost:11434@evil.example/",
    "https://api.github.com@evil.example/",
    "https://api.github.com:443@evil.example/",
    "https://user:swordfish@api.github.com/",
    "https://@api.github.com/",
    "https://evil.example@api.github.com/",
    "https://evil.example#@api.github.com/",
    "https://evil.example?@api.github.com/",
    "https://evil.example/@api.github.com/",
    "https://evil.example\\@api.github.com/",
    "https://api.github.com\\@evil.example/",
    "https://api.github.com\\.evil.example/",
    "https:\\\\api.github.com/",
    "https://api.github.com%2f@evil.example/",
    "https://api.github.com%00.evil.example/",
    "https://api.github.com&@evil.example#@api.github.com/",
    "https://api.github.com/#swordfish",
    "https://api.github.com.evil.example/",
    "https://evilapi.github.com/",
    "https://github.com/",
    "https://api.github.com./",
    "https://api..github.com/",
    "https://.api.github.com/",
    "https://-api.github.com/",
    "https://*.github.com/",
    "https://api%2egithub.com/",
    "https://api.github.com,evil.example/",
    "https://api.github.com;evil.example/",
    f"https://{'a' * 64}.example/",
    # characters that one reads and another leaves out
    " https://api.github.com/",
    "https://api.github.com/ ",
    "https://api.github.com/\n",
    "https://api.github.com/a b",
    "ht\ntps://api.github.com/",
    "https://api.gith\tub.com/",
    "https://api.github.com\r\nHost: evil.example/",
    "https://api.github.com/\r\nX-Injected: 1",
    "https://api.github.com/\x00",
    "https://api.github.com/\x7f",
    "\ufeffhttps://api.github.com/",
    "https://api.github.com\u00ad/",
    "https://api.github.com\u200b/",
    "https://api.github.com/ü",
    # names that look like others
    "https://аpi.github.com/",  # noqa: RUF001 - a Cyrillic letter is the point
    "https://api.gıthub.com/",  # noqa: RUF001 - as is a dotless one
    "https://api.github。com/",
    "https://ａｐｉ.github.com/",  # noqa: RUF001 - and wide ones
    "httpſ://api.github.com/",  # noqa: RUF001 - and a long one, which some take for an s
    "https://api.github.ßcom/",
    "https://bücher.example/",
    "https://xn--pi-7kc.github.com/",
    # ports
    "https://api.github.com:80/",
    "https://api.github.com:0443/",
    "https://api.github.com:/",
    "https://api.github.com:0/",
    "https://api.github.com:65979/",
    "https://api.github.com:-443/",
    "https://api.github.com:+443/",
    "https://api.github.com:443:443/",
    "https://api.github.com:4४3/",
    "http://127.0.0.1:22/",
    "http://127.0.0.1/",
    # schemes
    "http://api.github.com/",
    "https://127.0.0.1:11434/",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "gopher://127.0.0.1:11434/_x",
    "ftp://api.github.com/",
    "unix:///run/docker.sock",
    "http+unix://%2Frun%2Fdocker.sock/info",
    "data:text/plain,x",
    "javascript:alert(1)",
    "jar:https://api.github.com!/",
    "ws://127.0.0.1:11434/",
    "dict://127.0.0.1:11434/",
    "//api.github.com/",
    "https:api.github.com/",
    "https:/api.github.com/",
    "https:///api.github.com/",
    "https://",
    "https:///",
    "api.github.com",
    "localhost:11434",
    "",
]


@pytest.mark.parametrize("url", REFUSED_TEXTS)
def test_what_is_not_listed_is_refused(url: str) -> None:
    """No writing of another address passes for a listed one; the refusal repeats no secret, and helps."""
    with pytest.raises(UrlRefused) as caught:
        check_url(url, ALLOWED)
    assert SECRET not in caught.value.detail
    assert any(
        word in caught.value.detail
        for word in ("write it", "PYLOGTAP_COLLECTOR_OUTGOING", "correct", "leave")
    )


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.github.com", "https://api.github.com"),
        ("https://api.github.com/repos/a/b?per_page=1&q=a%20b", "https://api.github.com"),
        ("HTTPS://API.GitHub.COM:443/", "https://api.github.com"),
        ("https://api.openai.com/v1/chat/completions", "https://api.openai.com"),
        ("https://api.openai.com?x=https://evil.example/", "https://api.openai.com"),
        ("http://127.0.0.1:11434/api/tags", "http://127.0.0.1:11434"),
        ("http://LocalHost:11434/", "http://localhost:11434"),
        ("http://[::1]:11434/", "http://[::1]:11434"),
        ("http://[0:0:0:0:0:0:0:1]:11434/", "http://[::1]:11434"),
        ("https://ai.example:8443/a/@b/../c;d", "https://ai.example:8443"),
        ("http://model_1:8000/", "http://model_1:8000"),
        ("http://192.168.1.20:11434/", "http://192.168.1.20:11434"),
        ("https://XN--Bcher-kva.example/", "https://xn--bcher-kva.example"),
    ],
)
def test_what_is_listed_may_be_called(url: str, origin: str) -> None:
    """A listed origin may be called, whatever case it is written in and whatever path it has."""
    assert str(check_url(url, ALLOWED)) == origin


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://AI.example/", Origin("https", "ai.example", 443)),
        ("http://ai.example", Origin("http", "ai.example", 80)),
        ("http://ai.example:443", Origin("http", "ai.example", 443)),
        ("http://[2001:DB8:0::1]:8080", Origin("http", "2001:db8::1", 8080)),
    ],
)
def test_an_origin_has_one_form(text: str, origin: Origin) -> None:
    """However an origin is written, it is the same one, and its text reads as itself."""
    assert Origin.parse(text) == origin
    assert Origin.parse(str(origin)) == origin


@pytest.mark.parametrize("rest", ["/v1", "//", "?", "/?x=1", "#", "/#x"])
def test_an_entry_of_the_list_is_an_origin(rest: str) -> None:
    """An entry with a path would promise what is not kept, so it is refused."""
    with pytest.raises(UrlRefused, match="PYLOGTAP_COLLECTOR_OUTGOING"):
        parse_allowed(["https://api.github.com", f"https://ai.example{rest}"])


def test_the_refusal_says_what_to_list() -> None:
    """Whoever may change the list reads what belongs there."""
    with pytest.raises(
        UrlRefused, match=r"^http://ai\.lan:8080 is not among .* add it to PYLOGTAP_COLLECTOR_OUTGOING"
    ):
        check_url("http://AI.lan:8080/v1?key=x", ALLOWED)


@pytest.mark.parametrize(
    ("ip", "origin"),
    [
        ("140.82.112.5", PUBLIC),
        ("2606:50c0:8000::153", PUBLIC),
        ("64:ff9b::140.82.112.5", PUBLIC),  # what a name server gives where there is IPv6 only
        ("10.0.0.7", INNER),
        ("172.31.255.254", INNER),
        ("192.168.1.20", INNER),
        ("100.64.0.1", INNER),
        ("fd12:3456::1", INNER),
        ("8.8.8.8", INNER),
        ("127.0.0.1", LOOPBACK),
        ("::1", LOOPBACK),
        ("127.0.0.1", Origin.parse("http://127.0.0.1:11434")),
        ("::1", Origin.parse("http://[::1]:11434")),
        ("192.168.1.20", Origin.parse("http://192.168.1.20:11434")),
    ],
)
def test_addresses_that_a_name_may_have(ip: str, origin: Origin) -> None:
    """A listed name may be in one's own network; only this machine's own names lead to the loopback."""
    check_address(ip, origin)


@pytest.mark.parametrize(
    ("ip", "origin"),
    [
        ("10.0.0.7", PUBLIC),
        ("100.64.0.1", PUBLIC),
        ("fd12:3456::1", PUBLIC),
        ("::ffff:192.168.1.20", PUBLIC),
        ("192.168.1.20", LOOPBACK),
        ("8.8.8.8", LOOPBACK),
        ("::ffff:127.0.0.1", LOOPBACK),
        ("127.0.0.2", Origin.parse("http://127.0.0.1:11434")),
        ("8.8.4.4", Origin.parse("http://8.8.8.8")),
        ("::ffff:127.0.0.1", Origin.parse("http://[::ffff:127.0.0.1]:11434")),
        ("127.0.0.1", Origin.parse("http://localhost.example")),
        ("fe80::1%eth0", INNER),
        ("fec0::1", INNER),
        ("ff02::1", INNER),
        ("100::1", INNER),
        ("64:ff9b:1::1", INNER),
        ("5f00::1", INNER),
        ("fd00:ec2::254", INNER),
        ("fd20:ce::254", INNER),
        ("100.100.100.200", INNER),
        ("168.63.129.16", INNER),
        ("2606:50c0::5efe:7f00:1", INNER),  # ISATAP
        ("nonsense", INNER),
        ("", INNER),
        ("2130706433", INNER),
    ],
)
def test_addresses_that_a_name_must_not_have(ip: str, origin: Origin) -> None:
    """A name that leads where no listed server can be is refused, and the message says what to do."""
    with pytest.raises(UrlRefused, match="leads to"):
        check_address(ip, origin)


REFUSED_V4 = (
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "100.100.100.200/32",
    "192.0.0.0/24",
    "198.18.0.0/15",
)
PRIVATE_V4 = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
REFUSED_V6 = ("::/128", "::1/128", "fe80::/10", "fec0::/10", "ff00::/8", "2001:db8::/32", "fd00:ec2::254/128")


def inside(networks: tuple[str, ...]) -> st.SearchStrategy[IPv4Address]:
    """Return a strategy for the addresses in some networks."""
    return (
        st.sampled_from(networks)
        .map(IPv4Network)
        .flatmap(lambda network: st.integers(int(network[0]), int(network[-1])).map(IPv4Address))
    )


def forms(address: IPv4Address) -> list[str]:
    """Return the ways in which an IPv6 address can mean an IPv4 one."""
    number = int(address)
    return [
        str(address),
        f"::ffff:{address}",
        f"::{address}",
        f"::ffff:0:{address}",
        f"64:ff9b::{address}",
        str(IPv6Address((0x2002 << 112) | (number << 80) | 1)),
        str(IPv6Address((0x20010000 << 96) | (number << 64) | (~0x08080808 & 0xFFFFFFFF))),  # Teredo's server
        str(IPv6Address((0x20010000 << 96) | (0x08080808 << 64) | (~number & 0xFFFFFFFF))),  # its client
    ]


@given(inside(REFUSED_V4))
def test_refused_addresses_are_refused_in_any_form(address: IPv4Address) -> None:
    """No wrapping makes an address callable that is not."""
    for form in forms(address):
        for origin in (INNER, PUBLIC):
            with pytest.raises(UrlRefused):
                check_address(form, origin)


@given(inside(PRIVATE_V4))
def test_public_names_are_never_private(address: IPv4Address) -> None:
    """A public name that leads into one's own network is a forged one, in any form."""
    for form in forms(address):
        with pytest.raises(UrlRefused):
            check_address(form, PUBLIC)


@given(st.sampled_from(REFUSED_V6).map(IPv6Network), st.data())
def test_refused_networks_are_refused(network: IPv6Network, data: st.DataObject) -> None:
    """Of networks that hold no server, no address is called."""
    number = data.draw(st.integers(int(network[0]), int(network[-1])))
    for origin in (INNER, PUBLIC):
        with pytest.raises(UrlRefused):
            check_address(str(IPv6Address(number)), origin)


@given(st.text())
def test_any_text_is_refused_or_on_the_list(text: str) -> None:
    """No text breaks the check: what passes it is listed, what does not is refused."""
    for url in (text, f"http://{text}", f"https://api.github.com{text}"):
        with suppress(UrlRefused):
            assert check_url(url, ALLOWED) in ALLOWED
