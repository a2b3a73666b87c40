"""What lies in a spool is damaged, foreign, or of another version: the rest of it is delivered."""

from __future__ import annotations

import base64
import json
import random
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import msgpack
import pytest

from pylogtap.owner import OWNER_SUFFIX
from pylogtap_collector.proofs.oracle import Verdict
from pylogtap_collector.proofs.records import judge_logs, pad_of
from tests.faults.damages import WAYS, damage, frames_of
from tests.faults.extent import often

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from pylogtap_collector.proofs.campaign import Campaign, Run
    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.faults.conftest import MakeCampaign, Saw

SEGMENT_BYTES = 16 << 10
CROWD = 1000
_ADOPTING_S = 240.0
UNREADABLE = "a record could not be read: its call site is not defined"
STARTER = """
import json, logging, time
began = time.perf_counter()
import pylogtap
pylogtap.init("faults/app/fresh")
logging.warning("fresh")
started = time.perf_counter() - began
delivered = pylogtap.flush(60)
print(json.dumps([started, delivered, time.perf_counter() - began]))
"""


def leave(campaign: Campaign, seconds: float = 0.1) -> None:
    """Have a program log while nobody takes it, and be killed."""
    run = campaign.start("--segment-bytes", str(SEGMENT_BYTES), "--rate", "2000")
    time.sleep(seconds)
    run.kill()


def segments_of(campaign: Campaign, but: Collection[Path] = ()) -> list[Path]:
    """Return the segments that hold records, but for some."""
    paths = sorted(set(campaign.spool.glob("*/*.seg")).difference(but))
    return [path for path in paths if any(frame.record for frame in frames_of(path.read_bytes()))]


def settled_verdict(campaign: Campaign, collector: CollectorProcess) -> Verdict:
    """Compare what was logged with what the collector shows, once nothing more comes."""
    count, before = collector.count("project:faults"), -1
    while count != before:
        time.sleep(0.5)
        count, before = collector.count("project:faults"), count
    total = Verdict()
    for run in campaign.runs:
        logs = collector.logs(f"project:faults instance:{run.instance}")
        notices = "pylogtap"  # the logger of what is told about damage, which is no record of a program
        shown = [log for log in logs if log["logger"] != notices or log["message"].startswith(UNREADABLE)]
        total.add(judge_logs(run.oracle.obligations(), shown))
    return total


def count_bare(collector: CollectorProcess, run: Run, hit: set[tuple[int, int]]) -> int:
    """Return how many records were kept as bytes, for want of their definition, and are right in these."""
    bare = 0
    for log in collector.logs(f"project:faults instance:{run.instance}"):
        if log["message"].startswith(UNREADABLE):
            fields = msgpack.unpackb(base64.b64decode(log["attributes"]["payload"]["bytes"]))[3]
            known = (fields["writer"], fields["number"]) in hit
            bare += known and fields["pad"] == pad_of(fields["number"])
    return bare


def start_fresh(campaign: Campaign) -> tuple[float, bool, float]:
    """Run a program that logs one line; return the seconds of its start, and until it was delivered."""
    done = subprocess.run(
        [sys.executable, "-c", STARTER], env=campaign.environment, capture_output=True, text=True, check=True
    )
    started, delivered, arrived = json.loads(done.stdout)
    return started, delivered, arrived


@often(2, 40)
def test_what_is_damaged_costs_only_itself(
    make_campaign: MakeCampaign, collector: CollectorProcess, seed: int, times: int, saw: Saw
) -> None:
    """
    Each program's segments are damaged in one of seven ways, at random places, and then adopted.

    Whatever is missing afterwards was hit, and nothing is there that nobody logged. The damaged files are
    set aside; that they were is told, by a record.
    """
    rng, hit = random.Random(seed), 0
    campaign = make_campaign()
    campaign.proxy.refusing = True
    lost_by_run: list[set[tuple[int, int]]] = []
    before: set[Path] = set()
    for number in range(times):
        leave(campaign)
        fresh = segments_of(campaign, but=before)
        before.update(campaign.spool.glob("*/*.seg"))
        lost_by_run.append(set())
        for path in fresh:
            way = WAYS[(number + fresh.index(path)) % len(WAYS)]
            lost_by_run[-1] |= damage(path, way, rng)
            hit += 1
    campaign.proxy.recover()
    adopt_by_a_program(campaign)
    lost_by_run.append(set())
    campaign.drain()
    verdict = settled_verdict(campaign, collector)
    allowed = sum(map(len, lost_by_run))
    bare = sum(map(partial(count_bare, collector), campaign.runs, lost_by_run))
    assert verdict.returned > 100
    assert hit >= len(WAYS)
    kinds = {path.suffix for path in campaign.spool.glob("*/*")}
    assert kinds <= {".damaged", ".frames", ""}, kinds
    told = [log for log in collector.logs("logger:pylogtap") if "aside" in log["message"]]
    others = verdict.unexpected + verdict.torn - bare
    lost = verdict.lost_count - bare
    saw(
        "segments-damaged",
        f"{hit} segments damaged: of {allowed} hit records {lost} lost and {bare} kept as bytes,"
        f" {verdict.duplicated} duplicated, {others} that nobody logged; {len(told)} times told",
        kept=lost + bare <= allowed and not verdict.duplicated and not others and bool(told),
    )


