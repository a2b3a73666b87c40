"""
Measure what logging does to others in the process, and they to it.

::

    python -m tests.faults.programs.neighbours PREFIX loop|busy ROUNDS

Rounds with and without logging take turns. `loop` tells the p99 of how late an event loop is, in ms:
the median of all rounds, as others on the machine make some late. `busy` tells the p50 and p99 of a call
beside a thread that never rests, in µs, for each kind of handler.
"""

from __future__ import annotations

import asyncio
import logging
import os
import statistics
import sys
import tempfile
import threading
import time
from typing import TYPE_CHECKING

import pylogtap
from tests.faults.programs.lines import Lines, tell

if TYPE_CHECKING:
    from collections.abc import Callable

ROUND_S = 0.5
LINES_A_ROUND = 500
CALLS_A_ROUND = 4000
_LOOK_S = 0.002


def percentile(values: list[float], which: int) -> float:
    """Return a percentile."""
    return statistics.quantiles(values, n=100, method="inclusive")[which - 1]


async def lags(log: Callable[[int], None]) -> list[float]:
    """Let a coroutine log for a round, and return how late the event loop was meanwhile, in ms."""
    loop, found = asyncio.get_running_loop(), []
    until = loop.time() + ROUND_S

    async def work() -> None:
        begin, number = loop.time(), 0
        while loop.time() < until:
            while number < (loop.time() - begin) * LINES_A_ROUND / ROUND_S:
                number += 1
                log(number)
            await asyncio.sleep(ROUND_S / LINES_A_ROUND)

    task = asyncio.create_task(work())
    while loop.time() < until:
        due = loop.time() + _LOOK_S
        await asyncio.sleep(_LOOK_S)
        found.append((loop.time() - due) * 1000)
    await task
    return found


def measure_loop(prefix: str, rounds: int) -> dict[str, object]:
    """Compare rounds with and without logging."""
    Lines(prefix)
    log = logging.getLogger("faults")
    with_logging: list[float] = []
    without: list[float] = []

    def write(number: int) -> None:
        log.info("step %d", number, extra={"writer": 0, "number": number})

    async def take_turns() -> None:
        for _ in range(rounds):
            without.append(percentile(await lags(lambda _: None), 99))
            with_logging.append(percentile(await lags(write), 99))

    asyncio.run(take_turns())
    return {"with": statistics.median(with_logging), "without": statistics.median(without)}


def call_times(log: logging.Logger) -> list[float]:
    """Return how long each call of a round took, in µs."""
    found = []
    for number in range(1, CALLS_A_ROUND + 1):
        begin = time.perf_counter_ns()
        log.info("step %d of %s", number, "work", extra={"cents": number})
        found.append((time.perf_counter_ns() - begin) / 1000)
    return found


def measure_calls(prefix: str, rounds: int) -> dict[str, object]:
    """Compare our handler with one that does nothing, and one that writes to a file."""
    handlers = {"pylogtap": pylogtap.Handler(prefix=prefix), "nothing": logging.NullHandler()}
    found: dict[str, list[float]] = {}
    resting = threading.Event()

    def never_rest() -> None:
        number = 0
        while not resting.is_set():
            for _ in range(1000):
                number = (number * 31 + 7) % 1_000_003

    with tempfile.TemporaryDirectory() as folder:
        handlers["file"] = logging.FileHandler(os.path.join(folder, "log"))  # noqa: PTH118 - a string is asked for
        busy = threading.Thread(target=never_rest)
        busy.start()
        log = logging.getLogger("measured")
        log.propagate = False
        log.setLevel(logging.INFO)
        for _ in range(rounds):
            for name, handler in handlers.items():
                log.handlers[:] = [handler]
                found.setdefault(name, []).extend(call_times(log))
        resting.set()
        busy.join()
    return {name: [percentile(times, 50), percentile(times, 99)] for name, times in found.items()}


def main() -> None:
    """Measure."""
    prefix, what, rounds = sys.argv[1:]
    tell((measure_loop if what == "loop" else measure_calls)(prefix, int(rounds)))


if __name__ == "__main__":
    main()
