"""What a dead collector costs the program: its calls' time and its memory."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pylogtap_collector.proofs.ground import Ground
    from pylogtap_collector.proofs.promises import Seen

MOST_RATIO = 1.5
MOST_MIB = 20
_MODES = ("null", "live", "dead")


def prove_calls_dead_sink(ground: Ground) -> Iterator[Seen]:
    """
    Time calls with a collector that answers, with one that never does, and with a handler that does nothing.

    In each round one after the other, so that what slows the machine slows all.
    """
    calls, rounds = ground.often(2_000, 20_000, 100_000), ground.often(1, 3, 7)
    with ground.campaign() as (campaign, collector):
        campaign.proxy.silent = True
        live = campaign.environment | {"PYLOGTAP_URL": collector.url}
        environments = {"null": live, "live": live, "dead": campaign.environment}
        results: dict[str, list[dict[str, int]]] = {mode: [] for mode in _MODES}
        for _ in range(rounds):
            for mode in _MODES:
                results[mode].append(_measured(mode, calls, environments[mode], ground.folder))
    medians = {mode: statistics.median(each["median_ns"] for each in results[mode]) for mode in _MODES}
    ratio = statistics.median(
        dead["median_ns"] / answered["median_ns"]
        for dead, answered in zip(results["dead"], results["live"], strict=True)
    )
    told = {mode: f"{nanoseconds / 1000:.1f} µs" for mode, nanoseconds in medians.items()}
    figure = f"{ratio:.2f} times: {told['dead']}, live {told['live']}, NullHandler {told['null']}"
    yield ground.seen("calls-dead-sink", figure, kept=ratio <= MOST_RATIO or not ground.measured)
    grown = max(each["grown_bytes"] for each in results["dead"]) / (1 << 20)
    figure = f"{max(0.0, grown):.1f} MiB more after {calls:,} calls"
    yield ground.seen("memory-dead-sink", figure, kept=grown < MOST_MIB)


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
