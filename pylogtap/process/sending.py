"""
Ship what this process measures of itself, by the spool of its client, under the client's prefix.

Processes of one prefix on a machine, such as the workers of a server, are told apart by a label with the
lowest number that is free, so that a worker that is started again goes on in the metrics of the one before.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pylogtap.process.measuring import Measuring
from pylogtap.record import samples_payload

if TYPE_CHECKING:
    from pylogtap.prefix import Prefix
    from pylogtap.process.meter import Sample
    from pylogtap.spool import Spool

WORKER = "worker"
_SUFFIX = ".worker"
_MOST_WORKERS = 1_000


class Sending:
    """The measuring of one process, and where it goes."""

    def __init__(self, spool: Spool, prefix: Prefix, interval_s: float) -> None:
        """
        Begin.

        Args:
            spool: What waits for delivery.
            prefix: The process's place.
            interval_s: Seconds between two samples.

        Raises:
            SettingsError: psutil is not installed.
        """
        self._spool, self._prefix, self._interval_s = spool, prefix, interval_s
        self._slot = -1
        self.measuring = Measuring(interval_s, self._send)
        self._labels = self._find_labels()
        self.measuring.start()

    def _find_labels(self) -> dict[str, str]:
        if self._spool.directory is None:
            return {WORKER: str(os.getpid())}
        number, self._slot = take_number(self._spool.directory, str(self._prefix))
        return {} if number == 1 else {WORKER: str(number or os.getpid())}

    def _send(self, time_ns: int, samples: list[Sample]) -> None:
        if self._labels:
            samples = [each._replace(labels={**(each.labels or {}), **self._labels}) for each in samples]
        self._spool.offer(samples_payload(time_ns, str(self._prefix), samples))

    def end(self, *, last: bool = True) -> None:
        """
        End.

        Args:
            last: Send one more sample before.
        """
        self.measuring.end(last=last)
        self._close_slot()

    def again(self) -> Sending:
        """In a forked child, which has inherited no thread: begin anew."""
        self.measuring.forget()
        self._close_slot()
        return Sending(self._spool, self._prefix, self._interval_s)

    def _close_slot(self) -> None:
        slot, self._slot = self._slot, -1
        if slot >= 0:
            os.close(slot)


def take_number(directory: str, place: str) -> tuple[int, int]:
    """
    Take the lowest number that no other living process of a place has.

    Args:
        directory: Where numbers are taken: a file each, locked as long as the process lives.
        place: Its prefix.

    Returns:
        The number, from 1 on, and the file that holds it; 0 and -1 where none can be had.
    """
    for number in range(1, _MOST_WORKERS):
        path = Path(directory) / f"{place.replace('/', '~')}~{number}{_SUFFIX}"
        try:
            slot = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            break
        try:
            fcntl.lockf(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not inherited by a fork
        except OSError:
            os.close(slot)
            continue
        return number, slot
    return 0, -1


_current: list[Sending] = []  # at most one: a process measures itself once


def begin(spool: Spool, prefix: Prefix, interval_s: float) -> None:
    """
    Measure this process from now on; what was begun before ends.

    Args:
        spool: What waits for delivery.
        prefix: The process's place.
        interval_s: Seconds between two samples.

    Raises:
        SettingsError: psutil is not installed.
    """
    end(last=False)
    if not _hooked:
        _hooked.append(True)
        os.register_at_fork(after_in_child=_after_fork)
    _current.append(Sending(spool, prefix, interval_s))


def end(*, last: bool = True) -> None:
    """
    Measure this process no longer.

    Args:
        last: Send one more sample before.
    """
    while _current:
        _current.pop().end(last=last)


_hooked: list[bool] = []


def _after_fork() -> None:
    while _current:
        before = _current.pop()
        with suppress(Exception):  # a child that cannot be measured runs all the same
            _current.append(before.again())
            return
