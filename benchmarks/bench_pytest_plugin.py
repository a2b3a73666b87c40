"""
What it costs a run of pytest to be told of, beside other plugins that write down what became of each test.

Each round runs the same suites with every candidate, one after the other, each in a process of its own; the
costs are those of whole processes. A real collector takes what our plugin tells, and shares the machine.
With `PYTEST_DISABLE_PLUGIN_AUTOLOAD`, each process loads the plugin that it measures, and no other::

    python -m benchmarks.bench_pytest_plugin
    python -m benchmarks.bench_pytest_plugin --python peers/bin/python --json result.json
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.measure import ROOT, Column, machine_facts, median_of, median_ratio, print_table, write_json
from pylogtap_collector.proofs.daemon import CollectorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BASE = "without"


class Candidate(NamedTuple):
    """
    A plugin.

    Attributes:
        module: What has to be there; empty: a part of pytest.
        words: Options that switch it on; `{folder}` is where it may write, `{url}` is the collector.
    """

    name: str
    module: str
    words: tuple[str, ...]


CANDIDATES = (
    Candidate(BASE, "", ()),
    Candidate(
        "pylogtap", "pylogtap",
        ("-p", "pylogtap.pytest_plugin", "--pylogtap", "--pylogtap-url", "{url}",
         "--pylogtap-prefix", "bench/suite"),
    ),
    Candidate("pylogtap, off", "pylogtap", ("-p", "pylogtap.pytest_plugin")),
    Candidate("junitxml", "", ("--junitxml", "{folder}/junit.xml")),
    Candidate(
        "pytest-reportlog", "pytest_reportlog",
        ("-p", "pytest_reportlog.plugin", "--report-log", "{folder}/report.jsonl"),
    ),
    Candidate(
        "pytest-json-report", "pytest_jsonreport",
        ("-p", "pytest_metadata.plugin", "-p", "pytest_jsonreport.plugin", "--json-report",
         "--json-report-file", "{folder}/report.json"),
    ),
)  # fmt: skip
COLUMNS = (
    Column("suite", "suite"),
    Column("candidate", "candidate"),
    Column("wall_ms", "wall ms", ".0f"),
    Column("ratio", "x without", ".3f"),
    Column("cpu_ms", "CPU ms", ".0f"),
    Column("cpu_ratio", "x without", ".3f"),
    Column("rss_mib", "peak MiB", ".1f"),
    Column("each_us", "us a test", ".1f"),
)


def write_suites(folder: Path, trivial: int, short: int) -> dict[str, int]:
    """Write a suite of tests that do nothing and one of tests of 3 ms; return how many tests each has."""
    suites = {"trivial": (trivial, "    pass\n"), "3 ms": (short, "    time.sleep(0.003)\n")}
    for name, (count, body) in suites.items():
        suite = folder / name.replace(" ", "_")
        suite.mkdir()
        (suite / "pytest.ini").write_text("[pytest]\n")
        for part in range(4):
            tests = "".join(f"def test_{number}():\n{body}\n" for number in range(count // 4))
            (suite / f"test_{part}.py").write_text(f"import time\n\n\n{tests}")
    return {name: count // 4 * 4 for name, (count, _) in suites.items()}


def run_once(
    python: str, suite: Path, words: Sequence[str], environment: dict[str, str]
) -> dict[str, float] | None:
    """Return the cost of one run, or None where it failed, which means that the plugin is missing."""
    started = time.perf_counter()
    process = os.posix_spawn(
        python,
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(suite), *words, str(suite)],
        environment,
        file_actions=[(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)],
    )
    _, status, usage = os.wait4(process, 0)
    wall = time.perf_counter() - started
    if status:
        return None
    cpu_ms = (usage.ru_utime + usage.ru_stime) * 1e3
    return {"wall_ms": wall * 1e3, "cpu_ms": cpu_ms, "rss_mib": usage.ru_maxrss / 1024}


@contextmanager
def collector_in(folder: Path) -> Iterator[CollectorProcess]:
    """Serve a collector while this lasts."""
    collector = CollectorProcess(folder / "data", folder / "collector.log")
    collector.start()
    try:
        yield collector
    finally:
        collector.kill()


def measure(options: argparse.Namespace, folder: Path) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Run all suites with all candidates, round by round; the first round, which compiles, does not count."""
    suites = write_suites(folder, options.tests, options.tests // 8)
    rows: list[dict[str, Any]] = []
    with collector_in(folder) as collector:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYLOGTAP_SPOOL_DIR": str(folder / "spool"),
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody compiles a plugin in each run
        there = list(CANDIDATES)
        for number in range(-1, options.rounds):
            for suite in suites:
                for candidate in tuple(there):
                    words = [word.format(folder=folder, url=collector.url) for word in candidate.words]
                    row = run_once(options.python, folder / suite.replace(" ", "_"), words, environment)
                    if row is None:
                        print(f"not installed: {candidate.name}")
                        there.remove(candidate)
                    elif number >= 0:
                        rows.append({"round": number, "suite": suite, "candidate": candidate.name, **row})
    return rows, suites


def condense(rows: list[dict[str, Any]], suites: dict[str, int]) -> list[dict[str, Any]]:
    """Return medians, and the ratios to the base of the same suite."""
    condensed = []
    for suite, tests in suites.items():
        base = [row for row in rows if row["suite"] == suite and row["candidate"] == BASE]
        for name in dict.fromkeys(row["candidate"] for row in rows):
            own = [row for row in rows if row["suite"] == suite and row["candidate"] == name]
            line: dict[str, Any] = {key: median_of(own, key) for key in ("wall_ms", "cpu_ms", "rss_mib")}
            line |= {
                "suite": suite,
                "candidate": name,
                "ratio": median_ratio(own, base, "wall_ms"),
                "cpu_ratio": median_ratio(own, base, "cpu_ms"),
                "each_us": (line["cpu_ms"] - (median_of(base, "cpu_ms") or 0)) * 1e3 / tests,
            }
            condensed.append(line)
    return condensed


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, and write JSON if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--tests", type=int, default=4_000, help="trivial tests; an eighth as many of 3 ms")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="one small round: does it run at all?")
    parser.add_argument("--json", type=Path, help="write the result here")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.tests = 1, 64
    with tempfile.TemporaryDirectory(prefix="bench-pytest-") as folder:
        rows, suites = measure(options, Path(folder))
    condensed = condense(rows, suites)
    print(f"{machine_facts()}; {options.rounds} rounds; tests: {suites}")
    print_table(COLUMNS, condensed)
    write_json(options.json, {"base": BASE, "rounds": rows, "summary": condensed})


if __name__ == "__main__":
    main()
