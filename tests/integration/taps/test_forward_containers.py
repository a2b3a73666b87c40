"""Docker's `fluentd` driver, and lines that are acknowledged one by one: none is lost when we are killed."""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.ports import holding
from tests.support.engine import PYTHON
from tests.support.fluent import Client
from tests.support.ports import opened_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.engine import Containers
    from tests.support.ports import Opened

TRACEBACK = """\
ERROR:shop.cart:cannot order
Traceback (most recent call last):
  File "shop.py", line 1, in <module>
ValueError: no such article
"""

SCRIPT = r"""
import os, sys, time
out = sys.stdout.buffer
out.write(b"invalid \xff\xfe byte\n")
out.write(b"x" * 40000 + b"\n")
out.write(b'{"level": "warning", "message": "json", "n": 1}\n')
out.write(b"[shop/own/two] WARNING:root:prefix\n")
out.flush()
time.sleep(1)  # the driver of engine 20.10 mixes up acknowledgements of two streams at a time
sys.stderr.write(TRACEBACK)
sys.stderr.flush()
""".replace("TRACEBACK", repr(TRACEBACK))


@pytest.mark.engine
@pytest.mark.parametrize("ack", [False, True])
async def test_dockers_driver_is_understood(opened: Opened, containers: Containers, ack: bool) -> None:
    """A container's output: bytes that are no text, lines longer than the driver's, prefixes, tracebacks."""
    project = f"forward{os.getpid()}"
    labels = {
        "com.docker.compose.project": project,
        "com.docker.compose.service": "cart",
        "com.docker.compose.container-number": "3",
    }
    config = {
        "type": "fluentd",
        "config": {
            "fluentd-address": f"127.0.0.1:{opened.forward}",
            "fluentd-request-ack": str(ack).lower(),
            "fluentd-sub-second-precision": "true",
            "labels": ",".join(labels),
        },
    }

    def run() -> None:
        container = containers.run(
            "python3", "-c", SCRIPT, image=PYTHON, name="fluentd", labels=labels, log_config=config
        )
        containers.client.wait(container, timeout=60)

    await asyncio.to_thread(run)
    logs = await opened.wait(5)
    assert len(logs) == 5
    own = [log for log in logs if log.service == "own"]
    rest = [log for log in logs if log.service != "own"]
    assert [(log.project, log.instance, log.message, log.level) for log in own] == [
        ("shop", "two", "prefix", "warning")
    ]
    assert {(log.project, log.service, log.instance) for log in rest} == {(project, "cart", "cart-3")}
    assert all(abs(datetime.now(UTC) - log.time) < timedelta(minutes=1) for log in logs)
    assert all(log.attributes["container.name"].startswith("ptt-") for log in logs)
    assert all(len(log.attributes["container.id"]) == 12 for log in logs)
    said = [log.message for log in rest]
    assert r"invalid \xff\xfe byte" in said
    long = [log for log in rest if set(log.message) == {"x"}]
    assert "".join(log.message for log in long) == "x" * 40_000
    (structured,) = (log for log in rest if log.message == "json")
    assert (structured.level, structured.attributes["n"]) == ("warning", 1)
    assert len(long) == 1
    (failed,) = (log for log in rest if log.exception)
    assert (failed.message, failed.level) == ("cannot order", "error")
    assert failed.exception is not None
    assert failed.exception.type == "ValueError"


SERVER = """
import asyncio, sys
from pathlib import Path
from pylogtap_collector.assembly import Collector
from pylogtap_collector.ports import Ports
from pylogtap_collector.settings import Settings

async def main():
    settings = Settings(data=Path(sys.argv[1]), forward_port=0, adopt=False, port=0)
    collector = Collector(settings)
    async with collector.running() as services:
        ports = Ports(settings, services.intake, collector.directory, collector.counters.ports)
        await ports.start()
        print(ports.forward_port, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@contextmanager
def killed_server(data: Path) -> Iterator[Client]:
    """Run a collector in a process of its own, and kill it at the end."""
    command = [sys.executable, "-c", SERVER, str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            client = Client(int(process.stdout.readline()))
            with client.plug:
                yield client
                process.kill()
        finally:
            process.kill()


@pytest.mark.parametrize(
    "more", [{}, {"container_id": "f" * 64, "source": "stdout"}], ids=["record", "container"]
)
async def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, more: dict[str, str]) -> None:
    """The collector is killed while it is sent to; every line that it acknowledged is there, and once."""

    def work() -> list[str]:
        acknowledged: list[str] = []
        for round_ in range(3):
            with killed_server(tmp_path) as client:
                until = time.monotonic() + 0.3
                number = 0
                while time.monotonic() < until or not number:
                    text = f"line {round_}-{number}"
                    chunk = base64.b64encode(text.encode()).decode()
                    client.say(["a.b", 1_700_000_000, {"log": text, **more}, {"chunk": chunk}])
                    assert client.hear() == {"ack": chunk}
                    acknowledged.append(text)
                    number += 1
                client.say(["a.b", 1_700_000_000, {"log": "maybe", **more}, {"chunk": "x"}])
        return acknowledged

    acknowledged = await asyncio.to_thread(work)
    async with opened_ports(data=tmp_path) as opened:
        await opened.ports.stop()
        found = [log.message for log in await opened.logs()]
    assert [text for text in found if text != "maybe"] == acknowledged


async def test_a_traceback_that_is_acknowledged_line_by_line_is_one_record(tmp_path: Path) -> None:
    """Also when the collector is killed in the middle of it, and the last line comes again after that."""
    container = {"container_id": "f" * 64, "container_name": "/cart", "source": "stderr"}
    lines = TRACEBACK.splitlines()

    def say(client: Client, number: int, text: str) -> None:
        chunk = f"chunk {number}"
        client.say(["f" * 12, 1_700_000_000 + number, {"log": text, **container}, {"chunk": chunk}])
        assert client.hear() == {"ack": chunk}

    def work() -> None:
        with killed_server(tmp_path) as client:
            say(client, 0, "before")
            say(client, 1, lines[0])
            say(client, 2, lines[1])

    def finish(port: int) -> None:
        client = Client(port)
        with client.plug:
            say(client, 2, lines[1])
            say(client, 3, lines[2])
            say(client, 4, lines[3])

    await asyncio.to_thread(work)
    async with opened_ports(data=tmp_path) as opened:
        await asyncio.to_thread(finish, opened.forward)
        before, failed = await opened.wait(2)
        assert await opened.collector.services.intake.marks("forward:")
    async with opened_ports(data=tmp_path) as opened:
        assert len(await opened.logs()) == 2
    assert (before.message, failed.message, failed.service) == ("before", "cannot order", "cart")
    assert failed.time == datetime.fromtimestamp(1_700_000_001, UTC)
    assert failed.exception is not None
    assert failed.exception.type == "ValueError"
    assert failed.exception.stacktrace == "\n".join(lines[1:])


async def test_what_is_held_is_forgotten(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that says nothing any more leaves nothing behind."""
    monkeypatch.setattr(holding, "FORGET_S", 0.1)

    def work() -> None:
        client = Client(opened.forward)
        with client.plug:
            client.say(["x", 1_700_000_000, {"log": "a", "container_id": "f" * 64}, {"chunk": "a"}])
            assert client.hear() == {"ack": "a"}

    await asyncio.to_thread(work)
    assert [log.message for log in await opened.wait(1)] == ["a"]
    await opened.until(lambda: not opened.ports._holding._held)
    assert await opened.collector.services.intake.marks("forward:") == {}
