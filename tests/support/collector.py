"""Collectors for tests: one in this process, and one in a process of its own that can be killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pylogtap_collector.daemon import serving
from pylogtap_collector.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_PROGRAM = """
import sys
from pathlib import Path
from pylogtap_collector.daemon import run
from pylogtap_collector.settings import Settings
run(Settings(data=Path(sys.argv[1]), port=int(sys.argv[2])), started=lambda url: print(url, flush=True))
"""


@dataclass(frozen=True)
class Collector:
    """
    A collector that runs in this process.

    Attributes:
        url: Its address.
        settings: What it was started with.
    """

    url: str
    settings: Settings


@asynccontextmanager
async def running_collector(
    *, memory: bool = True, data: Path | None = None, **settings: Any
) -> AsyncIterator[Collector]:
    """
    Serve a collector on a free port of the loopback while this lasts.

    Args:
        memory: Keep everything in memory.
        data: Folder of the database, when it is not in memory; default: one that goes away at the end.
        settings: Further settings, by their names.
    """
    with tempfile.TemporaryDirectory(prefix="pylogtap-test-") as folder:
        chosen = Settings(memory=memory, data=data or Path(folder), port=0, **settings)
        async with serving(chosen) as url:
            yield Collector(url, chosen)


class CollectorProcess:
    """A collector in a process of its own, as the daemon runs it."""

    def __init__(self, data: Path, port: int = 0) -> None:
        """
        Start it, and wait until it answers.

        Args:
            data: Folder of the database.
            port: Where it listens; 0: any free port.

        Raises:
            RuntimeError: It did not come up.
        """
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYLOGTAP_")}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(data), str(port)],
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError(f"the collector ended with {self._process.wait(10)} instead of starting")

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def kill(self) -> None:
        """End it without any warning, and wait until it is gone."""
        self._process.kill()
        self._end()

    def stop(self) -> int:
        """Ask it to end gracefully, and return its exit code."""
        self._process.terminate()
        return self._end()

    def _end(self) -> int:
        code = self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code
