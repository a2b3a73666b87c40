"""Answers that drip, or never end: the thread that waits for them comes back in time."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from pylogtap import transport
from pylogtap.transport import Transport, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEAD = b"HTTP/1.1 200 OK\r\n"
GOOD = HEAD + b'Content-Length: 14\r\n\r\n{"next": 4096}'


def drip(connection: socket.socket) -> None:
    """Send an answer, byte by byte."""
    for byte in GOOD:
        connection.sendall(bytes([byte]))
        time.sleep(0.1)


def endless(piece: bytes) -> Callable[[socket.socket], None]:
    """Return what sends a piece again and again."""

    def send(connection: socket.socket) -> None:
        connection.sendall(HEAD)
        while True:
            connection.sendall(piece)

    return send


def interim(connection: socket.socket) -> None:
    """Say for ever that there is more to come."""
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 50)


def trailers(connection: socket.socket) -> None:
    """Send trailers without an end."""
    connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n")
    while True:
        connection.sendall(b"X-More: x\r\n" * 50)


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[socket.socket], None]], Transport]]:
    """Return what answers each request in a way, and a transport to it."""
    servers: list[socket.socket] = []
    transports: list[Transport] = []

    def begin(answer: Callable[[socket.socket], None]) -> Transport:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def listen() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with suppress(OSError), connection:
                        connection.recv(1 << 16)
                        answer(connection)

        threading.Thread(target=listen, daemon=True).start()
        transports.append(Transport(f"http://127.0.0.1:{server.getsockname()[1]}", None, "test"))
        return transports[-1]

    yield begin
    for each in transports:
        each.close()
    for server in servers:
        server.close()


@pytest.mark.parametrize(
    "answer",
    [drip, endless(b"X-More: x\r\n"), endless(b"\r\n" + b"x" * 1000), interim, trailers],
    ids=["drip", "headers", "body", "interim", "trailers"],
)
def test_an_answer_has_to_end(
    serve: Callable[[Callable[[socket.socket], None]], Transport],
    answer: Callable[[socket.socket], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However it comes, the attempt counts as failed after the time for answers, or after two MiB."""
    monkeypatch.setattr(transport, "ANSWER_TIMEOUT_S", 0.5)
    began = time.monotonic()
    outcome = serve(answer).send(b"\0" * 16, 4096, b"")
    assert outcome.verdict is Verdict.WAIT
    assert outcome.error is not None
    assert time.monotonic() - began < 10


def test_a_whole_answer_is_read(serve: Callable[[Callable[[socket.socket], None]], Transport]) -> None:
    """One that comes in pieces, but in time, is an answer."""

    def pieces(connection: socket.socket) -> None:
        connection.sendall(GOOD[:20])
        time.sleep(0.05)
        connection.sendall(GOOD[20:])

    outcome = serve(pieces).send(b"\0" * 16, 4096, b"")
    assert (outcome.verdict, outcome.following) == (Verdict.GO_ON, 4096)
