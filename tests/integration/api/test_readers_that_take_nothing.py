"""Answers without a near end: what is made for a reader that takes nothing is bounded."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from yarl import URL

from tests.support.segments import SegmentBuilder

if TYPE_CHECKING:
    from tests.support.api import Caller

_MIB = 1 << 20
_STILL_S = 1.0


def waiting(server: int, reader: int) -> int:
    """Return how many bytes the system holds on the server's side of a connection on this machine."""
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        words = line.split()
        ports = [int(words[column].rpartition(":")[2], 16) for column in (1, 2)]
        if ports == [server, reader]:
            return int(words[4].partition(":")[0], 16)
    raise AssertionError("there is no such connection")


@pytest.mark.skipif(sys.platform != "linux", reason="the system's table of connections is that of Linux")
@pytest.mark.parametrize("path", ["/api/v1/logs/export", "/api/v1/logs/tail?after=0"])
async def test_the_system_holds_little_for_a_reader_that_takes_nothing(call: Caller, path: str) -> None:
    """Of 16 MiB that an export or the tail could send, less than 1 MiB is made before somebody reads."""
    for number in range(20):
        segment = SegmentBuilder(f"shop/web/{number}")
        site = segment.site("%s")
        for _ in range(20):
            segment.record(site, ["x" * 40_000])
        await call.deliver(segment)
    port = URL(call.url).port
    assert port
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.setblocking(False)
        await asyncio.get_running_loop().sock_connect(reader, ("127.0.0.1", port))
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
        await asyncio.get_running_loop().sock_sendall(reader, request.encode())
        held, before = 0, -1
        async with asyncio.timeout(30):
            while not held or held != before:  # until nothing more is made
                before = held
                await asyncio.sleep(_STILL_S)
                held = waiting(port, reader.getsockname()[1])
        assert 0 < held < _MIB
        with contextlib.suppress(OSError):
            reader.shutdown(socket.SHUT_RDWR)
