"""Requests that the collector makes, to real servers: to the listed ones only, and within bounds."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import ipaddress
import logging
import socket
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pylogtap_collector.errors import CollectorError, Invalid, Unreachable, UrlRefused
from pylogtap_collector.outgoing.addresses import Origin, parse_allowed
from pylogtap_collector.outgoing.requests import Outgoing, PinnedConnector

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SECRET = "Bearer swordfish-3141592653"


class Server:
    """
    A server on the loopback that remembers what it was asked.

    Attributes:
        port: Where it listens.
        seen: The requests that came, with their bodies.
    """

    def __init__(self) -> None:
        """Have seen nothing yet."""
        self.port = 0
        self.seen: list[tuple[web.BaseRequest, bytes]] = []
        self.hanging = asyncio.Event()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Do what the path says."""
        self.seen.append((request, await request.read()))
        match request.path:
            case "/moved":
                return web.Response(status=302, headers={"Location": request.query["to"]})
            case "/hang":
                await self.hanging.wait()
            case "/drip":
                response = web.StreamResponse()
                await response.prepare(request)
                while not self.hanging.is_set():
                    await response.write(b"x")
                    await asyncio.sleep(0.02)
            case "/much":
                response = web.StreamResponse()  # without a length
                await response.prepare(request)
                for _ in range(int(request.query["bytes"]) // 1000):
                    await response.write(bytes(1000))
                return response
            case "/bomb":
                bomb = gzip.compress(bytes(1 << 20))
                return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})
        return web.json_response({"hello": "you"}, status=201, headers={"Set-Cookie": "a=b", "X-Left": "7"})


@asynccontextmanager
async def running(host: str = "127.0.0.1", port: int = 0, tls: Any = None) -> AsyncIterator[Server]:
    """Run a server."""
    server = Server()
    runner = web.ServerRunner(web.Server(server.answer), handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, host, port, ssl_context=tls)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        server.hanging.set()
        await runner.cleanup()


class Names:
    """A name server that gives another answer each time."""

    def __init__(self, *answers: list[str]) -> None:
        """Have these answers, the last one for ever."""
        self._answers = answers
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        """Answer."""
        self.asked.append((host, port))
        return self._answers[min(len(self.asked), len(self._answers)) - 1]


def outgoing(*urls: str, **options: Any) -> Outgoing:
    """Return what may call these."""
    return Outgoing(parse_allowed(urls), **options)


async def test_a_good_request() -> None:
    """Method, path, headers and body arrive; status, headers and body of the answer come back."""
    async with running() as server:
        url = f"http://127.0.0.1:{server.port}"
        calls = outgoing(url)
        await calls.fetch("GET", url)
        fetched = await calls.fetch(
            "POST", f"{url}/v1/chat?a=b%20c", headers={"Authorization": SECRET}, json={"ask": "ü"}
        )
    assert (fetched.status, fetched.body, fetched.headers["x-left"]) == (201, b'{"hello": "you"}', "7")
    request, body = server.seen[1]
    assert (request.method, request.raw_path) == ("POST", "/v1/chat?a=b%20c")
    assert request.headers["Authorization"] == SECRET
    assert request.headers["User-Agent"] == "pylogtap-collector"
    assert request.headers["Accept-Encoding"] == "identity"
    assert request.content_type == "application/json"
    assert body == b'{"ask": "\\u00fc"}'
    assert "Cookie" not in request.headers  # although the first answer set one


async def test_the_name_of_this_machine_is_resolved_by_the_system() -> None:
    """`localhost` reaches a server that listens to IPv4 only, and the server sees the name."""
    async with running() as server:
        url = f"http://localhost:{server.port}"
        assert (await outgoing(url).fetch("GET", url)).status == 201
    assert server.seen[0][0].host == f"localhost:{server.port}"


async def test_ipv6_is_called_by_its_address() -> None:
    """An address in brackets is a host like any other."""
    try:
        async with running("::1") as server:
            url = f"http://[::1]:{server.port}"
            assert (await outgoing(url).fetch("GET", url)).status == 201
    except OSError:
        pytest.skip("this machine has no IPv6")


