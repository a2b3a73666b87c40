"""A spool on a full disk, or on one that cannot be written: no crash, each drop counted, and it goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap_collector.proofs.oracle import Verdict, judge
from pylogtap_collector.proofs.records import pad_of
from tests.faults.disks import make_image, mounted
from tests.faults.programs.filling import PADS
from tests.faults.stage import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylogtap_collector.proofs.campaign import Campaign, Run
    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.faults.conftest import MakeCampaign, Saw

PROGRAM = "tests.faults.programs.filling"
NOBODY = "65534"
RECORD_BYTES = 3000  # about, of one
_RATE = "3000"
_ARRIVING_S = 60.0
_QUICK_US, _LONGEST_MS = 1_000, 250  # of a call: most of them, and the worst, with other threads beside it
EXTENTS = [
    pytest.param("short", marks=pytest.mark.timeout(300)),
    pytest.param("long", marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
]


def found_by(collector: CollectorProcess, run: Run, wanted: int) -> Verdict:
    """
    Compare what the collector shows of a run with what was logged, once so many have come.

    What each writer logged last, with room again, has to be among it.
    """
    deadline = time.monotonic() + _ARRIVING_S
    while True:
        logs = [log for log in collector.logs(f"instance:{run.instance}") if log["message"] == "filling"]
        if len(logs) >= wanted or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    whole = [
        each for each in (log["attributes"] for log in logs) if each["pad"] == PADS * pad_of(each["number"])
    ]
    found = [(each["writer"], each["number"]) for each in whole]
    assert run.oracle.obligations().items() <= set(found), "nothing goes on"
    return judge(run.oracle.obligations(), found, len(logs) - len(whole))


def begin(campaign: Campaign, *arguments: str, threads: int = 2) -> Run:
    """Start the program."""
    campaign.environment["PYTHONPATH"] = str(ROOT)
    return campaign.start("--rate", _RATE, *arguments, threads=threads, program=PROGRAM)


def skip_the_rest() -> None:
    """Say that a part of a test did not run."""
    if os.geteuid():
        pytest.skip("passed as far as it goes: the other disks are mounted, run this as root")


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens in another process."""
    deadline = time.monotonic() + _ARRIVING_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def fill(campaign: Campaign, disk: str, seconds: float) -> tuple[Run, dict[str, Any]]:
    """Fill a disk, and what may wait in memory; have the records taken after some seconds."""
    campaign.proxy.refusing = True
    with ExitStack() as stack:
        if disk != "limit":
            where = (
                ("-t", "tmpfs", "-o", "size=2m", "tmpfs")
                if disk == "tmpfs"
                else ("-o", "loop", str(make_image(campaign.spool.parent / "small.img", 12 << 20)))
            )
            stack.enter_context(mounted(campaign.spool, *where))
        before = campaign.returned
        run = begin(campaign, *(("--limit-s", str(4 + seconds)) if disk == "limit" else ()))
        room = (30 if disk == "ext4" else 20) << 20  # more than the disk and the memory take
        wait_until(lambda: (campaign.returned - before) * RECORD_BYTES > room)
        time.sleep(seconds)
        campaign.proxy.recover()
        return run, run.finish()


@pytest.mark.parametrize("extent", EXTENTS)
def test_a_disk_that_fills_up(
    make_campaign: MakeCampaign, collector: CollectorProcess, extent: str, saw: Saw
) -> None:
    """
    Nobody takes the records, and the disk is soon full; then the collector comes, and there is room again.

    What the disk cannot take waits in memory; what is beyond is dropped, and counted as such. All the rest
    is stored once, also what was logged after there was room again.
    """
    campaign = make_campaign()
    disks: tuple[str, ...] = ("tmpfs", "limit", "ext4") if extent == "long" else ("tmpfs", "limit")
    if os.geteuid():
        disks = ("limit",)  # the others are mounted, which takes root
    total, told, quick = Verdict(), [], True
    for disk in disks:
        run, counters = fill(campaign, disk, 20 if extent == "long" else 0)
        verdict = found_by(collector, run, counters["shipped"])
        dropped = sum(counters["dropped"].values())
        assert counters["delivered"]
        assert set(counters["dropped"]) == {"disk_full"}
        assert counters["accepted"] == verdict.returned == counters["shipped"] + dropped
        assert verdict.lost_count == dropped
        total.add(verdict)
        told.append(f"{disk} p99 {counters['p99_us']:.0f} µs, worst {counters['worst_ms']:.0f} ms")
        quick = quick and counters["p99_us"] < _QUICK_US and counters["worst_ms"] < _LONGEST_MS
    saw(
        "disk-full",
        f"{', '.join(disks)}: {total.returned:,} calls, {total.lost_count:,} dropped and counted,"
        f" 0 others lost, {total.duplicated} duplicated, {total.torn} torn",
        kept=total.faults == total.lost_count > 0,
    )
    if extent == "long":
        saw("disk-full-calls", "; ".join(told), kept=quick)
    skip_the_rest()


