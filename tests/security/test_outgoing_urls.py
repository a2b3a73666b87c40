"""Addresses that would make the collector call where it must not: refused when set, and when tried."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.security.checking import check_answer, check_refused
from tests.support.api import Caller, calling
from tests.unit.collector.test_outgoing_addresses import REFUSED_TEXTS, SECRET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio(loop_scope="module")
SETTINGS = "/api/v1/settings"
PATCH = {"Content-Type": "application/merge-patch+json"}
ELSEWHERE = (
    "http://127.0.0.1:{trap}/",
    "http://localhost:{trap}/",
    "http://[::1]:{trap}/",
    "http://169.254.169.254/latest/meta-data/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{trap}/_x",
    "//127.0.0.1:{trap}/",
    "http://127.0.0.1:{own}@127.0.0.1:{trap}/",
    "http://127.0.0.1:{own}\\@127.0.0.1:{trap}/",
    "http:/\\127.0.0.1:{trap}",
)


def answer(status: str, body: bytes, *lines: str) -> bytes:
    """Write an answer of HTTP."""
    head = (f"HTTP/1.1 {status}", *lines, f"Content-Length: {len(body)}", "Connection: close", "", "")
    return "\r\n".join(head).encode() + body


class Heard:
    """
    A server on the loopback that notes who called.

    Attributes:
        port: Where it listens.
        requests: What came in.
        answer: What it says.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.port = 0
        self.requests: list[bytes] = []
        self.answer = answer("200 OK", b"{}")

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a connection."""
        self.requests.append(await reader.read(65_536))
        writer.write(self.answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def hearing() -> AsyncIterator[Heard]:
    """Run such a server."""
    heard = Heard()
    server = await asyncio.start_server(heard.take, "127.0.0.1", 0)
    heard.port = server.sockets[0].getsockname()[1]
    async with server:
        yield heard


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def usual() -> AsyncIterator[Caller]:
    """A collector with the usual list of what it may call."""
    async with calling() as caller:
        yield caller


@pytest.mark.parametrize("group", ["ai", "github"])
@pytest.mark.parametrize("url", REFUSED_TEXTS)
async def test_addresses_that_are_set(usual: Caller, group: str, url: str) -> None:
    """An address that is not on the list is refused, in any writing, and the settings stay as they are."""
    before = (await usual("GET", SETTINGS)).json
    document = {group: {"url": url, **({"provider": "ollama"} if group == "ai" else {})}}
    reply = await usual("PATCH", SETTINGS, json=document, headers=PATCH)
    check_refused(reply, url)
    assert reply.json["code"] in {"url_refused", "invalid"}
    assert SECRET not in reply.json["detail"]
    assert (await usual("GET", SETTINGS)).json == before


async def test_what_is_tried() -> None:
    """Trying calls the address that is set, not where its answer leads, and says nothing of what is there."""
    async with hearing() as listed, hearing() as trap:
        own = f"http://127.0.0.1:{listed.port}"
        async with calling(outgoing=(own,)) as call:
            document = {"ai": {"provider": "ollama", "url": f"{own}/base", "token": "a-secret-token"}}
            check_answer(await call("PATCH", SETTINGS, json=document, headers=PATCH))
            for status in (301, 302, 303, 307, 308):
                for elsewhere in ELSEWHERE:
                    target = elsewhere.format(trap=trap.port, own=listed.port)
                    listed.answer = answer(f"{status} Moved", b"", f"Location: {target}")
                    reply = await call("POST", f"{SETTINGS}/try", json={"service": "ai"})
                    check_answer(reply, target)
                    assert reply.json["works"] is False
                    assert "a-secret-token" not in reply.body.decode()
            listed.answer = answer("200 OK", b"root:x:0:0:root:/root:/bin/sh\n")
            reply = await call("POST", f"{SETTINGS}/try", json={"service": "ai"})
            check_answer(reply)
            assert reply.json["works"] is False
            assert b"root:x" not in reply.body
        assert len(listed.requests) == 5 * len(ELSEWHERE) + 1
        assert trap.requests == []


async def test_what_cannot_be_tried(usual: Caller) -> None:
    """Only what is set can be tried: a request cannot bring an address of its own."""
    async with hearing() as trap:
        url = f"http://127.0.0.1:{trap.port}/"
        for document in (
            {"service": "ai", "url": url}, {"service": url}, {"service": ["ai"]}, {"url": url},
            {"service": "AI"},
        ):  # fmt: skip
            check_refused(await usual("POST", f"{SETTINGS}/try", json=document), url)
        check_refused(await usual("POST", f"{SETTINGS}/try?url={url}", json={"service": "ai"}), url)
        assert trap.requests == []
