"""A server in front of a real collector that misbehaves in one way at a time, and can be good again."""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    Fault = Callable[["Exchange"], None]

_TRICKLE_S = 1.0
_CHUNK = b"x" * (1 << 16)
_MOST_INFLATED = 32 << 20


class Exchange:
    """
    One request, and the way back.

    Attributes:
        path: Its path and query.
        headers: Its headers.
        body: Its body, decompressed.
        keep: Whether the connection stays open afterwards.
    """

    def __init__(self, sink: Sink, connection: socket.socket, path: str, headers: Mapping[str, str]) -> None:
        """Begin; the sink reads the body."""
        self._sink, self._connection = sink, connection
        self.path, self.headers = path, headers
        self.sent = self.body = b""
        self.keep = False

    def take(self, sent: bytes) -> None:
        """Take the body as it came."""
        self.sent = self.body = sent
        if self.headers.get("Content-Encoding") == "zstd":
            self.body = zstandard.ZstdDecompressor().decompress(sent, max_output_size=_MOST_INFLATED)

    def ask(self) -> bytes:
        """Have the collector answer, and return that as it travels."""
        connection = http.client.HTTPConnection(*self._sink.target, timeout=30)
        try:
            headers = {name: text for name, text in self.headers.items() if name != "Host"}
            connection.request("POST", self.path, self.sent, headers)
            answer = connection.getresponse()
            retry = answer.getheader("Retry-After")
            return written(answer.status, answer.read(), {"Retry-After": retry} if retry else {})
        finally:
            connection.close()

    def pass_on(self) -> None:
        """Answer as the collector does."""
        self.write(self.ask())
        self.keep = True

    def reply(self, status: int, body: bytes = b"{}", headers: Mapping[str, str] | None = None) -> None:
        """Answer in its place."""
        self.write(written(status, body, headers or {}))
        self.keep = True

    def write(self, data: bytes) -> None:
        """Send bytes, whatever they are."""
        self._connection.sendall(data)

    def lasts(self, seconds: float = 0) -> bool:
        """Wait, and return whether the fault goes on."""
        return not self._sink.recovered.wait(seconds)


class Sink:
    """
    Answers in place of a collector.

    Attributes:
        target: Host and port of the collector.
        fault: What is done with each request; None: it is passed on.
        tls: Its certificate; None: it speaks plain HTTP.
        met: Requests, or connections that broke before one, that came while there was a fault.
        recovered: Set when it is to be good from now on.
        requests: Monotonic time and size of each slice that came.
        port: Where it listens.
    """

    def __init__(
        self, port: int, fault: Fault | None = None, *, tls: ssl.SSLContext | None = None, at: int = 0
    ) -> None:
        """
        Listen.

        Args:
            port: The collector's.
            fault: See the attribute.
            tls: See the attribute.
            at: The port to listen on; 0: one that is free.
        """
        self.target = ("127.0.0.1", port)
        self.fault, self.tls = fault, tls
        self.met = 0
        self.recovered = threading.Event()
        self.requests: list[tuple[float, int]] = []
        self._open: set[socket.socket] = set()
        self._server = socket.create_server(("127.0.0.1", at))
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def url(self) -> str:
        """Address for a client."""
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def recover(self, tls: ssl.SSLContext | None = None) -> None:
        """
        Be good from now on, as after a restart: what hangs is hung up.

        Args:
            tls: The certificate from now on.
        """
        self.fault, self.tls = None, tls
        self.recovered.set()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Take no further connections."""
        self.recover()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        connection = plain
        self._open.add(plain)
        try:
            if self.tls is not None:
                connection = self.tls.wrap_socket(plain, server_side=True)
            while self._exchange(connection):
                pass
        except (OSError, http.client.HTTPException, ValueError):  # the client had enough of it
            self.met += not self.recovered.is_set()
        finally:
            self._open.discard(plain)
            with suppress(OSError):
                connection.close()

    def _exchange(self, connection: socket.socket) -> bool:
        with connection.makefile("rb") as file:
            words = file.readline(1 << 16).decode("latin-1").split(" ")
            if len(words) != 3:  # not what speaks HTTP
                self.met += bool(words[0]) and not self.recovered.is_set()
                return False
            headers = http.client.parse_headers(file)
            exchange = Exchange(self, connection, words[1], dict(headers))
            exchange.take(file.read(int(headers["Content-Length"] or 0)))
        self.requests.append((time.monotonic(), len(exchange.body)))
        fault = self.fault
        if fault is None:
            exchange.pass_on()
        else:
            self.met += 1
            fault(exchange)
        return exchange.keep


def written(status: int, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return an answer as it travels."""
    lines = [f"{name}: {value}" for name, value in {**headers, "Content-Length": len(body)}.items()]
    return "\r\n".join([f"HTTP/1.1 {status} Said", *lines, "", ""]).encode() + body


