"""What an application sees of faults: counters that add up, drops that are told, a quiet standard error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap.client import drain
from pylogtap.settings import Settings
from pylogtap_collector.proofs import sinks
from pylogtap_collector.proofs.sinks import Exchange, Sink
from tests.faults.extent import often

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.faults.conftest import Saw

MOST_BYTES = 2 << 20
OVERFLOW = """
import dataclasses, json, sys, pylogtap
log = pylogtap.get_logger(sys.argv[1])
calls = 0
while calls < 40_000 and sum(pylogtap.stats().dropped.values() if calls % 1000 == 0 else ()) < 500:
    log.info("line", number=calls, pad="x" * (calls * 7 % 150))
    calls += 1
def say():
    print(json.dumps({"calls": calls, **dataclasses.asdict(pylogtap.stats())}), flush=True)
say()
sys.stdin.readline()
pylogtap.flush(30)
log.info("line", number=calls)  # there is room again
calls += 1
say()
sys.stdin.readline()
"""
QUIET = """
import sys, time, pylogtap
logs = [pylogtap.get_logger(sys.argv[1], url=url) for url in sys.argv[3:]]
logs.append(pylogtap.get_logger(sys.argv[1], url=sys.argv[3], spool_dir="/proc/none"))
until = time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    for log in logs:
        log.info("line")
    time.sleep(0.01)
"""
WATCHED = """
import dataclasses, itertools, json, logging, sys, threading, time, pylogtap
prefix, seconds, threads = sys.argv[1], float(sys.argv[2]), 3
log = pylogtap.get_logger(prefix)
begun, returned = [0] * threads, [0] * threads
stop = threading.Event()
def write(writer):
    for number in itertools.count(1):
        if stop.is_set():
            return
        begun[writer] = number
        log.info("poison" if number % 997 == 0 else "line", number=number, pad="x" * (number * 7 % 150))
        returned[writer] = number
        if number % 20 == 0:
            time.sleep(0.002)
writing = [threading.Thread(target=write, args=(writer,)) for writer in range(threads)]
for each in writing:
    each.start()
looks = wrong = 0
until = time.monotonic() + seconds
example = None
while time.monotonic() < until:
    before = sum(returned)
    stats = pylogtap.stats()
    after = sum(begun)
    looks += 1
    if not before <= stats.accepted <= after or stats.accepted != (
        stats.shipped + stats.spooled + sum(stats.dropped.values())
    ):
        wrong += 1
        example = [before, after, dataclasses.asdict(stats)]
    time.sleep(0.0005)
stop.set()
for each in writing:
    each.join()
print("{}", flush=True)
sys.stdin.readline()
delivered = pylogtap.flush(60)
stats = dataclasses.asdict(pylogtap.stats())
print(json.dumps({"looks": looks, "wrong": wrong, "example": example, "calls": sum(returned),
                  "delivered": delivered, **stats}))
"""
_ARRIVING_S = 30.0


class Program:
    """
    A program that delivers to a sink.

    Attributes:
        process: The process.
        settings: How it delivers.
    """

    def __init__(self, folder: Path, url: str, code: str, *arguments: str) -> None:
        """Start it."""
        self.settings = Settings(url=url, spool_dir=folder / "spool")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYLOGTAP_")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            env=inherited
            | {
                "PYLOGTAP_URL": url,
                "PYLOGTAP_SPOOL_DIR": str(folder / "spool"),
                "PYLOGTAP_SPOOL_MAX_BYTES": str(MOST_BYTES),
                "PYLOGTAP_FLUSH_INTERVAL_S": "0.02",
            },
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def hear(self) -> dict[str, Any]:
        """Return what it says next."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        said: dict[str, Any] = json.loads(line)
        return said

    def go_on(self) -> None:
        """Have it do the next step."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def spooled(self) -> int:
        """Return the bytes that its segments take."""
        assert self.settings.spool_dir
        return sum(path.stat().st_blocks * 512 for path in self.settings.spool_dir.rglob("*.seg"))


@pytest.fixture
def sink(shared_collector: CollectorProcess) -> Iterator[Sink]:
    """Return a sink that takes no connection, in front of a collector."""
    made = Sink(shared_collector.port, sinks.hang_up)
    yield made
    made.close()


def arrived(collector: CollectorProcess, instance: str, lines: int, drops: int) -> tuple[list[int], int]:
    """Return the numbers of the lines that are stored, and the drops that are told, once so many are."""
    deadline = time.monotonic() + _ARRIVING_S
    while True:
        shown = [log["attributes"] for log in collector.exported(f"instance:{instance}")]
        numbers = sorted(fields["number"] for fields in shown if "number" in fields)
        told = sum(sum(fields["dropped"].values()) for fields in shown if "dropped" in fields)
        if (len(numbers) >= lines and told >= drops) or time.monotonic() > deadline:
            return numbers, told
        time.sleep(0.1)


def test_more_than_the_spool_may_hold(
    tmp_path: Path, shared_collector: CollectorProcess, sink: Sink, saw: Saw
) -> None:
    """What has no room is counted; the count arrives as a line of the program's place, and on `/readyz`."""
    before = shared_collector.get("/readyz")["dropped"]
    program = Program(tmp_path, sink.url, OVERFLOW, "faults/seen/full")
    full = program.hear()
    bytes_full = program.spooled()
    sink.recover()
    program.go_on()
    resumed = program.hear()
    program.go_on()
    _, errors = program.process.communicate(timeout=30)
    dropped = sum(resumed["dropped"].values())
    numbers, told = arrived(shared_collector, "full", resumed["calls"] - dropped, dropped)
    assert errors == ""
    assert full["dropped"] == {"spool_full": dropped}
    assert full["accepted"] == full["calls"]
    assert resumed["shipped"] + resumed["spooled"] + dropped == resumed["calls"]
    assert len(set(numbers)) == len(numbers)
    assert full["calls"] in numbers  # logged when there was room again
    assert shared_collector.get("/readyz")["dropped"] - before == dropped
    saw(
        "spool-full",
        f"{len(numbers):,} stored + {dropped:,} dropped = {resumed['calls']:,} calls; told {told:,}; "
        f"spool {bytes_full / MOST_BYTES:.2f} of its limit",
        kept=len(numbers) + dropped == resumed["calls"] and told == dropped and bytes_full <= MOST_BYTES,
    )


