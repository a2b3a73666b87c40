"""
How many records a second the collector stores durably, and where its time goes.

Client processes send segments that were filled beforehand, each slice as soon as the one before it is
acknowledged. An acknowledgement means: committed, synchronous=FULL. In each round the floor (the same slices
as blobs into SQLite, nothing else) and each case run one after the other, each on a fresh database. The first
round also waits until all records can be searched::

    python -m benchmarks.bench_ingest --clients 8 --seconds 10
    python -m benchmarks.bench_ingest --stages           also: where the time goes, measured in extra runs
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import (
    ROOT,
    Column,
    cpu_seconds_of,
    machine_facts,
    median_of,
    median_ratio,
    peak_rss_mib_of,
    percentile,
    print_table,
    write_json,
)
from pylogtap_collector.proofs.daemon import SERVE, running_daemon
from pylogtap_collector.settings import Settings
from pylogtap_collector.storage.sealing import BLOCK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.proofs.daemon import CollectorProcess

FLOOR = "floor"
CASES = {  # bytes of a slice before compression, encoding
    "64k-zstd": (64 << 10, "zstd"),
    "64k-plain": (64 << 10, "plain"),
    "512k-zstd": (512 << 10, "zstd"),
}
COLUMNS = (
    Column("case", "case"),
    Column("records_per_s", "records/s", ",.0f"),
    Column("ratio", "x floor", ".3f"),
    Column("cpu_s_per_million", "CPU s/M", ".2f"),
    Column("ack_p50_ms", "ack p50 ms", ".1f"),
    Column("ack_p99_ms", "ack p99 ms", ".1f"),
    Column("sealed_per_s", "sealed/s", ",.0f"),
    Column("total_cpu_s_per_million", "+seal CPU s/M", ".1f"),
    Column("rss_mib", "peak RSS MiB", ".0f"),
    Column("database_bytes_per_record", "B/record", ".0f"),
)
STAGE_COLUMNS = (
    Column("stage", "stage"),
    Column("wall_us", "wall us/record", ".3f"),
    Column("cpu_us", "CPU us/record", ".3f"),
    Column("calls", "calls", ",d"),
)
TIMED = ("-m", "benchmarks.timed_collector")
_SEALING_S = 300.0
_SLICE = 16_384  # records of the largest slices here, which are sealed as a whole
_STAY = Settings().recent_records + BLOCK + _SLICE  # records that are not sealed
_POLL_S = 0.1


def measure_floor(clients: int, seconds: float, case: str) -> dict[str, Any]:
    """Run the floor once, with the slices of a case."""
    slice_bytes, encoding = CASES[case]
    with tempfile.TemporaryDirectory(prefix="bench-ingest-") as folder:
        arguments = [f"{folder}/floor.db", str(clients), str(slice_bytes), encoding, str(seconds)]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.ingest_floor", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def measure_collector(
    clients: int, seconds: float, case: str, program: Sequence[str] = SERVE, *, until_sealed: bool = True
) -> tuple[dict[str, Any], dict[str, Any]]:
    """
    Run a collector under load once.

    Args:
        clients: How many send.
        seconds: How long.
        case: One of CASES.
        program: The collector's program.
        until_sealed: Also wait until all but the newest records are in blocks.

    Returns:
        The figures, and what the collector printed about its stages, if it was asked to.
    """
    with tempfile.TemporaryDirectory(prefix="bench-ingest-") as folder, ExitStack() as stack:
        collector = stack.enter_context(running_daemon(Path(folder), program))
        senders = [stack.enter_context(client_of(collector, seed, case)) for seed in range(clients)]
        for sender in senders:
            assert sender.stdout is not None
            assert sender.stdout.readline() == "ready\n", "a client failed"
        before = cpu_seconds_of(collector.pid)
        for sender in senders:
            assert sender.stdin is not None
            sender.stdin.write(f"{seconds}\n")
            sender.stdin.flush()
        reports = [report_of(sender) for sender in senders]
        cpu = cpu_seconds_of(collector.pid) - before
        result = figures_of(reports)
        records = result["records"]
        result["cpu_s_per_million"] = cpu * 1e6 / records
        if not until_sealed:
            return result, {}
        sealed_s = _until_sealed(collector, min(report["began"] for report in reports))
        result |= {
            "sealed_per_s": records / sealed_s,
            "total_cpu_s_per_million": (cpu_seconds_of(collector.pid) - before) * 1e6 / records,
            "rss_mib": peak_rss_mib_of(collector.pid),
        }
        collector.stop()
        size = sum(file.stat().st_size for file in collector.data.iterdir())
        result["database_bytes_per_record"] = size / records
        stages = Path(folder, "data", "stages.json")
        return result, json.loads(stages.read_text()) if stages.exists() else {}


def client_of(
    collector: CollectorProcess, seed: int, case: str, key: str | None = None
) -> subprocess.Popen[str]:
    """
    Start a client; see benchmarks/ingest_client.py.

    Args:
        collector: It sends there.
        seed: Of what it sends.
        case: One of CASES.
        key: That it shows; None: none.
    """
    slice_bytes, encoding = CASES[case]
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "benchmarks.ingest_client"),
            *(collector.url, str(seed), str(slice_bytes), encoding),
        ],
        cwd=ROOT,
        env={**os.environ, **({} if key is None else {"PYLOGTAP_KEY": key})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def report_of(sender: subprocess.Popen[str]) -> dict[str, Any]:
    """Return what a client saw, once it has ended."""
    output, _ = sender.communicate()
    if sender.returncode:
        raise RuntimeError("a client failed; its error stands above")
    report: dict[str, Any] = json.loads(output)
    return report


def figures_of(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of all clients together."""
    latencies = sorted(each for report in reports for each in report["latencies_ms"])
    records = sum(report["records"] for report in reports)
    took = max(report["ended"] for report in reports) - min(report["began"] for report in reports)
    return {
        "records": records,
        "records_per_s": records / took,
        "bytes_per_record": sum(report["bytes"] for report in reports) / records,
        "ack_p50_ms": percentile(latencies, 0.5),
        "ack_p99_ms": percentile(latencies, 0.99),
        "refused": sum(report["refused"] for report in reports),
    }


