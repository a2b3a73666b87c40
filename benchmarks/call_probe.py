"""
The measured process of bench_call.py: one peer, one round, one JSON line.

Run by the interpreter that has the peers::

    python -m benchmarks.call_probe PEER URL PORT FOLDER CALLS PACE
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import peak_rss_mib, percentile
from benchmarks.peers import PEERS, Target

if TYPE_CHECKING:
    from benchmarks.peers import Call

WARM_UP_CALLS = 500
CALLS_PER_PAUSE = 20
PAUSE_S = 0.0002


def probe(name: str, target: Target, calls: int, pace: str) -> dict[str, float | str]:
    """
    Measure one peer in this process.

    Args:
        name: Of the peer.
        target: Where it ships to.
        calls: How many are measured; WARM_UP_CALLS come before them.
        pace: One of PACES.

    Returns:
        Nanoseconds of a call, CPU seconds of the whole process per million records until they are
        delivered, peak memory in MiB. The clock's own cost (about 50 ns) is in every call.
    """
    call, finish = PEERS[name].start(target)
    for number in range(WARM_UP_CALLS):
        call(number)
    started = time.process_time()
    spent = PACES[pace](call, calls)
    finish()
    cpu = time.process_time() - started
    return {
        "median_ns": percentile(spent, 0.5),
        "p99_ns": percentile(spent, 0.99),
        "p999_ns": percentile(spent, 0.999),
        "mean_ns": sum(spent) / calls,
        "cpu_s_per_million": cpu * 1e6 / calls,
        "rss_mib": peak_rss_mib(),
    }


def _stream(call: Call, calls: int) -> list[int]:
    """Return the sorted nanoseconds of calls as a service makes them: a few, then something else."""
    spent = []
    clock = time.perf_counter_ns
    for number in range(calls):
        before = clock()
        call(number)
        spent.append(clock() - before)
        if number % CALLS_PER_PAUSE == 0:
            time.sleep(PAUSE_S)  # what comes behind it finds cold caches: one call in twenty
    spent.sort()
    return spent


def _burst(call: Call, calls: int) -> list[int]:
    """Return the sorted nanoseconds of calls made back to back."""
    spent = []
    clock = time.perf_counter_ns
    for number in range(calls):
        before = clock()
        call(number)
        spent.append(clock() - before)
    spent.sort()
    return spent


PACES = {"stream": _stream, "burst": _burst}


def main() -> None:
    """Measure, print, and leave without the peer's exit handlers: what they would do is no part of a call."""
    name, url, port, folder, calls, pace = sys.argv[1:]
    print(json.dumps(probe(name, Target(url, int(port), Path(folder)), int(calls), pace)), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