def test_killed_before_it_could_tell(
    tmp_path: Path, shared_collector: CollectorProcess, sink: Sink, saw: Saw
) -> None:
    """A program that has dropped records is killed; its adopter tells how many, and delivers the others."""
    program = Program(tmp_path, sink.url, OVERFLOW, "faults/seen/killed")
    full = program.hear()
    program.process.kill()
    program.process.communicate()
    sink.recover()
    report = drain(program.settings)
    dropped = sum(full["dropped"].values())
    numbers, told = arrived(shared_collector, "killed", full["calls"] - dropped, dropped)
    assert (report.left, report.set_aside) == (0, 0)
    assert len(numbers) == len(set(numbers)) == full["calls"] - dropped
    assert dropped >= 500
    saw("killed-with-drops", f"{dropped:,} dropped, {told:,} told", kept=told == dropped)


@pytest.mark.parametrize(
    "seconds", [2, pytest.param(125, marks=[pytest.mark.slow, pytest.mark.timeout(300)])]
)
def test_standard_error_stays_quiet(
    tmp_path: Path, shared_collector: CollectorProcess, seconds: int, saw: Saw
) -> None:
    """Five collectors fail in five ways: one line is told, and one at the end of what is lost."""
    statuses = [401, 403, 404, 301]
    faults = [
        Sink(shared_collector.port, lambda exchange, status=status: exchange.reply(status))  # type: ignore[misc]
        for status in statuses
    ]
    faults.append(Sink(shared_collector.port, sinks.hang_up))
    urls = [each.url for each in faults]
    program = Program(tmp_path, urls[0], QUIET, "faults/seen/quiet", str(seconds), *urls)
    _, errors = program.process.communicate(timeout=seconds + 60)
    lines = errors.splitlines()
    for each in faults:
        assert each.met > 0
        each.close()
    told = [line for line in lines if "does not take" in line]
    last = [line for line in lines if "are lost" in line]
    assert program.process.returncode == 0
    assert len(told) >= 1
    assert len(last) == 1
    saw(
        "stderr-quiet",
        f"{len(told)} lines in {seconds} s, {len(last)} at the end",
        kept=len(told) <= 1 + seconds // 60 and len(told) + len(last) == len(lines),
    )


@often(2, 120)
def test_counters_add_up_at_any_moment(
    tmp_path: Path, shared_collector: CollectorProcess, sink: Sink, seed: int, times: int, saw: Saw
) -> None:
    """Three threads log, everything goes wrong by turns, and every look at the counters is consistent."""
    began = time.monotonic()

    def fault(exchange: Exchange) -> None:
        step = int((time.monotonic() - began) * 5 + seed) % 5
        if step == 0:
            exchange.reply(503, b"{}", {"Retry-After": "0.3"})
        elif step == 1 or b"poison" in exchange.body:
            exchange.reply(400 if b"poison" in exchange.body else 500)
        elif step == 2:
            sinks.break_off(exchange)  # stored, and the answer is lost
        elif len(exchange.body) > 50_000:
            exchange.reply(413)
        else:
            exchange.pass_on()

    sink.fault = fault
    program = Program(tmp_path, sink.url, WATCHED, f"faults/seen/watched-{times}", str(times))
    program.hear()
    sink.recover()
    program.go_on()
    said = program.hear()
    program.process.communicate(timeout=60)
    dropped = sum(said["dropped"].values())
    _, told = arrived(shared_collector, f"watched-{times}", said["shipped"], dropped)
    assert said["looks"] > 20
    assert said["delivered"]
    assert said["accepted"] == said["calls"] == said["shipped"] + dropped
    assert told == dropped
    saw(
        "counters-add-up",
        f"{said['wrong']} of {said['looks']:,} looks did not; {said['calls']:,} calls, {said['dropped']}",
        kept=said["wrong"] == 0,
    )
