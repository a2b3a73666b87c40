"""
A sink that takes everything: HTTP of any kind, pylogtap's ingest protocol, and plain TCP.

Every peer of a benchmark ships to one of its own, in a process of its own, so that all are treated alike.
It keeps the bodies in memory, and writes them inflated to a file when its standard input ends: what counts
as delivered is what stands there::

    python -m benchmarks.sink RECEIVED      prints its port; at the end of its input, a JSON report
"""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import socketserver
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from pylogtap import wire

if TYPE_CHECKING:
    from io import BufferedIOBase

_HTTP_METHODS = (b"POST", b"GET ", b"PUT ", b"HEAD")
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"


class Sink(socketserver.ThreadingTCPServer):
    """
    The server, on a free port of 127.0.0.1.

    Attributes:
        bodies: What came, as (content encoding, bytes).
        requests: HTTP requests; for plain TCP, connections.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.bodies: list[tuple[str, bytes]] = []
        self.requests = 0
        self.received_bytes = 0

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])

    def take(self, encoding: str, body: bytes) -> None:
        """Keep a body."""
        self.bodies.append((encoding, body))
        self.received_bytes += len(body)


class _Conversation(socketserver.StreamRequestHandler):
    """One connection of a client."""

    server: Sink

    def handle(self) -> None:
        """Take everything until the client hangs up."""
        try:
            start = self.request.recv(4, socket.MSG_PEEK)
            if start in _HTTP_METHODS:
                while self._request():
                    pass
            else:
                self.server.requests += 1
                while data := self.request.recv(1 << 20):
                    self.server.take("", data)
        except OSError:  # the client died: what it had sent is kept
            return

    def _request(self) -> bool:
        line = self.rfile.readline(65536)
        if not line:
            return False
        headers = http.client.parse_headers(self.rfile)
        if headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = _body(self.rfile, headers)
        encoding = headers.get("Content-Encoding", "").lower()
        self.server.requests += 1
        self.server.take(encoding, body)
        answer = self._answer(line.split()[1].decode(), encoding, body)
        self.wfile.write(_ANSWER % (len(answer), answer))
        return True

    def _answer(self, target: str, encoding: str, body: bytes) -> bytes:
        """Acknowledge a slice as the collector does, and anything else with an empty object."""
        address = urlsplit(target)
        if address.path != "/api/v1/ingest":
            return b"{}"
        query = parse_qs(address.query)
        offset, salt = int(query["offset"][0]), wire.salt_of(bytes.fromhex(query["stream"][0]))
        _, following = wire.split_frames(inflated(encoding, body), offset, salt)
        return json.dumps({"next": following, "words": {}}).encode()


def inflated(encoding: str, body: bytes) -> bytes:
    """
    Undo a content encoding.

    Raises:
        ValueError: The encoding is none that a peer is known to use.
    """
    match encoding:
        case "" | "identity":
            return body
        case "gzip":
            return gzip.decompress(body)
        case "deflate":
            return zlib.decompress(body)
        case "zstd":
            import zstandard

            return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    raise ValueError(f"a body in the unknown encoding {encoding!r}")


def _body(stream: BufferedIOBase, headers: http.client.HTTPMessage) -> bytes:
    if headers.get("Transfer-Encoding", "").lower() != "chunked":
        return stream.read(int(headers.get("Content-Length", 0)))
    chunks = []
    while size := int(stream.readline(), 16):
        chunks.append(stream.read(size))
        stream.readline()
    stream.readline()
    return b"".join(chunks)


def main() -> None:
    """Serve until standard input ends; then write what came, and a report."""
    import threading

    with Sink() as sink:
        threading.Thread(target=sink.serve_forever, daemon=True).start()
        print(sink.port, flush=True)
        sys.stdin.read()
        with Path(sys.argv[1]).open("wb") as received:
            received.writelines(inflated(encoding, body) for encoding, body in sink.bodies)
        print(json.dumps({"requests": sink.requests, "bytes": sink.received_bytes}), flush=True)
        sink.shutdown()


if __name__ == "__main__":
    main()
