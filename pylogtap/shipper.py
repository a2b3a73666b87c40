"""
The only thread: takes slices from the spool, sends them, waits; also for what dead processes left.

It never logs through `logging`, takes no lock that a logging call needs for long, and when it cannot run
(a fork, the end of the interpreter) nothing is lost: the spool is on disk, and others adopt it.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pylogtap import forking
from pylogtap.delivery import Delivery
from pylogtap.native import native
from pylogtap.orphans import adopt
from pylogtap.transport import Outcome, Verdict
from pylogtap.wire import count_records

if TYPE_CHECKING:
    from _thread import RLock
    from collections.abc import Callable

    from pylogtap.orphans import Orphan
    from pylogtap.spool import Spool
    from pylogtap.transport import Transport

ADOPT_INTERVAL_S = 5.0
_ADOPT_AGAIN_S = 10.0  # after something had to stay
LONGEST_WAIT_S = 30.0
SET_ASIDE_FILE = "set-aside.frames"
MOST_SET_ASIDE = 4 << 20  # bytes of that file; what comes behind is counted only
_FIRST_WAIT_S = 0.25
_TELL_INTERVAL_S = 5.0  # between two notes of what was dropped
_REFUSAL_INTERVAL_S = 600.0  # between two lines that say that the collector takes nothing
_FLUSH_POLL_S = 0.002
_OF_THIS_ONE = (400, 403, 413, 422, 500)  # answers that say nothing about what others have left


@dataclass(slots=True)
class DrainReport:
    """
    What a look at the files of dead processes did.

    Attributes:
        processes: Dead processes whose files were delivered and removed.
        records: Records delivered.
        set_aside: Frames that the collector could not take; they are kept beside the spool.
        damaged: Files that are no segments any more; they stay, under another name.
        left: Dead processes whose files had to stay.
        error: Why, if any had to stay.
    """

    processes: int = 0
    records: int = 0
    set_aside: int = 0
    damaged: int = 0
    left: int = 0
    error: str | None = None


class Shipper:
    """Delivers one spool, and its directory's orphans, to one collector."""

    def __init__(
        self,
        spool: Spool,
        transport: Transport,
        *,
        interval_s: float,
        report_fault: Callable[[str], None],
        tell_refusal: Callable[[str], bool] = lambda _: True,
        report_damage: Callable[[DrainReport], None] = lambda _: None,
    ) -> None:
        """
        Bind a spool to a collector; :meth:`start` begins.

        Args:
            spool: What to deliver.
            transport: How.
            interval_s: Seconds between two looks.
            report_fault: Logs the stack that a dead process left at a fatal signal.
            tell_refusal: Tells people why the collector takes nothing; at once, then now and then. Returns
                whether it has told them.
            report_damage: Logs that something of what dead processes left cannot be delivered.
        """
        self._spool, self._transport, self._interval_s = spool, transport, interval_s
        transport.meanwhile = spool.sync
        self._report_fault = report_fault
        self._tell_refusal = tell_refusal
        self._report_damage = report_damage
        self._next_refusal = 0.0
        self.last_error: str | None = None
        self._begin()

    def _begin(self) -> None:
        self._delivery = Delivery(self._transport, self._set_aside)
        self._wake = native("allocate_lock")()
        self._wake.acquire()
        self._running = self._stopping = self._waits_for_forks = False
        self._failures = 0
        self._next_try = self._asked_until = 0.0  # our own patience; what the collector has asked for
        self._next_adoption = time.monotonic() + self._interval_s
        self._adopted_since = 0.0  # when the last complete look for orphans began
        self._all_adopted = True  # and nothing was left after it
        self._next_telling = 0.0

    @property
    def shipped(self) -> int:
        """Records of this process that the collector has confirmed."""
        return self._delivery.tally.records

    @property
    def counting(self) -> RLock:
        """Held while records pass from those that wait to those that are confirmed, or given up."""
        return self._delivery.counting

    def start(self) -> None:
        """
        Start the thread, once; where uWSGI is about to fork, behind that.

        None can be had while the interpreter ends: then others will deliver.
        """
        if not self._running:
            self._waits_for_forks = forking.begin_behind_forks(self._start)
            if not self._waits_for_forks:
                self._start()

    def _start(self) -> None:
        self._waits_for_forks = False
        if not self._running:
            self._running = True
            try:
                native("start_new_thread")(self._run, ())
            except RuntimeError:
                self._running = False

    def after_fork(self) -> None:
        """In a forked child, which has inherited no thread: begin anew."""
        self._transport.close()
        self._begin()
        self.start()

    def wake(self) -> None:
        """Have the thread look now."""
        with suppress(RuntimeError):  # it is awake already
            self._wake.release()

    def flush(self, timeout_s: float, *, give_up_early: bool = False) -> bool:
        """
        Deliver what has been logged so far.

        Args:
            timeout_s: Most seconds to wait.
            give_up_early: Stop at the first failed attempt.

        Returns:
            Whether all of it is confirmed.
        """
        if self._waits_for_forks:  # somebody waits for us
            self._start()
        deadline = time.monotonic() + timeout_s
        targets = [(segment, self._spool.reserved_end(segment)) for segment in self._spool.waiting()]
        failures = self._failures
        while any(segment.acked < end for segment, end in targets):
            if not self._running or time.monotonic() >= deadline:
                return False
            if give_up_early and self._failures > failures:
                return False
            if self._failures == failures:  # somebody waits: try at once, unless the collector asked for time
                self._next_try = 0.0
            self.wake()
            time.sleep(_FLUSH_POLL_S)
        return True

    def adopt(self, timeout_s: float) -> bool:
        """
        Deliver what dead processes have left by now.

        Args:
            timeout_s: Most seconds to wait; what is not delivered by then is left to others.

        Returns:
            Whether all of it that nobody else delivers is confirmed.
        """
        asked = time.monotonic()
        self._next_adoption = 0.0
        while self._adopted_since < asked:
            if not self._running or self._failures or time.monotonic() >= asked + timeout_s:
                return False
            self.wake()
            time.sleep(_FLUSH_POLL_S)
        return self._all_adopted

    def stop(self) -> None:
        """Have the thread end after what it is doing."""
        self._stopping = True
        self.wake()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.acquire(timeout=self._interval_s)
            try:
                self._round()
            except Exception as error:  # noqa: BLE001 - this thread must outlive anything
                self._failed(f"{type(error).__name__}: {error}", None)
        self._transport.close()
        self._running = False

    def _round(self) -> None:
        self._spool.prepare_spare()
        if self._failures:
            self._spool.sync()  # before an attempt, which may take long
        if time.monotonic() < max(self._next_try, self._asked_until):
            return
        if not self._deliver():
            self._spool.sync()
        elif time.monotonic() >= self._next_adoption:
            began = time.monotonic()
            self._next_adoption = began + ADOPT_INTERVAL_S
            self._adopt()
            self._adopted_since = began

    def _deliver(self) -> bool:
        """Deliver what waits, and return whether the collector takes it."""
        for segment in self._spool.waiting():
            outcome = self._delivery.deliver(segment, self._spool.reserved_end(segment), alive=True)
            if outcome is not None:
                self._failed(outcome.error, outcome.wait_s)
                told = outcome.refused and time.monotonic() >= self._next_refusal
                if told and self._tell_refusal(outcome.error or ""):
                    self._next_refusal = time.monotonic() + _REFUSAL_INTERVAL_S
                return False
            self._failures, self.last_error = 0, None
            self._spool.prepare_spare()
        if time.monotonic() >= self._next_telling:
            self._next_telling = time.monotonic() + _TELL_INTERVAL_S
            self._spool.tell_losses()
        return True

    def _adopt(self) -> None:
        """Take over what dead processes left. Whatever becomes of it, what is logged here does not wait."""
        if self._spool.directory is None:
            return
        report = deliver_orphans(
            self._spool.directory,
            frozenset({self._spool.stem}),
            self._transport,
            self._report_fault,
            between=self._deliver,
        )
        for _ in range(report.set_aside):
            self._spool.lose("refused")
        if report.damaged or report.set_aside:
            self._report_damage(report)
        self._all_adopted = not (report.error or self._failures)
        if report.error:
            self._next_adoption = time.monotonic() + _ADOPT_AGAIN_S

    def _failed(self, error: str | None, wait_s: float | None) -> None:
        """Wait longer after each failure, by a random share so that clients do not come back all at once."""
        self._failures += 1
        self.last_error = error
        share = (1 + os.urandom(1)[0]) / 256
        longest = min(LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(self._failures, 10))
        if wait_s is None:
            self._next_try = time.monotonic() + longest * share
        else:
            self._asked_until = time.monotonic() + wait_s + share

    def _set_aside(self, frame: bytes) -> None:
        if count_records(frame):  # else a definition: nobody has logged it
            self._spool.drop("refused")
        if self._spool.directory is not None:
            keep_aside(self._spool.directory, frame)


