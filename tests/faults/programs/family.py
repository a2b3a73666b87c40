"""
Fork a child, which forks a grandchild that lives on: it logs until standard input ends.

::

    python -m tests.faults.programs.family ORACLE PREFIX --threads 2

Writer 0 is the program, writer 1 the grandchild.
"""

from __future__ import annotations

import argparse
import itertools
import os
import select
import sys
import time
from pathlib import Path

import pylogtap
from pylogtap_collector.proofs.application import tell
from pylogtap_collector.proofs.oracle import Oracle
from tests.faults.programs.lines import Lines


def live_on(lines: Lines, oracle: Oracle) -> None:
    """Log as long as standard input is open, and end in order."""
    for number in itertools.count(1):
        lines.log(1, number)
        oracle[1] = number
        if select.select([sys.stdin], [], [], 0.002)[0]:
            break
    pylogtap.flush(60)
    pylogtap.shutdown()
    os._exit(0)


def main() -> None:
    """Log, fork, and wait to be killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("oracle", type=Path)
    parser.add_argument("prefix")
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    oracle = Oracle(options.oracle, options.threads)
    lines = Lines(options.prefix)
    for number in range(1, 200):
        lines.log(0, number)
        oracle[0] = number
    child = os.fork()
    if not child:
        if not os.fork():
            live_on(lines, oracle)
        os._exit(0)
    os.waitpid(child, 0)
    tell("up")
    for number in itertools.count(200):
        lines.log(0, number)
        oracle[0] = number
        time.sleep(0.001)


if __name__ == "__main__":
    main()
