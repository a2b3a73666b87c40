"""
Come to an end in one of the ways there are, and log to the last from everywhere.

::

    python -m tests.faults.programs.ending PREFIX ORACLE WRITERS FIRST HOW MEGABYTES

Its writers are those from FIRST on of the WRITERS that the oracle has. HOW is `end`, `exit`, `error` or
`two`: in order, with two collectors that are both away. MEGABYTES fill the spool before. Tells when its main
program was over; on standard error, each thread that was started afterwards.
"""

from __future__ import annotations

import _thread
import atexit
import itertools
import os
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any

import pylogtap
from pylogtap_collector.proofs.oracle import Oracle
from tests.faults.programs.lines import Lines, tell

COUNT = 20
WRITERS = ("before", "main", "after", "anew", "daemon", "thread", "finalizer")
STARTED = "a thread was started at the end"
_FILLING = "x" * 200_000
_over = threading.Event()


def watch(event: str, _: object) -> None:
    """Notice threads that are started once the main program is over."""
    if event in {"_thread.start_new_thread", "_thread.start_joinable_thread"} and _over.is_set():
        os.write(2, f"{STARTED}\n".encode())


def report_threads() -> None:
    """Have threads noticed, also by Python 3.11, which tells nobody of them."""
    sys.addaudithook(watch)
    if sys.version_info < (3, 12):
        start = _thread.start_new_thread

        def watched(*arguments: Any) -> int:
            watch("_thread.start_new_thread", None)
            return start(*arguments)

        _thread.start_new_thread = watched
        threading._start_new_thread = watched  # type: ignore[attr-defined]


class Ending:
    """What logs while the interpreter ends."""

    def __init__(self, prefix: str, oracle: Oracle, first: int) -> None:
        """Register what has to stand before pylogtap's own exit function, and what behind."""
        self._prefix, self._oracle, self._first = prefix, oracle, first
        atexit.register(self.log_anew)  # the other way round: this one comes last
        atexit.register(self.log_some, "before")
        self._lines = Lines(prefix)
        atexit.register(self.log_some, "after")

    def log_some(self, name: str) -> None:
        """Log some records, and note each once its call has returned."""
        for number in range(1, COUNT + 1):
            self._log(name, number)

    def log_anew(self) -> None:
        """Set logging up once more, when everything is closed, and log."""
        self._lines = Lines(self._prefix)
        self.log_some("anew")

    def log_on(self) -> None:
        """Log until the interpreter lets this thread run no more."""
        for number in itertools.count(1):
            self._log("daemon", number)
            time.sleep(0.002)

    def log_late(self) -> None:
        """Log once the main program is over: threads that are no daemons are waited for."""
        _over.wait()
        time.sleep(0.05)
        self.log_some("thread")

    def _log(self, name: str, number: int) -> None:
        writer = self._first + WRITERS.index(name)
        self._lines.log(writer, number)
        self._oracle[writer] = number


class Last:
    """What is left in a module until modules are cleared, behind all exit functions; and logs then."""

    def __init__(self, ending: Ending) -> None:
        """Bind what logs."""
        self._ending = ending

    def __del__(self) -> None:
        self._ending.log_some("finalizer")


def main() -> None:
    """Log, and end."""
    prefix, path, writers, first, how, megabytes = sys.argv[1:]
    report_threads()
    ending = Ending(prefix, Oracle(Path(path), int(writers)), int(first))
    sys.modules["last"] = types.ModuleType("last")  # ours lives on as long as the thread that is a daemon
    sys.modules["last"].last = Last(ending)  # type: ignore[attr-defined]
    for _ in range(5 * int(megabytes)):
        pylogtap.get_logger(prefix).info("filling", text=_FILLING)
    threading.Thread(target=ending.log_on, daemon=True).start()
    threading.Thread(target=ending.log_late).start()
    if how == "two":
        pylogtap.get_logger(prefix, url="http://127.0.0.1:9").info("to another collector")
    ending.log_some("main")
    tell(time.time())
    _over.set()
    if how == "exit":
        sys.exit(3)
    if how == "error":
        raise KeyError(how)


if __name__ == "__main__":
    main()
