"""A killed collector that holds much answers at once; maintenance and heavy questions hold up no delivery."""

from __future__ import annotations

import threading
import time
import urllib.request
from typing import TYPE_CHECKING

from pylogtap_collector.proofs.bystander import watching
from pylogtap_collector.proofs.daemon import CollectorProcess
from tests.faults.extent import often
from tests.support.delivering import deliver
from tests.support.segments import numbered_segment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.conftest import Saw

SLICE = 12_000
START_S, STALL_MS = 1.0, 100.0
_IS_LONG = 1_000_000
_EXPORT_S = 15.0  # of an export of all of them


@often(100_000, 5_000_000)
def test_start_and_stalls(tmp_path: Path, times: int, saw: Saw) -> None:
    """
    After `kill -9` the first answer comes at once, however much there is.

    A backup, a heavy question and retention, one beside the other, hold no delivery up for long.
    """
    collector = CollectorProcess(tmp_path / "data", tmp_path / "collector.log")
    try:
        collector.start()
        for number in range(0, times, SLICE):
            segment = numbered_segment(min(SLICE, times - number), first=number)
            assert deliver(collector, segment, timeout_s=120) == 200
        collector.kill()
        log = collector.data / "pylogtap.db-wal"
        wal_mib = log.stat().st_size >> 20
        began = time.monotonic()
        collector.start()
        first_s = time.monotonic() - began
        assert collector.get("/api/v1/logs/histogram", buckets=1)["total"] == times
        counted_s = time.monotonic() - began
        saw(
            "start-after-kill",
            f"{times:,} records, {wal_mib} MiB of journal: first answer after {first_s:.2f} s, "
            f"all are counted after {counted_s:.1f} s",
            kept=first_s < START_S or times < _IS_LONG,
        )
        with watching(collector) as watch:
            asked = [
                threading.Thread(target=_read, args=(f"{collector.url}/api/v1/{path}", data))
                for path, data in (
                    ("backup", b""),
                    ("logs?q=%22number%20777%22", None),
                    ("logs/export", None),
                )
            ]
            for each in asked:
                each.start()
            for each in asked:
                each.join()
            time.sleep(0.2)
        assert watch.seen.failed == []
        worst, p99 = watch.seen.worst_ms("store"), watch.seen.p99_ms("store")
        saw(
            "stalls-of-ingest",
            f"{times:,} records: a delivery waits {worst:.0f} ms at most (p99 {p99:.0f} ms)",
            kept=worst < STALL_MS or times < _IS_LONG,
        )
    finally:
        collector.kill()


def _read(address: str, data: bytes | None) -> None:
    deadline = time.monotonic() + _EXPORT_S
    with urllib.request.urlopen(address, data, timeout=300) as answer:
        while answer.read(1 << 20) and time.monotonic() < deadline:
            pass