def adopt_by_a_program(campaign: Campaign) -> None:
    """Run a program until it has delivered what the dead have left."""
    run = campaign.start("--rate", "50")
    deadline = time.monotonic() + _ADOPTING_S
    while len(list(campaign.spool.glob("*/*.own"))) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert run.finish()["delivered"]


def put_foreign_files(folder: Path, number: int) -> list[Path]:
    """Put files into a spool that no program of ours has made like that."""
    stem = f"{100 + number}-{number:012x}"
    contents = {
        f"{stem}{OWNER_SUFFIX}": b"",
        f"{stem}-1-empty.seg": b"",
        f"{stem}-2-text.seg": b"no segment at all" * 500,
        f"{stem}-3-short.seg": b"PLTSEG1\0",
        f"{stem}-4-header.seg": b"PLTSEG1\0" + bytes(8192),
        f".{stem}-5-draft.seg.tmp": b"half",
        f"notes-{number}.txt": b"mine",
        f"{number}{OWNER_SUFFIX}": b"",
        f"backup-{number}.seg": b"PLTSEG1\0",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents if not name.removeprefix(".").startswith(stem)]


def test_files_of_others_and_other_versions(
    make_campaign: MakeCampaign, collector: CollectorProcess, saw: Saw
) -> None:
    """
    A spool that a living program uses holds files of others, and segments of older and newer versions.

    A process that adopts takes nothing from the living, and leaves what it cannot read to those who can.
    """
    campaign = make_campaign()
    campaign.proxy.refusing = True
    leave(campaign)
    other = segments_of(campaign)[:2]
    unread = sum(1 for path in other for frame in frames_of(path.read_bytes()) if frame.record)
    for path, magic in zip(other, (b"PLTSEG0\0", b"PLTSEG2\0"), strict=True):
        path.write_bytes(magic + path.read_bytes()[8:])
    living = campaign.start("--rate", "500")
    (folder,) = (path for path in campaign.spool.iterdir() if path.is_dir())
    foreign = [path for number in range(5) for path in put_foreign_files(folder, number)]
    foreign.append(folder / OWNER_SUFFIX)  # of all names the one that every name begins with
    foreign[-1].touch()
    campaign.proxy.recover()
    campaign.drain()
    held = list(folder.glob(f"{living.process.pid}-*.seg"))
    counters = living.finish()
    verdict = settled_verdict(campaign, collector)
    assert held
    assert counters["delivered"]
    assert all(path.exists() for path in foreign)
    assert all(path.exists() for path in other)
    saw(
        "spool-foreign-files",
        f"{len(foreign)} foreign files, 2 segments of other versions: {verdict.lost_count - unread} lost,"
        f" {verdict.duplicated} duplicated, {len(foreign) - sum(path.exists() for path in foreign)} taken",
        kept=verdict.lost_count == unread and verdict.faults == verdict.lost_count,
    )


@pytest.mark.parametrize(
    "extent",
    [
        pytest.param("short", marks=pytest.mark.timeout(300)),
        pytest.param("long", marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
def test_a_thousand_of_them(make_campaign: MakeCampaign, extent: str, saw: Saw) -> None:
    """A program starts while a thousand dead ones have left nothing but damaged and foreign files."""
    campaign = make_campaign()
    usual, delivered, _ = start_fresh(campaign)
    (folder,) = (path for path in campaign.spool.iterdir() if path.is_dir())
    for number in range(CROWD if extent == "long" else CROWD // 10):
        put_foreign_files(folder, number)
    started, arrived_too, arrived = start_fresh(campaign)
    assert delivered
    assert arrived_too
    campaign.drain()
    assert not [path for path in folder.glob("*.seg") if not path.name.startswith("backup")]
    if extent == "long":
        saw(
            "spool-crowded",
            f"start {started:.2f} s (alone {usual:.2f} s), delivered after {arrived:.2f} s",
            kept=started < 1,
        )
