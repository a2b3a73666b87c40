"""
What one logging call costs, beside the peers.

In each round every peer logs the same record many times in a process of its own, one peer after the other,
so that a slow minute of the machine hits all. Ratios are medians over the rounds of peer / NullHandler of the
same round. Delivery is checked, not believed: what the sink or the file holds at the end is counted::

    python -m benchmarks.bench_call                                    pylogtap and NullHandler
    python -m benchmarks.bench_call --python peers/bin/python          all peers, see requirements-peers.txt
    python -m benchmarks.bench_call --sink collector                   pylogtap ships to a real collector
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.call_probe import PACES, WARM_UP_CALLS
from benchmarks.measure import ROOT, Column, machine_facts, median_of, median_ratio, print_table, write_json
from benchmarks.peers import BASE, MARKER, PEERS, Target
from benchmarks.programs import fake_sink
from pylogtap_collector.proofs.daemon import running_daemon

if TYPE_CHECKING:
    from collections.abc import Sequence

OURS = ("pylogtap", "pylogtap_own")
TITLES = {
    "stream": "stream: 20 calls, a short pause, and so on; the call behind each pause meets cold caches",
    "burst": "burst: calls back to back",
}
COLUMNS = (
    Column("peer", "peer"),
    Column("median_ns", "median ns", ",.0f"),
    Column("ratio", "x null", ".2f"),
    Column("otel_ratio", "x otel", ".2f"),
    Column("p99_ns", "p99 ns", ",.0f"),
    Column("p999_ns", "p99.9 ns", ",.0f"),
    Column("p99_over_median", "p99/median", ".2f"),
    Column("cpu_s_per_million", "CPU s/M", ".1f"),
    Column("cpu_ratio", "x null", ".2f"),
    Column("rss_mib", "RSS MiB", ".0f"),
    Column("delivered_percent", "delivered %", ".2f"),
)


def measure(name: str, python: str, calls: int, pace: str, *, collector: bool) -> dict[str, Any]:
    """
    Run one peer once.

    Args:
        name: Of the peer.
        python: The interpreter that has it.
        calls: How many to measure.
        pace: One of call_probe.PACES.
        collector: Ship to a real collector; only pylogtap can.

    Raises:
        RuntimeError: The peer's process failed; the text is its last words.
    """
    with tempfile.TemporaryDirectory(prefix="bench-call-") as folder:
        target_folder = Path(folder)
        if collector and name in OURS:
            with running_daemon(target_folder) as real:
                row = _probe(name, python, calls, pace, Target(real.url, real.port, target_folder))
                delivered: int | None = real.count()
        else:
            with fake_sink(target_folder) as sink:
                target = Target(sink.url, sink.port, target_folder)
                row = _probe(name, python, calls, pace, target)
                received, report = sink.stop()
            delivered = _delivered(name, received, target)
            row["sent_bytes"] = report["bytes"]
    row["delivered_percent"] = None if delivered is None else 100 * delivered / (calls + WARM_UP_CALLS)
    row["p99_over_median"] = row["p99_ns"] / row["median_ns"]
    return row


def _probe(name: str, python: str, calls: int, pace: str, target: Target) -> dict[str, Any]:
    arguments = [name, target.url, str(target.port), str(target.folder), str(calls), pace]
    done = subprocess.run(
        [python, "-m", "benchmarks.call_probe", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode or not done.stdout:
        raise RuntimeError(f"{name} failed: {done.stderr.strip()[-400:]}")
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row


def _delivered(name: str, received: bytes, target: Target) -> int | None:
    match PEERS[name].delivers:
        case "sink":
            return received.count(MARKER)
        case "file":
            return target.file.read_bytes().count(MARKER)
    return None


def installed(names: Sequence[str], python: str) -> list[str]:
    """Return those peers that an interpreter has, and say which it has not."""
    modules = {name: PEERS[name].needs for name in names}
    program = (
        "import importlib.util, json, sys\n"
        "def has(module):\n"
        "    try:\n"
        "        return importlib.util.find_spec(module) is not None\n"
        "    except ImportError:\n"
        "        return False\n"
        "print(json.dumps([name for name, module in json.loads(sys.argv[1]).items() if has(module)]))"
    )
    answer = subprocess.run(
        [python, "-c", program, json.dumps(modules)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    present: list[str] = json.loads(answer.stdout)
    missing = [name for name in names if name not in present]
    if missing:
        print(f"not installed: {', '.join(missing)} (see benchmarks/requirements-peers.txt)")
    return present


def summary(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Condense the rounds to one row a peer, with ratios to the base and to OpenTelemetry."""
    base = [row for row in rows if row["peer"] == BASE]
    otel = [row for row in rows if row["peer"] == "otel"]
    condensed = []
    for name in dict.fromkeys(row["peer"] for row in rows):
        own = [row for row in rows if row["peer"] == name]
        condensed.append(
            {column.key: median_of(own, column.key) for column in COLUMNS if column.key != "peer"}
            | {
                "peer": name,
                "ratio": median_ratio(own, base, "median_ns"),
                "otel_ratio": median_ratio(own, otel, "median_ns") if otel else None,
                "cpu_ratio": median_ratio(own, base, "cpu_s_per_million"),
            }
        )
    return condensed


def run(
    names: Sequence[str], python: str, rounds: int, calls: int, *, collector: bool
) -> dict[str, list[dict[str, Any]]]:
    """Measure all peers at each pace, round by round; one that fails is told of and left out."""
    rows: dict[str, list[dict[str, Any]]] = {pace: [] for pace in PACES}
    for number, pace, name in itertools.product(range(rounds), PACES, names):
        try:
            row = measure(name, python, calls, pace, collector=collector)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            print(error, file=sys.stderr)
        else:
            rows[pace].append({"round": number, "peer": name, **row})
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table for each pace, and write JSON if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--peers", default=",".join(PEERS), help="names, separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument(
        "--sink", choices=("fake", "collector"), default="fake", help="where pylogtap ships to"
    )
    parser.add_argument("--quick", action="store_true", help="one short round: does it run at all?")
    parser.add_argument("--json", type=Path, help="write the result here")
    options = parser.parse_args(arguments)
    rounds, calls = (1, 1000) if options.quick else (options.rounds, options.calls)
    names = installed([BASE, *[name for name in options.peers.split(",") if name != BASE]], options.python)
    rows = run(names, options.python, rounds, calls, collector=options.sink == "collector")
    condensed = {pace: summary(rows[pace]) for pace in rows}
    print(f"{machine_facts()}; {rounds} rounds of {calls:,} calls; pylogtap ships to: {options.sink}")
    for pace, title in TITLES.items():
        print(f"\n{title}")
        print_table(COLUMNS, condensed[pace])
    result = {"base": BASE, "sink": options.sink, "calls": calls, "rounds": rows, "summary": condensed}
    write_json(options.json, result)


if __name__ == "__main__":
    main()
