"""
What it costs to compare a run of many cases with those before it, and for how long others wait meanwhile.

A history is stored, the run that comes last is assessed, and beside that two things go on: the event loop is
asked to come back every millisecond, and somebody writes to the database, urgently, all the time::

    python -m benchmarks.bench_test_assessing --cases 20000 --runs 50
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import machine_facts, percentile, write_json
from pylogtap_collector.storage.test_rows import WantedTests
from tests.support.stores import running_store
from tests.support.suites import HOUR_NS, tell_run

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.assembly import Collector

_PER_FILE = 20
_FAILING = 0.001
_COPY_RUN = """
    INSERT INTO test_run SELECT NULL, lower(hex(randomblob(16))), project, service, instance, started + ?1,
        ended + ?1, heard, outcome, exit_status, reason, duration, runner, source, command,
        printf('%040x', ?2), committed + ?1, branch, dirty, whole, collected, deselected, passed, failed,
        errors, skipped, xfailed, xpassed, reran, warnings, dropped, details, labels, note, changed + ?2, NULL
    FROM test_run WHERE id = 1
"""
_COPY_CASES = """
    INSERT INTO test_case (case_id, run, test, node, started, duration, outcome, done, labels, changed)
    SELECT lower(hex(randomblob(16))), ?1, test, node, started + ?2,
        duration * (0.8 + 0.4 * abs(random() % 1000) / 1000.0),
        CASE WHEN abs(random() % 1000) < 1 THEN 'failed' ELSE 'passed' END, 1, '{}', changed
    FROM test_case WHERE run = 1
"""


async def measure(cases: int, runs: int, folder: Path | None) -> dict[str, Any]:
    """Assess the last of many runs, and return what that took, in seconds and milliseconds."""
    rng = random.Random(1)
    async with running_store(folder, adopt=False) as store:
        await store.tasks.stop()
        nodes = {
            f"tests/test_{index // _PER_FILE}.py::test_{index % _PER_FILE}": "p" for index in range(cases)
        }
        seconds = {node: 0.05 * rng.lognormvariate(0, 1) for node in nodes}
        await tell_run(store, 0, nodes, seconds=seconds)
        for number in range(1, runs):
            await _copy(store, number)
        began = time.perf_counter()
        await store.assessor.assess_pending()
        backlog = time.perf_counter() - began
        await _copy(store, runs)
        result = await _watched(store)
        began = time.perf_counter()
        await store.services.test_knowledge.page(WantedTests(), order="slowest", limit=100)
        listed = time.perf_counter() - began
        return {**result, "backlog_s": round(backlog, 2), "list_ms": round(listed * 1e3, 1)}


async def _copy(store: Collector, number: int) -> None:
    def job(connection: sqlite3.Connection) -> None:
        run = connection.execute(_COPY_RUN, (number * HOUR_NS, number)).lastrowid
        connection.execute(_COPY_CASES, (run, number * HOUR_NS))

    await store.engine.write(job)


async def _watched(store: Collector) -> dict[str, Any]:
    """Assess what is pending while the loop and the writer are watched."""
    pauses, waits = [0.0], [0.0]
    done = asyncio.Event()

    async def come_back() -> None:
        while not done.is_set():
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            pauses.append(time.perf_counter() - began - 0.001)

    async def write() -> None:
        while not done.is_set():
            began = time.perf_counter()
            await store.engine.write(lambda _: None, urgent=True)
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(0.002)

    watchers = [asyncio.create_task(come_back()), asyncio.create_task(write())]
    began, cpu = time.perf_counter(), time.process_time()
    await store.assessor.assess_pending()
    took, used = time.perf_counter() - began, time.process_time() - cpu
    done.set()
    await asyncio.gather(*watchers)
    return {
        "seconds": round(took, 2),
        "cpu_s": round(used, 2),
        "loop_pause_max_ms": round(max(pauses) * 1e3, 1),
        "loop_pause_p99_ms": round(percentile(sorted(pauses), 0.99) * 1e3, 1),
        "write_max_ms": round(max(waits) * 1e3, 1),
        "write_p99_ms": round(percentile(sorted(waits), 0.99) * 1e3, 1),
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--memory", action="store_true", help="keep the database in memory")
    parser.add_argument("--quick", action="store_true", help="only show that it runs")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cases, runs = (200, 3) if options.quick else (options.cases, options.runs)
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(measure(cases, runs, None if options.memory else Path(folder)))
    result = {"machine": machine_facts(), "cases": cases, "runs": runs, **result}
    for name, value in result.items():
        print(f"{name:20} {value}")
    if options.json:
        write_json(options.json, result)


if __name__ == "__main__":
    main()
