"""`pylogtap tests` of runs that did not go as they should: killed ones, failed ones without a failed case."""

from __future__ import annotations

import csv
import signal
import sys
from io import StringIO
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess

    from tests.integration.cli.conftest import Shell

PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider")
PLUGIN = ("-p", "pylogtap.pytest_plugin", "--pylogtap")
SUITE = f"""
import os, pytest
@pytest.mark.parametrize("number", range(11))
def test_good(number): pass
@pytest.mark.parametrize("number", range(4))
def test_bad(number): assert not number + 1
def test_killed(): os.kill(os.getpid(), {signal.SIGKILL:d})
"""
UNITS = """
import unittest
class TestA(unittest.TestCase):
    def test_a(self): pass
    def test_b(self): pass
    def test_c(self): self.fail("no")
"""


@pytest.fixture(autouse=True)
def suite(shell: Shell) -> None:
    """Write suites into the shell's folder; pytest starts without the plugins that are installed here."""
    (shell.folder / "test_it.py").write_text(SUITE)
    (shell.folder / "test_units.py").write_text(UNITS)
    kept = {name: value for name, value in shell.environment.items() if not name.startswith("PYTEST")}
    shell.environment = {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "80"}


def run(shell: Shell, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command under us, until what it tells is stored."""
    ended = shell.run("run", "--prefix", f"{shell.project}/suite/one", "--", *words)
    assert shell.run("drain").returncode == 0
    return ended


def said(shell: Shell, *words: str, code: int = 0) -> str:
    """Return what `pylogtap tests` says of this test's runs."""
    ended = shell.run("tests", *words, "--prefix", f"{shell.project}/suite")
    assert ended.returncode == code, (ended.stdout + ended.stderr).decode()
    return ended.stdout.decode()


def test_a_run_that_failed_though_no_case_did(shell: Shell) -> None:
    """It closes the gate whatever was asked for, and the gate says why."""
    tap = "printf 'TAP version 13\\n1..1\\nok 1 - adds\\n'; exit 3"
    assert run(shell, "sh", "-c", tap).returncode == 3
    for rules in ((), ("--max-failures", "5"), ("--no-slower",), ("--allow-empty",)):
        closed = said(shell, "gate", *rules, code=1)
        assert "✗ the run failed (exit status 3), though no case did: exit code 3" in closed


def test_a_runner_that_failed(shell: Shell) -> None:
    """A runner that could not run closes the gate as well."""
    assert (
        run(shell, *PYTEST, *PLUGIN, f"--pylogtap-prefix={shell.project}/suite/one", "nowhere.py").returncode
        == 4
    )
    assert "✗ the runner failed (exit status 4)" in said(shell, "gate", code=1)


def test_a_run_that_was_killed(shell: Shell) -> None:
    """The case is named that ran when the run was cut off."""
    (shell.folder / "begun.jsonl").write_text(
        '{"Action":"run","Package":"example.com/cart","Test":"TestEmpty"}\n'
        '{"Action":"pass","Package":"example.com/cart","Test":"TestEmpty","Elapsed":0.1}\n'
        '{"Action":"run","Package":"example.com/cart","Test":"TestTotal"}\n'
    )
    assert run(shell, "sh", "-c", "cat begun.jsonl; kill -9 $$").returncode == 137
    shown = said(shell, "show").splitlines()
    at = shown.index("interrupted (1)")
    assert shown[at + 1].startswith("  example.com/cart.TestTotal  began ")
    assert shown[at + 2].startswith("      pylogtap query test:")
    assert "  reason   ended by SIGKILL" in shown


def test_a_run_that_falls_silent(shell: Shell) -> None:
    """It goes on, as far as anybody knows, and since when it is silent is said instead of what it took."""
    words = (*PYTEST, "-q", *PLUGIN, f"--pylogtap-prefix={shell.project}/suite/one", "test_it.py")
    assert run(shell, *words).returncode == 137
    shown = said(shell, "show")
    assert "goes on: nothing heard for " in shown.splitlines()[0]
    assert "running (1)\n  test_it.py::test_killed  began " in shown
    assert "✗ the run has not ended" in said(shell, "gate", "--wait", "0", code=1)


def test_cases_that_are_not_named(shell: Shell) -> None:
    """What the runner counts, and does not name, is counted, so that nothing looks as if all had failed."""
    assert run(shell, *PYTEST, "-q", "test_it.py", "-k", "not killed").returncode == 1
    (row,) = csv.DictReader(StringIO(said(shell, "--format", "csv")))
    counted = "the output names 4 of 15 cases; it counts 4 failed, 11 passed, 1 deselected"
    assert (row["failed"], row["tests"], row["reason"]) == ("4", "15", counted)
    shown = said(shell, "show")
    assert "4 failed, 11 not named in " in shown.splitlines()[0]
    assert f"  reason   {counted}" in shown
    assert counted in said(shell)


def test_cases_of_unittest_that_are_not_named(shell: Shell) -> None:
    """The last lines of unittest say how many tests there were."""
    assert run(shell, sys.executable, "-m", "unittest", "test_units").returncode == 1
    found = shell.collector.get("/api/v1/tests/runs", project=shell.project)["items"][0]
    assert found["collected"] == 3
    assert found["reason"] == "the output names 1 of 3 cases; it counts 2 passed, 1 failed"
    assert "1 failed, 2 not named in " in said(shell, "show").splitlines()[0]
