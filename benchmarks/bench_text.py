"""
How many lines a second `pylogtap.text` parses, by the form of the lines, in one process.

Run it by::

    python -m benchmarks.bench_text
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import Column, machine_facts, median_of, print_table, write_json
from pylogtap.prefix import Prefix
from pylogtap.text import LineParser

if TYPE_CHECKING:
    from collections.abc import Sequence

PREFIX = Prefix("bench", "text", "one")
CHUNK = 1 << 16  # bytes, as a pipe gives them
FORMS = {
    "plain": ["order 1042 paid by ann", "cannot reach the mail server, trying again", "started"],
    "docker compose": ["web-1  | order 1042 paid by ann", "db-1   | checkpoint complete"],
    "Python, basicConfig": ["INFO:shop.pay:order 1042 paid by ann"],
    "Python, with time": ["2024-05-04 03:02:01,123 - shop.pay - INFO - order 1042 paid by ann"],
    "syslog": ["May  4 03:02:01 north sshd[1234]: Accepted password for ann from 10.0.0.1"],
    "combined log format": [
        '10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /cart HTTP/1.1" 200 512 "http://shop/" "curl/8.1"'
    ],
    "JSON": [
        '{"time":"2024-05-04T03:02:01.123Z","level":"info","msg":"paid","order":1042,"logger":"shop.pay"}'
    ],
    "logfmt": ['time=2024-05-04T03:02:01.123Z level=info msg="order paid" order=1042'],
    "tracebacks": [
        "Traceback (most recent call last):",
        '  File "pay.py", line 1, in f',
        "    g()",
        "ValueError: no",
    ],
}
COLUMNS = (
    Column("form", "form"),
    Column("lines_per_s", "lines/s", ",.0f"),
    Column("us", "µs/line", ".1f"),
    Column("records", "records", ",d"),
)


def measure(form: str, count: int) -> dict[str, Any]:
    """Parse lines of one form once."""
    lines = FORMS[form]
    data = "".join(f"{lines[index % len(lines)]}\n" for index in range(count)).encode()
    parser = LineParser(PREFIX)
    records = 0
    started = time.perf_counter()
    for start in range(0, len(data), CHUNK):
        records += len(parser.feed(data[start : start + CHUNK]))
    records += len(parser.flush())
    seconds = time.perf_counter() - started
    return {"form": form, "lines_per_s": count / seconds, "us": seconds / count * 1e6, "records": records}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, and write JSON if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="few lines, one round: does it run at all?")
    parser.add_argument("--json", type=Path, help="write the result here")
    options = parser.parse_args(arguments)
    rounds, count = (1, 400) if options.quick else (options.rounds, options.lines)
    rows = [{"round": number, **measure(form, count)} for number in range(rounds) for form in FORMS]
    summary = []
    for form in FORMS:
        own = [row for row in rows if row["form"] == form]
        medians = {key: median_of(own, key) for key in ("lines_per_s", "us")}
        summary.append({"form": form, "records": own[0]["records"], **medians})
    print(f"{machine_facts()}; {rounds} rounds of {count} lines")
    print_table(COLUMNS, summary)
    write_json(options.json, {"rounds": rows, "summary": summary})


if __name__ == "__main__":
    main()
