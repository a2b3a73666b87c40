"""How a run can end, and what is told of it then."""

from __future__ import annotations

import os
import re
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.told import XDIST, told_in

if TYPE_CHECKING:
    from tests.support.told import SuiteRun

WAITING = """
import time, pathlib
def test_before(): pass
def test_waiting():
    pathlib.Path("waits").touch()
    time.sleep(60)
def test_after(): pass
"""


def wait_for(suite: SuiteRun) -> None:
    """Wait until the suite's second case runs."""
    while not (suite.folder / "waits").exists():
        time.sleep(0.02)


@pytest.mark.parametrize("words", [(), (*XDIST, "-n1")], ids=["one", "n1"])
def test_an_interrupted_run_says_so(suite: SuiteRun, words: tuple[str, ...]) -> None:
    """Ctrl-C ends the run as interrupted; the case that ran stays without an end."""
    suite.write(test_waiting=WAITING)
    process = suite.start(*words)
    wait_for(suite)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    told = told_in(suite.spool)
    assert told.end is not None
    assert told.end["outcome"] == "interrupted"
    assert "KeyboardInterrupt" in told.end["reason"]
    assert [each["name"] for each in told.started.values()] == ["test_before", "test_waiting"]
    assert told.outcomes() == {"test_before": "passed"}


@pytest.mark.parametrize("words", [(), (*XDIST, "-n1")], ids=["one", "n1"])
def test_a_killed_run_has_told_what_happened_until_then(suite: SuiteRun, words: tuple[str, ...]) -> None:
    """After SIGKILL, the spool holds what was done, and which case was running."""
    suite.write(test_waiting=WAITING)
    process = suite.start(*words)
    wait_for(suite)
    time.sleep(0.3)
    process.kill()
    process.communicate(timeout=60)
    told = told_in(suite.spool)
    assert told.end is None
    assert told.outcomes() == {"test_before": "passed"}
    assert [each["name"] for each in told.started.values()] == ["test_before", "test_waiting"]


@pytest.mark.parametrize("words", [(), (*XDIST, "-n1")], ids=["one", "n1"])
def test_an_internal_error_is_an_error_of_the_run(suite: SuiteRun, words: tuple[str, ...]) -> None:
    """What goes wrong in a plugin ends the run as an error, with what it was."""
    suite.write(
        conftest="def pytest_runtest_teardown(item):\n"
        "    if item.name == 'test_bad': item.session.shouldstop = 7\n"
        "def pytest_runtest_logreport(report):\n"
        "    if report.nodeid.endswith('test_bad'): raise RuntimeError('broken plugin')\n",
        test_it="def test_good(): pass\ndef test_bad(): pass\n",
    )
    ran = suite.run(*words)
    assert ran.status == 3, ran.output
    assert ran.told.end is not None
    assert ran.told.end["outcome"] == "error"
    assert "broken plugin" in ran.told.end["reason"]
    assert ran.told.case("::test_good")["outcome"] == "passed"


def test_what_cannot_be_collected_is_an_error(suite: SuiteRun) -> None:
    """A module that cannot be imported is a case of its own, as in JUnit XML; so is one that skips itself."""
    suite.write(
        test_bad="assert 1 == 2\n",
        test_skipped="import pytest\npytest.skip('not here', allow_module_level=True)\n",
        test_good="def test_it(): pass\n",
    )
    ran = suite.run()
    assert ran.status == 2
    case = ran.told.case("test_bad.py")
    assert (case["outcome"], case["phase"], case["done"]) == ("error", "collect", True)
    assert case["failure"]["message"] == "assert 1 == 2"
    skipped = ran.told.case("test_skipped.py")
    assert (skipped["outcome"], skipped["reason"]) == ("skipped", "not here")
    assert ran.told.end is not None
    assert ran.told.end["outcome"] == "error"
    assert ran.told.end["reason"] == "1 error during collection"


@pytest.mark.parametrize(
    ("body", "outcome", "reason"),
    [("1 / 0", "error", "stopping after 1 failures"), ("def test_it(): 1 / 0", "failed", "stopping after 1")],
    ids=["uncollected", "failed"],
)
def test_stopping_early_is_no_interruption_with_several_processes(
    suite: SuiteRun, body: str, outcome: str, reason: str
) -> None:
    """pytest-xdist ends by an exception of its own, which is none of the user's."""
    suite.write(test_it=body)
    ran = suite.run("-x", *XDIST, "-n1")
    assert ran.status == 2, ran.output
    assert ran.told.end is not None
    assert ran.told.end["outcome"] == outcome
    assert ran.told.end["reason"].startswith(reason)


