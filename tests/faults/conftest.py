"""Fixtures of the fault tests: a seed that a failure can be repeated with, a collector, a campaign."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from pylogtap_collector.proofs.campaign import Campaign
from pylogtap_collector.proofs.daemon import running_daemon
from pylogtap_collector.proofs.promises import PROMISES, Seen
from tests.faults.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap_collector.proofs.daemon import CollectorProcess

SEED = "PYLOGTAP_FAULT_SEED"
NOTES = "PYLOGTAP_FAULT_NOTES"  # a file: what was seen of each promise, a line of JSON each


class Saw(Protocol):
    """Notes what was seen of a promise; fails the test where that is not what was promised."""

    def __call__(self, key: str, figure: str, *, kept: bool) -> None:
        """Note it; see :class:`pylogtap_collector.proofs.promises.Seen`."""
        ...


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
def saw(request: pytest.FixtureRequest) -> Saw:
    """Return what notes the figures that were seen, in the file that `nox -s faults` names."""
    chosen = request.getfixturevalue("seed") if "seed" in request.fixturenames else None

    def note(key: str, figure: str, *, kept: bool) -> None:
        seen = Seen(PROMISES[key].key, figure, kept, chosen)
        print(f"{key}: {figure}")  # noqa: T201 - the figures, for those who ask by -s
        if name := os.environ.get(NOTES):
            seen.append_to(Path(name))
        if not kept:
            request.node.user_properties.append(("kept", False))
        assert kept, f"{PROMISES[key].fault}: {figure}, and promised is {PROMISES[key].figure}"

    return note


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


@pytest.fixture(scope="session")
def shared_collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    """Run one collector for all tests that do it no harm."""
    with running_daemon(tmp_path_factory.mktemp("collector")) as collector:
        yield collector


@pytest.fixture
def stage(tmp_path: Path, shared_collector: CollectorProcess, request: pytest.FixtureRequest) -> Stage:
    """Return a place for programs whose lines have to reach the shared collector."""
    instance = re.sub(r"\W+", "-", request.node.name)[-60:].strip("-_")  # a prefix has its limits
    return Stage(tmp_path, shared_collector, instance)
