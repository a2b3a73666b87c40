"""What a block of a test logs."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pylogtap.settings import LEVELS
from pylogtap.testing.asserting import check, is_met, matching
from pylogtap.testing.hooks import Ear, forget, listen
from pylogtap.testing.records import Record, record_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap.writer import Draft

_open: list[Captured] = []


class Captured:
    """
    The records of a block; a sequence, the oldest first.

    It stays readable when the block is over.
    """

    def __init__(self, level: int = 0) -> None:
        """
        Begin without records.

        Args:
            level: Those below it are ignored.
        """
        self._level = level
        self._records: list[Record] = []
        self._came = threading.Condition()

    def hear(self, draft: Draft, level: int) -> None:
        """Take a record."""
        if level >= self._level:
            record = record_of(draft)
            with self._came:
                self._records.append(record)
                self._came.notify_all()

    def __iter__(self) -> Iterator[Record]:
        return iter(tuple(self._records))

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> Record:
        return self._records[index]

    def __repr__(self) -> str:
        return f"<{len(self)} records>"

    @property
    def messages(self) -> list[str]:
        """Their messages."""
        return [record.message for record in self]

    def clear(self) -> None:
        """Forget what was logged so far."""
        with self._came:
            self._records.clear()

    def matching(self, query: str) -> list[Record]:
        """
        Return the records that a query finds.

        Args:
            query: See docs/reference/query-language.md.

        Raises:
            CollectorUnavailable: The query language belongs to the collector, which is not installed.
        """
        return matching(query, tuple(self))

    def assert_logged(
        self, query: str, *, count: int | None = None, at_least: int = 1, within: float | None = None
    ) -> list[Record]:
        """
        Fail unless records were logged that a query finds.

        Args:
            query: See docs/reference/query-language.md.
            count: How many there have to be, exactly; 0: none.
            at_least: How many there have to be at least, where no `count` is given.
            within: Seconds to wait for what other threads log.

        Returns:
            The records.

        Raises:
            AssertionError: There are others; tells what was logged instead.
            CollectorUnavailable: The query language belongs to the collector, which is not installed.
        """
        __tracebackhide__ = True
        deadline = time.monotonic() + (within or 0)
        with self._came:
            while not is_met(len(self.matching(query)), count, at_least):
                left = deadline - time.monotonic()
                if left <= 0 or not self._came.wait(left):
                    break
        return check(query, tuple(self), count=count, at_least=at_least)


@contextmanager
def capture_logs(level: int | str | None = None) -> Iterator[Captured]:
    """
    Hear what is logged in a ``with`` block, as it would be stored.

    By `logging`, by pylogtap's own loggers and by structlog where its chain has our processor; no collector
    and no handler of ours is needed. Handlers and loggers that are set up do what they did before.

    Args:
        level: Records below it are ignored, and the root logger lets those from it on pass; None: what is
            logged as things are.
    """
    least = _number(level)
    captured = Captured(least)
    ear = Ear(captured.hear)
    root = logging.getLogger()
    before = root.level
    listen(ear)
    _open.append(captured)
    if level is not None and before > least:
        root.setLevel(least)
    try:
        yield captured
    finally:
        if level is not None and before > least:
            root.setLevel(before)
        _open.remove(captured)
        forget(ear)


def assert_logged(
    query: str, *, count: int | None = None, at_least: int = 1, within: float | None = None
) -> list[Record]:
    """
    Fail unless the innermost :func:`capture_logs` has records that a query finds.

    Args:
        query: See docs/reference/query-language.md.
        count: How many there have to be, exactly; 0: none.
        at_least: How many there have to be at least, where no `count` is given.
        within: Seconds to wait for what other threads log.

    Returns:
        The records.

    Raises:
        AssertionError: There are others; tells what was logged instead.
        CollectorUnavailable: The query language belongs to the collector, which is not installed.
        RuntimeError: Nothing is captured here.
    """
    __tracebackhide__ = True
    if not _open:
        raise RuntimeError("nothing is captured here: call this within `with capture_logs():`")
    return _open[-1].assert_logged(query, count=count, at_least=at_least, within=within)


def _number(level: int | str | None) -> int:
    if level is None:
        return 0
    if isinstance(level, int):
        return level
    if level.upper() not in LEVELS:
        raise ValueError(f"level {level!r}: say one of {', '.join(LEVELS)} or a number")
    return LEVELS[level.upper()]
