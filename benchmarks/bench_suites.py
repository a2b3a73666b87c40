"""
The pytest plugin with suites that others wrote: is all of it in the collector, and what does it cost?

Each suite is run once with the plugin and pytest's own JUnit XML: cases, outcomes and durations in the
collector are compared with that report, one by one. Then it is run in turns without the plugin, with it, and
with pytest's own JUnit XML in its stead; wall time and memory are compared. Downloads source distributions;
needs some minutes::

    python -m benchmarks.bench_suites --rounds 5
    python -m benchmarks.bench_suites --suites attrs,packaging --rounds 3
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _pytest.junitxml import bin_xml_escape

from benchmarks.measure import Column, machine_facts, print_table, write_json
from benchmarks.suites import SUITES, Suite, SuiteFolder
from pylogtap_collector.proofs.daemon import CollectorProcess

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EQUAL = (
    Column("suite", "suite"),
    Column("cases", "cases", ","),
    Column("stored", "stored", ","),
    Column("missing", "missing", ","),
    Column("extra", "twice or more", ","),
    Column("outcomes", "other outcome", ","),
    Column("durations", "other duration", ","),
)
COSTS = (
    Column("suite", "suite"),
    Column("rounds", "rounds"),
    Column("without_s", "without s", ".2f"),
    Column("with_s", "with s", ".2f"),
    Column("wall", "wall x", ".3f"),
    Column("junit", "JUnit XML x", ".3f"),
    Column("cpu", "CPU x", ".3f"),
    Column("memory", "memory x", ".3f"),
    Column("more_mib", "MiB more", ".1f"),
)
_OUTCOMES = {"failure": "failed", "error": "error", "skipped": "skipped"}
_TOLERANCE_S = 0.0011  # JUnit XML has milliseconds


def run_suite(
    folder: SuiteFolder, suite: Suite, url: str | None, report: Path | None = None
) -> dict[str, float]:
    """
    Run a suite, and return what it took: wall and CPU seconds, MiB at most.

    Args:
        folder: Has it.
        suite: Which.
        url: The collector that is told; None: the plugin is off.
        report: Where pytest's own report goes.
    """
    command = [str(folder.python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
    command += suite.options
    if report is not None:
        command.append(f"--junitxml={report}")
    environment = dict(os.environ)
    environment.pop("PYTEST_ADDOPTS", None)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody compiles a plugin in each run
    if url is not None:
        command += ["--pylogtap", "--pylogtap-url", url, "--pylogtap-prefix", f"suites/{suite.name}/pytest"]
        environment["PYLOGTAP_SPOOL_DIR"] = str(folder.folder / "spool")
    began = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=folder.source(suite),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in {0, 1}:
        raise RuntimeError(f"{suite.name} ended with {process.returncode}:\n{output[-3000:]}")
    return {
        "wall": time.perf_counter() - began,
        "cpu": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss * resource.getpagesize() / 4096 / 1024,
    }


def address(node: str) -> tuple[str, str]:
    """Return `classname` and `name` under which pytest's JUnit XML (`xunit2`) has a node."""
    head, bracket, parameters = node.partition("[")
    file, *rest = head.split("::")
    dotted = file.replace("/", ".").removesuffix(".py")
    names = [dotted, *rest]
    names[-1] += bracket + parameters
    return bin_xml_escape(".".join(names[:-1])), bin_xml_escape(names[-1])


def reported(path: Path) -> Iterable[tuple[tuple[str, str], str, float]]:
    """Yield address, outcome and seconds of each case of a JUnit XML report."""
    for case in ET.parse(path).getroot().iter("testcase"):
        outcome = next((_OUTCOMES[each.tag] for each in case if each.tag in _OUTCOMES), "passed")
        key = case.get("classname", ""), case.get("name", "")
        yield key, outcome, float(case.get("time", "0"))


def stored(collector: CollectorProcess, project: str, service: str) -> list[dict[str, Any]]:
    """Return all cases of the newest run of a service."""
    run = collector.get("/api/v1/tests/runs", project=project, service=service, limit=1)["items"][0]
    cases: list[dict[str, Any]] = []
    more: dict[str, Any] = {}
    while True:
        page = collector.get("/api/v1/tests/cases", run=run["id"], limit=1000, **more)
        cases += page["items"]
        if not page["next"]:
            return cases
        more = {"cursor": page["next"]}


