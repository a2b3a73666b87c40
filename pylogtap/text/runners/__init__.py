"""What test runners print, turned into cases: for runs of programs that know nothing of pylogtap."""

from pylogtap.text.runners.model import (
    CaseBegan,
    CaseSeen,
    Event,
    Parser,
    RunEnded,
    RunSeen,
    Totals,
    WarningSeen,
)
from pylogtap.text.runners.recognition import RUNNERS, Recognizer, runner_of

__all__ = [
    "RUNNERS",
    "CaseBegan",
    "CaseSeen",
    "Event",
    "Parser",
    "Recognizer",
    "RunEnded",
    "RunSeen",
    "Totals",
    "WarningSeen",
    "runner_of",
]