def _until_sealed(collector: CollectorProcess, began: float) -> float:
    """Return the seconds from the beginning until all records but the newest are in blocks."""
    database = f"{(collector.data / 'pylogtap.db').absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(database, uri=True, timeout=10)) as reader:
        while reader.execute("SELECT coalesce(sum(records), 0) FROM hot").fetchone()[0] > _STAY:
            if time.monotonic() - began > _SEALING_S:
                raise RuntimeError(f"not everything was sealed within {_SEALING_S:g} s")
            time.sleep(_POLL_S)
    return time.monotonic() - began


def summary(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Condense the rounds to one row a case, with ratios to the floor of the same slices."""
    condensed = []
    for case in dict.fromkeys(row["case"] for row in rows):
        own = [row for row in rows if row["case"] == case]
        base = [row for row in rows if row["case"] == f"{FLOOR} of {case}"]
        medians = {column.key: median_of(own, column.key) for column in COLUMNS if column.key != "case"}
        condensed.append(medians | {"case": case, "ratio": median_ratio(own, base, "records_per_s")})
    return condensed


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all cases in each round, and print tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", default=",".join(CASES), help="names, separated by commas")
    parser.add_argument("--stages", action="store_true", help="also measure where the time goes")
    parser.add_argument("--quick", action="store_true", help="one short round: does it run at all?")
    parser.add_argument("--json", type=Path, help="write the result here")
    options = parser.parse_args(arguments)
    rounds, seconds = (1, 0.5) if options.quick else (options.rounds, options.seconds)
    cases, rows = options.cases.split(","), []
    for number in range(rounds):
        for case in cases:
            floor = measure_floor(options.clients, seconds / 4, case)
            rows.append({"round": number, "case": f"{FLOOR} of {case}", **floor})
            result, _ = measure_collector(options.clients, seconds, case, until_sealed=not number)
            rows.append({"round": number, "case": case, **result})
    print(f"{machine_facts()}; {options.clients} clients, {rounds} rounds of {seconds:g} s")
    condensed = summary(rows)
    print_table(COLUMNS, condensed)
    stages = {}
    if options.stages:
        for case in cases:
            stages[case] = measure_stages(options.clients, seconds, case)
    result = {"clients": options.clients, "rounds": rows, "summary": condensed, "stages": stages}
    write_json(options.json, result)


def measure_stages(clients: int, seconds: float, case: str) -> dict[str, Any]:
    """Run once with a collector that times its stages, and print them; the timing itself costs a little."""
    result, stages = measure_collector(clients, seconds, case, TIMED)
    rows = [
        {
            "stage": name,
            "wall_us": stage["wall_s"] * 1e6 / result["records"],
            "cpu_us": stage["cpu_s"] * 1e6 / result["records"],
            "calls": stage["calls"],
        }
        for name, stage in stages.items()
    ]
    print(f"\n{case}: {result['records_per_s']:,.0f} records/s while timed")
    print_table(STAGE_COLUMNS, rows)
    return {"records_per_s": result["records_per_s"], "rows": rows}


if __name__ == "__main__":
    main()
