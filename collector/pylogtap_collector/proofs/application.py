"""
A real application that logs from several threads until it is killed, or asked to end.

::

    python -m pylogtap_collector.proofs.application ORACLE PREFIX [--threads 4] [--rate 0] [--segment-bytes 0]
        [--forks 0] [--flush-s 60]

Prints `up` when its threads run. When its standard input ends it stops them, waits until everything is
delivered, and prints the client's counters as JSON. Where to ship to is told by the environment, as users do.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import itertools
import json
import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pylogtap
from pylogtap import client
from pylogtap.spool import Spool
from pylogtap_collector.proofs.oracle import Oracle
from pylogtap_collector.proofs.records import log_record

if TYPE_CHECKING:
    from pylogtap_collector.proofs.records import EventLogger

CALLS_OF_A_CHILD = 50
_PAUSE_S = 0.001


class Application:
    """
    The writers, and what they share.

    Writers 0 … threads-1 are threads; each fork adds a child and a grandchild behind them.
    """

    def __init__(self, oracle: Oracle, prefix: str, rate: float) -> None:
        """
        Set logging up as an application does.

        Args:
            oracle: Gets the number of each call that returned.
            prefix: Of both kinds of loggers.
            rate: Records a second of each thread; 0: as many as it can.
        """
        pylogtap.init(prefix)
        self._oracle, self._rate = oracle, rate
        self._standard = logging.getLogger("faults")
        self._own: EventLogger = pylogtap.get_logger(prefix)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, threads: int) -> None:
        """Begin to log."""
        self._threads = [
            threading.Thread(target=self._write, args=(writer,), daemon=True) for writer in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def fork(self, times: int, first_writer: int) -> None:
        """Fork while the threads log; every child logs, forks again, and ends without a word to pylogtap."""
        for index in range(times):
            writer = first_writer + 2 * index
            child = os.fork()
            if not child:
                self._live_as_child(writer)
            os.waitpid(child, 0)

    def stop(self, timeout_s: float) -> bool:
        """Stop the threads, and tell whether everything was delivered within some seconds."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return pylogtap.flush(timeout_s=timeout_s)

    def _write(self, writer: int) -> None:
        started = time.perf_counter()
        for number in itertools.count(1):
            if self._stop.is_set():
                return
            self._log(writer, number)
            while self._rate and number > (time.perf_counter() - started) * self._rate:
                time.sleep(_PAUSE_S)

    def _log(self, writer: int, number: int) -> None:
        log_record(self._standard, self._own, writer, number)
        self._oracle[writer] = number

    def _live_as_child(self, writer: int) -> None:
        try:
            self._log_some(writer)
            grandchild = os.fork()
            if not grandchild:
                self._log_some(writer + 1)
                os._exit(0)
            os.waitpid(grandchild, 0)
        finally:
            os._exit(0)

    def _log_some(self, writer: int) -> None:
        for number in range(1, CALLS_OF_A_CHILD + 1):
            self._log(writer, number)


def use_small_segments(size: int) -> None:
    """Have segments fill up all the time, so that kills hit the change from one to the next."""
    setattr(client, "Spool", functools.partial(Spool, segment_bytes=size))  # noqa: B010 - for mypy a class


def tell(line: str) -> None:
    """Write a line to whoever started this program."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Log until killed, or until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("oracle", type=Path)
    parser.add_argument("prefix")
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--segment-bytes", type=int, default=0)
    parser.add_argument("--forks", type=int, default=0)
    parser.add_argument("--flush-s", type=float, default=60)
    options = parser.parse_args()
    if options.segment_bytes:
        use_small_segments(options.segment_bytes)
    oracle = Oracle(options.oracle, options.threads + 2 * options.forks)
    application = Application(oracle, options.prefix, options.rate)
    application.start(options.threads)
    tell("up")
    application.fork(options.forks, options.threads)
    sys.stdin.read()
    delivered = application.stop(options.flush_s)
    tell(json.dumps({"delivered": delivered, **dataclasses.asdict(pylogtap.stats())}))


if __name__ == "__main__":
    main()