def hang_up(_: Exchange) -> None:
    """Close the connection without a word."""


def say_nothing(exchange: Exchange) -> None:
    """Take the request, and never answer."""
    while exchange.lasts(_TRICKLE_S):
        pass


def answer_late(exchange: Exchange) -> None:
    """Answer as the collector does, two seconds later."""
    exchange.lasts(2 * _TRICKLE_S)
    exchange.pass_on()


def drip(exchange: Exchange) -> None:
    """Store, and send the answer at one byte a second."""
    for byte in exchange.ask():
        exchange.write(bytes([byte]))
        if not exchange.lasts(_TRICKLE_S):
            break


def break_off(exchange: Exchange) -> None:
    """Store, and close the connection in the middle of the answer."""
    answer = exchange.ask()
    exchange.write(answer[: len(answer) * 2 // 3])


def say_nonsense(exchange: Exchange) -> None:
    """Answer with random bytes."""
    exchange.write(os.urandom(1000))


def lie(exchange: Exchange) -> None:
    """Claim to have stored what never came."""
    exchange.reply(200, b'{"next": 1048576, "words": {}}')


def send_headers_without_end(exchange: Exchange) -> None:
    """Answer with a header that never ends."""
    exchange.write(b"HTTP/1.1 200 OK\r\n")
    while exchange.lasts():
        exchange.write(b"X-More: " + _CHUNK[:1000] + b"\r\n")


def send_body_without_end(exchange: Exchange) -> None:
    """Answer with a body that never ends."""
    exchange.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while exchange.lasts():
        exchange.write(_CHUNK)


def ask_to_continue_without_end(exchange: Exchange) -> None:
    """Say `100 Continue` again and again."""
    while exchange.lasts():
        exchange.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


class Nameserver:
    """
    Hears questions for the addresses of names, and answers none of them; later each with 127.0.0.1.

    Attributes:
        answering: Whether it answers.
        asked: Questions that it has not answered.
    """

    def __init__(self, address: str) -> None:
        """
        Listen, where resolvers expect it: on port 53.

        Raises:
            OSError: The port is taken, or not for us.
        """
        self.answering, self.asked = False, 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        """Give the port up."""
        self._socket.close()

    def _listen(self) -> None:
        while True:
            try:
                question, sender = self._socket.recvfrom(512)
            except OSError:
                return
            if self.answering:
                self._socket.sendto(_address_for(question), sender)
            else:
                self.asked += 1


def _address_for(question: bytes) -> bytes:
    """Return an answer to a question of DNS: 127.0.0.1, or that there is no IPv6 address (RFC 1035, 4.1)."""
    end = question.index(b"\0", 12) + 5  # behind name, type and class
    is_v4 = question[end - 4 : end - 2] == b"\0\1"
    counts = b"\0\1" + (b"\0\1" if is_v4 else b"\0\0") + b"\0\0\0\0"
    record = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4\x7f\0\0\1" if is_v4 else b""
    return question[:2] + b"\x81\x80" + counts + question[12:end] + record


class Deaf:
    """A port that takes no further connection: a connect to it hangs, as to a machine that is off."""

    def __init__(self) -> None:
        """Listen, and fill the queue of those that wait to be taken."""
        self._server = socket.socket()
        self._server.bind(("127.0.0.1", 0))
        self._server.listen(0)
        self.port = int(self._server.getsockname()[1])
        self._waiting = []
        for _ in range(3):
            one = socket.socket()
            one.setblocking(False)
            with suppress(BlockingIOError):
                one.connect(("127.0.0.1", self.port))
            self._waiting.append(one)

    @property
    def url(self) -> str:
        """Address for a client."""
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Give the port up."""
        for each in (*self._waiting, self._server):
            each.close()
