"""`pylogtap demo`, as somebody starts it who has just installed us."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from pylogtap_collector.cli.demo import DEFAULT_PORT
from pylogtap_collector.proofs.daemon import running_daemon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = ("-c", "import sys; from pylogtap.cli import main; sys.exit(main())", "demo", "--orders", "20")
_PATIENCE_S = 60.0


class Demo:
    """A demo that runs."""

    def __init__(self, process: subprocess.Popen[str], printed: Path) -> None:
        """Bind the process and the file that takes what it prints."""
        self.process = process
        self.printed = printed
        self.url = self._wait_for_address()

    def _wait_for_address(self) -> str:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline and self.process.poll() is None:
            text = self.printed.read_text()
            if "Ctrl-C" in text:
                found = re.search(r"page +(http://\S+)/", text)
                assert found is not None, text
                return found[1]
            time.sleep(0.1)
        raise AssertionError(self.printed.read_text())

    def get(self, path: str) -> Any:
        """Return a document of its collector."""
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)

    def count(self, query: str) -> int:
        """Return how many of the newest records match."""
        return len(self.get(f"/api/v1/logs?{urlencode({'q': query, 'limit': 1000})}")["items"])

    def wait_for(self, query: str) -> None:
        """Wait until a record matches."""
        deadline = time.monotonic() + _PATIENCE_S
        while not self.count(query):
            assert time.monotonic() < deadline, f"nothing matches {query}"
            time.sleep(0.1)

    def wait_for_count(self, query: str, count: int) -> None:
        """Wait until so many records match."""
        deadline = time.monotonic() + _PATIENCE_S
        while (seen := self.count(query)) < count and time.monotonic() < deadline:
            time.sleep(0.2)
        assert seen == count

    def wait_for_text(self, text: str) -> None:
        """Wait until it has printed something."""
        deadline = time.monotonic() + _PATIENCE_S
        while text not in self.printed.read_text():
            assert time.monotonic() < deadline, self.printed.read_text()
            time.sleep(0.1)

    def stop(self, number: int = signal.SIGINT) -> str:
        """End it, and return what it printed."""
        self.process.send_signal(number)
        assert self.process.wait(timeout=_PATIENCE_S) == 0, self.printed.read_text()
        return self.printed.read_text()


@contextmanager
def running_demo(folder: Path, *options: str) -> Iterator[Demo]:
    """Run a demo whose temporary files are in a folder."""
    environment = {**os.environ, "TMPDIR": str(folder), "PYLOGTAP_CONSOLE": "off"}
    printed = folder / "printed"
    with printed.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, *PROGRAM, *options], stdout=file, stderr=file, env=environment, text=True
        )
    try:
        yield Demo(process, printed)
    finally:
        process.kill()
        process.wait()


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:  # noqa: PTH123 - no such path elsewhere
        return [int(each) for each in file.read().split()]


def is_alive(pid: int) -> bool:
    """Tell whether a process runs."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123 - as above
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_three_services_log_in_three_ways(tmp_path: Path) -> None:
    """All three services' records arrive, requests can be followed through them, Ctrl-C leaves nothing."""
    with running_demo(tmp_path, "--port", "0") as demo:
        demo.wait_for("service:checkout paid")
        demo.wait_for("service:payments charged")
        demo.wait_for("service:inventory reserved")
        (paid,) = demo.get("/api/v1/logs?limit=1&q=service:checkout+paid")["items"]
        request = paid["attributes"]["request"]
        for service in ("checkout", "payments", "inventory"):
            demo.wait_for(f"request:{request} service:{service}")
        (charged,) = demo.get("/api/v1/logs?limit=1&q=charged")["items"]
        assert "4000" not in json.dumps(charged)
        services_of_it = children_of(demo.process.pid)
        assert len(services_of_it) == 3
        text = demo.stop()
    assert "Traceback" not in text
    assert re.search(r"  code      \w{4}-\w{4}-\w{4}  makes the first account: http://\S+/sign-in\n", text)
    assert text.rstrip().endswith("stopped")
    assert not any(is_alive(pid) for pid in services_of_it)
    assert [path.name for path in tmp_path.iterdir()] == ["printed"]


def kill_payments(demo: Demo) -> None:
    """Kill one of the services."""
    for pid in children_of(demo.process.pid):
        with open(f"/proc/{pid}/cmdline", encoding="ascii") as file:  # noqa: PTH123 - as above
            if "demo.payments" in file.read():
                os.kill(pid, signal.SIGKILL)


def test_a_service_that_dies_is_started_again(tmp_path: Path) -> None:
    """The demo says so and goes on; ended by SIGTERM, it has kept the services' last words."""
    with running_demo(tmp_path, "--port", "0", "--data", str(tmp_path / "kept" / "data")) as demo:
        demo.wait_for("service:payments charged")
        kill_payments(demo)
        demo.wait_for_count('"payments are open"', 2)
        text = demo.stop(signal.SIGTERM)
    assert "payments ended (signal 9); it is started again" in text
    with running_daemon(tmp_path / "kept") as collector:
        for closed in ("checkout is closed", "payments are closed", "inventory is closed"):
            assert collector.count(f'"{closed}"') >= 1


STUMBLING_BLOCK = """
import os, sys
if "pylogtap_collector.demo.payments" in sys.orig_argv and os.path.exists(os.environ["BLOCK"]):
    os._exit(3)
"""


def test_a_service_that_cannot_be_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo says so, and tries until it can."""
    block = tmp_path / "block"
    (tmp_path / "sitecustomize.py").write_text(STUMBLING_BLOCK)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("BLOCK", str(block))
    with running_demo(tmp_path, "--port", "0") as demo:
        demo.wait_for("service:payments charged")
        block.touch()
        kill_payments(demo)
        demo.wait_for_text("the service payments does not start")
        block.unlink()
        demo.wait_for_count('"payments are open"', 2)
        text = demo.stop()
    assert "Traceback" not in text


def test_services_end_when_the_demo_is_killed(tmp_path: Path) -> None:
    """Nothing goes on running that nobody would find."""
    with running_demo(tmp_path, "--port", "0") as demo:
        services = children_of(demo.process.pid)
        demo.process.kill()
        demo.process.wait()
        deadline = time.monotonic() + _PATIENCE_S
        while any(is_alive(pid) for pid in services) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not any(is_alive(pid) for pid in services)


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """Asked for a port that somebody else has, it says so and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, *PROGRAM, "--port", str(port)],
            capture_output=True, text=True, check=False, timeout=_PATIENCE_S,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )  # fmt: skip
    assert ended.returncode == 1
    assert "taken" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_usual_port_is_taken(tmp_path: Path) -> None:
    """Not asked for a port, it takes another one where somebody has the usual one, and says which."""
    with ExitStack() as stack:
        with suppress(OSError):  # else another program has it already
            stack.enter_context(socket.create_server(("127.0.0.1", DEFAULT_PORT)))
        demo = stack.enter_context(running_demo(tmp_path))
        assert not demo.url.endswith(f":{DEFAULT_PORT}")
        assert f"tail --url {demo.url} " in demo.stop()


@pytest.mark.parametrize("options", [["--port", "x"], ["--orders", "0"], ["--nope"]])
def test_wrong_usage(options: list[str]) -> None:
    """Options that cannot be right end it with 2 and a sentence."""
    ended = subprocess.run([sys.executable, *PROGRAM, *options], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