async def test_a_server_that_is_not_listed_is_not_called() -> None:
    """What is not on the list gets no request, and its name is not even looked up."""
    names = Names(["127.0.0.1"])
    async with running() as server:
        calls = outgoing("https://api.github.com", resolve=names)
        for host in ("127.0.0.1", "localhost", "evil.example"):
            with pytest.raises(UrlRefused, match="PYLOGTAP_COLLECTOR_OUTGOING"):
                await calls.fetch("GET", f"http://{host}:{server.port}/")
    assert (server.seen, names.asked) == ([], [])


@pytest.mark.parametrize("listed", [False, True])
async def test_redirects_are_not_followed(*, listed: bool) -> None:
    """The caller sees the redirect; where it points gets no request, be it listed or not."""
    async with running() as server, running() as other:
        url, elsewhere = (f"http://127.0.0.1:{each.port}" for each in (server, other))
        calls = outgoing(url, *([elsewhere] if listed else []))
        fetched = await calls.fetch("GET", f"{url}/moved?to={elsewhere}/secret")
    assert (fetched.status, fetched.headers["Location"]) == (302, f"{elsewhere}/secret")
    assert (len(server.seen), other.seen) == (1, [])


async def test_a_name_is_resolved_once() -> None:
    """A name server that changes its answer after the check changes nothing: the first answer is called."""
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    async with running() as server, running("127.0.0.2", server.port) as other:
        url = f"http://localhost:{server.port}"
        assert (await outgoing(url, resolve=names).fetch("GET", url)).status == 201
    assert names.asked == [("localhost", server.port)]
    assert (len(server.seen), other.seen) == (1, [])


async def test_rebinding_to_the_loopback_is_refused() -> None:
    """A listed name whose server says 'loopback', at once or later, or among good ones, reaches nothing."""
    async with running() as server:
        url = f"http://ai.example:{server.port}"
        for answer in (["127.0.0.1"], ["10.0.0.7", "127.0.0.1"], ["::ffff:127.0.0.1"], ["0.0.0.0"], ["::"]):
            names = Names(answer, ["10.0.0.7"])
            with pytest.raises(UrlRefused, match="leads to"):
                await outgoing(url, resolve=names).fetch("GET", url, headers={"Authorization": SECRET})
            assert len(names.asked) == 1
    assert server.seen == []


async def test_a_connection_to_another_address_is_not_used() -> None:
    """Before anything is sent, it is looked where the connection really leads."""
    async with running() as server:
        url = f"http://127.0.0.1:{server.port}"
        async with aiohttp.ClientSession(
            connector=PinnedConnector(Origin.parse(url), "127.0.0.2")
        ) as session:
            with pytest.raises(UrlRefused, match="at another address than"):
                await session.get(url)
        async with aiohttp.ClientSession(
            connector=PinnedConnector(Origin.parse(url), "127.0.0.1")
        ) as session:
            with pytest.raises(UrlRefused, match="other ways"):
                await session.get(f"http://localhost:{server.port}")
    assert server.seen == []


@pytest.mark.parametrize(("size", "fits"), [(50_000, True), (51_000, False), (50_000_000, False)])
async def test_an_answer_has_a_bound(size: int, *, fits: bool) -> None:
    """A body beyond the bound is not read to its end, also if its length was not told."""
    async with running() as server:
        url = f"http://127.0.0.1:{server.port}"
        calls = outgoing(url, answer_max_bytes=50_000)
        if fits:
            assert len((await calls.fetch("GET", f"{url}/much?bytes={size}")).body) == size
        else:
            with pytest.raises(Unreachable, match="more than 50000 bytes"):
                await calls.fetch("GET", f"{url}/much?bytes={size}")


async def test_what_inflates_is_refused() -> None:
    """A server that compresses although it was not asked to cannot fill the memory."""
    async with running() as server:
        url = f"http://127.0.0.1:{server.port}"
        with pytest.raises(Unreachable, match="compressed"):
            await outgoing(url).fetch("GET", f"{url}/bomb")


