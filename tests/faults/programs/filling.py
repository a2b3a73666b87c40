"""
Log large records, and say what the calls took: for disks that are soon full.

::

    python -m tests.faults.programs.filling ORACLE PREFIX --threads 2 --rate 2000 [--limit-s 0] [--uid 0]

As :mod:`pylogtap_collector.proofs.application`, whose protocol it keeps. For the first LIMIT-S seconds the
process may write no file of the size of a segment (RLIMIT_FSIZE). At the end, once everything is delivered,
each writer logs a last record.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import resource
import sys
import threading
import time
from pathlib import Path

import pylogtap
from pylogtap_collector.proofs.application import Application, tell
from pylogtap_collector.proofs.oracle import Oracle
from pylogtap_collector.proofs.records import pad_of

PADS = 40
LATER = ("pylogtap.shipper", "pylogtap.handler", "pylogtap.logger", "pylogtap.capture", "pylogtap.console",
         "zstandard", "email.utils", "encodings.idna", "tomllib", "concurrent.futures.thread")  # fmt: skip
_TOO_SMALL = 512 << 10  # bytes of a file: half a segment


class Filling(Application):
    """Writers of large records."""

    def __init__(self, oracle: Oracle, prefix: str, rate: float) -> None:
        """As an application, with the times of the calls."""
        super().__init__(oracle, prefix, rate)
        self.times_ns: list[int] = []

    def _log(self, writer: int, number: int) -> None:
        began = time.perf_counter_ns()
        self._own.info("filling", writer=writer, number=number, pad=PADS * pad_of(number))
        self.times_ns.append(time.perf_counter_ns() - began)
        self._oracle[writer] = number

    def log_last(self) -> None:
        """Log one more record of each writer."""
        for writer, number in self._oracle.obligations().items():
            self._log(writer, number + 1)


def limit_files(seconds: float) -> None:
    """Let this process write no large file for some time."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_TOO_SMALL, most))
    lift = threading.Timer(seconds, resource.setrlimit, (resource.RLIMIT_FSIZE, (most, most)))
    lift.daemon = True
    lift.start()


def main() -> None:
    """Log until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("oracle", type=Path)
    parser.add_argument("prefix")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--limit-s", type=float, default=0)
    parser.add_argument("--uid", type=int, default=0)
    options = parser.parse_args()
    oracle = Oracle(options.oracle, options.threads)
    if options.uid:
        for name in LATER:  # the interpreter may lie where that user cannot read
            importlib.import_module(name)
        os.setuid(options.uid)
    application = Filling(oracle, options.prefix, options.rate)
    if options.limit_s:
        limit_files(options.limit_s)
    application.start(options.threads)
    tell("up")
    sys.stdin.read()
    delivered = application.stop(60)
    application.log_last()
    delivered = pylogtap.flush(60) and delivered
    times = sorted(application.times_ns)
    told = {"p99_us": times[len(times) * 99 // 100] / 1000, "worst_ms": times[-1] / 1e6}
    tell(json.dumps({"delivered": delivered, **told, **dataclasses.asdict(pylogtap.stats())}))


if __name__ == "__main__":
    main()
