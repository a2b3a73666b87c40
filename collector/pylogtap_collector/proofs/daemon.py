"""A real collector in a process of its own, that can be killed and started again."""

from __future__ import annotations

import json
import os
import random
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SERVE = ("-c", "import sys; from pylogtap.cli import main; sys.exit(main())")
_STARTING_S = 30.0
_PORTS = range(11_000, 32_000)  # above those that browsers refuse, below net.ipv4.ip_local_port_range
_TRIES = 1_000
_PAGE = 1000
_PIECE_BYTES = 1 << 20
_CODE = re.compile(r"^  code  (\S+)", re.MULTILINE)


class CollectorProcess:
    """
    A collector on a database file.

    It keeps its port over restarts, as a client has to find it again.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        data: Its data folder.
        spool: Where it looks for what dead programs left.
        environment: Further variables for the next start.
    """

    def __init__(self, data: Path, log: Path, program: Sequence[str] = SERVE) -> None:
        """
        Choose a port; :meth:`start` starts it.

        Args:
            data: The folder of the database.
            log: File that takes what the process prints.
            program: What Python runs; gets the command `serve` and its options.
        """
        self.data, self._log, self._program = data, log, program
        self.spool = data.parent / "spool-of-the-dead"
        self.environment: dict[str, str] = {}
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its process number."""
        assert self._process is not None
        return self._process.pid

    @property
    def code(self) -> str:
        """The code for the first account, which it printed when it started last."""
        deadline = time.monotonic() + _STARTING_S
        while time.monotonic() < deadline:
            if found := _CODE.findall(self._log.read_text()):
                return str(found[-1])
            time.sleep(0.01)  # it answers before it prints
        raise RuntimeError(f"the collector printed no code: {self._log.read_text()[-2000:]}")

    def start(self, *, path: str = "/readyz") -> None:
        """
        Start it, and wait until it can store.

        Args:
            path: What is asked until it is answered; `/healthz`: it need not be able to store.

        Raises:
            RuntimeError: It ended, or was not ready in time; the text is what it printed.
        """
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, *self._program),
                    *("serve", "--data", str(self.data), "--port", str(self.port)),
                ],
                env={
                    "PYLOGTAP_COLLECTOR_HOST_METRICS": "false",  # a place more, in the midst of a test
                    "PYLOGTAP_COLLECTOR_DOCKER": "off",
                    **os.environ,
                    "PYLOGTAP_SPOOL_DIR": str(self.spool),
                    **self.environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _STARTING_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}{path}", timeout=2).close()
                return
            except OSError:  # not listening yet, or not ready
                time.sleep(0.01)
        self.kill()
        raise RuntimeError(f"the collector did not get ready: {self._log.read_text()[-2000:]}")

    def kill(self) -> None:
        """End it as a crash would: SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(timeout=_STARTING_S)

    def get(self, path: str, **query: str | int) -> Any:
        """Return an answer's JSON document."""
        address = f"{self.url}{path}?{urlencode(query)}" if query else f"{self.url}{path}"
        with urllib.request.urlopen(address, timeout=60) as answer:
            return json.load(answer)

    def logs(self, query: str) -> Iterator[dict[str, Any]]:
        """Yield every record that a query finds, as the API shows it, oldest first."""
        cursor: str | None = None
        while True:
            more = {"cursor": cursor} if cursor else {}
            page = self.get("/api/v1/logs", q=query, order="asc", limit=_PAGE, **more)
            yield from page["items"]
            cursor = page["next"]
            if not cursor:
                return

    def exported(self, query: str) -> Iterator[dict[str, Any]]:
        """Yield the same as :meth:`logs`, in one stream: for millions of records."""
        asked = urlencode({"q": query, "order": "asc", "format": "jsonl"})
        with urllib.request.urlopen(f"{self.url}/api/v1/logs/export?{asked}", timeout=60) as answer:
            rest = b""
            while piece := answer.read(_PIECE_BYTES):  # raises where the stream ends early; lines do not
                *lines, rest = (rest + piece).split(b"\n")
                yield from map(json.loads, lines)

    def count(self, query: str = "") -> int:
        """Return how many records a query finds."""
        return sum(1 for _ in self.logs(query))


@contextmanager
def running_daemon(folder: Path, program: Sequence[str] = SERVE) -> Iterator[CollectorProcess]:
    """Run a collector on a fresh database in a folder; see :class:`CollectorProcess`."""
    collector = CollectorProcess(folder / "data", folder / "collector.log", program)
    collector.start()
    try:
        yield collector
    finally:
        collector.kill()


def free_port() -> int:
    """
    Return a port of 127.0.0.1 that nobody listens on.

    It is none of those that the system gives to whoever asks for any: by the time that a program has started
    and listens on it, another program, or the near end of a connection, would have it.
    """
    for _ in range(_TRIES):
        port = random.SystemRandom().choice(_PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise RuntimeError("no port is free")
