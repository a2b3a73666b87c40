"""What a collector that is away or silent costs the program: its end, its memory, its calls' time."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pylogtap_collector.proofs.campaign import Campaign
    from pylogtap_collector.proofs.ground import Ground
    from pylogtap_collector.proofs.promises import Seen

MOST_RATIO = 1.5
MOST_MIB = 20
MOST_DELAY_S = 2.0
_CLOCK_S = 0.1  # by which a delay of just two seconds may be measured longer
_ENDING_S = 60.0
_MODES = ("null", "live", "dead")


def prove_sinks(ground: Ground) -> Iterator[Seen]:
    """Log, and end, while the collector is away, and while it takes connections and never answers."""
    with ground.campaign() as (campaign, _):
        usual = min(_seconds_to_end(campaign) for _ in range(ground.often(1, 2, 5)))
        calls = ground.often(2_000, 40_000, 200_000)
        figures, delays, grown = {}, {}, {}
        for key, silent in (("sink-down", False), ("sink-silent", True)):
            campaign.proxy.refusing, campaign.proxy.silent = not silent, silent
            delay = max(_seconds_to_end(campaign) for _ in range(ground.often(1, 1, 5))) - usual
            delays[key] = max(0.0, delay)
            measured = _measured("dead", calls, campaign.environment, ground.folder)
            grown[key] = max(0.0, measured["grown_bytes"] / (1 << 20))
            campaign.proxy.recover()
            figures[key] = (
                f"exit {delays[key]:.1f} s later; own memory {grown[key]:.1f} MiB more after {calls:,} calls"
            )
        campaign.drain()
        verdict = campaign.verdict()
        for key, figure in figures.items():
            in_time = delays[key] <= MOST_DELAY_S + _CLOCK_S
            kept = verdict.faults == 0 and grown[key] < MOST_MIB
            told = f"{verdict.returned:,} calls returned: {verdict}; {figure}"
            yield ground.seen(key, told, kept=kept, in_time=in_time)


def _seconds_to_end(campaign: Campaign) -> float:
    """Return how long an application takes to end that was asked to, and does not flush itself."""
    run = campaign.start("--rate", "1000", "--flush-s", "0")
    time.sleep(0.4)
    asked = time.monotonic()
    run.finish(_ENDING_S)
    return time.monotonic() - asked


def prove_calls(ground: Ground) -> Iterator[Seen]:
    """
    Time calls with a collector that answers, with one that never does, and with a handler that does nothing.

    In each round one after the other, so that what slows the machine slows all.
    """
    calls, rounds = ground.often(2_000, 20_000, 100_000), ground.often(1, 3, 7)
    with ground.campaign() as (campaign, collector):
        campaign.proxy.silent = True
        live = campaign.environment | {"PYLOGTAP_URL": collector.url}
        environments = {"null": live, "live": live, "dead": campaign.environment}
        times: dict[str, list[int]] = {mode: [] for mode in _MODES}
        for _ in range(rounds):
            for mode in _MODES:
                measured = _measured(mode, calls, environments[mode], ground.folder)
                times[mode].append(measured["median_ns"])
    ratio = statistics.median(dead / lived for dead, lived in zip(times["dead"], times["live"], strict=True))
    told = {mode: f"{statistics.median(times[mode]) / 1000:.1f} µs" for mode in _MODES}
    figure = f"{ratio:.2f} times: {told['dead']}, live {told['live']}, NullHandler {told['null']}"
    yield ground.seen("sink-calls", figure, kept=True, in_time=ratio <= MOST_RATIO)


def _measured(mode: str, calls: int, environment: Mapping[str, str], folder: Path) -> dict[str, int]:
    command = [sys.executable, "-m", "pylogtap_collector.proofs.calling"]
    done = subprocess.run(
        [*command, "null" if mode == "null" else "pylogtap", str(calls)],
        env=environment,
        cwd=folder,
        capture_output=True,
        timeout=600,
        check=True,
    )
    result: dict[str, int] = json.loads(done.stdout)
    return result
