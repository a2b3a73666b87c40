"""What calls cost beside collectors that misbehave, and how soon a program delivers after minutes alone."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.proofs import sinks
from pylogtap_collector.proofs.sinks import Deaf, Sink

if TYPE_CHECKING:
    from pathlib import Path

    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.faults.conftest import MakeCampaign, Saw

FAULTS = (
    sinks.hang_up,
    sinks.answer_late,
    sinks.say_nothing,
    sinks.drip,
    sinks.break_off,
    sinks.say_nonsense,
    sinks.send_body_without_end,
    sinks.ask_to_continue_without_end,
)
CALLS, ROUNDS = 20_000, 3
MOST_RATIO = 1.5
DOWN_S = 150
MOST_WAIT_S = 32  # the longest pause between two attempts, and the attempt
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def median_of(url: str, folder: Path) -> int:
    """Return the median of a call in nanoseconds, of a program that delivers there."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYLOGTAP_")}
    done = subprocess.run(
        [sys.executable, "-m", "pylogtap_collector.proofs.calling", "pylogtap", str(CALLS)],
        env=inherited | {"PYLOGTAP_URL": url, "PYLOGTAP_SPOOL_DIR": str(folder / "spool")},
        cwd=folder,
        capture_output=True,
        timeout=300,
        check=True,
    )
    return int(json.loads(done.stdout)["median_ns"])


def test_calls(tmp_path: Path, collector: CollectorProcess, saw: Saw) -> None:
    """Beside any sink a call takes what it takes beside a collector that answers; measured by turns."""
    ratios: dict[str, float] = {}
    for fault in (*FAULTS, None):
        sink = Deaf() if fault is None else Sink(collector.port, fault)
        pairs = [(median_of(collector.url, tmp_path), median_of(sink.url, tmp_path)) for _ in range(ROUNDS)]
        name = "connect hangs" if fault is None else fault.__name__.replace("_", " ")
        ratios[name] = statistics.median(bad / good for good, bad in pairs)
        sink.close()
    worst = max(ratios, key=lambda name: ratios[name])
    figure = f"{min(ratios.values()):.2f} to {ratios[worst]:.2f} times; the most: {worst}"
    saw("sink-calls", figure, kept=ratios[worst] <= MOST_RATIO)


def test_down_for_minutes(collector: CollectorProcess, make_campaign: MakeCampaign, saw: Saw) -> None:
    """A program logs for minutes without a collector; when there is one, all of it arrives, and soon."""
    campaign = make_campaign()
    campaign.proxy.refusing = True
    run = campaign.start("--rate", "100", threads=2)
    time.sleep(DOWN_S)
    waiting = sum(run.oracle.obligations().values())
    campaign.proxy.recover()
    began = time.monotonic()
    while collector.count(f"instance:{run.instance} number:1") < 2 and time.monotonic() < began + 60:
        time.sleep(0.2)
    soon = time.monotonic() - began
    counters = run.finish()
    verdict = campaign.verdict()
    assert counters["delivered"]
    assert counters["dropped"] == {}
    saw(
        "sink-down",
        f"{DOWN_S} s, {waiting:,} records waiting: {verdict}; delivered {soon:.0f} s later",
        kept=verdict.faults == 0 and soon <= MOST_WAIT_S,
    )
