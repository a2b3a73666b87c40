"""What the collector counts about itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """
    Counts since the start; each only grows.

    Attributes:
        slices: Slices of which something was stored.
        records: Records that were acknowledged.
        stored_bytes: Bytes of slices, as they were stored.
        repeated_bytes: Bytes that came again and were not stored again.
        rewinds: Slices that came from too far on.
        damaged: Frames whose check did not fit.
        refused: Slices that were refused because too many waited.
        sealed: Records that were sealed into blocks.
        expired: Records that were removed because they were not to be kept any longer.
        tail_skipped: Records that readers of the tail were too slow for.
        points: Points of metrics that were stored.
        points_dropped: Points of metrics that were not, because they could not be stored then, or never.
    """

    slices: int = 0
    records: int = 0
    stored_bytes: int = 0
    repeated_bytes: int = 0
    rewinds: int = 0
    damaged: int = 0
    refused: int = 0
    sealed: int = 0
    expired: int = 0
    tail_skipped: int = 0
    points: int = 0
    points_dropped: int = 0
