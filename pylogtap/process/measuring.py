"""The thread that measures: it looks at the event loops often, and reads everything else now and then."""

from __future__ import annotations

import time
from _thread import allocate_lock, start_new_thread
from contextlib import suppress
from typing import TYPE_CHECKING

from pylogtap.process.loops import LoopWatch
from pylogtap.process.meter import Meter, Sample

if TYPE_CHECKING:
    from collections.abc import Callable

TICK_S = 0.25  # between two calls into a loop: whatever blocks one for longer is noticed
LOOK_S = 1.0  # between two looks for loops
_PATIENCE_S = 1.0  # at the end, for a sample that is being taken


class Measuring:
    """
    Measures this process until it is told to end. The thread keeps no process alive.

    Attributes:
        cost_s: CPU seconds that the thread has used itself.
    """

    def __init__(self, interval_s: float, send: Callable[[int, list[Sample]], None]) -> None:
        """
        Begin to count; :meth:`start` begins to send.

        Args:
            interval_s: Seconds between two samples.
            send: Gets the time, ns since the epoch, and what was read.

        Raises:
            SettingsError: psutil is not installed.
        """
        self.cost_s = 0.0
        self._interval_s, self._send = interval_s, send
        self._meter, self._watch = Meter(), LoopWatch()
        self._wake, self._lock = allocate_lock(), allocate_lock()
        self._wake.acquire()
        self._ended = False

    def start(self) -> None:
        """Start the thread. None can be had while the interpreter ends: then there is nothing to measure."""
        with suppress(RuntimeError):
            start_new_thread(self._run, ())

    def end(self, *, last: bool = True) -> None:
        """
        End, without waiting for the thread.

        Args:
            last: Send one more sample before.
        """
        if not self._lock.acquire(timeout=_PATIENCE_S):  # it will see that it is to end
            self._ended = True
            return
        try:
            if last and not self._ended:
                self._sample()
        finally:
            self._ended = True
            self._meter.close()
            self._lock.release()
        with suppress(RuntimeError):  # it is awake already
            self._wake.release()

    def forget(self) -> None:
        """In a forked child, which has inherited no thread, and perhaps a lock that nobody gives back."""
        self._ended = True
        self._meter.close()

    def _run(self) -> None:
        sample_at, look_at = time.monotonic() + self._interval_s, 0.0
        while not self._ended:
            now = time.monotonic()
            pause_s = max(0.0, min(TICK_S if self._watch else LOOK_S, sample_at - now))
            self._wake.acquire(timeout=pause_s)
            with self._lock:
                if self._ended:
                    break
                with suppress(Exception):  # this thread must outlive anything
                    if now >= look_at:
                        look_at = now + LOOK_S
                        self._watch.look()
                    if now + pause_s >= sample_at:
                        sample_at = max(sample_at, time.monotonic() - self._interval_s) + self._interval_s
                        self._sample()
                    self._watch.ask(now + pause_s)
                self.cost_s = time.thread_time()

    def _sample(self) -> None:
        samples, lag = self._meter.read(), self._watch.take()
        if lag is not None:
            samples.append(Sample("process.event_loop.lag", lag.mean_s, "s"))
            samples.append(Sample("process.event_loop.lag_max", lag.longest_s, "s"))
        self._send(time.time_ns(), samples)
