"""From a suite to a real collector: what its API says of the run."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap_collector.proofs.daemon import running_daemon
from tests.support.told import XDIST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.support.told import SuiteRun

KINDS = """
import logging, os, time, pytest
def test_pass(): logging.getLogger("shop").warning("sold")
def test_fail(): assert 3 == 4
@pytest.mark.skip(reason="later")
def test_skip(): pass
def test_end():
    if "KILL" in os.environ:
        os.kill(os.getpid(), 9)
"""


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    """Run a collector."""
    with running_daemon(tmp_path_factory.mktemp("collector")) as daemon:
        yield daemon


def run_of(collector: CollectorProcess, project: str) -> Any:
    """Return the one run of a project, when it is there."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        items = collector.get("/api/v1/tests/runs", project=project)["items"]
        if items:
            (run,) = items
            return run
        time.sleep(0.1)
    raise AssertionError("the run did not arrive")


@pytest.mark.parametrize("words", [(), (*XDIST, "-n2")], ids=["one", "n2"])
def test_a_run_is_in_the_collector_when_pytest_has_ended(
    suite: SuiteRun, collector: CollectorProcess, words: tuple[str, ...]
) -> None:
    """Run, cases and records are there as soon as pytest returns, and the last line says where."""
    project = f"whole{len(words)}"
    suite.write(test_kinds=KINDS)
    ran = suite.run("--pylogtap-url", collector.url, "--pylogtap-prefix", f"{project}/suite", *words)
    run = run_of(collector, project)
    assert f"pylogtap: 1 failed of 4, {collector.url}/tests?run={run['id']}" in ran.output
    assert (run["state"], run["exit_status"], run["dropped"]) == ("failed", 1, 0)
    assert run["counts"]["passed"] == 2
    cases = collector.get("/api/v1/tests/cases", run=run["id"])["items"]
    assert {each["name"]: each["state"] for each in cases} == {
        "test_pass": "passed", "test_fail": "failed", "test_skip": "skipped", "test_end": "passed",
    }  # fmt: skip
    (case,) = [each["id"] for each in cases if each["name"] == "test_pass"]
    records = collector.get("/api/v1/logs", q=f"test:{case}")["items"]
    assert [each["message"] for each in records] == ["sold"]


def test_what_a_killed_run_left_is_delivered_by_the_next(
    suite: SuiteRun, collector: CollectorProcess, tmp_path: Path
) -> None:
    """SIGKILL in the midst of a case loses nothing that happened until then."""
    del tmp_path
    suite.write(test_kinds=KINDS)
    suite.environment["KILL"] = "1"
    place = ("--pylogtap-url", collector.url, "--pylogtap-prefix")
    process = suite.start(*place, "killed/suite")
    process.communicate(timeout=60)
    assert process.returncode == -9
    del suite.environment["KILL"]
    following = suite.start(*place, "next/suite", "-k", "test_pass")
    following.communicate(timeout=60)
    assert following.returncode == os.EX_OK
    run = run_of(collector, "killed")
    assert (
        run["state"] == "running"
    )  # nobody has said that it ended; after a minute of silence it is interrupted
    cases = collector.get("/api/v1/tests/cases", run=run["id"])["items"]
    assert {each["name"]: each["state"] for each in cases} == {
        "test_pass": "passed", "test_fail": "failed", "test_skip": "skipped", "test_end": "running",
    }  # fmt: skip
