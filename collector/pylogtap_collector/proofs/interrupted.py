"""
A program whose logging calls are interrupted by others of the same thread, everywhere and all the time.

::

    python -m pylogtap_collector.proofs.interrupted ORACLE PREFIX --threads 6 --seconds 3

Four threads log as writers 0 to 3, handlers of three signals as writer 4, finalizers as writer 5. Where a
call took a lock that a call within it needs, it would stand still for ever. Prints what the usual application
prints.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import itertools
import json
import logging
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pylogtap
from pylogtap_collector.proofs.application import tell, use_small_segments
from pylogtap_collector.proofs.oracle import Oracle
from pylogtap_collector.proofs.records import log_record

if TYPE_CHECKING:
    from collections.abc import Iterator

THREADS = 4
HANDLER, FINALIZER, WRITERS = THREADS, THREADS + 1, THREADS + 2
_SIGNALS = (
    (signal.SIGALRM, signal.ITIMER_REAL, 0.0007),
    (signal.SIGVTALRM, signal.ITIMER_VIRTUAL, 0.001),
    (signal.SIGPROF, signal.ITIMER_PROF, 0.0013),
)  # each with its timer, and the seconds between two
_SEGMENT_BYTES = 64 << 10  # calls meet the change of segments, too
_COLLECT_AFTER = 50  # objects: finalizers run wherever one more is made
_BREATH_EVERY, _BREATH_S = 50, 0.005  # the collector has to keep up with it


class Calls:
    """Logs as several writers, and counts what has returned."""

    def __init__(self, prefix: str) -> None:
        """Set logging up; see the program's arguments."""
        pylogtap.init(prefix)
        self._standard = logging.getLogger("faults")
        self._own = pylogtap.get_logger(prefix)
        # A call may be within another: each takes its number by one step that nothing interrupts.
        self._numbers: tuple[Iterator[int], ...] = tuple(itertools.count(1) for _ in range(WRITERS))

    def log(self, writer: int) -> None:
        """Log the next record of a writer."""
        log_record(self._standard, self._own, writer, next(self._numbers[writer]))

    def log_until(self, writer: int, ends: float) -> None:
        """Log, and throw objects away, until some time of the monotonic clock."""
        for number in itertools.count(1):
            self.log(writer)
            _Dying(self)
            if number % _BREATH_EVERY == 0:
                time.sleep(_BREATH_S)
                if time.monotonic() > ends:
                    return

    def made(self) -> list[int]:
        """Return how many calls each writer made, once all have returned."""
        return [next(numbers) - 1 for numbers in self._numbers]


class _Dying:
    """Logs when it is thrown away; it holds itself, so that this happens at any moment."""

    def __init__(self, calls: Calls) -> None:
        self._calls, self._itself = calls, self

    def __del__(self) -> None:
        self._calls.log(FINALIZER)


def run(calls: Calls, seconds: float) -> None:
    """Log, and be interrupted, for some seconds."""
    gc.set_threshold(_COLLECT_AFTER)
    for number, timer, every_s in _SIGNALS:
        signal.signal(number, lambda *_: calls.log(HANDLER))
        signal.setitimer(timer, every_s, every_s)
    ends = time.monotonic() + seconds
    others = [threading.Thread(target=calls.log_until, args=(writer, ends)) for writer in range(1, THREADS)]
    for thread in others:
        thread.start()
    calls.log_until(0, ends)
    for _, timer, _ in _SIGNALS:
        signal.setitimer(timer, 0)
    for thread in others:
        thread.join()
    gc.collect()


def main() -> None:
    """Log, tell the oracle what returned, and wait until everything is delivered."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("oracle", type=Path)
    parser.add_argument("prefix")
    parser.add_argument("--threads", type=int, default=WRITERS, help="writers: as many as there are")
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    use_small_segments(_SEGMENT_BYTES)
    oracle = Oracle(options.oracle, options.threads)
    calls = Calls(options.prefix)
    tell("up")
    run(calls, options.seconds)
    for writer, made in enumerate(calls.made()):
        oracle[writer] = made
    delivered = pylogtap.flush(timeout_s=60)
    sys.stdin.read()
    tell(json.dumps({"delivered": delivered, **dataclasses.asdict(pylogtap.stats())}))


if __name__ == "__main__":
    main()
