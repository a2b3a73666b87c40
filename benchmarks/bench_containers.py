"""
What measuring containers costs: the process that does it, and the engine that is asked.

An engine of its own has containers that do nothing. Each round measures them by each source in turn, every
two seconds, with a whole collector, which reads their logs and stores everything, and once not at all; what
the engine and its shims use then is what they use anyway, and is taken off. Needs root and Docker, see
`python -m tools.engine`::

    python -m benchmarks.bench_containers --containers 50 --seconds 10 --rounds 8
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker

from benchmarks.measure import ROOT, Column, machine_facts, median_of, median_ratio, print_table, write_json
from tools.engine_images import BASE, make_images
from tools.engine_process import EngineProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NOTHING = "nothing"
BASE_CASE = "stream"  # what `docker stats` itself does; files cost too little to be a base
SOURCES = ("files", "stream", "poll")
COLLECTOR = "collector"  # the whole of it: logs are followed as well, and all is stored
_SETTLING_S = 8.0  # until it has found all containers, and read what they have written
COLUMNS = (
    Column("case", "measured by"),
    Column("sampler_percent", "process %", ".2f"),
    Column("engine_percent", "engine %", ".2f"),
    Column("shims_percent", "shims %", ".2f"),
    Column("extra_percent", "all more %", ".2f"),
    Column("ratio", "x stream", ".2f"),
    Column("samples_per_s", "samples/s", ".1f"),
    Column("points_per_s", "points/s", ".0f"),
)


def cpu_ns(pids: Sequence[int]) -> int:
    """Return the CPU time of processes, without the steps of 10 ms that proc(5) has elsewhere."""
    total = 0
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                total += int(thread.read_text().split()[0])
            except OSError:  # a thread that has ended
                continue
    return total


def processes_of(folder: Path) -> tuple[list[int], list[int]]:
    """Return the process numbers of an engine (dockerd and containerd), and those of its shims."""
    engine, shims = [], []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:
            continue
        if str(folder).encode() in command:
            program = Path(command.split(b"\0", 1)[0].decode()).name
            if program.startswith("containerd-shim"):
                shims.append(int(path.parent.name))
            elif program in {"dockerd", "containerd"}:
                engine.append(int(path.parent.name))
    return engine, shims


@contextmanager
def busy_engine(containers: int) -> Iterator[EngineProcess]:
    """Run an engine of its own with so many containers."""
    engine = EngineProcess(Path(tempfile.mkdtemp(prefix="pylogtap-engine-")))
    try:
        engine.start()
        make_images(engine.address)
        client = docker.APIClient(engine.address, timeout=120)
        for number in range(containers):
            made = client.create_container(BASE, ["sleep", "100000"], name=f"bench-{number}")
            client.start(made["Id"])
        client.close()
        yield engine
    finally:
        engine.remove()


def measure(engine: EngineProcess, case: str, seconds: float, period_s: float) -> dict[str, Any]:
    """Measure one source, the whole collector, or nothing, for some seconds."""
    if case == COLLECTOR:
        return measure_collector(engine, seconds, period_s)
    command = [sys.executable, "-m", "benchmarks.container_probe", engine.address, case, str(period_s)]
    if case == NOTHING:
        command = [sys.executable, "-c", "print('ready'); input(); input()"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as probe:
        assert probe.stdin is not None
        assert probe.stdout is not None
        assert probe.stdout.readline() == "ready\n", "the sampler failed"
        groups = processes_of(engine.folder)
        before, began = [cpu_ns(group) for group in groups], time.monotonic()
        print(seconds, file=probe.stdin, flush=True)
        found = {} if case == NOTHING else json.loads(probe.stdout.readline())
        time.sleep(max(0.0, seconds - (time.monotonic() - began)))
        passed = (time.monotonic() - began) * 1e9
        after = [cpu_ns(group) for group in groups]
        probe.stdin.write("\n" if case == NOTHING else "")
        probe.stdin.close()
    used = [100 * (late - early) / passed for late, early in zip(after, before, strict=True)]
    return {"case": case, "engine_percent": used[0], "shims_percent": used[1], **found}


def measure_collector(engine: EngineProcess, seconds: float, period_s: float) -> dict[str, Any]:
    """Measure a collector that follows all containers, once it has settled."""
    settings = {
        "PYLOGTAP_COLLECTOR_DOCKER": engine.address,
        "PYLOGTAP_COLLECTOR_DOCKER_PERIOD_S": str(period_s),
        "PYLOGTAP_COLLECTOR_HOST_METRICS": "false",
        "PYLOGTAP_COLLECTOR_ADOPT": "false",
    }
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pylogtap.cli", "serve", "--port", "0", "--data", folder]
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **settings},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as collector:
            time.sleep(_SETTLING_S)
            assert collector.poll() is None, "the collector did not start"
            groups = ([collector.pid], *processes_of(engine.folder))
            before, began = [cpu_ns(group) for group in groups], time.monotonic()
            time.sleep(seconds)
            passed = (time.monotonic() - began) * 1e9
            used = [
                100 * (cpu_ns(group) - early) / passed for group, early in zip(groups, before, strict=True)
            ]
            collector.terminate()
    return {
        "case": COLLECTOR,
        "sampler_percent": used[0],
        "engine_percent": used[1],
        "shims_percent": used[2],
    }


def in_turn(cases: Sequence[str], number: int) -> Sequence[str]:
    """Begin each round with another case: shims collect garbage every two minutes, whatever is measured."""
    first = number % len(cases)
    return [*cases[first:], *cases[:first]]


def with_extras(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to each row what it cost beyond what the engine used in the same round without being asked."""
    idle = {
        row["round"]: row["engine_percent"] + row["shims_percent"] for row in rows if row["case"] == NOTHING
    }
    return [
        row
        | {
            "extra_percent": row.get("sampler_percent", 0.0)
            + row["engine_percent"]
            + row["shims_percent"]
            - idle[row["round"]]
        }
        for row in rows
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, and write JSON if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--containers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--period", type=float, default=2, help="seconds between two samples of a container")
    parser.add_argument(
        "--sources", default=",".join((*SOURCES, COLLECTOR)), help="which, with commas between"
    )
    parser.add_argument("--quick", action="store_true", help="one short round: does it run at all?")
    parser.add_argument("--json", type=Path, help="write the result here")
    options = parser.parse_args(arguments)
    containers = min(options.containers, 3) if options.quick else options.containers
    rounds, seconds = (1, 1.5) if options.quick else (options.rounds, options.seconds)
    period_s = 0.5 if options.quick else options.period
    cases = (NOTHING, *options.sources.split(","))
    with busy_engine(containers) as engine:
        rows = with_extras(
            [
                {"round": number, **measure(engine, case, seconds, period_s)}
                for number in range(rounds)
                for case in in_turn(cases, number)
            ]
        )
    base = [row for row in rows if row["case"] == BASE_CASE]
    summary = []
    for case in cases:
        own = [row for row in rows if row["case"] == case]
        medians = {column.key: median_of(own, column.key) for column in COLUMNS if column.key != "case"}
        ratio = None if case == NOTHING else median_ratio(own, base, "extra_percent")
        summary.append(medians | {"case": case, "ratio": ratio})
    print(
        f"{machine_facts()}; {containers} containers, every {period_s:g} s, {rounds} rounds of {seconds:g} s"
    )
    print(
        "% are of one core; `all more` is the process, the engine and the shims, without what they use anyway"
    )
    print_table(COLUMNS, summary)
    write_json(options.json, {"rounds": rows, "summary": summary})


if __name__ == "__main__":
    main()
