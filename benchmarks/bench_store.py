"""
What the store costs and how soon it answers, beside other stores with the same records.

The collector gets its records over HTTP as clients send them; SQLite with an index of words, DuckDB, chdb
(ClickHouse) and plain lines with ripgrep read a file. All answers are compared before any time is printed.
Questions are put to all stores in turn, round by round; a figure is the median of the rounds but the first::

    python -m benchmarks.bench_store --python peers/bin/python --records 1000000,5000000 --keep FOLDER
    python -m benchmarks.bench_store --data natural --lines /var/log/syslog
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import ROOT, Column, machine_facts, print_table, write_json
from benchmarks.store_load import Http, fill, read_facts, under_load, write_more
from pylogtap_collector.proofs.daemon import CollectorProcess
from pylogtap_collector.services.reserve import RESERVE

if TYPE_CHECKING:
    from collections.abc import Iterator

OURS, REMEMBERED, HTTP, BASE = "pylogtap", "pylogtap, asked again", "pylogtap, HTTP, asked again", "duckdb"
PEERS = ("sqlite", "duckdb", "chdb", "rg")
QUESTIONS = {
    "last": "last 100 of a service",
    "few": "a word with few hits",
    "count": "count of a common word",
    "newest": "newest 100 of a common word",
    "substring": "part of a word",
    "level": "errors of an hour",
    "minutes": "count per minute, all",
    "patterns": "top-20 patterns",
}
TARGETS_MS = {"last": 5, "few": 35, "count": 190, "newest": 5, "substring": 170, "minutes": 10, "patterns": 3}
TARGET_RATIOS = {"last": 0.8, "few": 0.2, "count": 0.9, "substring": 0.9, "minutes": 0.35}
_LOAD = (
    Column("store", "store"),
    Column("records_per_s", "records/s", ",.0f"),
    Column("cpu_s_per_million", "CPU s/M", ".2f"),
    Column("bytes_per_record", "bytes/record", ".2f"),
    Column("ingest_peak_mib", "peak MiB filling", ".0f"),
    Column("peak_mib", "peak MiB asked", ".0f"),
)
_PHASES = (
    Column("meanwhile", "meanwhile"),
    Column("slices", "slices"),
    Column("ack_p50_ms", "ack p50 ms", ".1f"),
    Column("ack_p99_ms", "ack p99 ms", ".1f"),
    Column("ack_max_ms", "ack max ms", ".1f"),
)


class Process:
    """A store that is asked in its own process."""

    def __init__(self, *command: str) -> None:
        """Start it."""
        self._name = command[-3]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def do(self, **command: Any) -> dict[str, Any]:
        """Give a command, and return its report."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(command), file=self._process.stdin, flush=True)
        while line := self._process.stdout.readline():
            if line.startswith("{"):
                found: dict[str, Any] = json.loads(line)
                return found
        raise RuntimeError(f"{self._name} ended")

    def stop(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)


@contextmanager
def running(data: Path) -> Iterator[CollectorProcess]:
    """Run a collector on a folder."""
    collector = CollectorProcess(data, data.parent / "collector.log")
    collector.start()
    try:
        yield collector
    finally:
        collector.stop()


def prepared(folder: Path, count: int, options: argparse.Namespace) -> Path:
    """Return the folder of records, which are written where they are not there."""
    folder = folder / f"{options.data}-{count}"
    if not (folder / "facts.json").exists():
        command = [sys.executable, "-m", "benchmarks.store_data", str(folder), str(count)]
        command += ["--natural"] if options.data == "natural" else []
        command += ["--lines", *map(str, options.lines)] if options.lines else []
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return folder


def filled(folder: Path, quiet_s: float) -> dict[str, Any]:
    """Fill the collector, once; return what that cost."""
    data, note = folder / OURS, folder / f"{OURS}.json"
    if not note.exists():
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir()
        with running(data) as collector:
            report = fill(collector, folder / "slices.bin", quiet_s=quiet_s)
        size = sum(file.stat().st_size for file in data.iterdir() if file.name != RESERVE)
        note.write_text(json.dumps(report | {"bytes_per_record": size / report["records"]}))
    found: dict[str, Any] = json.loads(note.read_text())
    return found | {"store": OURS}


def loaded(name: str, folder: Path, options: argparse.Namespace) -> tuple[Process, dict[str, Any]]:
    """Start a peer; fill it, once; return it and what that cost."""
    data, note = folder / name, folder / f"{name}.json"
    process = Process(str(options.python), "benchmarks/store_peers.py", name, str(folder), str(data))
    if note.exists():
        process.do(do="open")
    else:
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir()
        report, records = process.do(do="load"), read_facts(folder)["records"]
        costs = {
            "records_per_s": records / report["ms"] * 1e3 if name != "rg" else None,
            "cpu_s_per_million": report["cpu_s"] / records * 1e6 if name != "rg" else None,
            "bytes_per_record": report["bytes"] / records,
            "ingest_peak_mib": report["peak_mib"] if name != "rg" else None,
        }
        note.write_text(json.dumps(costs))
    return process, json.loads(note.read_text()) | {"store": name}