NEVER = ("file in the way", "read-only", "no permission")


def start_without(campaign: Campaign, how: str, stack: ExitStack) -> Run:
    """Start a program whose spool cannot be written."""
    if how == "file in the way":
        campaign.spool.write_text("in the way")
        stack.callback(campaign.spool.unlink)
        return begin(campaign)
    if how == "read-only":
        stack.enter_context(mounted(campaign.spool, "-t", "tmpfs", "-o", "ro", "tmpfs"))
        return begin(campaign)
    campaign.spool.chmod(0o500)
    return begin(campaign, "--uid", NOBODY)


def test_a_spool_that_can_never_be_written(
    make_campaign: MakeCampaign, collector: CollectorProcess, saw: Saw
) -> None:
    """From the start no file can be made: the program logs, from memory, and all of it is delivered."""
    campaign, total = make_campaign(), Verdict()
    ways = NEVER if not os.geteuid() else NEVER[:1]  # the others take root
    for how in ways:
        before = campaign.returned
        with ExitStack() as stack:
            run = start_without(campaign, how, stack)
            wait_until(lambda before=before: campaign.returned > before + 1_000)  # type: ignore[misc]
            counters = run.finish()
        verdict = found_by(collector, run, counters["shipped"])
        assert counters["directory"] is None
        assert counters["delivered"]
        assert counters["dropped"] == {}
        assert counters["accepted"] == counters["shipped"] == verdict.returned
        total.add(verdict)
    saw("disk-unwritable", f"{', '.join(ways)}: {total.returned:,} calls, {total}", kept=total.faults == 0)
    skip_the_rest()


def take_away(campaign: Campaign, how: str, stack: ExitStack) -> None:
    """Take a living program's spool away."""
    if how == "turned read-only":  # what is open stays writable
        stack.enter_context(mounted(campaign.spool, "--bind", str(campaign.spool)))
        subprocess.run(["mount", "-o", "remount,bind,ro", str(campaign.spool)], check=True)
    elif how == "moved":
        campaign.spool.rename(campaign.spool.with_name("moved"))
    else:
        shutil.rmtree(campaign.spool)
        if how == "replaced by a file":
            campaign.spool.write_text("in the way")
            stack.callback(campaign.spool.unlink)


TAKEN = ("removed", "moved", "replaced by a file", "turned read-only")


def test_a_spool_that_goes_while_a_program_logs(
    make_campaign: MakeCampaign, collector: CollectorProcess, saw: Saw
) -> None:
    """Somebody removes, moves or locks the folder: the program logs on, and all of it is delivered."""
    campaign, total = make_campaign(), Verdict()
    ways = TAKEN if not os.geteuid() else TAKEN[:-1]  # the last takes root
    for how in ways:
        campaign.proxy.refusing = True
        before = campaign.returned
        with ExitStack() as stack:
            run = begin(campaign)
            wait_until(lambda before=before: campaign.returned > before + 100)  # type: ignore[misc]
            take_away(campaign, how, stack)
            wait_until(lambda before=before: campaign.returned > before + 2_000)  # type: ignore[misc]
            campaign.proxy.recover()
            counters = run.finish()
        verdict = found_by(collector, run, counters["shipped"])
        assert counters["delivered"]
        assert counters["accepted"] == counters["shipped"] == verdict.returned
        if how in {"removed", "moved"}:
            assert [path.name for path in campaign.spool.glob("*/*")] == ["destination"]
        total.add(verdict)
    saw("spool-taken-away", f"{', '.join(ways)}: {total.returned:,} calls, {total}", kept=total.faults == 0)
    skip_the_rest()
