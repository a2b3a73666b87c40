"""Shipping against a scripted server: what each answer makes the client do, and what the caller sees."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import zstandard

import pylogtap
from pylogtap import client as clients
from pylogtap import transport, wire
from pylogtap.settings import load
from tests.support.receiver import Receiver

if TYPE_CHECKING:
    from pathlib import Path

Answer = tuple[int, dict[str, str], dict[str, Any]]
Script = Callable[["Server", int], Answer | None]


@dataclass
class Server:
    """A collector whose answers a test writes; where the script has none, it answers as a real one."""

    url: str = ""
    script: Script = lambda _server, _size: None
    receiver: Receiver = field(default_factory=Receiver)
    requests: list[tuple[float, int]] = field(default_factory=list)  # monotonic seconds, bytes of the slice
    headers: list[dict[str, str]] = field(default_factory=list)

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answer one request."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        if headers.get("Content-Encoding") == "zstd":
            body = zstandard.ZstdDecompressor().decompress(body, max_output_size=1 << 25)
        self.requests.append((time.monotonic(), len(body)))
        self.headers.append(headers)
        scripted = self.script(self, len(body))
        if scripted is not None:
            return scripted
        skipped = int(query["skipped_from"]) if "skipped_from" in query else None
        outcome = self.receiver.take(bytes.fromhex(query["stream"]), int(query["offset"]), body, skipped)
        if outcome.verdict is transport.Verdict.SET_ASIDE:
            damage = {"code": "damaged_frame", "frame": outcome.frame, "next": outcome.following}
            return 400, {}, damage
        return 200, {}, {"next": outcome.following, "words": {}}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Run a scripted collector."""
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, document = state.answer(self.path, dict(self.headers), body)
            answer = json.dumps(document).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{running.server_address[1]}"
    monkeypatch.setenv("PYLOGTAP_URL", state.url)
    yield state
    clients.shutdown()
    running.shutdown()
    running.server_close()
    thread.join()


def values(server: Server) -> list[Any]:
    """Return the number that each stored record carries."""
    return [record[3]["n"] for record in server.receiver.records()]  # type: ignore[index]


def test_everything_arrives(server: Server) -> None:
    """`flush` returns True when the collector has confirmed everything, and the counters add up."""
    log = pylogtap.get_logger("a/b/c", key="secret")
    for number in range(5000):
        log.info("event", n=number)

    assert pylogtap.flush(20)

    assert values(server) == list(range(5000))
    stats = pylogtap.stats()
    assert (stats.accepted, stats.shipped, stats.spooled, stats.dropped) == (5000, 5000, 0, {})
    assert stats.last_error is None
    assert server.headers[0]["Authorization"] == "Bearer secret"
    assert server.headers[0]["Content-Type"] == wire.CONTENT_TYPE


def test_collector_down(server: Server) -> None:
    """While nobody answers, calls return, records wait, and arrive once somebody answers."""
    log = pylogtap.get_logger("a/b/c", url="http://127.0.0.1:9")
    log.info("event", n=1)

    assert not pylogtap.flush(0.3)

    stats = pylogtap.stats()
    assert (stats.accepted, stats.shipped, stats.spooled) == (1, 0, 1)
    assert stats.last_error is not None
    assert stats.spooled_bytes > 0


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after(server: Server, status: int) -> None:
    """`Retry-After` is obeyed, and nothing is lost."""

    def refuse_once(state: Server, _: int) -> Answer | None:
        return (status, {"Retry-After": "1"}, {"code": "overloaded"}) if len(state.requests) == 1 else None

    server.script = refuse_once
    log = pylogtap.get_logger("a/b/c")
    log.info("event", n=1)
    while not server.requests:
        time.sleep(0.01)

    assert not pylogtap.flush(0.2)
    assert pylogtap.flush(10)

    (first, _), (second, _) = server.requests
    assert second - first >= 1
    assert values(server) == [1]


