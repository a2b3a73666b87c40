"""What a report of a test run says, whatever its format, and how much of it is taken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pylogtap.cases.facts import CaseFacts, RunFacts, RunOutcome

MAX_CASES = 200_000  # of one report; what is beyond is named as skipped
MAX_DEPTH = 64  # of elements within each other
MAX_SKIPPED = 20  # sentences about what could not be read
BAD = frozenset({"failed", "error"})


@dataclass
class ParsedRun:
    """
    A run as a report tells of it.

    Attributes:
        facts: Of the run.
        cases: In the order of the report; without ids, which are made of the run's.
        started: When it began, ns since the epoch.
        duration: Seconds.
        outcome: What became of it.
        exit: What the runner returned to the shell.
        reason: Why it was interrupted, or what went wrong in the runner.
        warnings: As `pylogtap.wire` describes those of a run.
        skipped: What could not be read, in words; at most MAX_SKIPPED.
        dropped: How many cases those were.
    """

    facts: RunFacts
    cases: list[CaseFacts]
    started: int
    duration: float
    outcome: RunOutcome
    exit: int | None = None
    reason: str | None = None
    warnings: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    dropped: int = 0


class Skipped:
    """
    Notes what could not be read.

    Attributes:
        dropped: How many cases those were.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._sentences: list[str] = []
        self._more = 0
        self.dropped = 0

    def note(self, sentence: str, cases: int = 0) -> None:
        """
        Note one thing.

        Args:
            sentence: What is wrong, and where.
            cases: How many cases are lost by it.
        """
        self.dropped += cases
        if len(self._sentences) < MAX_SKIPPED - 1:
            self._sentences.append(sentence)
        else:
            self._more += 1

    def sentences(self) -> list[str]:
        """Return what was noted; the last sentence counts what is not said one by one."""
        more = [f"and {self._more:,} more of such"] if self._more else []
        return [*self._sentences, *more]


def outcome_of(cases: list[CaseFacts]) -> RunOutcome:
    """Return what became of a run whose cases are all there."""
    if not cases:
        return "empty"
    return "failed" if any(case.get("outcome") in BAD for case in cases) else "passed"
