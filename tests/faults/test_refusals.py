"""Collectors that refuse: what can be delivered is, what cannot is counted, and nothing else is lost."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections import Counter
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap.client import drain
from pylogtap.settings import Settings
from pylogtap_collector.proofs.sinks import Exchange, Sink, hang_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pylogtap.shipper import DrainReport
    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.faults.conftest import Saw

LINES = 1000
PROGRAM = """
import dataclasses, json, sys, pylogtap
from pylogtap import client
prefix, marks, patience = sys.argv[1], json.loads(sys.argv[2]), float(sys.argv[3])
logs = [pylogtap.get_logger(f"{prefix}-{index}", url=url) for index, url in enumerate(sys.argv[4:])]
for number in range(%d):
    text, times = marks.get(str(number), ("", 0))
    for log in logs:
        log.info("line", number=number, mark=text * times)
pylogtap.flush(patience)
print(json.dumps([dataclasses.asdict(each.stats()) for each in client.all_clients()]))
"""
_ARRIVING_S = 30.0
_WAIT_S = 1


@dataclasses.dataclass
class Clients:
    """
    A program that delivers to several sinks in front of the collector.

    Attributes:
        sinks: The sinks.
        name: The last part of each prefix begins with it; no other test has the same.
        spool: The directory of all spools.
        collector: The collector.
    """

    sinks: list[Sink]
    name: str
    spool: Path
    collector: CollectorProcess

    def run(
        self, marks: Mapping[int, tuple[str, int]] | None = None, patience_s: float = 60
    ) -> list[dict[str, Any]]:
        """Log all lines, some with a mark, and return the counters for each sink."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYLOGTAP_")}
        done = subprocess.run(
            [
                *(sys.executable, "-c", PROGRAM % LINES, f"faults/refused/{self.name}"),
                *(json.dumps(marks or {}), str(patience_s), *(sink.url for sink in self.sinks)),
            ],
            env=inherited | {"PYLOGTAP_SPOOL_DIR": str(self.spool), "PYLOGTAP_FLUSH_INTERVAL_S": "0.02"},
            cwd=self.spool.parent,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        counters: list[dict[str, Any]] = json.loads(done.stdout)
        return counters

    def drain(self, index: int) -> DrainReport:
        """Deliver what the program has left for a sink."""
        return drain(Settings(url=self.sinks[index].url, spool_dir=self.spool))

    def stored(self, index: int, wanted: int, notes: int = 0) -> tuple[Counter[int], int]:
        """Return how often each line of a sink is stored, once so many are, and the drops that are told."""
        deadline = time.monotonic() + _ARRIVING_S
        while True:
            logs = self.collector.exported(f"instance:{self.name}-{index}")
            shown = [log["attributes"] for log in logs]
            found = Counter(fields["number"] for fields in shown if "number" in fields)
            told = sum(sum(fields["dropped"].values()) for fields in shown if "dropped" in fields)
            if (len(found) >= wanted and told >= notes) or time.monotonic() > deadline:
                return found, told
            time.sleep(0.1)


@pytest.fixture
def make_clients(tmp_path: Path, shared_collector: CollectorProcess) -> Iterator[Callable[..., Clients]]:
    """Make a program that has a sink for each of some faults."""
    made: list[Clients] = []

    def make(name: str, *faults: Callable[[Exchange], None]) -> Clients:
        sinks = [Sink(shared_collector.port, fault) for fault in faults]
        made.append(Clients(sinks, name, tmp_path / "spool", shared_collector))
        return made[-1]

    yield make
    for clients in made:
        for sink in clients.sinks:
            sink.close()


def lost_and_doubled(found: Counter[int], expected: set[int]) -> tuple[int, int]:
    """Return how many lines are missing, or there although refused; and how many are there again."""
    return len(expected ^ found.keys()), found.total() - len(found)


def test_only_small_requests(make_clients: Callable[..., Clients], saw: Saw) -> None:
    """A server that takes 5,000 bytes at once gets slices of at most that, and each line once."""
    limit = 5000
    sizes: list[int] = []

    def fault(exchange: Exchange) -> None:
        if len(exchange.body) > limit:
            exchange.reply(413)
        else:
            sizes.append(len(exchange.body))
            exchange.pass_on()

    clients = make_clients("small", fault)
    (counters,) = clients.run()
    lost, doubled = lost_and_doubled(clients.stored(0, LINES)[0], set(range(LINES)))
    assert (counters["spooled"], counters["dropped"]) == (0, {})
    assert max(sizes) > limit / 3  # it is not sent line by line for ever
    saw(
        "refused-413", f"{lost} lost, {doubled} duplicated, of {LINES:,} lines", kept=not lost and not doubled
    )


@pytest.mark.parametrize(
    ("status", "mark"), [(413, ("x", 30_000)), (400, ("poison", 1)), (422, ("poison", 1))], ids=str
)
def test_single_records(
    make_clients: Callable[..., Clients],
    shared_collector: CollectorProcess,
    status: int,
    mark: tuple[str, int],
    saw: Saw,
) -> None:
    """Records that are refused wherever they stand are set aside, alone or in a row; the others arrive."""
    refused = {20, 700, 701, 702, 900}

    def fault(exchange: Exchange) -> None:
        bad = len(exchange.body) > 20_000 if status == 413 else b"poison" in exchange.body
        exchange.reply(status) if bad else exchange.pass_on()

    clients = make_clients(f"single-{status}", fault)
    before = shared_collector.get("/readyz")["dropped"]
    (counters,) = clients.run(dict.fromkeys(refused, mark))
    found, told = clients.stored(0, LINES - len(refused), len(refused))
    lost, doubled = lost_and_doubled(found, set(range(LINES)) - refused)
    (aside,) = clients.spool.rglob("set-aside.frames")
    assert aside.read_bytes().count(mark[0].encode() * mark[1]) == len(refused)
    assert (counters["accepted"], counters["shipped"]) == (LINES, LINES - len(refused))
    assert shared_collector.get("/readyz")["dropped"] - before == len(refused)
    figure = f"HTTP {status}: {counters['dropped']}, told {told}; others: {lost} lost, {doubled} duplicated"
    kept = counters["dropped"] == {"refused": len(refused)} and told == len(refused) and not lost + doubled
    saw("refused-record", figure, kept=kept)


class Busy:
    """Asks to wait, twice, and is there then."""

    def __init__(self, status: int, *, date: bool) -> None:
        """Say how it asks."""
        self._status, self._date = status, date
        self.asked: list[float] = []  # until when each answer asked for time

    def __call__(self, exchange: Exchange) -> None:
        """Answer."""
        if len(self.asked) == 2:
            exchange.pass_on()
            return
        date = formatdate(time.time() + _WAIT_S + 1, usegmt=True)  # whole seconds, cut
        self.asked.append(time.monotonic() + _WAIT_S - 0.1)
        exchange.reply(self._status, b"{}", {"Retry-After": date if self._date else str(_WAIT_S)})

    def early(self, sink: Sink) -> int:
        """Return how often somebody came before."""
        times = [at for at, _ in sink.requests]
        return sum(time < until for time, until in zip(times[1:], self.asked, strict=False))


def test_asked_to_wait(make_clients: Callable[..., Clients], saw: Saw) -> None:
    """Whoever says when to come back is not asked before, and everything arrives then."""
    busy = [Busy(status, date=date) for status in (429, 503) for date in (False, True)]
    clients = make_clients("wait", *busy)
    counters = clients.run()
    lost = doubled = early = 0
    for index, each in enumerate(busy):
        missing, again = lost_and_doubled(clients.stored(index, LINES)[0], set(range(LINES)))
        lost, doubled, early = lost + missing, doubled + again, early + each.early(clients.sinks[index])
        assert len(each.asked) == 2
        assert (counters[index]["spooled"], counters[index]["dropped"]) == (0, {})
    figure = f"{lost} lost, {doubled} duplicated, {early} asked too early"
    saw("refused-wait", figure, kept=not lost + doubled + early)


def test_everything_is_refused(make_clients: Callable[..., Clients], saw: Saw) -> None:
    """Nothing is given up, nobody is followed elsewhere; in the end each line is stored once."""
    elsewhere = Sink(1, hang_up)
    to = {"Location": f"{elsewhere.url}/api/v1/ingest"}
    answers: list[tuple[int, bytes, Mapping[str, str]]] = [
        *((status, b'{"title": "No"}', {}) for status in (400, 401, 403, 404, 413, 422, 500, 502)),
        *((status, b"", to) for status in (301, 302, 307, 308)),
        (200, b"<html>Welcome!</html>", {}),
        (200, b"[" * 100_000, {}),
        (200, b'{"next": true}', {}),
        (400, b'{"code": "damaged_frame", "frame": "x", "next": 8}', {}),
    ]
    faults = [lambda exchange, answer=answer: exchange.reply(*answer) for answer in answers]
    clients = make_clients("all", *faults)
    counters = clients.run(patience_s=0.5)
    lost = doubled = 0
    for index, sink in enumerate(clients.sinks):
        assert sink.met > 0
        assert (counters[index]["spooled"], counters[index]["dropped"]) == (LINES, {}), answers[index]
        sink.recover()
        report = clients.drain(index)
        assert (report.records, report.set_aside, report.left) == (LINES, 0, 0)
        missing, again = lost_and_doubled(clients.stored(index, LINES)[0], set(range(LINES)))
        lost, doubled = lost + missing, doubled + again
    elsewhere.close()
    figure = f"{len(answers)} answers: {lost} lost, {doubled} duplicated, {elsewhere.met} requests elsewhere"
    saw("refused-all", figure, kept=not lost + doubled + elsewhere.met)
