"""Runs of pytest-xdist: each case once, whichever process ran it, also where a process dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pylogtap.cases.identity import case_id
from tests.support.told import RERUNS, XDIST

if TYPE_CHECKING:
    from tests.support.told import SuiteRun

MANY = """
import logging, pytest
@pytest.mark.parametrize("n", range(20))
class TestMany:
    def test_n(self, n):
        logging.getLogger("shop").warning("n%d", n)
"""


@pytest.mark.parametrize("dist", ["load", "loadscope", "loadfile", "loadgroup", "worksteal"])
def test_each_way_of_distributing_tells_each_case_once(suite: SuiteRun, dist: str) -> None:
    """Ids follow from run and node alone; every case is begun and done once, and says its worker."""
    suite.write(test_many=MANY)
    told = suite.run(*XDIST, "-n2", "--dist", dist).told
    (run,) = told.ids
    assert told.cases.keys() == {case_id(run, f"test_many.py::TestMany::test_n[{n}]") for n in range(20)}
    assert set(told.done.values()) == {1}
    assert told.started.keys() == told.cases.keys()
    assert {each["worker"] for each in told.cases.values()} <= {"gw0", "gw1"}
    assert told.run["workers"] == 2
    assert told.run["collected"] == 20
    assert {args[0]: more["c"] for args, more in told.records if isinstance(args, list)} == {
        n: case_id(run, f"test_many.py::TestMany::test_n[{n}]") for n in range(20)
    }


def test_where_each_worker_runs_all_each_tells_all(suite: SuiteRun) -> None:
    """With `--dist each`, a case of each worker has an id of its own."""
    suite.write(test_many=MANY)
    told = suite.run(*XDIST, "-n2", "--dist", "each").told
    assert len(told.cases) == 40
    assert set(told.done.values()) == {1}
    assert told.run["collected"] == 40


CRASH = """
import os, signal, time, pytest
def test_before(): pass
def test_killed(): os.kill(os.getpid(), signal.SIGKILL)
def test_between(): pass
@pytest.fixture
def dying(): os._exit(3)
def test_exit(dying): pass
@pytest.fixture
def ending():
    yield
    os._exit(3)
def test_end(ending): pass
def test_after(): pass
"""


@pytest.mark.parametrize("workers", ["-n1", "-n2"])
def test_a_worker_that_dies_costs_no_case(suite: SuiteRun, workers: str) -> None:
    """The case that was running is an error of a crash, in the phase it was in; all others are as ever."""
    suite.write(test_crash=CRASH)
    ran = suite.run(*XDIST, workers)
    assert ran.told.outcomes() == {
        "test_before": "passed", "test_killed": "error", "test_between": "passed",
        "test_exit": "error", "test_end": "error", "test_after": "passed",
    }  # fmt: skip
    assert set(ran.told.done.values()) == {1}
    assert ran.told.started.keys() == ran.told.cases.keys()
    killed = ran.told.case("::test_killed")
    assert killed["crashed"] is True
    assert killed["phase"] == "call"
    assert "crashed while running" in killed["failure"]["message"]
    assert ran.told.case("::test_exit")["phase"] == "setup"
    assert ran.told.case("::test_end")["phase"] == "teardown"
    assert ran.told.end is not None
    assert ran.told.end["outcome"] == "failed"


def test_a_case_whose_worker_died_may_be_run_again(suite: SuiteRun) -> None:
    """With pytest-rerunfailures, the crash is an attempt, and the case is done once."""
    suite.write(
        test_crash="import os\ndef test_it(tmp_path_factory):\n"
        "    path = os.environ['MARK']\n"
        "    if not os.path.exists(path):\n        open(path, 'w').close()\n        os._exit(1)\n"
    )
    suite.environment["MARK"] = str(suite.folder / "mark")
    ran = suite.run(*XDIST, *RERUNS, "-n1", "--reruns=1")
    case = ran.told.case("::test_it")
    assert case["outcome"] == "passed", ran.output
    assert [each["outcome"] for each in case["attempts"]] == ["error"]
    assert set(ran.told.done.values()) == {1}


def test_what_cannot_be_collected_is_a_case(suite: SuiteRun) -> None:
    """A collector that fails in every worker is told once."""
    suite.write(test_bad="import nothing_of_this_name\n", test_good="def test_it(): pass\n")
    told = suite.run(*XDIST, "-n2").told
    case = told.case("test_bad.py")
    assert (case["outcome"], case["phase"]) == ("error", "collect")
    assert case["failure"]["type"] == "ModuleNotFoundError"
    assert told.done[case["id"]] == 1


def test_deselected_cases_are_counted(suite: SuiteRun) -> None:
    """Workers know what was left out, the controller tells it."""
    suite.write(test_many=MANY)
    told = suite.run(*XDIST, "-n2", "-k", "test_n and 1").told
    assert told.run["collected"] == 11
    assert told.run["deselected"] == 9
    assert told.run["whole"] is False
