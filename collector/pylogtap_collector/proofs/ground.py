"""What a proof stands on: a folder of its own, a seed, and how far it goes."""

from __future__ import annotations

import os
import random
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from pylogtap_collector.proofs.campaign import Campaign
from pylogtap_collector.proofs.daemon import running_daemon
from pylogtap_collector.proofs.promises import Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pylogtap_collector.proofs.daemon import CollectorProcess


class Extent(IntEnum):
    """How far a proof goes."""

    QUICK = 0  # whether it runs at all
    USUAL = 1  # all of them together about a minute
    LONG = 2


@dataclass(frozen=True, slots=True)
class Ground:
    """
    What a proof stands on.

    Attributes:
        folder: For everything it writes; removed by whoever made it.
        seed: Of all its random decisions.
        extent: How far it goes.
    """

    folder: Path
    seed: int
    extent: Extent = Extent.USUAL

    def often(self, *numbers: int) -> int:
        """Return the one of three numbers, from few to many, that suits the extent."""
        return numbers[self.extent]

    def chance(self) -> random.Random:
        """Return a source of random decisions that begins anew."""
        return random.Random(self.seed)

    def seen(self, key: str, figure: str, *, kept: bool, in_time: bool = True) -> Seen:
        """
        Return what was seen of a promise, with the seed.

        Args:
            key: Of the promise.
            figure: What was seen.
            kept: Whether it was what was promised, times apart.
            in_time: Whether times were. The quick extent does not judge them, and says so: a few seconds on
                a busy machine say nothing about them.
        """
        if not in_time and self.extent is Extent.QUICK:
            figure, in_time = f"{figure} (too short a run to judge times)", True
        return Seen(key, figure, kept and in_time, self.seed)

    @contextmanager
    def campaign(self, *, cut: float = 0, tear: float = 0) -> Iterator[tuple[Campaign, CollectorProcess]]:
        """
        Run a collector, and yield it with a campaign against it.

        Args:
            cut: See :class:`Campaign`.
            tear: As above.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with running_daemon(self.folder) as collector:
            campaign = Campaign(self.folder, collector, self.seed, cut=cut, tear=tear)
            try:
                yield campaign, collector
            finally:
                campaign.close()


@dataclass(frozen=True, slots=True)
class Proof:
    """
    Something that shows promises.

    Attributes:
        keys: Of the promises that it shows.
        run: Yields what it saw of each.
    """

    keys: tuple[str, ...]
    run: Callable[[Ground], Iterator[Seen]]


@contextmanager
def own_settings() -> Iterator[None]:
    """Hide the user's settings: no proof meets his spool, his collector, or the limits that he has set."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("PYLOGTAP_")}
    os.environ["PYLOGTAP_COLLECTOR_RESERVE_BYTES"] = "0"  # a database of seconds needs none
    try:
        yield
    finally:
        del os.environ["PYLOGTAP_COLLECTOR_RESERVE_BYTES"]
        os.environ.update(hidden)
