"""Clients that mean no good: what they send and hold is bounded, and everybody else is served as before."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import random
import resource
import socket
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pylogtap import wire
from pylogtap_collector.proofs.bystander import PLACE, Seen, watching
from pylogtap_collector.proofs.costly import Bomb, bombs, forward_bombs
from pylogtap_collector.proofs.daemon import CollectorProcess, free_port
from tests.faults.extent import often
from tests.support.delivering import deliver
from tests.support.segments import SegmentBuilder, numbered_segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.conftest import Saw

HEADER_S, BODY_S = 5.0, 15.0  # the documented defaults
SHORT_S = 1.0  # both, in the short form
LATE_S = 2.0  # beyond: timers, and a busy machine
WORK_S = 5.0  # until what came is sealed
MEMORY_MIB, WAIT_MS = 64.0, 50.0
_IS_LONG = 50  # times, from which on times and memory are promised
POST = "POST /api/v1/ingest HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture
def attacked(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[CollectorProcess]:
    """
    Run a collector with all its ports, after a first request of each kind.

    In the long form it has been at work before, so that its caches are filled as they are on other days.
    """
    collector = CollectorProcess(tmp_path / "data", tmp_path / "collector.log")
    for name in ("FORWARD_PORT", "LINES_PORT"):
        collector.environment[f"PYLOGTAP_COLLECTOR_{name}"] = str(free_port())
    try:
        collector.start()
        with watching(collector):
            time.sleep(0.1)
        if request.node.get_closest_marker("slow"):
            work(collector)
        yield collector
    finally:
        collector.kill()


def work(collector: CollectorProcess) -> None:
    """Store a million records of many programs, and ask for all, until caches are full, and all is sealed."""
    rng = random.Random(1)
    for number in range(400):
        segment = SegmentBuilder(f"work/app/{number}")
        site = segment.site("number %d of %s")
        for each in range(2_500):
            segment.record(site, [each, rng.randbytes(60).hex()], {"n": each, "user": f"u{rng.random()}"})
        assert deliver(collector, segment, timeout_s=60) == 200
    for query in (
        "number",
        '"number 777"',
        "n:>1000",
        "message:/abcde/",
        "message:/f00/ user:/99/",
        "instance:2",
    ):
        assert collector.get("/api/v1/logs/count", q=query)["total"]
        assert collector.get("/api/v1/logs", q=query, limit=200)["items"]
    time.sleep(WORK_S)


def port_of(collector: CollectorProcess, name: str) -> int:
    """Return the port of another protocol: FORWARD or LINES."""
    return int(collector.environment[f"PYLOGTAP_COLLECTOR_{name}_PORT"])


def plug(port: int, data: bytes = b"", *, wait_s: float = 120.0) -> socket.socket:
    """Open a connection, and send something, as far as the other side takes it in some time."""
    made = socket.create_connection(("127.0.0.1", port), timeout=wait_s)
    with contextlib.suppress(OSError):  # it may be closed while we send
        made.sendall(data)
    return made


def closed_after(made: socket.socket, *, byte_s: float | None = None, most_s: float = 30.0) -> float:
    """
    Return after how many seconds the other side closes a connection.

    Args:
        made: The connection.
        byte_s: Send a byte so often meanwhile.
        most_s: Give up then.
    """
    began = time.monotonic()
    made.settimeout(byte_s or most_s)
    while time.monotonic() - began < most_s:
        try:
            if not made.recv(1 << 16):
                break
        except TimeoutError:
            try:
                made.sendall(b"x")
            except OSError:
                break
        except OSError:
            break
    made.close()
    return time.monotonic() - began


def send(collector: CollectorProcess, bomb: Bomb) -> int:
    """Send a bomb; return the status of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", collector.port, timeout=120)
    headers = {"Content-Type": bomb.kind} | ({"Content-Encoding": bomb.encoding} if bomb.encoding else {})
    try:
        connection.request("POST", bomb.path, bomb.body, headers)
        return connection.getresponse().status
    except ConnectionError:  # refused while it was sent
        return 0
    finally:
        connection.close()


