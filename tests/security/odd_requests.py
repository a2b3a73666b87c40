"""Paths, headers and bodies that are made to be misread, as data; and what sends them byte for byte."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from tests.support.api import Reply

if TYPE_CHECKING:
    from tests.support.api import Caller

PATHS = {
    "dots": "/../../../etc/passwd",
    "dots-encoded": "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "dots-half-encoded": "/.%2e/%2e./etc/passwd",
    "dots-twice-encoded": "/%252e%252e%252fetc%252fpasswd",
    "dots-overlong": "/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd",
    "slash-overlong": "/..%c0%af..%c0%afetc/passwd",
    "slash-encoded": "/..%2f..%2f..%2fetc%2fpasswd",
    "backslashes": "/..\\..\\..\\windows\\win.ini",
    "backslashes-encoded": "/..%5c..%5c..%5cwindows%5cwin.ini",
    "dots-many": "/....//....//etc/passwd",
    "dots-semicolon": "/..;/..;/etc/passwd",
    "null": "/%00",
    "null-suffix": "/static/%00.css",
    "null-in-the-middle": "/etc/passwd%00.js",
    "two-slashes": "//etc/passwd",
    "two-slashes-host": "//evil.example/%2e%2e",
    "absolute": "/etc/passwd",
    "file-url": "/file:///etc/passwd",
    "drive": "/C:/windows/win.ini",
    "unc": "/%5c%5cevil.example%5cshare",
    "wide-dots": "/\uff0e\uff0e/\uff0e\uff0e/etc/passwd",
    "wide-slash": "/..\uff0f..\uff0fetc\uff0fpasswd",
    "division-slash": "/..\u2215..\u2215etc\u2215passwd",
    "proc": "/proc/self/environ",
    "home": "/~root/.ssh/id_rsa",
    "percent-alone": "/%",
    "percent-bad": "/%zz%2",
    "percent-u": "/%u002e%u002e/etc/passwd",
    "line-end": "/%0d%0aX-Injected:%201",
    "long": "/" + "a" * 40_000,
    "many-parts": "/a" * 10_000,
    "question": "/..?/../etc/passwd",
    "fragment": "/%23/../etc/passwd",
    "database": "/pylogtap.db",
    "database-of-static": "/static/pylogtap.db",
    "dot-git": "/.git/config",
    "dot-env": "/.env",
}
STATIC = (
    "../../settings.py",
    "../../../settings.py",
    "..%2f..%2fsettings.py",
    "%2e%2e/%2e%2e/settings.py",
    "app/../../../settings.py",
    "app/..%2f..%2f..%2fsettings.py",
    "app/%2e%2e/%2e%2e/pages.py",
    "....//....//pages.py",
    "..\\..\\pages.py",
    "/etc/passwd",
    "//etc/passwd",
    "app/main.js%00.css",
    "app/main.js/",
    "app/main.js/..",
    "app//main.js",
    "./app/main.js%2f..%2fapi.js",
    "APP/MAIN.JS",
    "app/\uff0e\uff0e/api.js",
    "",
    ".",
)


class Answer(NamedTuple):
    """
    What came back over a connection of one's own.

    Attributes:
        replies: The answers, in their order.
        closed: The collector closed the connection.
    """

    replies: list[Reply]
    closed: bool


async def send(call: Caller, data: bytes, *, wait_s: float = 20.0) -> Answer:
    """
    Send bytes to a collector as they are, and read what comes back until it closes or has nothing to say.

    Args:
        call: Knows the collector.
        data: The bytes.
        wait_s: How long to wait for a first answer.
    """
    parts = urlsplit(call.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    replies: list[Reply] = []
    try:
        writer.write(data)
        while True:
            async with asyncio.timeout(0.3 if replies else wait_s):
                head = await reader.readuntil(b"\r\n\r\n")
                if not head.startswith(b"HTTP/1.1 100 "):
                    replies.append(await _rest(head.decode("latin-1"), reader))
    except (asyncio.IncompleteReadError, ConnectionError):
        return Answer(replies, closed=True)
    except TimeoutError:
        return Answer(replies, closed=False)
    finally:
        writer.close()


async def _rest(head: str, reader: asyncio.StreamReader) -> Reply:
    first, *lines = head.rstrip("\r\n").split("\r\n")
    headers = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("Content-Length", "0")))
    return Reply(int(first.split()[1]), headers, body)


def request(
    call: Caller, method: str, target: str, *headers: str, body: bytes = b"", host: str | None = None
) -> bytes:
    """
    Write a request.

    Args:
        call: Knows the collector.
        method: Of HTTP.
        target: As it stands in the first line.
        headers: Further lines.
        body: With it comes a Content-Length, unless a line says otherwise.
        host: Instead of the collector's own; empty: no Host at all.
    """
    own = urlsplit(call.url).netloc if host is None else host
    lines = [f"{method} {target} HTTP/1.1", *([f"Host: {own}"] if own else []), *headers]
    if body and not any(line.lower().startswith(("content-length", "transfer-")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body
