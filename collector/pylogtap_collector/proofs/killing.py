"""Applications and collectors that are killed at random moments, and what became of their records."""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap_collector.proofs.campaign import Campaign
    from pylogtap_collector.proofs.daemon import CollectorProcess
    from pylogtap_collector.proofs.ground import Ground
    from pylogtap_collector.proofs.oracle import Verdict
    from pylogtap_collector.proofs.promises import Seen

CUT, TEAR = 0.1, 0.05  # of the answers, and of the pieces of requests, while applications are killed
ROTATING_BYTES = 16 << 10  # a segment of this size is full after some dozen records
CLIENTS = 2
CUT_BESIDE_KILLS = 0.02
CUT_OFTEN = 0.3  # more in a row, and the client's patience is a minute
_LONGEST_S = 1.5  # of an application that nobody takes from, so that its 64 MiB do not fill up


def kill_applications(campaign: Campaign, seed: int, kills: int, calls: int, segment_bytes: int) -> Verdict:
    """
    Let applications with four threads die at random moments, until enough of them have, and compare.

    Each next one adopts what the ones before it left, and is itself killed while doing so. Now and then the
    collector is not there at all.

    Args:
        campaign: Starts them; its network loses answers and cuts requests.
        seed: Of the moments.
        kills: How many die at least.
        calls: How many calls have returned at least.
        segment_bytes: Size of their segments; 0: the usual one.
    """
    rng, killed = random.Random(seed), 0
    while killed < kills or campaign.returned < calls:
        campaign.proxy.refusing = killed % 4 == 0
        run = campaign.start("--segment-bytes", str(segment_bytes))
        time.sleep(_life_s(rng, killed, longest_s=_LONGEST_S if calls else 0.4))
        run.kill()
        killed += 1
    campaign.proxy.recover()
    campaign.drain()
    return campaign.verdict()


def _life_s(rng: random.Random, number: int, longest_s: float) -> float:
    """Return how long an application lives: two of three die as they begin."""
    return rng.uniform(0.0005, 0.12) if number % 3 else rng.uniform(0.1, longest_s)


def prove_application_killed(ground: Ground) -> Iterator[Seen]:
    """Kill applications with segments of the usual size."""
    yield _applications(
        ground, "application-killed", ground.often(3, 12, 100), ground.often(0, 0, 4_200_000), 0
    )


def prove_application_killed_rotating(ground: Ground) -> Iterator[Seen]:
    """Kill applications whose segments fill up all the time."""
    kills, calls = ground.often(3, 12, 100), ground.often(0, 0, 1_000_000)
    yield _applications(ground, "application-killed-rotating", kills, calls, ROTATING_BYTES)


def _applications(ground: Ground, key: str, kills: int, calls: int, segment_bytes: int) -> Seen:
    with ground.campaign(cut=CUT, tear=TEAR) as (campaign, _):
        verdict = kill_applications(campaign, ground.seed, kills, calls, segment_bytes)
        left = campaign.leftovers()
        figure = f"{len(campaign.runs)} kills, {verdict.returned:,} calls returned: {verdict}"
        if left:
            figure += f", {len(left)} files left"
        return ground.seen(key, figure, kept=verdict.faults == 0 and verdict.returned > 0 and not left)


def kill_collector(campaign: Campaign, collector: CollectorProcess, seed: int, kills: int) -> Verdict:
    """
    Kill the collector at random moments while applications log, and compare.

    Args:
        campaign: Starts the applications.
        collector: Dies, and comes back.
        seed: Of the moments.
        kills: How often.

    Raises:
        RuntimeError: An application could not deliver in the end, or counted what is not there.
    """
    rng = random.Random(seed)
    runs = [campaign.start("--rate", "300") for _ in range(CLIENTS)]
    for _ in range(kills):
        time.sleep(rng.uniform(0.01, 0.4))
        collector.kill()
        collector.start()
    counters = [run.finish() for run in runs]
    verdict = campaign.verdict()
    if not all(each["delivered"] and not each["dropped"] for each in counters):
        raise RuntimeError(f"not everything was delivered: {counters}")
    if verdict.returned != (shipped := sum(each["shipped"] for each in counters)):
        raise RuntimeError(f"{verdict.returned} calls returned, and the clients have counted {shipped}")
    return verdict


def sound(collector: CollectorProcess) -> bool:
    """Return whether a collector ends in order, and SQLite finds its file sound."""
    if collector.stop():
        return False
    with closing(sqlite3.connect(collector.data / "pylogtap.db")) as database:
        return database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def prove_collector_killed(ground: Ground) -> Iterator[Seen]:
    """Kill the collector while it takes in."""
    with ground.campaign(cut=CUT_BESIDE_KILLS) as (campaign, collector):
        kills = ground.often(2, 8, 100)
        verdict = kill_collector(campaign, collector, ground.seed, kills)
        whole = sound(collector)
        figure = f"{kills} kills, {verdict.returned:,} calls returned: {verdict}"
        if not whole:
            figure += ", and SQLite finds the file damaged"
        yield ground.seen("collector-killed", figure, kept=verdict.faults == 0 and whole)


def prove_answers_lost(ground: Ground) -> Iterator[Seen]:
    """Let a third of the answers disappear that come after the collector has stored."""
    with ground.campaign(cut=CUT_OFTEN) as (campaign, _):
        figure, kept = lose_answers(campaign, ground.often(1, 3, 20))
        yield ground.seen("answers-lost", figure, kept=kept)


def lose_answers(campaign: Campaign, seconds: float) -> tuple[str, bool]:
    """
    Log while answers disappear.

    Args:
        campaign: Its network loses answers.
        seconds: How long.

    Returns:
        What was seen, and whether each record is stored once and counted once.
    """
    run = campaign.start("--rate", "1000")
    time.sleep(seconds)
    counters = run.finish()
    verdict, cut = campaign.verdict(), campaign.proxy.answers_cut
    figure = f"{cut} answers lost, {verdict.returned:,} calls returned: {verdict}"
    if counters["delivered"] and counters["shipped"] == counters["accepted"] == verdict.returned:
        return figure, verdict.faults == 0 and cut > 0
    return f"{figure}, and the client counted {counters}", False