def wait_for_end(collector: CollectorProcess, service: str) -> None:
    """Wait until the collector knows that the newest run of a service has ended."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        runs = collector.get("/api/v1/tests/runs", project="suites", service=service, limit=1)["items"]
        if runs and runs[0]["state"] != "running":
            return
        time.sleep(0.1)
    raise RuntimeError(f"the run of {service} has not ended")


def seen_as(state: str) -> str:
    """Return the outcome that JUnit XML has for a state: what was expected to fail is skipped there."""
    return {"xfailed": "skipped", "xpassed": "passed"}.get(state, state)


def compare(folder: SuiteFolder, suite: Suite, collector: CollectorProcess) -> dict[str, Any]:
    """Run a suite with both reports, and return a row of how they differ."""
    path = folder.folder / f"{suite.name}.xml"
    run_suite(folder, suite, collector.url, path)
    wait_for_end(collector, suite.name)
    expected: dict[tuple[str, str], list[tuple[str, float]]] = {}
    for key, outcome, seconds in reported(path):
        expected.setdefault(key, []).append((outcome, seconds))
    cases = stored(collector, "suites", suite.name)
    counts = Counter(address(case["node"]) for case in cases)
    outcomes = durations = 0
    for case in cases:
        wanted = expected.get(address(case["node"]))
        if wanted is None:
            continue
        outcome = seen_as(case["state"])
        outcomes += all(outcome != each for each, _ in wanted)
        took = case["duration_s"] or 0.0
        durations += all(abs(took - seconds) > _TOLERANCE_S for _, seconds in wanted)
    return {
        "suite": suite.title,
        "cases": sum(map(len, expected.values())),
        "stored": len(cases),
        "missing": sum(1 for key in expected if key not in counts),
        "extra": sum(count - len(expected.get(key, ())) > 0 for key, count in counts.items()),
        "outcomes": outcomes,
        "durations": durations,
    }


def cost(folder: SuiteFolder, suite: Suite, collector: CollectorProcess, rounds: int) -> dict[str, Any]:
    """Run a suite in turns without and with the plugin or a report, and return a row of what it costs."""
    run_suite(folder, suite, None)  # once for the file system's sake
    path = folder.folder / f"{suite.name}-cost.xml"
    ways: dict[str, tuple[str | None, Path | None]] = {
        "without": (None, None),
        "with": (collector.url, None),
        "junit": (None, path),
    }
    pairs: list[tuple[dict[str, float], dict[str, float]]] = []
    reports: list[float] = []
    for number in range(rounds):
        order = list(ways) if number % 2 else list(reversed(ways))
        taken = {way: run_suite(folder, suite, *ways[way]) for way in order}
        pairs.append((taken["without"], taken["with"]))
        reports.append(taken["junit"]["wall"] / taken["without"]["wall"])
    ratio = {
        name: statistics.median(after[name] / before[name] for before, after in pairs)
        for name in ("wall", "cpu", "memory")
    }
    return {
        "suite": suite.title,
        "rounds": rounds,
        "without_s": statistics.median(before["wall"] for before, _ in pairs),
        "with_s": statistics.median(after["wall"] for _, after in pairs),
        "more_mib": statistics.median(after["memory"] - before["memory"] for before, after in pairs),
        "junit": statistics.median(reports),
        **ratio,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare and measure, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--suites", default="", help="names of packages, separated by commas; all by default")
    parser.add_argument("--rounds", type=int, default=5, help="in turns; 0: compare the reports alone")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "pylogtap-suites")
    parser.add_argument("--quick", action="store_true", help="one small suite, one round")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args(arguments)
    names = set(given.suites.split(",")) - {""}
    suites = tuple(suite for suite in SUITES if not names or suite.name in names)
    if given.quick:
        suites, given.rounds = SUITES[6:7], 1
    folder = SuiteFolder(given.folder)
    folder.prepare(suites)
    with tempfile.TemporaryDirectory() as data:
        collector = CollectorProcess(Path(data) / "data", Path(data) / "log")
        collector.start()
        try:
            equal = [compare(folder, suite, collector) for suite in suites]
            print_table(EQUAL, equal)
            costs = []
            if given.rounds:
                costs = [cost(folder, suite, collector, given.rounds) for suite in suites]
                print()
                print_table(COSTS, costs)
        finally:
            collector.stop()
    print(f"\n{machine_facts()}", file=sys.stderr)
    write_json(given.json, {"equal": equal, "costs": costs})


if __name__ == "__main__":
    main()
