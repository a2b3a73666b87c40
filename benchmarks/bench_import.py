"""
What importing and setting up costs a process, from its start to its end.

Each round starts a process for every candidate, one after the other; times are of whole processes, so the
interpreter's own start is in all of them, the base's too::

    python -m benchmarks.bench_import
    python -m benchmarks.bench_import --python peers/bin/python
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import ROOT, Column, machine_facts, median_of, median_ratio, print_table, write_json
from benchmarks.programs import fake_sink

if TYPE_CHECKING:
    from collections.abc import Sequence

BASE = "import logging"
PROGRAMS = (
    "pass",
    BASE,
    "import pylogtap",
    "import pylogtap; pylogtap.get_logger('shop/checkout/web-1')",
    "import pylogtap; pylogtap.init('shop/checkout/web-1')",
    "import pylogtap, logging; pylogtap.init('shop/checkout/web-1'); logging.info('up')",
    "import structlog",
    "import loguru",
    "import picologging",
    "import logstash_async.handler",
    "import fluent.asynchandler",
    "import sentry_sdk",
    "import opentelemetry.sdk._logs",
    "import opentelemetry.sdk._logs, opentelemetry.exporter.otlp.proto.http._log_exporter",
    "import logfire",
)
COLUMNS = (
    Column("program", "program"),
    Column("wall_ms", "wall ms", ".1f"),
    Column("ratio", "x base", ".2f"),
    Column("cpu_ms", "CPU ms", ".1f"),
    Column("cpu_ratio", "x base", ".2f"),
)


def run_once(python: str, program: str, environment: dict[str, str]) -> dict[str, Any] | None:
    """Return the cost of one process, or None where it failed, which means that the module is missing."""
    started = time.perf_counter()
    process = os.posix_spawn(
        python,
        [python, "-c", program],
        environment,
        file_actions=[(os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(process, 0)
    wall = time.perf_counter() - started
    if status:
        return None
    return {
        "program": program,
        "wall_ms": wall * 1e3,
        "cpu_ms": (usage.ru_utime + usage.ru_stime) * 1e3,
    }


def measure(python: str, rounds: int, folder: Path, url: str) -> list[dict[str, Any]]:
    """Start each program once a round; those that cannot be imported are left out from the first round on."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYLOGTAP_URL": url,
        "PYLOGTAP_SPOOL_DIR": str(folder / "spool"),
    }
    rows, programs = [], list(PROGRAMS)
    for program in programs:  # compiles what is not compiled yet, and finds out what is not there
        if run_once(python, program, environment) is None:
            print(f"not installed: {program}")
    for number in range(rounds):
        for program in programs:
            row = run_once(python, program, environment)
            if row is not None:
                rows.append({"round": number, **row})
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, and write JSON if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="one round: does it run at all?")
    parser.add_argument("--json", type=Path, help="write the result here")
    options = parser.parse_args(arguments)
    rounds = 1 if options.quick else options.rounds
    with tempfile.TemporaryDirectory(prefix="bench-import-") as folder, fake_sink(Path(folder)) as sink:
        rows = measure(options.python, rounds, Path(folder), sink.url)
    base = [row for row in rows if row["program"] == BASE]
    condensed = []
    for program in dict.fromkeys(row["program"] for row in rows):
        own = [row for row in rows if row["program"] == program]
        condensed.append(
            {key: median_of(own, key) for key in ("wall_ms", "cpu_ms")}
            | {
                "program": program,
                "ratio": median_ratio(own, base, "wall_ms"),
                "cpu_ratio": median_ratio(own, base, "cpu_ms"),
            }
        )
    print(f"{machine_facts()}; {rounds} rounds; base: {BASE}")
    print_table(COLUMNS, condensed)
    write_json(options.json, {"base": BASE, "rounds": rows, "summary": condensed})


if __name__ == "__main__":
    main()
