"""The collector's disk fills while it takes in: it refuses in time, and goes on once there is room."""

from __future__ import annotations

import contextlib
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.proofs.daemon import CollectorProcess
from tests.support.delivering import deliver, numbers_of
from tests.support.segments import SegmentBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.conftest import Saw

DISK_MIB = 240  # the reserve, the journal and one block more have to fit beside what is stored
RECORDS = 100  # of a slice, of 8 KiB each that do not compress


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a file system of its own in memory; only the superuser may."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("a small disk cannot be made here; run the tests as root, where mounts are allowed")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def large_segment(first: int) -> SegmentBuilder:
    """Return a segment of which each record can be told from the others, and none can be compressed."""
    segment = SegmentBuilder("shop/full/one")
    site = segment.site("large")
    for number in range(first, first + RECORDS):
        segment.record(site, None, {"n": number, "pad": f"{number:x}".ljust(8 << 10, "x")})
    return segment


def test_a_full_disk(tmp_path: Path, saw: Saw) -> None:
    """Whatever was acknowledged is there; what was refused is taken once there is room; none comes twice."""
    with small_disk(tmp_path / "disk") as folder:
        collector = CollectorProcess(folder / "data", tmp_path / "collector.log")
        collector.environment["PYLOGTAP_COLLECTOR_RESERVE_BYTES"] = str(24 << 20)
        filler = folder / "filler"
        try:
            collector.start()
            acknowledged, number = list[int](), 0
            refused: SegmentBuilder | None = None
            with filler.open("wb", buffering=0) as file:  # somebody else fills the disk beside it
                while refused is None:
                    with contextlib.suppress(OSError):  # it is as full as can be
                        file.write(bytes(12 << 20))
                    segment = large_segment(number)
                    if deliver(collector, segment) == 200:
                        acknowledged += range(number, number + RECORDS)
                        number += RECORDS
                    else:
                        refused = segment
                    assert number < 100 * RECORDS, "the disk never became full"
            assert numbers_of(collector) == acknowledged
            filler.unlink()
            deadline, status = time.monotonic() + 60, 503
            while status == 503 and time.monotonic() < deadline:
                time.sleep(0.2)
                status = deliver(collector, refused)
            assert status == 200
            acknowledged += range(number, number + RECORDS)
            collector.kill()
            collector.start()
            assert numbers_of(collector) == acknowledged
        finally:
            collector.kill()
        text = (tmp_path / "collector.log").read_text()
        assert "disk I/O error" not in text
    saw(
        "collector-full",
        f"{len(acknowledged):,} records acknowledged, 0 lost; refused by 503, resumed",
        kept=True,
    )
