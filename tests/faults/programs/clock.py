"""
Log while the clock of this program jumps.

::

    python -m tests.faults.programs.clock ORACLE PREFIX --threads 2 --seed 7

As :mod:`pylogtap_collector.proofs.application`, whose protocol it keeps, with small segments. It starts
an hour before summer time ends in Berlin, where this program believes to be, and jumps by up to a day, back
and ahead, every few records. Each record tells the time by the clock right before its call.
"""

from __future__ import annotations

import os
import random
import sys
import time

BEGIN = 1_792_886_400  # 2026-10-25 00:00 UTC: an hour before 03:00 becomes 02:00 in Berlin
_REAL_NS, _STARTED = time.time_ns, time.time_ns()
_DAY_NS = 86_400_000_000_000
_shift = BEGIN * 10**9 - _STARTED


def shifted_ns() -> int:
    """Return the time, as this program is to see it."""
    return _REAL_NS() + _shift


def shifted() -> float:
    """Return the same in seconds."""
    return shifted_ns() / 1e9


os.environ["TZ"] = "Europe/Berlin"
time.tzset()
time.time_ns, time.time = shifted_ns, shifted  # before anybody takes them by name

import argparse  # noqa: E402 - as above
import dataclasses  # noqa: E402
import json  # noqa: E402
from pathlib import Path  # noqa: E402

import pylogtap  # noqa: E402
from pylogtap_collector.proofs.application import Application, tell, use_small_segments  # noqa: E402
from pylogtap_collector.proofs.oracle import Oracle  # noqa: E402

SEGMENT_BYTES = 16 << 10
_JUMP_EVERY = 23


class Jumping(Application):
    """Writers whose clock jumps."""

    chance = random.Random(0)

    def _log(self, writer: int, number: int) -> None:
        if not number % _JUMP_EVERY:
            jump()
        before = time.time_ns()
        fields = {"writer": writer, "number": number, "before": before}
        if number % 2:
            self._own.info("tick", **fields)
        else:
            self._standard.info("tick", extra=fields)
        self._oracle[writer] = number


def jump() -> None:
    """Set the clock."""
    global _shift  # noqa: PLW0603 - it stands for the machine's
    _shift += round(Jumping.chance.uniform(-1, 1) * _DAY_NS)


def main() -> None:
    """Log until killed, or until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("oracle", type=Path)
    parser.add_argument("prefix")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    Jumping.chance = random.Random(options.seed)
    use_small_segments(SEGMENT_BYTES)
    application = Jumping(Oracle(options.oracle, options.threads), options.prefix, 1000)
    application.start(options.threads)
    tell("up")
    sys.stdin.read()
    delivered = application.stop(60)
    tell(json.dumps({"delivered": delivered, **dataclasses.asdict(pylogtap.stats())}))


if __name__ == "__main__":
    main()
