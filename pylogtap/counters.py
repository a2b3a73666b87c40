"""What became of the records of this process."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Stats:
    """
    Counters since the start of the process; ``accepted = shipped + spooled + sum(dropped.values())``.

    Attributes:
        accepted: Records that logging calls handed over.
        shipped: Records that the collector has confirmed as stored.
        spooled: Records that wait for delivery.
        spooled_bytes: What those take.
        dropped: Records given up, by reason.
        last_error: Why the last delivery failed; None after one that succeeded.
        directory: Where the spool stands; None: in memory only.
    """

    accepted: int = 0
    shipped: int = 0
    spooled: int = 0
    spooled_bytes: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    last_error: str | None = None
    directory: str | None = None
