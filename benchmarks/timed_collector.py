"""
A collector that times its stages: the real one, with a clock around the functions that do the work.

Used by bench_ingest.py instead of `pylogtap serve` when it is asked for stages; writes `stages.json` into
the data folder at the end. The clocks cost a little, so the headline figures come from runs without them::

    python -m benchmarks.timed_collector serve --data DIR --port N
"""

from __future__ import annotations

import atexit
import functools
import importlib
import json
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SERVICES, STORAGE = "pylogtap_collector.services", "pylogtap_collector.storage"
WORK = {  # stages that run in one go on some thread: module, name within it
    "inflate": (f"{SERVICES}.ingest", "inflate"),
    "frame check": (f"{SERVICES}.ingest", "scan"),
    "seal: slices to records": (f"{STORAGE}.hot", "Hot.records"),
    "seal: records to columns": (f"{STORAGE}.sealing", "build"),
    "seal: columns to a block": (f"{STORAGE}.sealing", "seal"),
    "seal: block into SQLite": (f"{STORAGE}.sealing", "store"),
    "rows for people": (f"{STORAGE}.recent", "insert_rows"),
}
WAITS = {  # stages that await: only their wall time means something
    "request accepted to answered": (f"{SERVICES}.ingest", "Ingest.accept"),
}
QUEUE = "queue wait"  # from submitting a slice to the beginning of its transaction's work on it
COMMIT, CALM_COMMIT = "transaction with fsync", "behind: transaction with fsync"


class Stopwatch:
    """
    Sums of one stage.

    Attributes:
        wall_s: Seconds by the clock.
        cpu_s: CPU seconds of the threads that ran it.
        calls: How often it ran.
    """

    def __init__(self) -> None:
        self.wall_s = self.cpu_s = 0.0
        self.calls = 0
        self._lock = threading.Lock()

    def add(self, wall_s: float, cpu_s: float = 0.0) -> None:
        """Add one run."""
        with self._lock:
            self.wall_s += wall_s
            self.cpu_s += cpu_s
            self.calls += 1


def timed(watch: Stopwatch, work: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function with a clock around it."""

    @functools.wraps(work)
    def run(*args: Any, **kwargs: Any) -> Any:
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            return work(*args, **kwargs)
        finally:
            watch.add(time.perf_counter() - wall, time.thread_time() - cpu)

    return run


def timed_wait(watch: Stopwatch, work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Return a coroutine function with a clock around it."""

    @functools.wraps(work)
    async def run(*args: Any, **kwargs: Any) -> Any:
        wall = time.perf_counter()
        try:
            return await work(*args, **kwargs)
        finally:
            watch.add(time.perf_counter() - wall)

    return run


class TimedTransactions:
    """
    Clocks around transactions: those that clients wait for apart from those behind it.

    Attributes:
        queue: From an urgent job's submission to its begin.
        urgent: Transactions that hold urgent jobs.
        calm: All others.
    """

    def __init__(self) -> None:
        self.queue, self.urgent, self.calm = Stopwatch(), Stopwatch(), Stopwatch()
        self._is_urgent = False  # of the transaction that the one writing thread is in

    def write(self, write: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Wrap the engine's `write`."""

        @functools.wraps(write)
        async def run(engine: Any, job: Callable[[Any], Any], *, urgent: bool = False) -> Any:
            submitted = time.perf_counter()

            def begun(connection: Any) -> Any:
                self._is_urgent = True
                self.queue.add(time.perf_counter() - submitted)
                return job(connection)

            return await write(engine, begun if urgent else job, urgent=urgent)

        return run

    def group(self, do_group: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap the writer's transaction."""

        @functools.wraps(do_group)
        def run(*args: Any) -> Any:
            self._is_urgent = False
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return do_group(*args)
            finally:
                watch = self.urgent if self._is_urgent else self.calm
                watch.add(time.perf_counter() - wall, time.thread_time() - cpu)

        return run


def replace(module: str, path: str, wrap: Callable[[Any], Any]) -> None:
    """Replace a function of a module, or a method of one of its classes, by a wrapped one."""
    owner: Any = importlib.import_module(module)
    *classes, name = path.split(".")
    for each in classes:
        owner = getattr(owner, each)
    setattr(owner, name, wrap(getattr(owner, name)))


def install() -> dict[str, Stopwatch]:
    """Put the clocks in, and return them by stage."""
    watches: dict[str, Stopwatch] = {}
    for stage, (module, path) in WAITS.items():
        watches[stage] = Stopwatch()
        replace(module, path, functools.partial(timed_wait, watches[stage]))
    for stage, (module, path) in WORK.items():
        watches[stage] = Stopwatch()
        replace(module, path, functools.partial(timed, watches[stage]))
    transactions = TimedTransactions()
    replace(f"{STORAGE}.engine", "Engine.write", transactions.write)
    replace(f"{STORAGE}.writer", "Writer._do_group", transactions.group)
    watches |= {QUEUE: transactions.queue, COMMIT: transactions.urgent, CALM_COMMIT: transactions.calm}
    watches["whole process"] = Stopwatch()
    return watches


def write_stages(path: Path, watches: dict[str, Stopwatch], began: float) -> None:
    """Write the sums."""
    watches["whole process"].add(time.perf_counter() - began, time.process_time())
    stages = {
        stage: {"wall_s": watch.wall_s, "cpu_s": watch.cpu_s, "calls": watch.calls}
        for stage, watch in watches.items()
    }
    path.write_text(json.dumps(stages))


def main() -> None:
    """Serve with clocks."""
    data = Path(sys.argv[sys.argv.index("--data") + 1])
    atexit.register(write_stages, data / "stages.json", install(), time.perf_counter())
    sys.exit(importlib.import_module("pylogtap.cli").main())


if __name__ == "__main__":
    main()
