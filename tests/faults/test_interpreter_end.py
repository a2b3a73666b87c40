"""The end of the interpreter while no collector answers, on each Python there is: soon, and nothing lost."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import subprocess
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.proofs.oracle import Oracle, Verdict
from pylogtap_collector.proofs.proxy import CuttingProxy
from tests.faults.extent import often
from tests.faults.programs.ending import COUNT, STARTED, WRITERS
from tests.faults.stage import Stage

if TYPE_CHECKING:
    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.faults.conftest import Saw

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
ENDS = {"end": 0, "exit": 3, "error": 1, "two": 0}  # and the exit code of each
LONGEST_S = 2.0
_OVERHEAD_S = 0.5  # of the interpreter itself, and of the thread that the program has to wait for
_HUNG_S = 60


def found_python(version: str) -> str | None:
    """Return the program that is this Python, if there is one that works."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    program = shutil.which(f"python{version}")
    if program is None or subprocess.run([program, "-V"], capture_output=True, check=False).returncode:
        return None
    return program


def borrowed(folder: Path) -> str:
    """Return a folder that holds of our packages msgpack alone: it runs in pure Python on any version."""
    source = Path(sysconfig.get_path("platlib"), "msgpack")
    folder.mkdir(exist_ok=True)
    if not (folder / "msgpack").exists():
        (folder / "msgpack").symlink_to(source)
    return str(folder)


def wait(process: subprocess.Popen[str], how: str) -> float:
    """Wait for the end of a program, and return how many seconds passed since that of its main part."""
    output, errors = process.communicate(timeout=_HUNG_S)
    took = time.time() - float(output)
    assert process.returncode == ENDS[how], errors
    assert STARTED not in errors
    assert how == "error" or "Traceback" not in errors, errors
    return took


def end_in_all_ways(stage: Stage, python: str, megabytes: int) -> tuple[float, Oracle]:
    """Start a program for each way to end; return the longest time, and what their calls returned from."""
    total = len(ENDS) * len(WRITERS)
    path = stage.folder / "oracle"
    oracle = Oracle(path, total)
    with ThreadPoolExecutor(len(ENDS)) as waiting:
        took = [
            waiting.submit(wait, stage.start("ending", *map(str, told), python=python), how)
            for number, how in enumerate(ENDS)
            for told in [(path, total, number * len(WRITERS), how, megabytes)]
        ]
    return max(each.result() for each in took), oracle


@pytest.mark.parametrize("version", PYTHONS)
@often(1, 5)
def test_the_end_without_a_collector(
    tmp_path: Path, shared_collector: CollectorProcess, saw: Saw, times: int, version: str
) -> None:
    """However it ends, it is over soon, starts no thread, and all lines arrive once there is a collector."""
    python = found_python(version)
    if python is None:
        pytest.skip(f"no python{version} that runs: install it, and put it on the PATH")
    longest, verdict = 0.0, Verdict()
    for turn, how in itertools.product(range(times), ("refusing", "silent")):
        folder = tmp_path / f"{how}-{turn}"
        folder.mkdir()
        proxy = CuttingProxy(("127.0.0.1", shared_collector.port), random.Random(0), cut=0)
        setattr(proxy, how, True)
        instance = f"end-{version}-{times}-{turn}-{how}"
        stage = Stage(folder, shared_collector, instance, proxy.url)
        if python != sys.executable:
            stage.environment["PYTHONPATH"] += os.pathsep + borrowed(tmp_path / "borrowed")
        took, oracle = end_in_all_ways(stage, python, megabytes=10 if turn % 2 else 0)
        longest = max(longest, took)
        proxy.recover()
        obligations = oracle.obligations()
        assert [*obligations.values()].count(COUNT) >= len(ENDS) * (len(WRITERS) - 1)  # all but the daemons
        verdict.add(stage.verdict(obligations))
        proxy.close()
        oracle.close()
    figure = f"Python {version}: {times * 2 * len(ENDS)} ends, at most {longest:.2f} s, 0 threads, {verdict}"
    in_time = times == 1 or longest <= LONGEST_S + _OVERHEAD_S  # a short run meets a busy machine
    saw("interpreter-end", figure, kept=verdict.faults == 0 and in_time)
