"""`pylogtap run` and `pylogtap pipe` before test runners: what they print becomes test runs."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.runners import sample, write_suite

if TYPE_CHECKING:
    import subprocess

    from tests.integration.cli.conftest import Shell

_PATIENCE_S = 30.0
PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider")
BAD = {"failed", "error"}


@pytest.fixture(autouse=True)
def suite(shell: Shell) -> None:
    """Write a suite into the shell's folder; pytest starts without the plugins that are installed here."""
    write_suite(shell.folder)
    kept = {name: value for name, value in shell.environment.items() if not name.startswith("PYTEST")}
    shell.environment = {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "80"}


def run(shell: Shell, *words: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[bytes]:
    """Run a command under us."""
    return shell.run("run", *options, "--prefix", f"{shell.project}/tests/one", "--", *words)


def runs(shell: Shell, count: int = 1) -> list[dict[str, Any]]:
    """Return the runs of this test, once so many are over."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        found = shell.collector.get("/api/v1/tests/runs", project=shell.project)["items"]
        if sum(each["state"] != "running" for each in found) >= count or time.monotonic() > deadline:
            return list(found)
        time.sleep(0.1)


def cases(shell: Shell, run_id: str) -> dict[str, dict[str, Any]]:
    """Return the cases of a run by their nodes."""
    page = shell.collector.get("/api/v1/tests/cases", run=run_id, limit=100)
    return {case["node"]: case for case in page["items"]}


def test_pytest(shell: Shell) -> None:
    """A run with its cases is there beside the lines, and the exit code is the runner's."""
    ended = run(shell, *PYTEST, "-v")
    assert ended.returncode == 1
    (found,) = runs(shell)
    assert (found["runner"], found["source"], found["state"]) == ("pytest", "output", "failed")
    assert (found["exit_status"], found["collected"], found["warnings"]) == (1, 19, 1)
    assert found["command"].endswith("pytest -p no:cacheprovider -v")
    told = cases(shell, found["id"])
    assert len(told) == 19
    assert told["tests/test_shop.py::test_setup"]["state"] == "error"
    failed = told["tests/test_shop.py::test_param[us dollar]"]
    assert failed["failure"]["message"].startswith("wrong")
    whole = shell.collector.get(f"/api/v1/tests/cases/{failed['id']}")
    assert "currency" in whole["failure"]["stacktrace"]
    assert "short test summary info" in whole["output"]["call stdout"]
    assert (
        "tests/test_more.py::test_ok PASSED                                       [  5%]" in shell.messages()
    )
    (logged,) = shell.found(f"test:{failed['id']} level:error")
    assert logged["exception"]["type"] == "AssertionError"


def test_the_plugin_tells_the_same(shell: Shell) -> None:
    """Nodes and outcomes are those that the plugin tells, so that both make one history."""
    run(shell, *PYTEST, "-v")
    plugin = ("-p", "pylogtap.pytest_plugin", "--pylogtap", f"--pylogtap-prefix={shell.project}/tests/two")
    run(shell, *PYTEST, "-v", *plugin)
    found = {each["source"]: each for each in runs(shell, 2)}
    assert set(found) == {"output", "plugin"}  # and each once: where the plugin tells, we do not
    by_output, by_plugin = (cases(shell, found[source]["id"]) for source in ("output", "plugin"))
    assert {node: case["state"] for node, case in by_output.items()} == {
        node: case["state"] for node, case in by_plugin.items()
    }
    for node, case in by_output.items():
        other = by_plugin[node]
        assert case["test"] == other["test"], node
        assert (case["name"], case["file"], case["group"]) == (other["name"], other["file"], other["group"])
        if case["state"] in BAD:
            assert case["phase"] == other["phase"], node
            assert case["failure"]["type"] == other["failure"]["type"], node


@pytest.mark.parametrize("how", ["environment", "ini", "addopts"])
def test_a_plugin_that_is_switched_on_elsewhere(shell: Shell, how: str) -> None:
    """By the environment or the ini file: what the output shows is not told as well."""
    if how == "environment":
        shell.environment["PYLOGTAP"] = "1"
    elif how == "ini":
        (shell.folder / "pytest.ini").write_text("[pytest]\npylogtap = true\n")
    else:
        (shell.folder / "pytest.ini").write_text("[pytest]\naddopts = --pylogtap\n")
    run(shell, *PYTEST, "-v", "-p", "pylogtap.pytest_plugin", f"--pylogtap-prefix={shell.project}/tests/two")
    assert [each["source"] for each in runs(shell)] == ["plugin"]


def test_no_tests(shell: Shell) -> None:
    """`--no-tests` keeps the lines alone; so does a command that runs no tests."""
    run(shell, *PYTEST, "-v", "-k", "test_ok", options=("--no-tests",))
    run(shell, *PYTEST, "--collect-only")
    assert "collected 19 items" in shell.messages(least=10)
    assert shell.collector.get("/api/v1/tests/runs", project=shell.project)["items"] == []


@pytest.mark.parametrize("options", [(), ("--no-tests",)], ids=["tests", "no-tests"])
def test_a_suite_that_bears_no_warnings(shell: Shell, options: tuple[str, ...]) -> None:
    """That we are imported before pytest, which finds our plugin by itself, is nothing that it warns of."""
    del shell.environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
    others = ("-p", "no:asyncio", "-p", "no:randomly")
    ended = run(shell, *PYTEST, "-W", "error", *others, "-k", "test_ok", options=options)
    assert ended.returncode == 0, ended.stderr
    assert b"2 passed" in ended.stdout
    shell.environment["PYTHONOPTIMIZE"] = "2"  # no docstrings; pytest itself warns of missing assertions
    ended = run(shell, *PYTEST, *others, "-k", "test_ok", options=options)
    assert ended.returncode == 0, ended.stderr
    assert b"AssertRewriteWarning" not in ended.stdout + ended.stderr


def test_a_run_that_cannot_collect(shell: Shell) -> None:
    """Modules that cannot be imported make the run an error, and nobody has interrupted it."""
    (shell.folder / "test_broken.py").write_text("1 / 0\n")
    assert run(shell, *PYTEST, "-v").returncode == 2
    (found,) = runs(shell)
    assert (found["state"], found["exit_status"]) == ("error", 2)
    assert found["reason"] == "1 error during collection"


def test_quiet(shell: Shell) -> None:
    """Without names in the output a run still has its outcome, and says what was counted."""
    assert run(shell, *PYTEST, "-q", "-k", "test_ok").returncode == 0
    (found,) = runs(shell)
    assert (found["state"], found["exit_status"]) == ("passed", 0)
    assert found["reason"] == "the output names no cases; it counts 2 passed, 17 deselected"


def test_unittest(shell: Shell) -> None:
    """Unittest writes to standard error."""
    (shell.folder / "test_unit.py").write_text(
        "import unittest\nclass TestA(unittest.TestCase):\n"
        "    def test_a(self): print('test_b (x.y.test_b) ... ok')\n    def test_b(self): self.fail('no')\n"
    )
    assert run(shell, sys.executable, "-m", "unittest", "-v").returncode == 1
    (found,) = runs(shell)
    assert (found["runner"], found["state"]) == ("unittest", "failed")
    told = {node: case["state"] for node, case in cases(shell, found["id"]).items()}
    assert told == {"test_unit.TestA.test_a": "passed", "test_unit.TestA.test_b": "failed"}


@pytest.mark.parametrize(
    ("name", "options"), [("go-json", ()), ("jest-verbose", ("--tests", "jest")), ("tap-14", ())]
)
def test_others_within_a_script(shell: Shell, name: str, options: tuple[str, ...]) -> None:
    """Whatever starts the runner, its output is recognised; `--tests` says it outright."""
    (shell.folder / "output").write_bytes(sample(name))
    to = ">&2" if name.startswith("jest") else ""
    assert run(shell, "sh", "-c", f"echo building; cat output {to}; exit 1", options=options).returncode == 1
    (found,) = runs(shell)
    assert (found["state"], found["source"]) == ("failed", "output")
    assert len(cases(shell, found["id"])) >= 5


def test_two_suites_in_one_script(shell: Shell) -> None:
    """Each has a run of its own."""
    words = " ".join(PYTEST)
    run(shell, "sh", "-c", f"{words} -v -k TestInner; {words} -v -k test_ok")
    first, second = sorted(runs(shell, 2), key=lambda each: each["started"])
    assert (first["state"], second["state"]) == ("failed", "passed")
    assert len(cases(shell, first["id"])) == 1


def test_a_runner_that_is_killed(shell: Shell) -> None:
    """The run is interrupted, and what was told before stays."""
    (shell.folder / "tests" / "test_shop.py").write_text(
        f"import os\ndef test_end(): os.kill(os.getpid(), {signal.SIGKILL:d})\n"
    )
    assert run(shell, *PYTEST, "-v", "tests/test_more.py", "tests/test_shop.py").returncode == 137
    (found,) = runs(shell)
    assert (found["state"], found["reason"]) == ("interrupted", "ended by SIGKILL")
    assert cases(shell, found["id"])["tests/test_more.py::test_deep"]["state"] == "failed"


def test_a_runner_that_is_unknown(shell: Shell) -> None:
    """The runners that there are are named."""
    ended = run(shell, "true", options=("--tests", "mocha"))
    assert ended.returncode == 2
    assert b"there are pytest, unittest, go, go-json, jest, vitest, tap" in ended.stderr


def test_pipe(shell: Shell) -> None:
    """`pipe --tests` tells of the run that the lines show; its end is what they say."""
    ended = shell.run(
        "pipe", "--prefix", f"{shell.project}/tests/one", "--tests", "tap", given=sample("tap-14")
    )
    assert ended.returncode == 0
    (found,) = runs(shell)
    assert (found["runner"], found["state"], found["exit_status"]) == ("tap", "failed", None)
    assert len(cases(shell, found["id"])) == 5


def test_a_collector_that_is_away(shell: Shell) -> None:
    """The command ends as it would alone; what is to be told waits, as lines do."""
    url, shell.environment["PYLOGTAP_URL"] = shell.environment["PYLOGTAP_URL"], "http://127.0.0.1:9"
    assert run(shell, *PYTEST, "-v", "-k", "test_ok").returncode == 0
    assert os.listdir(shell.folder / "spool")  # noqa: PTH208 - only whether there is something
    assert url != shell.environment["PYLOGTAP_URL"]
