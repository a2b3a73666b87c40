"""What the collector counts about itself."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """
    What the ports count, since the start; each only grows.

    Attributes:
        stored: Entries that are on the disk.
        refused: Entries of projects for which the key is not good.
        skipped: Events and datagrams that could not be read.
        lost: Datagrams for which there was no room, or entries left over at the end.
        turned_away: Connections and datagrams of those who may not deliver.
        connections: That were accepted.
    """

    stored: int = 0
    refused: int = 0
    skipped: int = 0
    lost: int = 0
    turned_away: int = 0
    connections: int = 0


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
        ports: What the ports of other protocols count.
        dropped: Records that programs have said they had to drop.
        points: Points of metrics that were stored.
        points_dropped: Points of metrics that were not, because they could not be stored then, or never.
        test_runs: Test runs that were stored.
        test_cases: Cases of test runs that were stored.
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
    dropped: int = 0
    points: int = 0
    points_dropped: int = 0
    test_runs: int = 0
    test_cases: int = 0
    ports: Tally = field(default_factory=Tally)
