"""
What a backup does to those who deliver meanwhile, beside `VACUUM INTO`; and what compaction saves.

Threads send slices of records, each as soon as the one before it is acknowledged, to a collector whose
database is as large as asked. In each round, on a fresh copy of it, they run alone, while a backup is made,
and while SQLite writes a copy as fast as it can. Then blocks are packed in different ways::

    python -m benchmarks.bench_backup --megabytes 800 --rounds 3
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Column, machine_facts, median_of, percentile, print_table, write_json
from pylogtap_collector.parts.joining import join
from pylogtap_collector.parts.sealing import LEVEL, seal
from pylogtap_collector.proofs.daemon import running_daemon
from pylogtap_collector.settings import DATABASE
from pylogtap_collector.storage import compacting
from pylogtap_collector.storage.connections import open_reader
from pylogtap_collector.storage.shelf import blocks
from pylogtap_collector.storage.tiers import Tiers
from tests.support.deliveries import Feed
from tests.support.segments import SegmentBuilder
from tests.support.stores import deliver, running_store

CASES = ("nothing", "backup", "vacuum into")
SENDERS = 4
COLUMNS = (
    Column("case", "meanwhile"),
    Column("took_s", "took s", ".1f"),
    Column("answers", "acks", ",.0f"),
    Column("p50_ms", "ack p50 ms", ".1f"),
    Column("p99_ms", "ack p99 ms", ".1f"),
)
PACKING = (
    Column("records", "records of a block", ",d"),
    Column("level", "zstd level", "d"),
    Column("bytes_per_record", "B/record", ".2f"),
    Column("seconds_per_million", "s/M records", ".1f"),
)


async def fill(data: Path, count: int, megabytes: int) -> None:
    """Make a database of some records in blocks, and of as much padding as it takes."""
    luck = random.Random(1)
    async with running_store(data, recent_records=0, adopt=False) as store:
        for _ in range(0, count, 2_000):
            segment = SegmentBuilder(f"shop/s{luck.randrange(4)}/i{luck.randrange(3)}")
            paid, took = segment.site("user %s paid %d cents"), segment.site("%s %s took %d ms")
            for _ in range(1_000):
                segment.record(
                    paid,
                    [f"u{luck.randrange(5000)}", luck.randrange(10**5)],
                    {"id": f"{luck.getrandbits(64):x}"},
                )
                segment.record(took, ["GET", f"/items/{luck.randrange(2000)}", luck.randrange(400)])
            await deliver(store, segment)
        while await store.keeper.seal(spare=0):
            pass
    with closing(sqlite3.connect(data / DATABASE)) as connection:
        connection.execute("CREATE TABLE padding (data BLOB)")
        connection.executemany("INSERT INTO padding VALUES (randomblob(1000000))", [()] * megabytes)
        connection.commit()


def measure(case: str, source: Path, seconds: float) -> dict[str, Any]:
    """Deliver while something happens, and return how long acknowledgements took."""
    with tempfile.TemporaryDirectory(prefix="bench-backup-", dir=source.parent) as folder:
        data = Path(folder) / "data"
        data.mkdir()
        shutil.copy(source / DATABASE, data / DATABASE)
        os.sync()
        with running_daemon(Path(folder)) as collector:
            feeds = [Feed(collector.url, batch=200) for _ in range(SENDERS)]
            for feed in feeds:
                feed.start()
            time.sleep(seconds / 4)  # until caches are warm
            marks = [len(feed.waits_s) for feed in feeds]
            began = time.monotonic()
            _happen(case, collector.url, data, seconds)
            took = time.monotonic() - began
            waits = sorted(
                wait for feed, mark in zip(feeds, marks, strict=True) for wait in feed.waits_s[mark:]
            )
            for feed in feeds:
                feed.stop()
    return {
        "case": case,
        "took_s": took,
        "answers": len(waits),
        "p50_ms": percentile(waits, 0.5) * 1e3,
        "p99_ms": percentile(waits, 0.99) * 1e3,
    }


def _happen(case: str, url: str, data: Path, seconds: float) -> None:
    if case == "backup":
        request = urllib.request.Request(f"{url}/api/v1/backup", method="POST")
        with urllib.request.urlopen(request, timeout=3600) as answer, (data / "copy").open("wb") as copy:
            shutil.copyfileobj(answer, copy)
    elif case == "vacuum into":
        with closing(open_reader(data / DATABASE)) as connection:
            connection.execute("PRAGMA query_only = OFF")
            connection.execute("VACUUM INTO ?", (str(data / "copy"),))
    else:
        time.sleep(seconds)


def measure_packing(data: Path, sizes: list[int]) -> list[dict[str, Any]]:
    """Return what blocks of some sizes and levels take."""
    tiers, rows = Tiers(0), list[dict[str, Any]]()
    with closing(open_reader(data / DATABASE)) as connection:
        connection.execute("BEGIN")
        tiers.load(connection)
        found = list(blocks(connection, by="first_id"))
        total = sum(block.records for block in found)
        for size in sizes:
            for level in (LEVEL, compacting.LEVEL, 19):
                began, written = time.perf_counter(), 0
                for start in range(0, len(found), size):
                    parts = [tiers.shelf.open(connection, block) for block in found[start : start + size]]
                    joined = join([(part, np.arange(part.head.rows)) for part in parts])
                    written += sum(map(len, seal(joined, tiers.dictionary, level=level)))
                seconds = (time.perf_counter() - began) * 1e6 / total
                rows.append(
                    {
                        "records": found[0].records * size, "level": level,
                        "bytes_per_record": written / total, "seconds_per_million": seconds,
                    }
                )  # fmt: skip
    return rows


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--megabytes", type=int, default=400, help="of the database")
    parser.add_argument("--records", type=int, default=300_000, help="that are packed")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0, help="without anything happening")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="only show that it runs")
    options = parser.parse_args()
    if options.quick:
        options.megabytes, options.records, options.rounds, options.seconds = 4, 20_000, 1, 1.0
    with tempfile.TemporaryDirectory(prefix="bench-backup-") as folder:
        data = Path(folder) / "data"
        asyncio.run(fill(data, options.records, options.megabytes))
        rounds = [measure(case, data, options.seconds) for _ in range(options.rounds) for case in CASES]
        packing = measure_packing(data, [1] if options.quick else [1, 2, 4, 8])
    summary = [
        {
            "case": case,
            **{
                column.key: median_of([row for row in rounds if row["case"] == case], column.key)
                for column in COLUMNS[1:]
            },
        }
        for case in CASES
    ]
    print_table(COLUMNS, summary)
    print_table(PACKING, packing)
    facts = machine_facts()
    write_json(options.json, {"machine": facts, "rounds": rounds, "summary": summary, "packing": packing})
    return 0


if __name__ == "__main__":
    sys.exit(main())
