"""`kill -9` of the application: what its calls returned from arrives, once and whole."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.proofs.killing import (
    CUT,
    CUT_OFTEN,
    ROTATING_BYTES,
    TEAR,
    kill_applications,
    lose_answers,
)
from tests.faults.extent import often

if TYPE_CHECKING:
    from tests.faults.conftest import MakeCampaign, Saw

MANY = 100  # kills, from which on the calls are counted, too
CALLS = {"application-killed": 4_200_000, "application-killed-rotating": 1_000_000}  # in the long run


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


@pytest.mark.parametrize(
    ("key", "segment_bytes"),
    [("application-killed", 0), ("application-killed-rotating", ROTATING_BYTES)],
    ids=["usual", "rotating"],
)
@often(6, 100)
def test_nothing_returned_is_lost(
    make_campaign: MakeCampaign, seed: int, times: int, key: str, segment_bytes: int, saw: Saw
) -> None:
    """
    Applications with four threads die at random moments, on a network that loses answers and cuts requests.

    Each next one adopts what the ones before it left, and is itself killed while doing so.
    """
    campaign = make_campaign(cut=CUT, tear=TEAR)
    calls = CALLS[key] if times >= MANY else 0
    verdict = kill_applications(campaign, seed, times, calls, segment_bytes)
    assert verdict.returned > 100 * times
    figure = f"{len(campaign.runs)} kills, {verdict.returned:,} calls returned: {verdict}"
    saw(key, figure, kept=verdict.faults == 0)
    assert campaign.leftovers() == []


@often(8, 60)
def test_children_of_a_fork_have_streams_of_their_own(
    make_campaign: MakeCampaign, saw: Saw, times: int
) -> None:
    """Children and grandchildren, forked while threads log, log and vanish; their lines arrive once."""
    forks = times
    campaign = make_campaign()
    run = campaign.start("--forks", str(forks), "--rate", "2000", threads=3, children=2 * forks)
    counters = run.finish()
    campaign.drain()
    verdict = campaign.verdict()
    assert counters["delivered"]
    assert counters["dropped"] == {}
    assert all(run.oracle[3 + child] == 50 for child in range(2 * forks))
    told = f"{2 * forks} forks, {verdict.returned:,} calls returned: {verdict}, 0 hung"
    saw("forks", told, kept=verdict.faults == 0)
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


def test_answer_lost_after_the_commit(make_campaign: MakeCampaign, seed: int, saw: Saw) -> None:
    """A third of the answers never arrive, so slices are sent again, cut anew; each record is stored once."""
    figure, kept = lose_answers(make_campaign(cut=CUT_OFTEN), seconds=3)
    saw("answers-lost", figure, kept=kept)