@pytest.mark.parametrize("path", ["/hang", "/drip"])
async def test_a_server_that_hangs_is_given_up(path: str) -> None:
    """A server that says nothing, or something for ever, is waited for as long as was said."""
    async with running() as server:
        url = f"http://127.0.0.1:{server.port}"
        with pytest.raises(Unreachable, match=r"did not answer within 0\.3 s"):
            await outgoing(url, timeout_s=0.3).fetch("GET", f"{url}{path}")
    assert len(server.seen) == 1


async def test_a_name_server_that_hangs_is_given_up() -> None:
    """The time counts from resolving the name."""

    async def resolve(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        raise AssertionError

    url = "http://ai.example:8080"
    with pytest.raises(Unreachable, match="did not answer"):
        await outgoing(url, timeout_s=0.1, resolve=resolve).fetch("GET", url)


async def test_a_server_that_is_not_there() -> None:
    """The message says whom to look after."""
    async with running() as server:
        url = f"http://127.0.0.1:{server.port}"
    with pytest.raises(Unreachable, match=f"^{url} takes no connections; look whether it runs"):
        await outgoing(url).fetch("GET", url)
    with pytest.raises(Unreachable, match="has no address"):
        await outgoing("http://ai.example", resolve=Names([])).fetch("GET", "http://ai.example")

    async def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(Unreachable, match="has no address"):
        await outgoing("http://ai.example", resolve=resolve).fetch("GET", "http://ai.example")


@pytest.mark.parametrize(
    "said", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"]
)
async def test_a_server_that_speaks_otherwise(said: bytes) -> None:
    """What is no whole HTTP answer is told as that, and what was sent is not repeated."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(Unreachable, match=r"before its answer was complete|not HTTP"):
            await outgoing(url).fetch("GET", url, headers={"Authorization": SECRET})


def certificate(folder: Path) -> ssl.SSLContext:
    """Return what a server needs whose certificate nobody has signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    own = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "both.pem"
    path.write_bytes(
        own.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


async def test_certificates_are_verified(tmp_path: Path) -> None:
    """A server that cannot prove who it is gets no request; nor does one that speaks no TLS."""
    async with running(tls=certificate(tmp_path)) as server:
        url = f"https://127.0.0.1:{server.port}"
        with pytest.raises(Unreachable, match="certificate that is not trusted"):
            await outgoing(url).fetch("GET", url, headers={"Authorization": SECRET})
    async with running() as plain:
        url = f"https://127.0.0.1:{plain.port}"
        with pytest.raises(Unreachable, match="does not speak TLS"):
            await outgoing(url).fetch("GET", url)
    assert (server.seen, plain.seen) == ([], [])


@pytest.mark.parametrize("value", [f"{SECRET}\r\nX-Injected: 1", f"{SECRET}\n", f"{SECRET}\x00"])
async def test_a_header_is_one_line(value: str) -> None:
    """A secret that was pasted with its line break is refused by the name of its header."""
    async with running() as server:
        url = f"http://127.0.0.1:{server.port}"
        with pytest.raises(Invalid, match="Authorization") as caught:
            await outgoing(url).fetch("GET", url, headers={"Authorization": value})
    assert SECRET not in caught.value.detail
    assert server.seen == []


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would resolve the name again, and see what is sent."""
    async with running() as server, running() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        url = f"http://127.0.0.1:{server.port}"
        assert (await outgoing(url).fetch("GET", url)).status == 201
    assert proxy.seen == []


async def test_no_error_and_no_log_repeats_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    """However a request fails, neither its error, nor what led to that, nor a log has its headers or body."""
    caplog.set_level(logging.DEBUG)
    async with running() as server:
        url = f"http://127.0.0.1:{server.port}"
        calls = outgoing(url, timeout_s=0.3, answer_max_bytes=10)
        for path in ("/hang", "/drip", "/bomb", "/much?bytes=1000"):
            with pytest.raises(CollectorError) as caught:
                await calls.fetch("POST", url + path, headers={"Authorization": SECRET}, json={"key": SECRET})
            error: BaseException | None = caught.value
            while error is not None:
                assert SECRET not in f"{error!r} {error} {vars(error)}"
                error = error.__cause__ or error.__context__
        fetched = await outgoing(url).fetch("GET", url, headers={"Authorization": SECRET})
    assert "hello" not in repr(fetched)
    assert SECRET not in caplog.text