def deliver_orphans(
    directory: str,
    own_stems: frozenset[str],
    transport: Transport,
    report_fault: Callable[[str], None],
    between: Callable[[], bool] = lambda: True,
) -> DrainReport:
    """
    Deliver what dead processes left in a spool directory.

    Args:
        directory: The spool directory of one collector.
        own_stems: Spools of this process.
        transport: The way to that collector.
        report_fault: Gets the text of each fatal signal's stack.
        between: Called between two of them; returns whether to go on.
    """
    report = DrainReport()
    for orphan in adopt(directory, own_stems):
        delivery = Delivery(transport, lambda frame: keep_aside(directory, frame))
        outcome = _deliver_orphan(orphan, delivery)
        report.records += delivery.tally.records
        report.set_aside += delivery.tally.set_aside
        report.damaged += orphan.damaged
        if outcome is not None:
            orphan.release()
            report.left += 1
            report.error = outcome.error
            if outcome.status not in _OF_THIS_ONE:
                break
            continue
        for path in orphan.faults:
            with suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
                text = file.read()
                if "\n" in text.strip():  # a line alone: it was killed, and left no word
                    report_fault(text)
        orphan.finish()
        report.processes += 1
        if not between():
            break
    return report


def _deliver_orphan(orphan: Orphan, delivery: Delivery) -> Outcome | None:
    try:
        while orphan.segments:
            segment = orphan.segments[0]
            outcome = delivery.deliver(segment, segment.end, alive=False)
            if outcome is not None:
                return outcome
            orphan.segments.pop(0).remove()
    except (ValueError, LookupError, OSError) as error:  # bytes as nobody has foreseen: others must not wait
        return Outcome(Verdict.WAIT, error=f"{type(error).__name__}: {error}", status=_OF_THIS_ONE[0])
    return None


def keep_aside(directory: str, frame: bytes) -> None:
    """Keep a frame that no collector took, for people to look at."""
    with suppress(OSError):
        fd = os.open(
            os.path.join(directory, SET_ASIDE_FILE),  # noqa: PTH118 - as the rest of the spool
            os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC,
            0o600,
        )
        try:
            if os.fstat(fd).st_size + len(frame) <= MOST_SET_ASIDE:
                os.write(fd, frame)
        finally:
            os.close(fd)
