"""What a check has found."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """How good or bad it is."""

    OK = "ok"
    NOTE = "note"  # worth knowing
    WARNING = "warning"  # works, and should be looked at
    PROBLEM = "problem"  # something is wrong: records do not arrive, are lost, doubled or misdated


class Finding(NamedTuple):
    """
    What one check saw.

    Attributes:
        check: Its name.
        state: How good or bad it is.
        seen: What was seen, one sentence without a full stop.
        remedies: Commands that mend it, or sentences where a command cannot; one a line.
    """

    check: str
    state: State
    seen: str
    remedies: tuple[str, ...] = ()
