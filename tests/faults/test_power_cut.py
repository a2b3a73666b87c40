"""The power is cut: what was synced is there, what is torn is noticed, what was acknowledged is stored."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pylogtap_collector.proofs.campaign import Campaign
from pylogtap_collector.proofs.daemon import CollectorProcess
from pylogtap_collector.proofs.records import judge_logs
from tests.faults.disks import power_disk
from tests.faults.extent import often

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pylogtap_collector.proofs.campaign import Run
    from pylogtap_collector.proofs.oracle import Oracle, Verdict
    from tests.faults.conftest import MakeCampaign, Saw

SYNC_S = "0.2"  # the default of flush_interval_s: what is not delivered is synced that often
WINDOW_S = 0.25  # that, and the sync itself
PATIENT_S = 3.0  # on a machine that has much else to do
UNREADABLE = "a record could not be read: "
_ARRIVING_S = 20.0
_SECTOR, _PAGE = 512, 4096


class Watch:
    """Looks at an oracle all the time, so that it can say later what had returned at a moment."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._looks: list[tuple[float, dict[int, int]]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(0.005):
            self._looks.append((time.monotonic(), self._oracle.obligations()))

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def at(self, moment: float) -> dict[int, int]:
        """Return what had certainly returned by a moment."""
        return max((look for look in self._looks if look[0] <= moment), key=lambda look: look[0])[1]

    def window(self, moment: float, logs: list[dict[str, Any]]) -> float:
        """Return how many seconds before a moment everything that had returned is there."""
        for when, obligations in reversed([look for look in self._looks if look[0] <= moment]):
            if not judge_logs(obligations, logs).lost_count:
                return moment - when
        return float("inf")


def arrived(collector: CollectorProcess, run: Run, obligations: Mapping[int, int]) -> list[dict[str, Any]]:
    """Return what the collector shows of a run, once all that has to be there is, or time is over."""
    deadline = time.monotonic() + _ARRIVING_S
    while True:
        logs = list(collector.logs(f"project:faults instance:{run.instance}"))
        if not judge_logs(obligations, logs).lost_count or time.monotonic() > deadline:
            return logs
        time.sleep(0.2)


def halt(pid: int) -> None:
    """Stop all threads of a process where they are; what the kernel does for one of them, it ends first."""
    os.kill(pid, signal.SIGSTOP)
    for task in Path(f"/proc/{pid}/task").iterdir():
        while (task / "stat").read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.001)


def without_what_came_later(verdict: Verdict) -> int:
    """Return the faults, where records may have been kept that were younger than what is asked for."""
    return verdict.lost_count + verdict.duplicated + verdict.torn


@often(1, 20)
def test_the_power_of_the_application(
    make_campaign: MakeCampaign,
    collector: CollectorProcess,
    tmp_path: Path,
    seed: int,
    times: int,
    saw: Saw,
) -> None:
    """
    A program logs while no collector can be reached; its disk is taken as it is at a random moment.

    On that disk is everything that was logged longer ago than it takes until the next sync.
    """
    rng, limit = random.Random(seed), WINDOW_S if times > 1 else PATIENT_S
    campaign = make_campaign()
    campaign.environment["PYLOGTAP_FLUSH_INTERVAL_S"] = SYNC_S
    windows, calls, aside, faults = [], 0, 0, 0
    for _ in range(times):
        campaign.proxy.refusing = True
        with power_disk(tmp_path, campaign.spool) as disk:
            run = campaign.start("--rate", "1000")
            watch = Watch(run.oracle)
            time.sleep((limit if times == 1 else 1) + rng.uniform(0, 1))
            moment = time.monotonic()
            cut = disk.cut()
            watch.stop()
            run.kill()
            disk.go_on_with(cut)
            campaign.proxy.recover()
            aside += campaign.drain()
            wanted = watch.at(moment - limit)
            logs = arrived(collector, run, wanted)
            faults += without_what_came_later(judge_logs(wanted, logs))
            windows.append(watch.window(moment, logs))
            calls += sum(wanted.values())
            assert judge_logs(run.oracle.obligations(), logs).unexpected == 0
            assert [name for name in campaign.leftovers() if name.endswith((".seg", ".own"))] == []
    assert calls > 100 * times
    saw(
        "power-cut-client",
        f"{times} cuts, {calls:,} calls older than {limit * 1000:.0f} ms: {faults} lost, duplicated or torn;"
        f" at most the last {max(windows) * 1000:.0f} ms lost, {aside} torn places noticed",
        kept=not faults,
    )


