"""What a parser of a runner's output tells, and what all such parsers share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypedDict

from pylogtap.cases.facts import MAX_MESSAGE, MAX_STACK, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pylogtap.cases.facts import CaseFacts, Failure, RunFacts

MAX_LINE = 64 << 10  # characters of a line that are looked at
MAX_OPEN = 20_000  # cases of which more may come
MAX_BLOCKS = 2_000  # descriptions of failures that are held
_LAST_LINES = 100  # of a long description; its first lines are kept, too
_FIRST_LINES = 300
BAD = frozenset({"failed", "error"})


class Totals(TypedDict, total=False):
    """
    What a runner says of a whole run.

    Attributes:
        counts: Cases by outcome, as it counts them.
        ran: How many cases ran, where the runner says so; else it is the sum of `counts`.
        duration: Seconds.
        outcome: A :data:`pylogtap.cases.facts.RunOutcome`; left out where the text does not tell.
        reason: Why it was interrupted, or what went wrong in the runner.
        lost: Cases that could not be told, because there were too many at once.
    """

    counts: dict[str, int]
    ran: int
    duration: float
    outcome: str
    reason: str
    lost: int


class RunSeen(NamedTuple):
    """A run goes on, and this is known of it; with `new`, what comes belongs to a run that now begins."""

    facts: RunFacts
    new: bool = False


class CaseBegan(NamedTuple):
    """A case begins: its facts have a node, and no outcome. It has been run so often in this run before."""

    case: CaseFacts
    occurrence: int = 0


class CaseSeen(NamedTuple):
    """
    A case with its outcome. What was told of the same node and occurrence before is replaced.

    Its facts have no id: that belongs to a run. `done` is set once nothing will follow.
    """

    case: CaseFacts
    occurrence: int = 0


class WarningSeen(NamedTuple):
    """A warning: `category`, `message`, and where known `node`, `file`, `line`."""

    warning: dict[str, str | int]


class RunEnded(NamedTuple):
    """A run has ended, as far as its text tells."""

    totals: Totals


Event = RunSeen | CaseBegan | CaseSeen | WarningSeen | RunEnded


class Parser(ABC):
    """
    Reads the output of one runner, line by line, and tells of cases as soon as it is sure of them.

    It never raises whatever it is fed, takes time linear in that, and holds a bounded part of it.

    Attributes:
        runner: The runner's name, as in :class:`pylogtap.cases.facts.RunFacts`.
        stream: Where it writes: 1 for standard output, 2 for standard error.
        both: It writes a part of what it tells to the other one.
    """

    runner: ClassVar[str]
    stream: ClassVar[int] = 1
    both: ClassVar[bool] = False

    @abstractmethod
    def feed(self, line: str, time_ns: int) -> list[Event]:
        """
        Take a line.

        Args:
            line: Without its end, and without colours.
            time_ns: When it came, nanoseconds since the epoch.

        Returns:
            What is known now.
        """

    @abstractmethod
    def end(self) -> list[Event]:
        """Return what was held back until the end of the output; the last is a :class:`RunEnded`."""


class Excerpt:
    """Some lines, of which the first and the last are kept where there are many."""

    def __init__(self) -> None:
        """Begin without lines."""
        self._first: list[str] = []
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        self._left_out = 0
        self._room = MAX_STACK * 2  # characters

    def add(self, line: str) -> None:
        """Take a line."""
        line = line[: MAX_STACK // 4]
        if len(self._first) < _FIRST_LINES and self._room > 0:
            self._first.append(line)
            self._room -= len(line)
            return
        self._left_out += len(self._last) == _LAST_LINES
        self._last.append(line)

    def lines(self) -> list[str]:
        """Return what was kept."""
        gap = [f"… [{self._left_out} lines left out]"] if self._left_out else []
        return [*self._first, *gap, *self._last]

    def text(self) -> str:
        """Return what was kept as one text, without empty lines around it."""
        return block_text(self.lines())

    def __bool__(self) -> bool:
        """Tell whether there is a line that is not empty."""
        return any(map(str.strip, self._first)) or any(map(str.strip, self._last))


class Occurrences:
    """Counts how often each node was run."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._seen: dict[str, int] = {}

    def next(self, node: str) -> int:
        """Count one more run of a node, and return how many there were before."""
        count = self._seen.get(node, 0)
        if count or len(self._seen) < MAX_OPEN * 10:
            self._seen[node] = count + 1
        return count


def block_text(lines: Iterable[str]) -> str:
    """Join lines, without empty ones around them, into a text of bounded length."""
    return shorten("\n".join(lines).strip("\n").rstrip(), MAX_STACK)


def failure_of(kind: str, message: str, stack: str, file: str = "", line: int = 0) -> Failure:
    """
    Return a failure of what is known of it.

    Args:
        kind: Class of the exception; empty: unknown.
        message: What it says.
        stack: As the runner printed it.
        file: Where it was raised; empty: unknown.
        line: The line there; 0: unknown.
    """
    failure: Failure = {"type": kind[:500], "message": shorten(message, MAX_MESSAGE)}
    if stack:
        failure["stacktrace"] = shorten(stack, MAX_STACK)
    if file:
        failure["file"] = file[:2_000]
    if 0 < line < 1 << 31:
        failure["line"] = line
    return failure


def whole_number(text: str) -> int:
    """Return a number of digits; 0 for what is none, or too large to count lines or cases."""
    return int(text) if len(text) < 10 and text.isascii() and text.isdecimal() else 0


def seconds(number: str, unit: str = "s") -> float | None:
    """
    Return a duration in seconds; None where it cannot be read.

    Args:
        number: Such as `1.25`.
        unit: `us`, `µs`, `ms`, `s`, `m` or `h`.
    """
    factor = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}.get(unit)
    if factor is None or len(number) > 20:
        return None
    try:
        value = float(number) * factor
    except ValueError:
        return None
    return value if 0 <= value <= 1e7 else None
