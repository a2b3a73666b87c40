"""
What `process_metrics` costs: each step of its thread, its share of a CPU, and what logging feels of it.

The calls of a program that is measured are compared with those of one that is not, one after the other in
each round; the ratio is the median over the rounds. Delivery is counted, not believed::

    python -m benchmarks.bench_process_metrics
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import (
    ROOT,
    Column,
    machine_facts,
    median_of,
    median_ratio,
    percentile,
    print_table,
    write_json,
)
from benchmarks.programs import fake_sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PREFIX = "bench/metrics/one"
WARM_UP_CALLS = 500
CASES = {"off": None, "every 10 s": 10.0, "every 0.1 s": 0.1}
STEP_COLUMNS = (
    Column("step", "step"),
    Column("median_us", "median µs", ",.1f"),
    Column("p99_us", "p99 µs", ",.1f"),
    Column("a_second", "a second", ".1f"),
    Column("share_percent", "% of a CPU", ".4f"),
)
CALL_COLUMNS = (
    Column("case", "measured"),
    Column("median_ns", "median ns", ",.0f"),
    Column("ratio", "x off", ".3f"),
    Column("p99_ns", "p99 ns", ",.0f"),
    Column("cpu_s_per_million", "CPU s/M", ".2f"),
    Column("delivered_percent", "delivered %", ".2f"),
)


def _sink_frames(depth: int, over: threading.Event) -> None:
    if depth:
        _sink_frames(depth - 1, over)
    else:
        over.wait()


@contextmanager
def busy_program(threads: int, depth: int) -> Iterator[None]:
    """Have threads with deep stacks, and an event loop in one more, as a server has them."""
    over = threading.Event()

    async def serve() -> None:
        await asyncio.get_running_loop().run_in_executor(None, over.wait)

    running = [threading.Thread(target=_sink_frames, args=(depth, over)) for _ in range(threads)]
    running.append(threading.Thread(target=lambda: asyncio.run(serve())))
    for each in running:
        each.start()
    time.sleep(0.1)
    try:
        yield
    finally:
        over.set()
        for each in running:
            each.join()


def spent(step: Callable[[], object], turns: int) -> list[float]:
    """Return how long each turn of a step took, in µs of the thread's CPU."""
    found = []
    for _ in range(turns):
        began = time.thread_time_ns()
        step()
        found.append((time.thread_time_ns() - began) / 1000)
    return sorted(found)


def measure_steps(threads: int, depth: int, turns: int) -> list[dict[str, Any]]:
    """Measure what the thread does, in this process, and how often it does so in a second."""
    from pylogtap.process.loops import LoopWatch
    from pylogtap.process.meter import Meter
    from pylogtap.record import samples_payload

    meter, watch = Meter(), LoopWatch()
    try:
        with busy_program(threads, depth):
            watch.look()
            samples = meter.read()
            steps: dict[str, tuple[Callable[[], object], float]] = {
                "read all numbers": (meter.read, 0.1),
                "pack a sample": (lambda: samples_payload(time.time_ns(), PREFIX, samples), 0.1),
                f"look for loops on {threads + 2} stacks": (watch.look, 1.0),
                "ask a loop": (lambda: watch.ask(time.monotonic()), 4.0),
            }
            rows = [_row(name, spent(step, turns), often) for name, (step, often) in steps.items()]
    finally:
        meter.close()
    total = {"step": "all together", "share_percent": sum(row["share_percent"] for row in rows)}
    return [*rows, total]


def _row(name: str, times_us: list[float], a_second: float) -> dict[str, Any]:
    median_us = statistics.median(times_us)
    return {
        "step": name,
        "median_us": median_us,
        "p99_us": percentile(times_us, 0.99),
        "a_second": a_second,
        "share_percent": 100 * median_us * a_second / 1e6,
    }


def probe(url: str, folder: str, calls: int, interval_s: float | None) -> dict[str, Any]:
    """
    Log in this process, while it is measured or not.

    Args:
        url: Of the sink.
        folder: For the spool.
        calls: How many; WARM_UP_CALLS come before them.
        interval_s: Seconds between two samples; None: it is not measured.
    """
    import pylogtap

    pylogtap.init(
        PREFIX,
        url=url,
        spool_dir=folder,
        console="off",
        exit_timeout_s=30,
        process_metrics=interval_s is not None,
        process_metrics_interval_s=interval_s or 10.0,
    )
    log, clock = logging.getLogger("bench"), time.perf_counter_ns
    times: list[int] = []
    cpu_s = 0.0
    with busy_program(4, 20):
        for number in range(calls + WARM_UP_CALLS):
            if number == WARM_UP_CALLS:
                times.clear()
                cpu_s = time.process_time()
            if number % 20 == 0:
                time.sleep(0.0002)
            began = clock()
            log.info("order %d paid by %s", number, "ann", extra={"cents": number})
            times.append(clock() - began)
        pylogtap.flush(30)
        cpu_s = time.process_time() - cpu_s
    times.sort()
    shipped = pylogtap.stats().shipped
    return {
        "median_ns": percentile(times, 0.5),
        "p99_ns": percentile(times, 0.99),
        "cpu_s_per_million": cpu_s * 1e6 / calls,
        "delivered_percent": 100 * shipped / (calls + WARM_UP_CALLS),
    }


def measure_calls(rounds: int, calls: int) -> list[dict[str, Any]]:
    """Run each case once a round, each in a process of its own."""
    found: list[dict[str, Any]] = []
    for number in range(rounds):
        for case in CASES:
            with (
                tempfile.TemporaryDirectory(prefix="bench-metrics-") as folder,
                fake_sink(Path(folder)) as sink,
            ):
                command = [sys.executable, "-m", "benchmarks.bench_process_metrics", "--probe", case]
                command += ["--url", sink.url, "--folder", folder, "--calls", str(calls)]
                done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
            found.append({"case": case, "round": number, **json.loads(done.stdout)})
    return found


def summary_of(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return medians over the rounds, and how many times that of the unmeasured program each is."""
    by_case = {case: [run for run in runs if run["case"] == case] for case in CASES}
    keys = ("median_ns", "p99_ns", "cpu_s_per_million", "delivered_percent")
    return [
        {
            "case": case,
            **{key: median_of(mine, key) for key in keys},
            "ratio": median_ratio(mine, by_case["off"], "median_ns"),
        }
        for case, mine in by_case.items()
    ]


def main() -> None:
    """Measure, and print two tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--turns", type=int, default=500, help="of each step")
    parser.add_argument("--threads", type=int, default=30)
    parser.add_argument("--depth", type=int, default=40, help="frames on the stack of each thread")
    parser.add_argument("--quick", action="store_true", help="only show that it runs")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--probe", choices=list(CASES), help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.probe:
        result = probe(options.url, options.folder, options.calls, CASES[options.probe])
        sys.stdout.write(json.dumps(result))
        return
    if options.quick:
        options.rounds, options.calls, options.turns = 1, 500, 20
    steps = measure_steps(options.threads, options.depth, options.turns)
    runs = measure_calls(options.rounds, options.calls)
    summary = summary_of(runs)
    print(f"{machine_facts()}\n")
    print_table(STEP_COLUMNS, steps)
    print()
    print_table(CALL_COLUMNS, summary)
    write_json(options.json, {"steps": steps, "summary": summary, "runs": runs})


if __name__ == "__main__":
    main()
