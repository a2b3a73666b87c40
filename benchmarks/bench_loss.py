"""
What `kill -9` of the application takes: records of calls that had returned, and never arrived.

A program logs at a steady rate through one peer and is killed at a random moment; then the same peer is set
up again by another process, and has two seconds to deliver what the first one left. The program notes in
shared memory what its calls returned from, so the count is exact::

    python -m benchmarks.bench_loss --python peers/bin/python --kills 10 --rate 1000
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bench_call import installed
from benchmarks.loss_probe import ORACLE
from benchmarks.measure import ROOT, Column, machine_facts, print_table, write_json
from benchmarks.peers import PEERS, Target
from benchmarks.programs import fake_sink
from pylogtap_collector.proofs.oracle import Oracle

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_PEERS = "pylogtap,pylogtap_own,otel,logstash_disk,fluent,sentry,logfire,queue_json"
COLUMNS = (
    Column("peer", "peer"),
    Column("kills", "kills"),
    Column("returned", "returned", ",d"),
    Column("lost", "lost", ",d"),
    Column("lost_percent", "lost %", ".2f"),
    Column("worst", "worst run", ",d"),
)
_NUMBER = re.compile(rb"id=(\d+);")
_STARTING_S = 30.0


def kill_once(name: str, python: str, rate: float, life_s: float) -> tuple[int, int]:
    """
    Let one peer log, kill it, and let it recover.

    Args:
        name: Of the peer.
        python: The interpreter that has it.
        rate: Records a second.
        life_s: Seconds until the kill.

    Returns:
        Records whose calls had returned, and how many of them are lost.
    """
    with (
        tempfile.TemporaryDirectory(prefix="bench-loss-", ignore_cleanup_errors=True) as folder,
        fake_sink(Path(folder)) as sink,
    ):
        target = Target(sink.url, sink.port, Path(folder))
        oracle = Oracle(target.folder / ORACLE, 1)
        victim = _start(name, python, target, rate)
        time.sleep(life_s)
        victim.kill()
        victim.communicate()
        time.sleep(0.1)  # what the kernel still holds for the sink
        received = target.file.read_bytes() if PEERS[name].delivers == "file" else b""
        if PEERS[name].delivers == "sink":
            _start(name, python, target, 0).communicate(timeout=_STARTING_S)
            received, _ = sink.stop()
        found = {int(number) for number in _NUMBER.findall(received)}
        returned = oracle[0]
        oracle.close()
    return returned, len(set(range(1, returned + 1)) - found)


def _start(name: str, python: str, target: Target, rate: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [
            *(python, "-m", "benchmarks.loss_probe", name),
            *(target.url, str(target.port), str(target.folder), str(rate)),
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "collector")},  # the oracle; the peers have no collector
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    if rate and not process.stdout.readline():
        raise RuntimeError(f"{name} failed: {process.communicate()[1][-400:]}")
    return process


def main(arguments: Sequence[str] | None = None) -> None:
    """Kill every peer as often as asked, one after the other in each round, and print what was lost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--peers", default=DEFAULT_PEERS, help="names, separated by commas")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--rate", type=float, default=1000, help="records a second")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--quick", action="store_true", help="one kill, soon: does it run at all?")
    parser.add_argument("--json", type=Path, help="write the result here")
    options = parser.parse_args(arguments)
    rng, kills = random.Random(options.seed), 1 if options.quick else options.kills
    runs: dict[str, list[tuple[int, int]]] = {}
    names = installed(options.peers.split(","), options.python)
    for _ in range(kills):
        life_s = rng.uniform(0.3, 0.6) if options.quick else rng.uniform(1.0, 4.0)
        for name in names:
            runs.setdefault(name, []).append(kill_once(name, options.python, options.rate, life_s))
    rows = [_row(name, results) for name, results in runs.items()]
    print(f"{machine_facts()}; {options.rate:,.0f} records/s; seed {options.seed}")
    print_table(COLUMNS, rows)
    write_json(options.json, {"seed": options.seed, "rate_per_s": options.rate, "summary": rows})


def _row(name: str, results: Sequence[tuple[int, int]]) -> dict[str, Any]:
    returned, lost = (sum(values) for values in zip(*results, strict=True))
    return {
        "peer": name,
        "about": PEERS[name].about,
        "kills": len(results),
        "returned": returned,
        "lost": lost,
        "lost_percent": 100 * lost / max(1, returned),
        "worst": max(each for _, each in results),
    }


if __name__ == "__main__":
    main()
