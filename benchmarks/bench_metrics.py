"""
What it costs to keep the metrics of many containers, beside plain rows in SQLite and DuckDB.

Each round gives the same ticks to each store: points of containers, one tick every two seconds, one
transaction each. Then it is asked for the last hour of one container and of all, by the minute, as a
dashboard asks. Our store packs what is not new after every 150 ticks, as the collector does::

    python -m benchmarks.bench_metrics
    python -m benchmarks.bench_metrics --containers 50 --ticks 1800 --rounds 3 --json metrics.json

`plain rows` is SQLite with the same settings and one table by series and time, as most would write it. DuckDB
gets each tick as one statement from an Arrow table; where it or pyarrow is not installed, it is left out. CPU
is that of the whole process, all threads.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.measure import Column, median_of, median_ratio, print_table, write_json
from benchmarks.metrics_stores import START_NS, TICK_NS, Duck, Ours, PlainRows, Store, ticks
from pylogtap_collector.storage.chunks import HOUR_US, MINUTE_US

_ROLL = 150  # ticks: five minutes
_PERIOD_S = 2.0


def _cpu() -> float:
    return time.process_time()


def _written() -> int:
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("write_bytes"):
            return int(line.split()[1])
    raise ValueError("/proc/self/io does not say how much was written")


def one_round(number: int, containers: int, count: int, folder: Path) -> list[dict[str, Any]]:
    """Give all stores the same ticks, in turns, and ask them the same."""
    stores: list[Store] = [Ours(folder), PlainRows(folder)]
    if find_spec("duckdb") and find_spec("pyarrow"):
        stores.append(Duck(folder))
    cpu, roll, written, rolls = ({store.name: 0.0 for store in stores} for _ in range(4))
    total = 0
    for tick, points in enumerate(ticks(containers, count, number), 1):
        total += len(points)
        first = number % len(stores)
        for store in stores[first:] + stores[:first]:
            begin, before = _cpu(), _written()
            store.tick(points)
            cpu[store.name] += _cpu() - begin
            if tick % _ROLL == 0:
                begin = _cpu()
                store.roll(points[0].time_ns)
                roll[store.name] += _cpu() - begin
                rolls[store.name] += 1
            written[store.name] += _written() - before
    for store in stores:
        store.roll(START_NS + count * TICK_NS + 3_600 * 10**9)  # until all is packed
    until = (START_NS + count * TICK_NS) // 1000 // MINUTE_US * MINUTE_US
    rows = []
    for store in stores:
        asked: dict[str, float] = {}
        points_found = 0
        for title, size in (("one", 1), ("all", containers)):
            begin = time.perf_counter()
            points_found = store.ask(size, until - HOUR_US, until)
            asked[f"{title}_ms"] = (time.perf_counter() - begin) * 1000
        spent = cpu[store.name] + roll[store.name]
        rows.append(
            {
                "store": store.name,
                "round": number,
                "found": points_found,
                "tick_ms": cpu[store.name] / count * 1000,
                "roll_ms": roll[store.name] / max(1, rolls[store.name]) * 1000,
                "core_percent": spent / (count * _PERIOD_S) * 100,
                "written_kib": written[store.name] / count / 1024,
                "sample_bytes": store.bytes() / total,
                **asked,
            }
        )
        store.close()
    return rows


COLUMNS = (
    Column("store", "store"),
    Column("tick_ms", "CPU ms a tick", ".2f"),
    Column("roll_ms", "CPU ms a roll", ".0f"),
    Column("core_percent", "% of a core", ".3f"),
    Column("written_kib", "KiB written a tick", ".0f"),
    Column("sample_bytes", "bytes a sample", ".2f"),
    Column("one_ms", "one container, ms", ".1f"),
    Column("all_ms", "all, ms", ".1f"),
)
_KEYS = [column.key for column in COLUMNS[1:]]


def main() -> None:
    """Measure, and print medians and ratios to our store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--containers", type=int, default=50)
    parser.add_argument("--ticks", type=int, default=1_800, help="of two seconds each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where databases are made; default: the temporary folder")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="only show that it runs")
    asked = parser.parse_args()
    if asked.quick:
        asked.containers, asked.ticks, asked.rounds = 2, 160, 1
    rows: list[dict[str, Any]] = []
    for number in range(asked.rounds):
        with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
            rows += one_round(number, asked.containers, asked.ticks, Path(folder))
    names = list(dict.fromkeys(row["store"] for row in rows))
    of = {name: [row for row in rows if row["store"] == name] for name in names}
    medians = [{"store": name, **{key: median_of(of[name], key) for key in _KEYS}} for name in names]
    print_table(COLUMNS, medians)
    print("\ntimes ours, median of the rounds:")
    ratios = [
        {"store": name, **{key: median_ratio(of[name], of[Ours.name], key) for key in _KEYS}}
        for name in names
    ]
    print_table([Column(column.key, column.title, column.form and ".2f") for column in COLUMNS], ratios)
    write_json(asked.json, {"rounds": rows, "ratios": ratios})


if __name__ == "__main__":
    main()
