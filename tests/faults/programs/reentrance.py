"""
Log from the midst of logging calls, in one of the ways that lead there.

::

    python -m tests.faults.programs.reentrance PREFIX WAY SECONDS

Tells how many records each writer has logged, and how many were made afterwards although nobody logged. Ends
by itself, with the stacks of all threads, when it hangs.
"""

from __future__ import annotations

import faulthandler
import gc
import http.client
import http.server
import io
import itertools
import logging
import signal
import sys
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pylogtap
from pylogtap_collector.proofs.application import use_small_segments
from pylogtap_collector.proofs.records import message_of, pad_of
from tests.faults.programs.lines import Lines, tell

if TYPE_CHECKING:
    from collections.abc import Callable

HANG_S = 10.0
SEGMENT_BYTES = 16 << 10  # so that the way from one segment to the next is met, too
BURST = 25  # records at once; between them time passes, or nobody could count them
_PAUSE_S = 0.01
_SETTLING_S = 0.5
_EXCEPTION_EVERY = 97  # as of the records of the fault tests
STORM = {
    signal.SIGALRM: (signal.ITIMER_REAL, 0.0007),
    signal.SIGVTALRM: (signal.ITIMER_VIRTUAL, 0.0011),
    signal.SIGPROF: (signal.ITIMER_PROF, 0.0013),
}


class Writers:
    """Writers whose numbers are given in the order of the calls, and count once the call has returned."""

    def __init__(self, lines: Lines) -> None:
        """Bind what logs."""
        self.lines = lines
        self._next: dict[int, itertools.count[int]] = {}

    def __getitem__(self, writer: int) -> itertools.count[int]:
        return self._next.setdefault(writer, itertools.count(1))

    def log(self, writer: int) -> None:
        """Log one record of a writer, which may be in the midst of another."""
        self.lines.log(writer, next(self[writer]))

    def logged(self) -> dict[int, int]:
        """Return the last number of each writer, once all calls have returned."""
        return {writer: next(numbers) - 1 for writer, numbers in self._next.items()}


def signals(writers: Writers, seconds: float) -> None:
    """Handlers of three signals log, and may interrupt each other, and themselves."""

    def handler(number: int, _: object) -> None:
        writers.log(1 + number)
        signal.setitimer(*STORM[signal.Signals(number)])  # only now: a busy machine would never come back

    for each, (timer, first) in STORM.items():
        signal.signal(each, handler)
        signal.setitimer(timer, first)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for _ in range(BURST):
            writers.log(0)
        time.sleep(_PAUSE_S)
    for each, (timer, _) in STORM.items():
        signal.signal(each, signal.SIG_IGN)  # first: a handler that runs now would set its timer again
        signal.setitimer(timer, 0)


class _Cycle:
    """Garbage that only the collector finds, and that logs when it does."""

    def __init__(self, writers: Writers, writer: int) -> None:
        self._writers, self._writer = writers, writer
        self._itself = self

    def __del__(self) -> None:
        self._writers.log(self._writer)


def finalizers(writers: Writers, seconds: float) -> None:
    """Four threads log and leave garbage; the garbage collector runs after every few objects."""
    threads = 4

    def work(writer: int) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for _ in range(BURST):
                _Cycle(writers, threads)
                writers.log(writer)
            time.sleep(threads * _PAUSE_S)

    writers[threads]
    before = gc.get_threshold()
    gc.set_threshold(3, 2, 2)
    running = [threading.Thread(target=work, args=(writer,)) for writer in range(threads)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    gc.set_threshold(*before)
    gc.collect()


class _Speaking:
    """A value that logs before it says what it is; now and then it fails at that."""

    def __init__(self, writers: Writers, text: str, *, fails: bool) -> None:
        self._writers, self._text, self._fails = writers, text, fails

    def __str__(self) -> str:
        self._writers.log(1)
        if self._fails:
            raise ValueError(self._text)
        return self._text

    __repr__ = __str__


def formatting(writers: Writers, seconds: float) -> None:
    """Arguments and a filter log while a record is made of them."""
    log = logging.getLogger("faults")
    busy = threading.local()

    def speak(record: logging.LogRecord) -> bool:
        if not getattr(busy, "now", False):
            busy.now = True
            writers.log(2)
            busy.now = False
        return True

    for handler in logging.getLogger().handlers:
        handler.addFilter(speak)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        number = next(writers[0])
        if not number % BURST:
            time.sleep(_PAUSE_S)
        if number % _EXCEPTION_EVERY:
            fields = {"writer": 0, "number": number, "pad": pad_of(number)}
            log.info("%s", _Speaking(writers, message_of(0, number), fails=False), extra=fields)
        else:
            writers.lines.log(0, number)
        log.info("fails %s", _Speaking(writers, "now", fails=True))
        log.info("a field", extra={"said": _Speaking(writers, "now", fails=number % 2 == 0)})


class _Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the library has it
        logging.getLogger("server").debug(format, *args)


class _Printed(io.TextIOBase):
    """Takes what is printed, and logs it, as celery does."""

    def write(self, text: str) -> int:
        if text.strip():
            logging.getLogger("printed").info(text.strip())
        return len(text)


def http_debug(writers: Writers, seconds: float) -> None:
    """Everything that libraries for HTTP say is logged, also what `http.client` prints."""
    import urllib3

    logging.getLogger().setLevel(logging.DEBUG)
    http.client.HTTPConnection.debuglevel = 1
    sys.stdout = sys.stderr = _Printed()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answering)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    pool = urllib3.PoolManager()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        writers.log(0)
        pool.request("GET", url)
        urllib.request.urlopen(url).close()
    server.shutdown()


WAYS: dict[str, Callable[[Writers, float], None]] = {
    "signals": signals,
    "finalizers": finalizers,
    "formatting": formatting,
    "http": http_debug,
}


def main() -> None:
    """Go one way, and look whether anything goes on by itself."""
    prefix, way, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    faulthandler.dump_traceback_later(seconds + HANG_S, exit=True, file=2)
    use_small_segments(SEGMENT_BYTES)
    writers = Writers(Lines(prefix))
    WAYS[way](writers, seconds)
    faulthandler.cancel_dump_traceback_later()
    faulthandler.dump_traceback_later(60, exit=True, file=2)  # a wait for the collector, no hang
    delivered = pylogtap.flush(50)
    before = pylogtap.stats().accepted
    time.sleep(_SETTLING_S)
    more = pylogtap.stats().accepted - before
    faulthandler.cancel_dump_traceback_later()
    tell({
        "logged": writers.logged(),
        "more": more,
        "dropped": pylogtap.stats().dropped,
        "delivered": delivered,
    })  # fmt: skip


if __name__ == "__main__":
    main()