def pages_of(before: Path, after: Path, rng: random.Random) -> None:
    """Give a file back some of the pages that it had, as if those of now had never reached the disk."""
    old, new = before.read_bytes() if before.exists() else b"", bytearray(after.read_bytes())
    old = old.ljust(len(new), b"\0")  # a new file: its blocks are reserved, and read as zeros
    unit, share = rng.choice((_SECTOR, _PAGE)), rng.random()
    for place in range(0, len(new), unit):
        if rng.random() < share:
            new[place : place + unit] = old[place : place + unit]
    after.write_bytes(new)


def snapshot(run: Run, spool: Path, copy: Path) -> dict[int, int]:
    """Stop a program where it is, copy its spool, and return what had returned."""
    halt(run.process.pid)
    shutil.copytree(spool, copy)
    return run.oracle.obligations()


@often(2, 60)
def test_pages_that_never_reach_the_disk(
    make_campaign: MakeCampaign,
    collector: CollectorProcess,
    tmp_path: Path,
    seed: int,
    times: int,
    saw: Saw,
) -> None:
    """
    The disk has all that was written by a moment, and of what was written later a random part of the pages.

    Names of files that are younger may be there or not. What had been logged by that moment is delivered.
    """
    rng = random.Random(seed)
    campaign = make_campaign()
    calls = aside = faults = strange = 0
    for number in range(times):
        campaign.proxy.refusing = True
        run = campaign.start("--rate", "3000", "--segment-bytes", str(1 << rng.choice((14, 20))))
        time.sleep(rng.uniform(0.05, 0.3))
        synced, torn = tmp_path / f"synced-{number}", tmp_path / f"torn-{number}"
        wanted = snapshot(run, campaign.spool, synced)
        os.kill(run.process.pid, signal.SIGCONT)
        time.sleep(rng.uniform(0.01, 0.3))
        snapshot(run, campaign.spool, torn)
        run.kill()
        for path in torn.glob("*/*.seg"):
            pages_of(synced / path.relative_to(torn), path, rng)
            if not (synced / path.relative_to(torn)).exists() and rng.random() < 0.3:
                path.unlink()
        shutil.rmtree(campaign.spool)
        torn.rename(campaign.spool)
        campaign.proxy.recover()
        aside += campaign.drain()
        logs = arrived(collector, run, wanted)
        # Younger than the sync, or they would be missed: what they are read by was on a page that is torn.
        whole = [log for log in logs if not log["message"].startswith(UNREADABLE)]
        logs, aside = whole, aside + len(logs) - len(whole)
        faults += without_what_came_later(judge_logs(wanted, logs))
        strange += judge_logs(run.oracle.obligations(), logs).unexpected
        calls += sum(wanted.values())
        shutil.rmtree(campaign.spool)
        shutil.rmtree(synced)
    assert calls > 50 * times
    saw(
        "power-cut-pages",
        f"{times} cuts, {calls:,} calls from before the sync: {faults} lost, duplicated or torn, {strange}"
        f" that nobody logged, {aside} torn places noticed",
        kept=not faults and not strange,
    )


@often(1, 20)
def test_the_power_of_the_collector(tmp_path: Path, seed: int, times: int, saw: Saw) -> None:
    """
    The collector's disk is taken as it is at a random moment while two clients deliver all the time.

    Clients have removed what was acknowledged: were it not on that disk, it would be missing for ever.
    """
    rng = random.Random(seed)
    collector = CollectorProcess(tmp_path / "data", tmp_path / "collector.log")
    with power_disk(tmp_path, collector.data, size=256 << 20) as disk:
        campaign = Campaign(tmp_path, collector, seed)
        try:
            collector.start()
            runs = [campaign.start("--rate", "300") for _ in range(2)]
            for _ in range(times):
                time.sleep(rng.uniform(0.3, 1.5))
                halt(collector.pid)  # it acknowledges nothing after the cut
                cut = disk.cut()
                collector.kill()
                disk.go_on_with(cut)
                collector.start()
            counters = [run.finish() for run in runs]
            verdict = campaign.verdict()
            assert all(each["delivered"] and each["dropped"] == {} for each in counters)
            assert collector.stop() == 0
            with closing(sqlite3.connect(collector.data / "pylogtap.db")) as database:
                sound = database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        finally:
            with suppress(ProcessLookupError):
                collector.kill()
            campaign.close()
    state = "sound" if sound else "broken"
    saw(
        "power-cut-collector",
        f"{times} cuts, {verdict.returned:,} calls: {verdict}; the database is {state}",
        kept=verdict.faults == 0 and sound,
    )
