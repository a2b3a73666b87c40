"""`kill -9` of the application: what its calls returned from arrives, once and whole."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.faults.conftest import MakeCampaign

ROTATING_BYTES = 16 << 10  # a segment of this size is full after some dozen records


def often(short: int, long: int) -> pytest.MarkDecorator:
    """Repeat a number of times in CI, and far more often in the long run."""
    return pytest.mark.parametrize(
        "times",
        [
            pytest.param(short, marks=pytest.mark.timeout(300)),
            pytest.param(long, marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
        ],
    )


def test_what_one_killed_application_leaves_is_drained(make_campaign: MakeCampaign) -> None:
    """With a collector that was not there, everything is in the spool; drained, nothing is left in it."""
    campaign = make_campaign()
    campaign.proxy.refusing = True
    run = campaign.start()
    time.sleep(0.1)
    run.kill()
    assert campaign.leftovers() != []
    campaign.proxy.recover()
    campaign.drain()
    verdict = campaign.verdict()
    assert verdict.returned > 0
    assert verdict.faults == 0, verdict
    assert campaign.leftovers() == []


@pytest.mark.parametrize("segment_bytes", [0, ROTATING_BYTES], ids=["usual", "rotating"])
@often(10, 100)
def test_nothing_returned_is_lost(
    make_campaign: MakeCampaign, seed: int, times: int, segment_bytes: int
) -> None:
    """
    Applications with four threads die at random moments, on a network that loses answers and cuts requests.

    Each next one adopts what the ones before it left, and is itself killed while doing so.
    """
    rng = random.Random(seed)
    campaign = make_campaign(cut=0.1, tear=0.05)
    for number in range(times):
        campaign.proxy.refusing = number % 4 == 0  # now and then the collector is not there at all
        run = campaign.start("--segment-bytes", str(segment_bytes))
        time.sleep(rng.uniform(0.0005, 0.12) if number % 3 else rng.uniform(0.1, 0.4))
        run.kill()
    campaign.proxy.recover()
    campaign.drain()
    verdict = campaign.verdict()
    print(f"{times} kills: {verdict}")  # noqa: T201 - the figures, for those who ask by -s
    assert verdict.returned > 100 * times
    assert verdict.faults == 0, verdict
    assert campaign.leftovers() == []


def test_children_of_a_fork_have_streams_of_their_own(make_campaign: MakeCampaign) -> None:
    """Children and grandchildren, forked while threads log, log and vanish; their lines arrive once."""
    forks = 8
    campaign = make_campaign()
    run = campaign.start("--forks", str(forks), "--rate", "2000", threads=3, children=2 * forks)
    counters = run.finish()
    campaign.drain()
    verdict = campaign.verdict()
    assert counters["delivered"]
    assert counters["dropped"] == {}
    assert all(run.oracle[3 + child] == 50 for child in range(2 * forks))
    assert verdict.faults == 0, verdict
    assert campaign.leftovers() == []


def test_collector_down_all_the_time(make_campaign: MakeCampaign) -> None:
    """An application ends in order while there is no collector; its lines arrive when there is one."""
    campaign = make_campaign()
    campaign.proxy.refusing = True
    run = campaign.start("--rate", "1000", "--flush-s", "0.1")
    time.sleep(0.5)
    counters = run.finish()
    assert not counters["delivered"]
    assert counters["shipped"] == 0
    assert counters["spooled"] == counters["accepted"] == sum(run.oracle.obligations().values())
    campaign.proxy.refusing = False
    campaign.drain()
    verdict = campaign.verdict()
    assert verdict.faults == 0, verdict
    assert verdict.returned == counters["accepted"]
    assert campaign.leftovers() == []


def test_answer_lost_after_the_commit(make_campaign: MakeCampaign) -> None:
    """A third of the answers never arrive, so slices are sent again, cut anew; each record is stored once."""
    campaign = make_campaign(cut=0.3)  # more in a row, and the client's patience is a minute
    run = campaign.start("--rate", "1000")
    time.sleep(3)
    counters = run.finish()
    verdict = campaign.verdict()
    assert campaign.proxy.answers_cut > 0
    assert counters["delivered"]
    assert counters["shipped"] == counters["accepted"] == verdict.returned
    assert verdict.faults == 0, verdict
