"""`kill -9` of the collector while it stores: what it acknowledged is there, and nothing is there twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap_collector.proofs.killing import CUT_BESIDE_KILLS, kill_collector, sound
from tests.faults.extent import often

if TYPE_CHECKING:
    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.faults.conftest import MakeCampaign, Saw


@often(6, 100)
def test_nothing_is_lost_or_doubled(
    make_campaign: MakeCampaign, collector: CollectorProcess, seed: int, times: int, saw: Saw
) -> None:
    """Clients log all the time through the real library; the collector dies at random and comes back."""
    campaign = make_campaign(cut=CUT_BESIDE_KILLS)
    verdict = kill_collector(campaign, collector, seed, times)
    assert verdict.returned > 10 * times
    figure = f"{times} kills, {verdict.returned:,} calls returned: {verdict}"
    saw("collector-killed", figure, kept=verdict.faults == 0 and sound(collector))