def asked(folder: Path, options: argparse.Namespace) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Fill all stores, put all questions to them in turn; return costs and times."""
    costs = [filled(folder, options.quiet_s)]
    times: dict[str, dict[str, list[float]]] = {}
    answers: dict[str, dict[str, Any]] = {question: {} for question in QUESTIONS}
    with ExitStack() as stack:
        processes = {
            OURS: Process(sys.executable, "-m", "benchmarks.store_asked", str(folder), str(folder / OURS))
        }
        for name in options.peers:
            processes[name], cost = loaded(name, folder, options)
            costs.append(cost)
        for process in processes.values():
            stack.callback(process.stop)
        http = Http(stack.enter_context(running(folder / OURS)).port, read_facts(folder))
        for number in range(options.rounds + 1):
            for question in QUESTIONS:
                for name, process in processes.items():
                    report = process.do(do="ask", question=question)
                    if report["answer"] == "cannot":
                        continue
                    answers[question][name] = report["answer"]
                    next(cost for cost in costs if cost["store"] == name)["peak_mib"] = report["peak_mib"]
                    if number:
                        times.setdefault(name, {}).setdefault(question, []).append(report["ms"])
                again, over = (
                    processes[OURS].do(do="ask", question=question, remember=True),
                    http.ask(question),
                )
                if number:
                    times.setdefault(REMEMBERED, {}).setdefault(question, []).append(again["ms"])
                    times.setdefault(HTTP, {}).setdefault(question, []).append(over)
    compare(answers)
    return costs, [
        {"store": name, **{question: statistics.median(found) for question, found in own.items()}}
        for name, own in times.items()
    ]


def compare(answers: dict[str, dict[str, Any]]) -> None:
    """
    Compare what the stores said.

    Raises:
        SystemExit: They do not agree: then no time means anything.
    """
    for question, found in answers.items():
        expected = found[OURS]
        for name, answer in found.items():
            if answer != expected:
                raise SystemExit(
                    f"{name} answers {question!r} with {answer!r:.200}, we with {expected!r:.200}"
                )


def ratios(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return times as ratios to the base, where it was asked."""
    base = next((row for row in rows if row["store"] == BASE), None)
    if base is None:
        return []
    return [
        {
            "store": row["store"],
            **{key: row[key] / base[key] for key in QUESTIONS if key in row and base.get(key)},
        }
        for row in rows
    ]


def loaded_down(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Ask a copy of the filled collector while records come in."""
    facts, data = read_facts(folder), folder / "under-load"
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(folder / OURS, data)
    more = folder / "more.bin"
    if not more.exists():
        write_more(more, facts, int(options.rate * 20))
    with running(data) as collector:
        found = under_load(
            collector, facts, more, rate=options.rate, rounds=options.rounds, pause_s=options.quiet_s / 2
        )
    shutil.rmtree(data)
    return found


def report(count: int, result: dict[str, Any]) -> None:
    """Print the tables of one number of records."""
    print(f"\n{count:,} records, {result['facts']['json_bytes']:.0f} bytes each as a line of JSON\n")
    print_table(_LOAD, result["costs"])
    questions = [Column("store", "warm medians, ms"), *(Column(key, key, ".1f") for key in QUESTIONS)]
    print()
    print_table(questions, [*result["times"], {"store": "to reach at 5 million", **TARGETS_MS}])
    if result["ratios"]:
        goals = {"store": "to reach", **TARGET_RATIOS}
        print()
        shares = [Column("store", f"x {BASE}"), *(Column(key, key, ".2f") for key in QUESTIONS)]
        print_table(shares, [*result["ratios"], goals])
    load = result.get("under_load")
    if load:
        print(f"\nWhile {load['rate']:,.0f} records/s come in, over HTTP\n")
        print_table(questions, [{"store": HTTP, **load["asked_ms"]}])
        print()
        print_table(_PHASES, load["phases"])


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--records", default="1000000", help="how many, also several numbers: 1000000,5000000"
    )
    parser.add_argument("--data", choices=("generated", "natural"), default="generated")
    parser.add_argument("--lines", type=Path, nargs="*", default=[], help="files of real lines, for natural")
    parser.add_argument("--peers", default=",".join(PEERS), help="which; empty: none")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="Python that has the peers")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--under-load", action="store_true", help="also ask while records come in")
    parser.add_argument("--rate", type=float, default=20_000, help="records a second that come in")
    parser.add_argument("--quick", action="store_true", help="only show that it runs")
    parser.add_argument("--keep", type=Path, help="folder for records and stores, used again by the next run")
    parser.add_argument("--json", type=Path, help="write everything measured")
    options = parser.parse_args(arguments)
    options.quiet_s = 15.0  # until the collector has packed, sealed and given back all that it is going to
    if options.quick:
        options.records, options.rounds, options.rate, options.quiet_s = "6000", 1, 2_000.0, 1.0
        options.peers, options.under_load = "sqlite", True
    options.peers = [name for name in options.peers.split(",") if name]
    return options


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print."""
    options = options_of(arguments)
    results: dict[str, Any] = {"machine": machine_facts(), "data": options.data, "runs": {}}
    with tempfile.TemporaryDirectory() as scratch:
        for count in map(int, options.records.split(",")):
            folder = prepared((options.keep or Path(scratch)).resolve(), count, options)
            costs, times = asked(folder, options)
            result = {"facts": read_facts(folder), "costs": costs, "times": times, "ratios": ratios(times)}
            if options.under_load:
                result["under_load"] = loaded_down(folder, options)
            results["runs"][str(count)] = result
            report(count, result)
            write_json(options.json, results)
    report_growth(results["runs"])


def report_growth(runs: dict[str, Any]) -> None:
    """Print how much longer answers take with more records."""
    if len(runs) < 2:
        return
    (few, small), (many, large) = min(runs.items(), key=_size), max(runs.items(), key=_size)
    known = {row["store"]: row for row in small["times"]}
    rows = [
        {
            "store": row["store"],
            **{key: row[key] / known[row["store"]][key] for key in QUESTIONS if key in row},
        }
        for row in large["times"]
        if row["store"] in known
    ]
    print(f"\n{int(many) / int(few):.1f} times the records take so many times as long\n")
    print_table([Column("store", "x"), *(Column(key, key, ".2f") for key in QUESTIONS)], rows)


def _size(run: tuple[str, Any]) -> int:
    return int(run[0])


if __name__ == "__main__":
    main()
