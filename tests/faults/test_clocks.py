"""Clocks that jump, of the application and of the collector: nothing is lost, mixed up, or removed."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pylogtap_collector.proofs.campaign import Campaign
from pylogtap_collector.proofs.daemon import running_daemon
from pylogtap_collector.proofs.oracle import judge
from tests.faults.extent import often
from tests.faults.stage import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.faults.conftest import MakeCampaign, Saw

PROGRAM = "tests.faults.programs.clock"
_TOLERATED_S = 5.0  # between a look at the clock and the record's own, on a busy machine
_ARRIVING_S = 60.0
YEARS_S = 10 * 365 * 86_400
# A collector whose clock is years ahead while a file is there, and that looks for old records all the time.
SERVE = (
    "-c",
    f"""
import os, sys, time
real = time.time_ns
ahead = lambda: {YEARS_S} * 10**9 if os.path.exists(os.environ.get("AHEAD", "")) else 0
time.time_ns = lambda: real() + ahead()
time.time = lambda: time.time_ns() / 1e9
from pylogtap_collector.services.retention import Retention
Retention.run.__kwdefaults__.update(period_s=0.2, look_s=0.1)
from pylogtap.cli import main
sys.exit(main())
""",
)


def in_order_of_arrival(logs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return records as they were stored: their ids are given one after the other."""
    return sorted(logs, key=lambda log: int(log["id"]))


def out_of_order(logs: Iterable[dict[str, Any]]) -> int:
    """Return how many records of a writer stand behind one that it logged later."""
    last: dict[int, int] = {}
    wrong = 0
    for log in logs:
        writer, number = log["attributes"]["writer"], log["attributes"]["number"]
        wrong += number < last.get(writer, 0)
        last[writer] = max(number, last.get(writer, 0))
    return wrong


def wrong_times(logs: Iterable[dict[str, Any]]) -> int:
    """Return how many records do not have the time of their call in UTC: another thread may set the clock."""
    wrong = 0
    for log in logs:
        stored = datetime.fromisoformat(log["time"]).timestamp()
        wrong += abs(stored - log["attributes"]["before"] / 1e9) > _TOLERATED_S
    return wrong


@often(1, 8)
def test_the_clock_of_the_application(
    make_campaign: MakeCampaign, collector: CollectorProcess, seed: int, times: int, saw: Saw
) -> None:
    """
    The clock jumps by hours while a program logs, at the end of summer time; half of the programs are killed.

    What is delivered by the program itself, and what is adopted from its segments, stands in the order of
    its calls, and with the time that the program's clock had, in UTC.
    """
    campaign = make_campaign()
    campaign.environment["PYTHONPATH"] = str(ROOT)
    for number in range(times):
        ended = campaign.start("--seed", str(seed + number), threads=1, program=PROGRAM)
        time.sleep(1)
        assert ended.finish()["delivered"]
        campaign.proxy.refusing = True
        killed = campaign.start("--seed", str(seed - number), threads=1, program=PROGRAM)
        time.sleep(1)
        killed.kill()
        campaign.proxy.recover()
        campaign.drain()
    lost = doubled = mixed = wrong = calls = 0
    for run in campaign.runs:
        logs = found(collector, run.instance, run.oracle[0])
        verdict = judge(
            run.oracle.obligations(),
            [(log["attributes"]["writer"], log["attributes"]["number"]) for log in logs],
        )
        calls, lost, doubled = (
            calls + verdict.returned,
            lost + verdict.lost_count,
            doubled + verdict.duplicated,
        )
        mixed, wrong = mixed + out_of_order(in_order_of_arrival(logs)), wrong + wrong_times(logs)
    assert calls > 100 * times
    saw(
        "clock-of-the-application",
        f"{calls:,} calls: {lost} lost, {doubled} duplicated, {mixed} out of order, {wrong} wrong times",
        kept=not (lost or doubled or mixed or wrong),
    )


def found(collector: CollectorProcess, instance: str, wanted: int) -> list[dict[str, Any]]:
    """Return the records of an instance, once there are so many."""
    deadline = time.monotonic() + _ARRIVING_S
    while True:
        logs = [log for log in collector.logs(f"instance:{instance}") if log["message"] == "tick"]
        if len(logs) >= wanted or time.monotonic() > deadline:
            return logs
        time.sleep(0.2)


def log_a_while(campaign: Campaign) -> None:
    """Run an application to its end."""
    run = campaign.start("--rate", "200")
    time.sleep(0.5)
    assert run.finish()["delivered"]


def test_the_clock_of_the_collector(tmp_path: Path, saw: Saw) -> None:
    """
    The collector keeps records for a day; its clock jumps ten years ahead, and after a while back.

    What was stored before, meanwhile and afterwards is all there: nobody's records are ten years old. That
    holds where it is started again meanwhile, too.
    """
    ahead = tmp_path / "ahead"
    with running_daemon(tmp_path, program=SERVE) as collector:
        collector.kill()
        collector.environment |= {"AHEAD": str(ahead), "PYLOGTAP_COLLECTOR_KEEP_DAYS": "1"}
        collector.start()
        campaign = Campaign(tmp_path, collector, 0)
        log_a_while(campaign)
        before = campaign.returned
        ahead.touch()
        time.sleep(1)
        first = collector.count("project:faults")
        log_a_while(campaign)
        time.sleep(1)
        second = collector.count("project:faults")
        ahead.unlink()
        log_a_while(campaign)
        time.sleep(1)
        verdict = campaign.verdict()
        collector.kill()
        ahead.touch()
        collector.start()
        time.sleep(1)
        last = collector.count("project:faults")
        campaign.close()
    assert before > 0
    assert first >= before
    assert second >= first
    saw(
        "clock-of-the-collector",
        f"{verdict.returned:,} records, 2 jumps by ten years: {verdict.returned - last} removed, {verdict}",
        kept=verdict.faults == 0 and last >= verdict.returned,
    )
