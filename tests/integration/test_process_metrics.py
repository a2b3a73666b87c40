"""A real program that measures itself, and a real collector: what arrives, also from a killed program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from pylogtap.cli.api import Api
from pylogtap_collector.proofs.daemon import SERVE, running_daemon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pylogtap_collector.proofs.daemon import CollectorProcess

PROGRAM = """
import asyncio, gc, logging, sys, threading, time, pylogtap
pylogtap.init("shop/checkout/web-1", process_metrics=True, process_metrics_interval_s=0.3)

async def main():
    await asyncio.sleep(0.5)
    print("ready", flush=True)
    for _ in range(6):
        time.sleep(0.3)
        gc.collect()
        await asyncio.sleep(0.01)
    print("blocked", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(main())
"""
PATIENCE_S = 40.0


@contextmanager
def running_program(collector: CollectorProcess, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run the program, until its standard input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={
            **os.environ,
            "PYLOGTAP_URL": collector.url,
            "PYLOGTAP_SPOOL_DIR": str(collector.spool),
            "PYLOGTAP_CONSOLE": "off",
            **environment,
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def metrics(collector: CollectorProcess, key: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the program's metrics, by their names."""
    found = Api(collector.url, key).items("/api/v1/metrics", project="shop", service="checkout")
    return {each["name"]: each for each in found}


def values(collector: CollectorProcess, metric: dict[str, Any]) -> list[float]:
    """Return all values of a metric, oldest first."""
    document = collector.get(f"/api/v1/metrics/{metric['id']}", limit=1000)
    return [each["value"] for each in document["points"]]


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait, not for ever."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.1)


def test_what_a_program_says_of_itself_is_true(tmp_path: Path) -> None:
    """Values are those that others see from outside; a blocked loop and collections are seen."""
    with running_daemon(tmp_path) as collector, running_program(collector) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "blocked\n"
        outside = psutil.Process(process.pid)
        seen = outside.memory_info().rss, outside.num_threads()
        born = outside.create_time()
        time.sleep(0.7)
        cpu = outside.cpu_times()
        process.stdin.close()
        process.wait()
        ended = time.time()
        found = metrics(collector)
        lags = values(collector, found["process.event_loop.lag_max"])
        pauses = values(collector, found["process.gc.pause"])
    last = {name: each["last_value"] for name, each in found.items()}
    assert last["process.memory.rss"] == pytest.approx(seen[0], rel=0.2)
    assert last["process.threads"] == pytest.approx(seen[1], abs=2)
    assert last["process.cpu.time"] == pytest.approx(cpu.user + cpu.system, abs=0.3)
    assert last["process.uptime"] == pytest.approx(ended - born, abs=2)
    assert last["process.gc.collections"] >= 6
    assert found["process.gc.collections"]["kind"] == "counter"
    assert pauses == sorted(pauses)
    assert pauses[-1] > 0
    assert max(lags) > 0.04  # asked every 0.25 s, a loop that is blocked for 0.3 s cannot hide
    assert {each["labels"].get("worker") for each in found.values()} == {None}


def test_what_a_killed_program_had_read_arrives_once(tmp_path: Path) -> None:
    """The collector is away, the program is killed: its values are adopted, each of them once."""
    with running_daemon(tmp_path) as collector:
        collector.kill()
        with running_program(collector) as process:
            time.sleep(1.0)
            process.send_signal(signal.SIGKILL)
            process.wait()
        collector.start()
        wait_until(lambda: not list(collector.spool.glob("*/*.seg")))
        found = metrics(collector)
        uptimes = values(collector, found["process.uptime"])
        collector.stop()
        collector.start()
        assert values(collector, metrics(collector)["process.uptime"]) == uptimes
        assert collector.count() == 0
    assert len(uptimes) >= 2
    assert uptimes == sorted(set(uptimes))
    assert {each["samples"] for name, each in found.items() if "lag" not in name} == {len(uptimes)}


def command(collector: CollectorProcess, *arguments: str) -> str:
    """Run a command on the collector's folder, and return what it printed."""
    done = subprocess.run(
        [sys.executable, *SERVE, *arguments, "--data", str(collector.data)],
        input="correct horse battery", capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_rights(tmp_path: Path) -> None:
    """A key for another project delivers no metrics; the right one does, with what has waited meanwhile."""
    with running_daemon(tmp_path) as collector:
        collector.kill()
        command(collector, "user", "add", "ada")
        wrong = command(collector, "key", "add", "wrong", "--project", "bank", "--role", "ingest")
        right = command(collector, "key", "add", "right", "--project", "shop", "--role", "ingest")
        reader = command(collector, "key", "add", "me", "--project", "shop", "--role", "read")
        collector.start()
        with running_program(collector, PYLOGTAP_KEY=wrong) as process:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()
        assert metrics(collector, reader) == {}
        with running_program(collector, PYLOGTAP_KEY=right) as process:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()
        found = metrics(collector, reader)
    assert found["process.uptime"]["last_value"] > 0
