"""
How late the event loops of this process are, without any help of the program.

The running loops are found on the stacks of its threads. Each is asked to call back at once; how long that
takes is how long anything else that is due has to wait.
"""

from __future__ import annotations

import sys
import time
from _thread import get_ident
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from types import FrameType

# Where loops run. A loop of another kind, such as uvloop's, has no frames of its own: its runner has.
_ENTRIES = (
    ("asyncio.base_events", "BaseEventLoop", "run_forever"),
    ("asyncio.base_events", "BaseEventLoop", "run_until_complete"),
    ("asyncio.runners", "Runner", "run"),
)


def running_loops() -> list[Any]:
    """Return the event loops that run in other threads than this one."""
    entries = _entries()
    if not entries:
        return []
    frames = sys._current_frames()  # noqa: SLF001 - documented; there is no other way to them
    frames.pop(get_ident(), None)  # our own would hold the dict that holds it
    found = [_loop_of(frame, entries) for frame in frames.values()]
    return [loop for loop in found if loop is not None]


def _entries() -> frozenset[int]:
    """Return the identities of the code that loops run in, as far as it is loaded."""
    codes = set()
    for module, kind, name in _ENTRIES:
        function = getattr(getattr(sys.modules.get(module), kind, None), name, None)
        code = getattr(function, "__code__", None)
        if code is not None:
            codes.add(id(code))  # to compare code by value would look at all of it
    return frozenset(codes)


def _loop_of(frame: FrameType | None, entries: frozenset[int]) -> Any:
    while frame is not None:
        if id(frame.f_code) in entries:
            owner = frame.f_locals.get("self")
            loop = getattr(owner, "_loop", owner)
            if _is_running(loop):
                return loop
        frame = frame.f_back
    return None


def _is_running(loop: Any) -> bool:
    with suppress(Exception):  # of a class that is not ours
        return bool(loop.is_running()) and hasattr(loop, "call_soon_threadsafe")
    return False


class Lag(NamedTuple):
    """
    How late loops were.

    Attributes:
        mean_s: On average, seconds.
        longest_s: At most, seconds.
    """

    mean_s: float
    longest_s: float


class _Call:
    """What a loop is asked to do."""

    __slots__ = ("due", "ran")

    def __init__(self, due: float) -> None:
        self.due = due
        self.ran: float | None = None

    def __call__(self) -> None:
        self.ran = time.monotonic()


class LoopWatch:
    """
    Measures the loops of this process.

    One thread does all of it; only the calls run in the loops. A loop that is blocked gets no second call:
    how long the first one has waited by now counts.
    """

    def __init__(self) -> None:
        """Know of no loop yet."""
        self._waiting: dict[int, tuple[Any, float, _Call | None]] = {}  # by identity: loop, found at, call
        self._sum_s = self._longest_s = 0.0
        self._count = 0

    def __len__(self) -> int:
        """Return how many loops are watched."""
        return len(self._waiting)

    def look(self) -> None:
        """Look for loops that have begun."""
        for loop in running_loops():
            self._waiting.setdefault(id(loop), (loop, time.monotonic(), None))

    def ask(self, due: float) -> None:
        """
        Have each loop call back, and forget those that have ended.

        Args:
            due: When this was to happen, by the monotonic clock. It is later where our thread had to wait for
                the interpreter, and so had the loop.
        """
        for key, (loop, since, call) in list(self._waiting.items()):
            if not _is_running(loop):
                del self._waiting[key]
            elif self._note(call):
                fresh = _Call(max(since, due))
                try:
                    loop.call_soon_threadsafe(fresh)
                except RuntimeError:  # closed since
                    del self._waiting[key]
                    continue
                self._waiting[key] = (loop, since, fresh)

    def take(self) -> Lag | None:
        """Return how late the loops were since the last time; None: there were none."""
        for key, (loop, since, call) in list(self._waiting.items()):
            if self._note(call):
                self._waiting[key] = (loop, since, None)
            elif call is not None and _is_running(loop):
                self._add(time.monotonic() - call.due)
        if not self._count:
            return None
        lag = Lag(self._sum_s / self._count, self._longest_s)
        self._sum_s = self._longest_s = 0.0
        self._count = 0
        return lag

    def _note(self, call: _Call | None) -> bool:
        """Count a call that has run; tell whether nothing waits."""
        if call is None:
            return True
        if call.ran is None:
            return False
        self._add(call.ran - call.due)
        return True

    def _add(self, late_s: float) -> None:
        late_s = max(0.0, late_s)
        self._sum_s += late_s
        self._count += 1
        self._longest_s = max(self._longest_s, late_s)
