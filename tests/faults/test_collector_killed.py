"""`kill -9` of the collector while it stores: what it acknowledged is there, and nothing is there twice."""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from tests.faults.extent import often

if TYPE_CHECKING:
    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.faults.conftest import MakeCampaign

CLIENTS = 2


@often(10, 100)
def test_nothing_is_lost_or_doubled(
    make_campaign: MakeCampaign, collector: CollectorProcess, seed: int, times: int
) -> None:
    """Clients log all the time through the real library; the collector dies at random and comes back."""
    rng = random.Random(seed)
    campaign = make_campaign(cut=0.02)
    runs = [campaign.start("--rate", "300") for _ in range(CLIENTS)]
    for _ in range(times):
        time.sleep(rng.uniform(0.01, 0.4))
        collector.kill()
        collector.start()
    counters = [run.finish() for run in runs]
    verdict = campaign.verdict()
    print(f"{times} kills: {verdict}")  # noqa: T201 - the figures, for those who ask by -s
    assert all(each["delivered"] and each["dropped"] == {} for each in counters)
    assert verdict.returned == sum(each["shipped"] for each in counters)
    assert verdict.faults == 0, verdict
    assert collector.stop() == 0
    with closing(sqlite3.connect(collector.data / "pylogtap.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
