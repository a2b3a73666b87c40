"""Output of test runners, read to its end, and suites that are run for it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pylogtap.text.lines import LineSplitter
from pylogtap.text.runners import CaseBegan, CaseSeen, Recognizer, RunEnded, RunSeen, WarningSeen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pylogtap.text.runners import Event

SAMPLES = Path(__file__).parents[1] / "data" / "runners"
SUITE = """
import unittest
import warnings
import pytest

@pytest.fixture
def broken():
    raise RuntimeError("no database")

@pytest.fixture
def leaking():
    yield
    raise OSError("still open")

def test_ok():
    print("FAILED tests/test_shop.py::test_pretend - no")
    print("tests/test_shop.py::test_pretend PASSED [ 10%]")

@pytest.mark.parametrize("x", ["eur", "us dollar", "a - b", "x[1]", "p::q"])
def test_param(x):
    print("=" * 26 + " short test summary info " + "=" * 27)
    print("FAILED tests/test_shop.py::test_pretend - no")
    print("_" * 30 + " test_pretend " + "_" * 36)
    assert x == "eur", "wrong\\ncurrency"

def test_session():
    print("=" * 29 + " test session starts " + "=" * 30)
    print("tests/test_shop.py::test_pretend FAILED     [100%]")
    print("=" * 27 + " short test summary info " + "=" * 28)
    print("FAILED tests/test_shop.py::test_pretend - no")
    print("=" * 30 + " 1 failed in 0.01s " + "=" * 31)
    assert 0

def test_setup(broken): pass
def test_teardown(leaking): pass
def test_both(leaking): assert 0
@pytest.mark.skip(reason="no rate")
def test_skip(): pass
@pytest.mark.xfail(reason="known")
def test_xfail(): assert 0
@pytest.mark.xfail(reason="old")
def test_xpass(): pass
def test_warns(): warnings.warn("use other", DeprecationWarning)

class TestCart:
    class TestInner:
        def test_deep(self): assert {"a": 1} == {"a": 2}
    def test_plain(self): pass

class TestUnit(unittest.TestCase):
    def test_unit(self): self.assertEqual(1, 2)
"""
MORE = "def test_ok(): pass\ndef test_deep(): raise ValueError('deep')\n"


@dataclass
class Told:
    """
    What was told of an output.

    Attributes:
        runs: How many runs.
        facts: What is known of the last one.
        cases: By node and occurrence, as it was told last.
        began: Nodes that began.
        warnings: All of them.
        totals: Of the last run.
    """

    runs: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    cases: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    began: list[str] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    totals: dict[str, Any] = field(default_factory=dict)

    @property
    def outcomes(self) -> dict[str, str]:
        """Outcomes by node; of several runs of one node those of the last."""
        return {node: case["outcome"] for (node, _), case in self.cases.items()}

    def case(self, node: str, occurrence: int = 0) -> dict[str, Any]:
        """Return a case."""
        return self.cases[node, occurrence]


def gathered(events: Iterable[Event]) -> Told:
    """Put together what was told."""
    told = Told()
    for event in events:
        match event:
            case RunSeen(facts, new):
                told.runs += new
                told.facts.update(facts)
            case CaseBegan(case, _):
                told.began.append(case["node"])
            case CaseSeen(case, occurrence):
                told.cases[case["node"], occurrence] = dict(case)
            case WarningSeen(warning):
                told.warnings.append(dict(warning))
            case RunEnded(totals):
                told.totals = dict(totals)
    return told


def read(output: str | bytes, runner: str | None = None, **options: Any) -> Told:
    """Read an output to its end."""
    recognizer, splitter = Recognizer(runner, **options), LineSplitter()
    events: list[Event] = []
    for number, line in enumerate([*splitter.feed(output), *splitter.flush()]):
        events += recognizer.feed(line.text, number)
    return gathered([*events, *recognizer.end()])


def sample(name: str) -> bytes:
    """Return a recorded output."""
    return (SAMPLES / f"{name}.txt").read_bytes()


def plain_environment(**more: str) -> dict[str, str]:
    """Return an environment without what the tests that run here have put into it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYLOGTAP", "PYTEST", "COV", "NODE_TEST"))
    }
    return {**kept, "COLUMNS": "80", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **more}


def write_suite(folder: Path) -> None:
    """Write a suite that has one of everything."""
    (folder / "tests").mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "tests" / "test_shop.py").write_text(SUITE)
    (folder / "tests" / "test_more.py").write_text(MORE)


def run_python(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run a module of Python in a folder, both streams in one."""
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, env=plain_environment(**environment),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100, check=False,
    )  # fmt: skip
