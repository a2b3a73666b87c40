"""Fixtures of the fault tests: a seed that a failure can be repeated with, a collector, a campaign."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.faults.campaign import Campaign
from tests.support.daemon import running_daemon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.daemon import CollectorProcess

SEED = "PYLOGTAP_FAULT_SEED"


class MakeCampaign(Protocol):
    """Makes a campaign with a network of the given quality."""

    def __call__(self, *, cut: float = 0, tear: float = 0) -> Campaign:
        """Make one; see :class:`Campaign`."""
        ...


@pytest.fixture
def seed() -> int:
    """Return the seed of all random decisions; printed, so that a failure shows it."""
    chosen = int(os.environ.get(SEED) or random.SystemRandom().randrange(10**6))
    print(f"repeat with {SEED}={chosen}")  # noqa: T201 - pytest shows it beside a failure
    return chosen


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[CollectorProcess]:
    """Run a collector in a process of its own, on a database in a file."""
    with running_daemon(tmp_path) as collector:
        yield collector


@pytest.fixture
def make_campaign(tmp_path: Path, collector: CollectorProcess, seed: int) -> Iterator[MakeCampaign]:
    """Make campaigns against the collector, and end them."""
    made = []

    def make(*, cut: float = 0, tear: float = 0) -> Campaign:
        campaign = Campaign(tmp_path, collector, seed, cut=cut, tear=tear)
        made.append(campaign)
        return campaign

    yield make
    for campaign in made:
        campaign.close()