def send_and_note(collector: CollectorProcess, bomb: Bomb, statuses: set[int]) -> None:
    """Send a bomb; note the status of the answer."""
    statuses.add(send(collector, bomb))


def check(saw: Saw, key: str, seen: Seen, told: str, times: int) -> None:
    """Note what a bystander saw; in the long form, times and memory are promised, too."""
    assert seen.failed == []
    assert len(seen.waits_ms["look"]) > 3
    kept = seen.p99_ms() < WAIT_MS and seen.grown_mib < MEMORY_MIB
    saw(key, f"{told}; {seen}", kept=kept or times < _IS_LONG)


def at_once(number: int, act: Callable[[], object]) -> None:
    """Do something in several threads."""
    threads = [threading.Thread(target=act) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@often(1, 50)
def test_bombs(attacked: CollectorProcess, saw: Saw, times: int) -> None:
    """What becomes large is refused at its limit, what cannot be read is refused or kept as it is."""
    made = bombs()
    statuses: dict[str, set[int]] = {name: set() for name in made}
    rounds = max(1, times // 10)
    with watching(attacked) as watch:
        for (name, bomb), _ in itertools.product(made.items(), range(rounds)):
            at_once(4, partial(send_and_note, attacked, bomb, statuses[name]))
    assert {
        name for name, found in statuses.items() if found - {0, 200, 204, 400, 413, 422, 429, 503}
    } == set()
    assert statuses["gzip"] <= {413, 503}
    assert statuses["zstd"] <= {413, 503}
    assert statuses["zstd window"] <= {400, 422}
    assert statuses["one large frame"] <= {413, 503}
    check(saw, "bombs", watch.seen, f"{4 * rounds * len(made)} bombs of {len(made)} kinds", times)
    assert attacked.count(f"project:{PLACE.split('/')[0]}") > 3
    print(statuses)  # noqa: T201 - as elsewhere


@often(1, 50)
def test_bombs_on_other_ports(attacked: CollectorProcess, saw: Saw, times: int) -> None:
    """The same for what speaks Fluent Forward, and lines without an end."""
    with watching(attacked) as watch:
        plugs = []
        for _ in range(max(1, times // 3)):
            plugs += [
                plug(port_of(attacked, "FORWARD"), data, wait_s=1.0) for data in forward_bombs().values()
            ]
            plugs += [
                plug(port_of(attacked, "LINES"), begin + b"x" * (4 << 20), wait_s=1.0)
                for begin in (b"", b"<14>", b"{")
            ]
        time.sleep(0.5)
        for made in plugs:
            made.close()
    check(saw, "bombs-ports", watch.seen, f"{len(plugs)} bombs", times)


@often(1, 50)
def test_slow_clients(attacked: CollectorProcess, saw: Saw, times: int) -> None:
    """Who is silent, stops halfway or sends a byte now and then is cut off within the documented seconds."""
    header_s, body_s, byte_s = (HEADER_S, BODY_S, 1.0) if times >= _IS_LONG else (SHORT_S, SHORT_S, 0.2)
    if times < _IS_LONG:
        attacked.kill()
        for name in ("HEADER", "BODY"):
            attacked.environment[f"PYLOGTAP_COLLECTOR_{name}_TIMEOUT_S"] = str(SHORT_S)
        attacked.start()
    query = f"?stream={os.urandom(16).hex()}&offset={wire.HEADER_SIZE}"
    whole = POST.replace(" HTTP", f"{query} HTTP") + f"Content-Type: {wire.CONTENT_TYPE}\r\n"
    first = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    slow: dict[str, tuple[bytes, float | None, float]] = {
        "silent": (b"", None, header_s),
        "half a header": (b"GET /api/v1/logs HT", None, header_s),
        "a byte a second of a header": (b"GET /", byte_s, header_s),
        "half a second header": (first + b"GET /api", None, header_s),
        "half a body": (f"{whole}Content-Length: 1000\r\n\r\nxxx".encode(), None, body_s),
        "a byte a second of a body": (f"{whole}Content-Length: 1000\r\n\r\nxxx".encode(), byte_s, body_s),
        "half a chunk": (f"{whole}Transfer-Encoding: chunked\r\n\r\nff\r\nxx".encode(), None, body_s),
    }
    took: dict[str, float] = {}

    def wait(name: str, data: bytes, byte: float | None) -> None:
        took[name] = closed_after(plug(attacked.port, data), byte_s=byte)

    with watching(attacked) as watch:
        threads = [
            threading.Thread(target=wait, args=(name, data, byte))
            for name, (data, byte, _) in slow.items()
            for _ in range(times)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    late = {name: seconds for name, seconds in took.items() if seconds > slow[name][2] * 2 + LATE_S}
    assert late == {}
    worst = max(seconds - slow[name][2] for name, seconds in took.items())
    told = f"{len(threads)} cut off, at most {max(worst, 0):.1f} s after {header_s:g} and {body_s:g} s"
    check(saw, "slow-clients", watch.seen, told, times)


@often(1_200, 5_000)
def test_connection_flood(attacked: CollectorProcess, saw: Saw, times: int) -> None:
    """More connections than are allowed: those that ask nothing go, and a client gets through at once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = times + 500
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"{wanted} files cannot be open here: raise `ulimit -Hn`")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    plugs = []
    try:
        with watching(attacked) as watch:
            for number in range(times):
                port = (
                    attacked.port if number % 6 else port_of(attacked, "LINES" if number % 4 else "FORWARD")
                )
                plugs.append(plug(port, b"GET / HT" if number % 2 else b""))
            time.sleep(0.5)
            assert attacked.get("/readyz")["status"] == "ok"
    finally:
        for made in plugs:
            made.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    check(saw, "connection-flood", watch.seen, f"{times:,} connections", times // 100)


@often(300, 5_000)
def test_many_streams_places_and_keys(attacked: CollectorProcess, saw: Saw, times: int) -> None:
    """Each slice is of another stream, place and process, with fields that nobody has named before."""
    connection = http.client.HTTPConnection("127.0.0.1", attacked.port, timeout=60)
    statuses = set()
    with watching(attacked) as watch:
        for number in range(times):
            segment = SegmentBuilder(f"flood/service-{number}/i-{number}")
            site = segment.site(f"template {number} %s", logger=f"logger.{number}")
            for each in range(10):
                segment.record(site, [each], {f"key-{number}-{each}": each, "same": number})
            path = f"/api/v1/ingest?stream={segment.identity.hex()}&offset={wire.HEADER_SIZE}"
            connection.request("POST", path, segment.slice(), {"Content-Type": wire.CONTENT_TYPE})
            answer = connection.getresponse()
            answer.read()
            statuses.add(answer.status)
    connection.close()
    assert statuses == {200}
    told = f"{times:,} streams and places, {10 * times:,} different keys"
    check(saw, "cardinality", watch.seen, told, times // 100)
    assert attacked.get("/api/v1/logs/count", q="project:flood")["total"] == 10 * times


@often(20, 200)
def test_readers_that_never_read(attacked: CollectorProcess, saw: Saw, times: int) -> None:
    """Followers of the tail that take nothing cost a bounded queue each, and no other waits for them."""
    follow = b"GET /api/v1/logs/tail HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    export = b"GET /api/v1/logs/export HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    connection = http.client.HTTPConnection("127.0.0.1", attacked.port, timeout=60)
    with watching(attacked) as watch:
        plugs = []
        for number in range(times):
            plugs.append(plug(attacked.port, export if number % 4 == 0 else follow))
            time.sleep(0.01)  # that they come all at once is another fault
        deliveries = max(10, times // 2)
        for number in range(deliveries):
            segment = numbered_segment(500, prefix=f"tail/app/{number}")
            path = f"/api/v1/ingest?stream={segment.identity.hex()}&offset={wire.HEADER_SIZE}"
            connection.request("POST", path, segment.slice(), {"Content-Type": wire.CONTENT_TYPE})
            assert connection.getresponse().read()
            time.sleep(0.05)
    for made in plugs:
        made.close()
    connection.close()
    check(
        saw,
        "readers-that-never-read",
        watch.seen,
        f"{times} readers, {500 * deliveries:,} records",
        times // 4,
    )
    assert attacked.get("/api/v1/logs/count", q="project:tail")["total"] == 500 * deliveries
