"""
A program that measures its logging calls, and its memory meanwhile; prints a line of JSON.

::

    python -m pylogtap_collector.proofs.calling null|pylogtap CALLS
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from pathlib import Path

import pylogtap

_WARM_UP_CALLS = 2_000
_CALLS_PER_PAUSE = 20
_PAUSE_S = 0.0002


def measure(logger: logging.Logger, calls: int) -> list[int]:
    """
    Log as a service does, a few lines and then something else.

    Returns:
        Nanoseconds of each call, sorted; the clock's own cost is in them.
    """
    spent, clock = [], time.perf_counter_ns
    for number in range(calls):
        before = clock()
        logger.info("user %s paid %d cents", "ann", number, extra={"order": number, "shop": "north"})
        spent.append(clock() - before)
        if number % _CALLS_PER_PAUSE == 0:
            time.sleep(_PAUSE_S)
    spent.sort()
    return spent


def private_bytes() -> int:
    """Return the memory that is no file's, as the spool's is (source: proc(5), RssAnon)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) << 10
    raise OSError("the kernel does not tell RssAnon in /proc/self/status")


def main() -> None:
    """Measure, print, and leave without a handler's end: that is no part of a call."""
    mode, calls = sys.argv[1], int(sys.argv[2])
    logger = logging.getLogger("measured")
    logger.setLevel(logging.INFO)
    if mode == "null":
        logger.propagate = False
        logger.addHandler(logging.NullHandler())
    else:
        pylogtap.init("faults/calls/one")
    measure(logger, _WARM_UP_CALLS)
    before = private_bytes()
    spent = measure(logger, calls)
    after = private_bytes() - sys.getsizeof(spent) - sum(map(sys.getsizeof, spent))
    result = {
        "median_ns": spent[calls // 2],
        "p99_ns": spent[calls * 99 // 100],
        "grown_bytes": after - before,
    }
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
