"""Servers that fork workers, killed behind their last answer: no line of an answered request is lost."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.proofs.daemon import free_port
from tests.faults.extent import often
from tests.faults.stage import ROOT, finish

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.faults.conftest import Saw
    from tests.faults.stage import Stage

APPLICATION = "tests.faults.programs.wsgi:application"
_GUNICORN = (
    "-m",
    "gunicorn",
    APPLICATION,
    "--bind",
    "127.0.0.1:PORT",
    "--workers",
    "2",
    "--log-level",
    "error",
)
_UWSGI = (
    *("--http-socket", "127.0.0.1:PORT", "--master", "--processes", "2", "--module", APPLICATION),
    *("--disable-logging", "--need-app", "--buffer-size", "8192"),
)
SERVERS = {
    "gunicorn-preload": ("gunicorn", (sys.executable, *_GUNICORN, "--preload")),
    "gunicorn-gevent": ("gevent", (sys.executable, *_GUNICORN, "-k", "gevent")),
    "gunicorn-gevent-preload": ("gevent", (sys.executable, *_GUNICORN, "-k", "gevent", "--preload")),
    "uwsgi": ("pyuwsgi", ("pyuwsgi", *_UWSGI)),
    "uwsgi-threads": ("pyuwsgi", ("pyuwsgi", *_UWSGI, "--enable-threads", "--threads", "2")),
}
CLIENTS = 4
_STARTING_S = 60


@contextmanager
def running(stage: Stage, command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in a group of processes of its own; what is left of the group is killed in the end."""
    program = Path(sysconfig.get_path("scripts"), command[0])
    log = stage.folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [str(program), *command[1:]],
            env=stage.environment | {"FAULTS_PREFIX": stage.prefix, "FAULTS_FOLDER": str(stage.folder)},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield server
    finally:
        kill_all(server)


def kill_all(server: subprocess.Popen[bytes]) -> None:
    """End a server and its workers at once, as the kernel would."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def ask(port: int, path: str) -> int:
    """Send a request, and return the number of the process that answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        return int(answer.read())
    finally:
        connection.close()


def first_answer(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server answers; the request makes the first line of a writer behind the clients."""
    deadline = time.monotonic() + _STARTING_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            ask(port, f"/{CLIENTS}/1")
            return
        except ConnectionError:
            time.sleep(0.02)
    raise AssertionError(f"the server does not answer: {log.read_text()[-2000:]}")


@pytest.mark.parametrize("key", SERVERS)
@often(200, 2000)
def test_servers_killed_behind_the_last_answer(stage: Stage, saw: Saw, times: int, key: str) -> None:
    """The lines of all requests that were answered arrive, of whichever worker."""
    package, command = SERVERS[key]
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed: `pip install {package}`")
    port, each = free_port(), times // CLIENTS

    def client(writer: int) -> set[int]:
        return {ask(port, f"/{writer}/{number}") for number in range(1, each + 1)}

    with running(stage, [word.replace("PORT", str(port)) for word in command]) as server:
        first_answer(port, server, stage.folder / "server.log")
        with ThreadPoolExecutor(CLIENTS) as clients:
            workers = set().union(*clients.map(client, range(CLIENTS)))
        kill_all(server)
    verdict = stage.verdict({**dict.fromkeys(range(CLIENTS), each), CLIENTS: 1})
    saw(key, f"{times:,} requests, {len(workers)} workers: {verdict}", kept=verdict.faults == 0)
    assert stage.leftovers() == []


@often(100, 2000)
def test_celery_killed_behind_the_last_result(stage: Stage, saw: Saw, times: int) -> None:
    """The lines of all tasks arrive, also those of the logger for tasks, which celery cuts off the root's."""
    if find_spec("celery") is None:
        pytest.skip("celery is not installed: `pip install celery`")
    worker = (
        *(sys.executable, "-m", "celery", "-A", "tests.faults.programs.celery_tasks", "worker"),
        *("--pool", "prefork", "--concurrency", "2", "--loglevel", "INFO"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    )
    with running(stage, worker) as server:
        orders = stage.start("celery_orders", "2", str(times // 2), FAULTS_FOLDER=str(stage.folder))
        workers = finish(orders, timeout_s=280)
        kill_all(server)
    verdict = stage.verdict(dict.fromkeys(range(2), times // 2))
    saw("celery", f"{times:,} tasks, {len(workers)} workers: {verdict}", kept=verdict.faults == 0)
    assert stage.leftovers() == []
