"""
The floor under bench_ingest.py: the same slices as blobs into SQLite, and nothing else.

No HTTP, no check, no dedupe, no index: what a transaction of that size costs on this disk, with the same
layout and durability (WAL, synchronous=FULL) and one transaction for as many slices as there are clients::

    python -m benchmarks.ingest_floor DATABASE CLIENTS SLICE_BYTES zstd|plain SECONDS
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import sys
import time

from benchmarks.slices import build_stream

_LAYOUT = ("page_size = 8192", "journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 4000")


def main() -> None:
    """Store for some seconds, and print how much."""
    path, clients, slice_bytes, encoding, seconds = sys.argv[1:]
    streams = [
        build_stream(seed, f"bench/shop/web-{seed}", int(slice_bytes), compress=encoding == "zstd")
        for seed in range(int(clients))
    ]
    groups = list(zip(*(stream.slices for stream in streams), strict=False))
    database = sqlite3.connect(path, isolation_level=None)
    for pragma in _LAYOUT:
        database.execute(f"PRAGMA {pragma}")
    database.execute("CREATE TABLE slice (id INTEGER PRIMARY KEY, records INTEGER, body BLOB)")
    records, began, cpu = 0, time.monotonic(), time.process_time()
    for group in itertools.cycle(groups):
        database.execute("BEGIN IMMEDIATE")
        rows = [(part.records, part.body) for part in group]
        database.executemany("INSERT INTO slice (records, body) VALUES (?, ?)", rows)
        database.execute("COMMIT")
        records += sum(part.records for part in group)
        if time.monotonic() - began >= float(seconds):
            break
    took = time.monotonic() - began
    result = {
        "records_per_s": records / took,
        "cpu_s_per_million": (time.process_time() - cpu) * 1e6 / records,
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
