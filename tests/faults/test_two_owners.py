"""Several processes on one spool directory: each record is delivered by one of them, and once."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from pylogtap_collector.proofs.oracle import Verdict
from tests.faults.extent import often
from tests.faults.stage import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from pylogtap_collector.proofs.campaign import Campaign
    from tests.faults.conftest import MakeCampaign, Saw

ADOPTERS = 3
DRAIN = "import pylogtap; pylogtap.drain()"
_FORKS = 3
_SEGMENT_BYTES = str(16 << 10)


def leave(campaign: Campaign) -> None:
    """Have a program, its children and grandchildren log while nobody takes it, and be killed."""
    campaign.proxy.refusing = True
    run = campaign.start(
        "--forks", str(_FORKS), "--segment-bytes", _SEGMENT_BYTES, "--rate", "1000",
        threads=2, children=2 * _FORKS,
    )  # fmt: skip
    last = 2 + 2 * _FORKS - 1
    while run.oracle[last] < 50:
        assert run.process.poll() is None
        time.sleep(0.01)
    run.kill()
    campaign.proxy.recover()


def adopt_at_once(campaign: Campaign, rng: random.Random) -> None:
    """Start three processes that deliver what is left, and kill one of them on the way."""
    adopters = [
        subprocess.Popen([sys.executable, "-c", DRAIN], env=campaign.environment) for _ in range(ADOPTERS)
    ]
    time.sleep(rng.uniform(0.05, 0.5))
    rng.choice(adopters).kill()
    for each in adopters:
        each.wait(60)


@often(3, 60)
def test_three_adopters_of_the_same_orphans(
    make_campaign: MakeCampaign, seed: int, times: int, saw: Saw
) -> None:
    """Three processes deliver what the same dead ones have left, and one of the three is killed meanwhile."""
    rng = random.Random(seed)
    campaign = make_campaign()
    for _ in range(times):
        leave(campaign)
        adopt_at_once(campaign, rng)
    campaign.drain()
    verdict = campaign.verdict()
    assert campaign.leftovers() == []
    assert verdict.returned > times * 6 * 50
    saw(
        "several-adopters",
        f"{times} races for {times * (1 + 2 * _FORKS)} orphans, {verdict.returned:,} calls: {verdict}",
        kept=verdict.faults == 0,
    )


def rename_stem(folder: Path, stem: str, pid: int) -> str:
    """Give a dead process's files the number of another process; return the new beginning of their names."""
    changed = f"{pid}-{stem.partition('-')[2]}"
    for path in sorted(folder.glob(f"{stem}*")):
        path.rename(path.with_name(path.name.replace(stem, changed, 1)))
    return changed


def test_the_dead_whose_family_lives(make_campaign: MakeCampaign, saw: Saw) -> None:
    """
    A program dies; a grandchild that it forked lives on, with all its descriptors, and logs.

    Its files can be adopted, although the descriptor of its lock was inherited, and also where its process
    number now belongs to another process. The files of the grandchild are left alone until it ends.
    """
    campaign = make_campaign()
    campaign.proxy.refusing = True
    campaign.environment["PYTHONPATH"] = str(ROOT)
    run = campaign.start(threads=2, program="tests.faults.programs.family")
    while run.oracle[1] < 30:  # the grandchild's records
        assert run.process.poll() is None
        time.sleep(0.01)
    run.process.kill()  # its output stays open: the grandchild has it as well
    run.process.wait()
    (folder,) = (path for path in campaign.spool.iterdir() if path.is_dir())
    stem = next(path.name[:-4] for path in folder.glob(f"{run.process.pid}-*.own"))
    changed = rename_stem(folder, stem, 1)  # a process that always lives
    campaign.proxy.recover()
    campaign.drain()
    assert not list(folder.glob(f"{changed}*"))
    held = list(folder.glob("*.own"))
    before = run.oracle[1]
    while run.oracle[1] < before + 30:
        time.sleep(0.01)
    assert run.process.stdin is not None
    run.process.stdin.close()  # the grandchild ends by itself
    run.process.stdin = None
    while list(folder.glob("*.own")):
        time.sleep(0.05)
        campaign.drain()
    verdict = Verdict()
    verdict.add(campaign.verdict())
    assert len(held) == 1
    saw("orphan-of-a-living-family", f"{verdict.returned:,} calls: {verdict}", kept=verdict.faults == 0)