@pytest.mark.parametrize(
    ("hook", "status", "outcome", "reason"),
    [
        ("session.exitstatus = 1", 1, "failed", "changed the exit status from 0 to 1"),
        ("session.exitstatus = 7", 7, "error", "changed the exit status from 0 to 7"),
        ("pytest.exit('not enough', returncode=9)", 9, "error", "not enough|from 0 to 9"),
        ("raise RuntimeError('broken hook')", 1, "error", "RuntimeError: broken hook"),
    ],
    ids=["1", "7", "exit", "raises"],
)
@pytest.mark.parametrize("words", [(), (*XDIST, "-n1")], ids=["one", "n1"])
def test_the_exit_status_is_the_one_that_pytest_returns(
    suite: SuiteRun, words: tuple[str, ...], hook: str, status: int, outcome: str, reason: str
) -> None:
    """A conftest.py may set another one after the tests, later than most; that one is told, and why."""
    suite.write(
        conftest="import pytest\n@pytest.hookimpl(trylast=True)\ndef pytest_sessionfinish(session):\n"
        f"    if not hasattr(session.config, 'workerinput'): {hook}\n",
        test_it="def test_it(): pass\n",
    )
    ran = suite.run(*words)
    assert ran.status == status, ran.output
    assert ran.told.end is not None
    assert (ran.told.end["exit"], ran.told.end["outcome"]) == (status, outcome)
    assert re.search(reason, ran.told.end["reason"])
    assert ran.told.outcomes() == {"test_it": "passed"}


def test_too_little_coverage_is_a_failed_run(suite: SuiteRun) -> None:
    """pytest-cov's limit fails the run, though no test did."""
    pytest.importorskip("pytest_cov")
    suite.write(test_it="def test_it(): pass\ndef unused():\n    1\n    2\n")
    ran = suite.run("-p", "pytest_cov.plugin", "--cov=.", "--cov-fail-under=99")
    assert ran.status == 1, ran.output
    assert ran.told.end is not None
    assert (ran.told.end["exit"], ran.told.end["outcome"]) == (1, "failed")
    assert ran.told.end["reason"] == "no test failed, but pytest's exit status is 1"


@pytest.mark.parametrize(
    ("body", "words", "outcome", "reason"),
    [
        ("assert 0", ("-x",), "failed", "stopping after 1 failures"),
        ("import pytest; pytest.exit('enough')", (), "interrupted", "enough"),
        ("pass", ("-k", "nothing"), "empty", None),
        ("pass", (), "passed", None),
    ],
)
def test_each_end_has_its_outcome(
    suite: SuiteRun, body: str, words: tuple[str, ...], outcome: str, reason: str | None
) -> None:
    """Stopping early, leaving, and having nothing to do are told apart."""
    suite.write(test_it=f"def test_one(): {body}\ndef test_two(): pass\n")
    ran = suite.run(*words)
    assert ran.told.end is not None
    assert ran.told.end["outcome"] == outcome
    assert ran.told.end.get("reason") == reason
    assert ran.told.end["exit"] == ran.status


@pytest.mark.parametrize(
    "word", ["--collect-only", "--fixtures", "--markers", "--version", "--help", "--setup-plan"]
)
def test_what_runs_no_test_is_no_run(suite: SuiteRun, word: str) -> None:
    """Where pytest only shows something, nothing is told, and no spool is made."""
    suite.write(test_it="def test_one(): pass\n")
    suite.run(word)
    assert not suite.spool.exists()


def test_a_forked_child_tells_nothing_of_its_own(suite: SuiteRun) -> None:
    """A child process that goes on to the end of pytest does not tell the end a second time."""
    suite.write(
        test_fork="import os, warnings\ndef test_it():\n"
        "    warnings.simplefilter('ignore')\n    pid = os.fork()\n    if pid: os.waitpid(pid, 0)\n"
    )
    told = suite.run("-s").told
    assert told.end is not None
    assert told.case("::test_it")["outcome"] == "passed"
