"""
A well-behaved client beside an attack: how long it waits for its answers, and what the collector takes.

It runs in a process of its own, so that what it measures is the collector, not the attacker beside it::

    with watching(collector) as watch:
        attack()
    print(watch.seen)
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgpack

from pylogtap import wire
from pylogtap.record import place_payload, process_payload, site_payload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap_collector.proofs.daemon import CollectorProcess

PLACE = "bystander/app/one"
_PAUSE_S = 0.01
_KINDS = ("look", "store")


@dataclass(slots=True)
class Seen:
    """
    What a bystander saw.

    Attributes:
        waits_ms: How long each of its requests took, by kind.
        failed: Requests that were not answered by 200.
        grown_mib: How much more memory the collector had at its most than before.
    """

    waits_ms: dict[str, list[float]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    grown_mib: float = 0.0

    def worst_ms(self, kind: str = "look") -> float:
        """Return the longest wait."""
        return max(self.waits_ms[kind])

    def p99_ms(self, kind: str = "look") -> float:
        """Return the wait that one in a hundred exceeds."""
        return sorted(self.waits_ms[kind])[int(len(self.waits_ms[kind]) * 0.99)]

    def __str__(self) -> str:
        return (
            f"others answered in {self.p99_ms():.0f} ms (p99; worst {self.worst_ms():.0f} ms), "
            f"memory grew by {self.grown_mib:.0f} MiB"
        )


@dataclass(slots=True)
class Watch:
    """
    A bystander at work.

    Attributes:
        seen: What it saw; complete once it has ended.
    """

    seen: Seen = field(default_factory=Seen)


@contextmanager
def watching(collector: CollectorProcess) -> Iterator[Watch]:
    """Let a bystander look and store while this lasts."""
    watch, before = Watch(), memory_mib(collector.pid, "VmRSS")
    Path(f"/proc/{collector.pid}/clear_refs").write_text("5", encoding="ascii")  # its peak begins anew
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, str(collector.port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "up\n"
        yield watch
        found = json.loads(process.communicate("")[0])
    finally:
        process.kill()
        process.wait()
    watch.seen.waits_ms, watch.seen.failed = found["waits_ms"], found["failed"]
    watch.seen.grown_mib = memory_mib(collector.pid, "VmHWM") - before


def memory_mib(pid: int, name: str) -> float:
    """
    Return how much memory a process has.

    Args:
        pid: Its number.
        name: `VmRSS`: now; `VmHWM`: at its most.
    """
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split(f"{name}:")[1].split()[0]) / 1024


class _Segment:
    """A segment that grows, a record at a time."""

    def __init__(self) -> None:
        self.identity = os.urandom(16)
        self.offset = wire.HEADER_SIZE
        self._salt = wire.salt_of(self.identity)
        self._first = (
            process_payload("bystander", "host", "0"),
            place_payload(1, PLACE),
            site_payload(1, (1, "by", 9, "info", None, "by.py", 1, "ask", wire.STYLE_TEXT)),
        )

    def record(self, number: int) -> bytes:
        record = msgpack.packb([1, time.time_ns(), f"number {number}", {"number": number}])
        payloads = (record,) if self.offset > wire.HEADER_SIZE else (*self._first, record)
        return b"".join(self._frame(payload) for payload in payloads)

    def _frame(self, payload: bytes) -> bytes:
        check = zlib.crc32(payload) ^ self._salt ^ self.offset
        self.offset += wire.frame_size(len(payload))
        head = len(payload).to_bytes(4, "little") + check.to_bytes(4, "little")
        return (head + payload).ljust(wire.frame_size(len(payload)), b"\0")


def _live(port: int) -> None:
    ended = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    segment, number = _Segment(), 0
    waits: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    failed: list[str] = []
    sys.stdout.write("up\n")
    sys.stdout.flush()
    while not ended.is_set() or not number:
        number += 1
        offset = segment.offset
        path = f"/api/v1/ingest?stream={segment.identity.hex()}&offset={offset}"
        for kind, method, where, body in (
            ("look", "GET", "/healthz", None),
            ("store", "POST", path, segment.record(number)),
        ):
            began = time.monotonic()
            try:
                headers = {} if body is None else {"Content-Type": wire.CONTENT_TYPE}
                connection.request(method, where, body, headers)
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != 200:
                    failed.append(f"{kind}: {answer.status} {text[:200]!r}")
            except (OSError, http.client.HTTPException) as error:
                failed.append(f"{kind}: {error!r}")
                connection.close()
            waits[kind].append((time.monotonic() - began) * 1e3)
        time.sleep(_PAUSE_S)
    sys.stdout.write(json.dumps({"waits_ms": waits, "failed": failed}))


if __name__ == "__main__":
    _live(int(sys.argv[1]))
