"""The other processes of a benchmark: the sink, a real collector, and the interpreter that has the peers."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmarks.measure import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class FakeSink:
    """A sink in a process of its own; see sink.py."""

    def __init__(self, folder: Path) -> None:
        """
        Start it.

        Args:
            folder: Where it writes what it received, when it is stopped.
        """
        self._received = folder / "received"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.sink", str(self._received)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self) -> tuple[bytes, dict[str, Any]]:
        """Stop it, and return what it received, inflated, and its report of requests and bytes."""
        output, _ = self._process.communicate("", timeout=60)
        received = self._received.read_bytes()
        self._received.unlink()
        return received, json.loads(output)

    def kill(self) -> None:
        """End it at once, if it still runs."""
        self._process.kill()
        self._process.wait()


@contextmanager
def fake_sink(folder: Path) -> Iterator[FakeSink]:
    """Run a sink; stop it yourself to have what it received."""
    sink = FakeSink(folder)
    try:
        yield sink
    finally:
        sink.kill()
