"""`kill -9` of the collector and restarts of the engine while containers write: each line is stored once."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import docker
import pytest

from tests.faults.extent import often
from tests.support.engine import PYTHON, private_process

if TYPE_CHECKING:
    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.faults.conftest import Saw

pytestmark = pytest.mark.engine
LINES = 10_000
STORED = "has:container.id -has:event"  # its lines, and not what became of it
_PATIENCE_S = 60
NUMBERS = f"""
import sys, time
for number in range({LINES}):
    print("number", number, file=sys.stderr if number % 3 == 0 else sys.stdout, flush=True)
    if number % 10 == 0:
        time.sleep(0.008)
time.sleep(1000)
"""


def followed(collector: CollectorProcess, wanted: int) -> Counter[str]:
    """Return how often each line is stored, once all have come, and any that come twice had time to."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and collector.count(STORED) < wanted:
        time.sleep(0.5)
    time.sleep(2)
    return Counter(log["message"] for log in collector.logs(STORED))


def told(found: Counter[str], wanted: int) -> str:
    """Return in words what is missing and what is doubled of lines that differ."""
    return f"{wanted - len(found)} lost, {found.total() - len(found)} duplicated"


def kept(client: docker.APIClient, container: str) -> Counter[str]:
    """
    Return how often the engine has each line, once the container has written all.

    An engine that ends in the midst of a line loses what it has read of it. Its log then has the rest of that
    line, which may be the newline alone: such a blank line is no record.
    """
    deadline, lines = time.monotonic() + _PATIENCE_S, []
    while time.monotonic() < deadline:
        lines = client.logs(container).decode().splitlines()
        if f"number {LINES - 1}" in lines:
            break
        time.sleep(0.5)
    return Counter(line for line in lines if line.strip())


@often(3, 30)
def test_the_collector_dies(collector: CollectorProcess, seed: int, times: int, saw: Saw) -> None:
    """The collector is killed at random, in the middle of 10,000 lines whose file the engine rotates."""
    rng = random.Random(seed)
    with private_process() as engine:
        collector.kill()
        collector.environment["PYLOGTAP_COLLECTOR_DOCKER"] = engine.address
        collector.start()
        client = docker.APIClient(engine.address)
        log = {"Type": "json-file", "Config": {"max-size": "200k", "max-file": "20"}}
        host = client.create_host_config(log_config=log)
        client.start(client.create_container(PYTHON, ["python3", "-c", NUMBERS], host_config=host)["Id"])
        for _ in range(times):
            time.sleep(rng.uniform(0.5, 2.0))
            collector.kill()
            time.sleep(rng.uniform(0, 0.5))
            collector.start()
        found = followed(collector, LINES)
        client.close()
        collector.stop()
    figure = f"{times} kills, {LINES:,} lines: {told(found, LINES)}"
    saw("containers-collector-killed", figure, kept=(len(found), found.total()) == (LINES, LINES))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_the_engine_dies(collector: CollectorProcess, how: str, saw: Saw) -> None:
    """
    The engine ends in the middle of the lines, and comes back.

    Its containers live on; what they write meanwhile is there, as far as the engine has it.
    """
    with private_process("--live-restore") as engine:
        collector.kill()
        collector.environment["PYLOGTAP_COLLECTOR_DOCKER"] = engine.address
        collector.start()
        client = docker.APIClient(engine.address)
        made = client.create_container(PYTHON, ["python3", "-c", NUMBERS])["Id"]
        client.start(made)
        time.sleep(3)
        getattr(engine, how)()
        time.sleep(1)
        engine.start()
        there = kept(client, made)
        found = followed(collector, there.total())
        client.close()
        collector.stop()
    assert there.total() > LINES / 2
    figure = f"engine by {how}, {there.total():,} lines: {told(found, len(there))}"
    saw("containers-engine-killed", figure, kept=found == there)