def test_split_on_413(server: Server) -> None:
    """A slice that is too large is sent in smaller ones."""
    limit = 20_000
    server.script = lambda _, size: (413, {}, {"code": "too_large"}) if size > limit else None
    log = pylogtap.get_logger("a/b/c")
    for number in range(2000):
        log.info("event", n=number, pad="x" * 30)

    assert pylogtap.flush(20)

    assert values(server) == list(range(2000))
    assert pylogtap.stats().dropped == {}


def test_one_record_that_is_refused(server: Server, tmp_path: Path) -> None:
    """A single record that the collector cannot take is set aside and counted; the others arrive."""
    server.script = lambda _, size: (413, {}, {"code": "too_large"}) if size > 20_000 else None
    log = pylogtap.get_logger("a/b/c")
    log.info("event", n=1)
    log.info("event", n=2, pad="x" * 30_000)
    log.info("event", n=3)

    assert pylogtap.flush(20)

    assert values(server) == [1, 3]
    stats = pylogtap.stats()
    assert stats.dropped == {"refused": 1}
    assert stats.accepted == stats.shipped + stats.spooled + 1
    assert [path.name for path in tmp_path.rglob("set-aside.frames")] == ["set-aside.frames"]


def test_damaged_frame(server: Server) -> None:
    """A frame that is damaged on disk is set aside; what stands before and behind it arrives."""
    log = pylogtap.get_logger("a/b/c", url=server.url, exit_timeout_s=0)
    (client,) = clients.all_clients()
    server.script = lambda _server, _size: (503, {"Retry-After": "3600"}, {})
    for number in range(3):
        log.info("event", n=number)
    segment = client.spool.current
    segment.memory[segment.memory[:].index(b"\xa1n\x01")] ^= 0xFF
    clients.shutdown()

    server.script = lambda _server, _size: None
    report = pylogtap.drain(load(url=server.url))

    assert (report.records, report.set_aside, report.left) == (2, 1, 0)
    assert values(server) == [0, 2]


@pytest.mark.parametrize("status", [401, 403, 404, 500, 302])
def test_refusals_lose_nothing(server: Server, status: int) -> None:
    """A wrong key, a wrong address, a broken collector: records wait, and the reason can be read."""
    server.script = lambda _server, _size: (status, {}, {"title": "No", "detail": "make a key"})
    log = pylogtap.get_logger("a/b/c")
    log.info("event", n=1)
    while not server.requests:
        time.sleep(0.01)

    assert not pylogtap.flush(0.3)

    stats = pylogtap.stats()
    assert (stats.spooled, stats.dropped) == (1, {})
    assert stats.last_error == f"HTTP {status}: make a key"


def test_collector_without_memory(server: Server) -> None:
    """A collector with a new database asks for the begin of a segment, and gets all of it."""
    log = pylogtap.get_logger("a/b/c")
    log.info("event", n=1)
    assert pylogtap.flush(10)
    server.receiver = Receiver()
    log.info("event", n=2)

    assert pylogtap.flush(10)

    assert values(server) == [1, 2]
    assert pylogtap.stats().shipped == 2


def test_lost_answers(server: Server) -> None:
    """An answer that got lost after the slice was stored does not store it twice."""
    server.receiver.lose_answers = 1
    server.script = lambda state, _: (500, {}, {}) if len(state.requests) == 2 else None
    log = pylogtap.get_logger("a/b/c")
    for number in range(3):
        log.info("event", n=number)
        pylogtap.flush(0.2)

    assert pylogtap.flush(10)

    assert values(server) == [0, 1, 2]


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("99999999", 3600.0), ("soon", None)]
)
def test_retry_after_forms(text: str, seconds: float | None) -> None:
    """`Retry-After` is read as seconds, within bounds; nonsense counts as absent."""
    assert transport._seconds(text) == seconds


def test_retry_after_date() -> None:
    """`Retry-After` may be an HTTP date."""
    from email.utils import formatdate

    assert 50 < (transport._seconds(formatdate(time.time() + 60, usegmt=True)) or 0) <= 60
