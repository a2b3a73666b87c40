"""The collector of bench_store.py: filled, asked over HTTP, and asked while more comes in."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from benchmarks.measure import cpu_seconds_of, peak_rss_mib_of, percentile
from benchmarks.store_data import generated
from benchmarks.store_slices import Piece, Sender, SliceFile, read_slices

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pylogtap_collector.proofs.daemon import CollectorProcess

LOGS = "/api/v1/logs"
_BUSY = 0.02  # share of a core that an idle collector may take


def fill(collector: CollectorProcess, slices: Path, *, quiet_s: float) -> dict[str, Any]:
    """
    Send all slices in their order, and wait until the collector has nothing left to do.

    Args:
        collector: Running, empty.
        slices: The file.
        quiet_s: So long without work, and what came is where it belongs.

    Returns:
        Records, their rate, CPU of the collector until the end, peak memory, latencies.
    """
    sender, cpu, began = Sender(collector.url), cpu_seconds_of(collector.pid), time.monotonic()
    for piece in read_slices(slices):
        sender.send(piece)
    elapsed = time.monotonic() - began
    used = _settled(collector.pid, quiet_s) - cpu
    return {
        "records": sender.records,
        "records_per_s": sender.records / elapsed,
        "cpu_s_per_million": used / sender.records * 1e6,
        "ingest_peak_mib": peak_rss_mib_of(collector.pid),
        **latencies([ms for _, ms in sender.latencies_ms]),
    }


def _settled(pid: int, quiet_s: float) -> float:
    known = cpu_seconds_of(pid)
    while True:
        time.sleep(quiet_s)
        now = cpu_seconds_of(pid)
        if now - known < _BUSY * quiet_s:
            return now
        known = now


def latencies(found: list[float]) -> dict[str, float]:
    """Return percentiles of latencies in ms; nothing where there are none."""
    if not found:
        return {}
    ordered = sorted(found)
    return {
        "ack_p50_ms": percentile(ordered, 0.5),
        "ack_p99_ms": percentile(ordered, 0.99),
        "ack_max_ms": ordered[-1],
    }


class Http:
    """Asks a collector over one connection."""

    def __init__(self, port: int, facts: dict[str, Any]) -> None:
        """
        Connect with the first question.

        Args:
            port: Of the collector, on this machine.
            facts: What to ask for.
        """
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        begin = (facts["first_us"] + facts["last_us"]) // 2
        self._questions: dict[str, tuple[str, dict[str, Any]]] = {
            "last": (LOGS, {"q": f"service:{facts['service']}", "limit": 100}),
            "few": (LOGS, {"q": facts["rare"], "limit": 100}),
            "count": (f"{LOGS}/count", {"q": facts["word"]}),
            "newest": (LOGS, {"q": facts["word"], "limit": 100}),
            "substring": (LOGS, {"q": f"message:/{facts['part']}/", "limit": 100}),
            "level": (
                f"{LOGS}/count",
                {"q": "level:error", "since": begin / 1e6, "until": begin / 1e6 + 3600},
            ),
            "minutes": (f"{LOGS}/histogram", {"step": 60}),
            "patterns": (f"{LOGS}/patterns", {"limit": 20}),
        }

    def ask(self, question: str) -> float:
        """Return how long an answer took, in ms."""
        path, query = self._questions[question]
        began = time.perf_counter()
        self._connection.request("GET", f"{path}?{urlencode(query)}")
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"HTTP {answer.status} to {question}: {body[:300]!r}")
        return (time.perf_counter() - began) * 1e3

    def send(self, method: str, path: str) -> None:
        """Ask for something else, and read the answer to its end."""
        self._connection.request(method, path, b"", {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        last = b""
        while chunk := answer.read(1 << 20):
            last = chunk
        if answer.status >= 300:
            raise RuntimeError(f"HTTP {answer.status} to {method} {path}: {last[:300]!r}")


def write_more(path: Path, facts: dict[str, Any], records: int) -> None:
    """Write the slices of records that come behind those that are stored."""
    with SliceFile(path) as slices:
        for record in generated(records, seed=8, start_us=facts["last_us"]):
            slices.add(record)


class Feeder:
    """Sends slices at a steady rate from a thread, over and over under fresh ids."""

    def __init__(self, url: str, path: Path, rate: float) -> None:
        """
        Prepare.

        Args:
            url: The collector's address.
            path: The slices.
            rate: Records a second.
        """
        self.sender = Sender(url)
        self._pieces = list(read_slices(path))
        self._rate = rate
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.began = 0.0

    def start(self) -> None:
        """Begin."""
        self.began = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for the last acknowledgement."""
        self._stopping.set()
        self._thread.join(60)

    @property
    def rate(self) -> float:
        """Records a second that were acknowledged."""
        return self.sender.records / (time.monotonic() - self.began)

    def between(self, begin: float, end: float) -> list[float]:
        """Return the latencies of slices that were acknowledged between two moments, in ms."""
        return [ms for at, ms in list(self.sender.latencies_ms) if begin <= at <= end]

    def _run(self) -> None:
        for _ in itertools.count():
            fresh: dict[bytes, bytes] = {}
            for piece in self._pieces:
                ahead = self.sender.records / self._rate - (time.monotonic() - self.began)
                if self._stopping.wait(max(0.0, ahead)):
                    return
                segment = fresh.setdefault(piece.segment, piece.segment[:4] + os.urandom(12))
                self.sender.send(Piece(segment, piece.offset, piece.body, piece.records))


def under_load(
    collector: CollectorProcess,
    facts: dict[str, Any],
    more: Path,
    *,
    rate: float,
    rounds: int,
    pause_s: float,
) -> dict[str, Any]:
    """
    Ask while records come in, and look at what acknowledgements cost while other things are done.

    Args:
        collector: Running, with the records stored.
        facts: What to ask for.
        more: Slices of later records.
        rate: Records a second that come in.
        rounds: Of all questions.
        pause_s: How long to look at ingest alone.

    Returns:
        Medians of questions, and latencies of acknowledgements by what was done meanwhile.
    """
    feeder, http_client = Feeder(collector.url, more, rate), Http(collector.port, facts)
    asked: dict[str, list[float]] = {}
    feeder.start()
    time.sleep(pause_s / 4)

    def ask_all() -> None:
        for _ in range(rounds):
            for question in http_client._questions:  # noqa: SLF001 - of this module
                asked.setdefault(question, []).append(http_client.ask(question))

    busy: dict[str, Callable[[], None]] = {
        "ingest and sealing alone": lambda: time.sleep(pause_s),
        "questions one after the other": ask_all,
        "a backup": lambda: http_client.send("POST", "/api/v1/backup"),
        "a deletion": lambda: http_client.send("DELETE", f"{LOGS}?{urlencode({'q': 'service:apache'})}"),
    }
    phases = []
    for name, work in busy.items():
        begin = time.monotonic()
        work()
        time.sleep(0.5)
        found = feeder.between(begin, time.monotonic())
        phases.append({"meanwhile": name, "slices": len(found), **latencies(found)})
    reached = feeder.rate
    feeder.stop()
    medians = {question: sorted(times)[len(times) // 2] for question, times in asked.items()}
    return {"rate": reached, "asked_ms": medians, "phases": phases}


def read_facts(folder: Path) -> dict[str, Any]:
    """Return what is known of the records of a folder."""
    found: dict[str, Any] = json.loads((folder / "facts.json").read_text())
    return found
