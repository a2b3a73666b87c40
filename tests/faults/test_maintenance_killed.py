"""`kill -9` of the collector while it seals, compacts, removes what is old, copies itself, or imports."""

from __future__ import annotations

import contextlib
import http.client
import random
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.proofs.daemon import CollectorProcess
from tests.faults.extent import often
from tests.support.delivering import deliver, numbers_of
from tests.support.segments import numbered_segment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.conftest import Saw

SLICE, SLICES = 2_000, 20
RECENT = 1_000  # records that are not sealed
JUNIT = "<testsuite name='s'>{}</testsuite>".format(
    "".join(f"<testcase classname='tests.c' name='t{number}' time='0.1'/>" for number in range(400))
)


def ask(collector: CollectorProcess, method: str, path: str, body: str | None, kind: str) -> None:
    """Ask for something that may never be answered."""
    with (
        contextlib.suppress(OSError, http.client.HTTPException),
        closing(http.client.HTTPConnection("127.0.0.1", collector.port, timeout=60)) as connection,
    ):
        connection.request(method, path, body, {"Content-Type": kind} if body else {})
        connection.getresponse().read()


WORK: dict[str, tuple[str, str, str | None, str]] = {
    "seal": ("GET", "/healthz", None, ""),
    "compact": ("POST", "/api/v1/compact", None, ""),
    "retention": (
        "PATCH",
        "/api/v1/projects/old/retention",
        '{"keep_days": 1}',
        "application/merge-patch+json",
    ),
    "backup": ("POST", "/api/v1/backup", None, ""),
    "import": ("POST", "/api/v1/tests/import?project=shop&service=suite", JUNIT, "application/xml"),
}


@pytest.mark.parametrize("work", WORK)
@often(2, 50)
def test_killed(tmp_path: Path, seed: int, times: int, work: str, saw: Saw) -> None:
    """All that was acknowledged is there once after each kill, the file is sound, and it starts again."""
    rng = random.Random(seed)
    numbers: list[int] = []
    collector = CollectorProcess(tmp_path / "data", tmp_path / "collector.log")
    collector.environment["PYLOGTAP_COLLECTOR_RECENT_RECORDS"] = str(RECENT)
    try:
        collector.start()
        old = numbered_segment(100, prefix="old/app/one", first=10**7)
        assert deliver(collector, old) == 200
        for _ in range(times):
            for _ in range(SLICES if not numbers else 3):
                first = len(numbers)
                assert deliver(collector, numbered_segment(SLICE, first=first)) == 200
                numbers += range(first, first + SLICE)
            asking = threading.Thread(target=ask, args=(collector, *WORK[work]))
            asking.start()
            time.sleep(rng.uniform(0.0, 0.4))
            collector.kill()
            asking.join()
            with closing(sqlite3.connect(collector.data / "pylogtap.db")) as database:
                assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            collector.start()
        assert numbers_of(collector, "project:shop -has:test.id") == numbers
        assert len(numbers_of(collector, "project:old")) == 100
        assert not list(collector.data.glob("copy-being-made-*"))
    finally:
        collector.kill()
    saw(
        "maintenance-killed",
        f"{work}: {times} kills, {len(numbers):,} records: 0 lost, 0 duplicated",
        kept=True,
    )
