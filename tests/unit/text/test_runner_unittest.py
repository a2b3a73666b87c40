"""What unittest prints, run for real, and compared with what its own result object says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.runners import Told, read, run_python

if TYPE_CHECKING:
    from pathlib import Path

SUITE = '''
import sys, unittest

class TestCart(unittest.TestCase):
    def test_ok(self):
        print("ERROR: test_pretend (test_shop.TestCart.test_pretend)", file=sys.stderr)
        print("test_pretend (somewhere)", file=sys.stderr)
    def test_documented(self):
        """It adds."""
    def test_fail(self):
        """It rounds."""
        print("=" * 70); print("FAIL: test_fake (test_shop.TestCart.test_fake)"); print("-" * 70)
        self.assertEqual({"a": 1}, {"a": 2}, "wrong\\ncurrency")
    def test_error(self): raise ValueError("no rate")
    @unittest.skip("no rate (yet)")
    def test_skip(self): pass
    @unittest.expectedFailure
    def test_xfail(self): self.fail()
    @unittest.expectedFailure
    def test_xpass(self): pass
    def test_parts(self):
        for i in range(3):
            with self.subTest("part", i=i): self.assertEqual(i % 2, 0)
    def test_parts_ok(self):
        for i in range(3):
            with self.subTest(i=i): pass
class TestBroken(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise OSError("no database")
    def test_never(self): pass
'''
WITNESS = """
import json, unittest
result = unittest.TestResult()
unittest.defaultTestLoader.discover(".").run(result)
names = lambda pairs: [getattr(case, "test_case", case).id() for case, _ in pairs]
print(json.dumps({"failed": names(result.failures), "error": names(result.errors),
    "skipped": names(result.skipped), "xfailed": names(result.expectedFailures),
    "xpassed": [case.id() for case in result.unexpectedSuccesses]}))
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a suite that has one of everything."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "test_shop.py").write_text(SUITE)
    (folder / "test_bad.py").write_text("import nothing_there\n")
    (folder / "witness.py").write_text(WITNESS)
    return folder


@pytest.fixture(scope="module")
def truth(suite: Path) -> dict[str, str]:
    """Outcomes by node, of all that did not pass, as unittest itself counts them."""
    said = json.loads(run_python(suite, "witness").stdout.splitlines()[-1])
    outcomes = {name: outcome for outcome, names in said.items() for name in names}
    return {_node(name): outcome for name, outcome in outcomes.items()}


def _node(name: str) -> str:
    if name.startswith("setUpClass ("):
        return f"{name.removeprefix('setUpClass (').rstrip(')')}.setUpClass"
    return name.removeprefix("unittest.loader._FailedTest.")


def ran(suite: Path, *options: str) -> Told:
    """Run the suite."""
    return read(run_python(suite, "unittest", *options).stdout)


@pytest.mark.parametrize("options", [["-v"], ["-v", "-b"], ["-v", "discover"]], ids=str)
def test_verbose(suite: Path, truth: dict[str, str], options: list[str]) -> None:
    """Each case is told, each with its outcome, and none beside them."""
    if options[-1] == "discover":
        options = ["discover", "-v"]
    told = ran(suite, *options)
    passed = {
        f"test_shop.TestCart.{name}": "passed" for name in ("test_ok", "test_documented", "test_parts_ok")
    }
    assert told.outcomes == {**truth, **passed}
    assert told.runs == 1
    assert told.totals["outcome"] == "failed"
    assert told.totals["counts"] == {
        "passed": 2, "failed": 2, "error": 3, "skipped": 1, "xfailed": 1, "xpassed": 1,
    }  # fmt: skip
    assert all(case["done"] for case in told.cases.values())


@pytest.mark.parametrize("options", [[], ["-b"]], ids=str)
def test_dots(suite: Path, truth: dict[str, str], options: list[str]) -> None:
    """Where only dots are shown, those are told that have a block at the end, and no others."""
    told = ran(suite, *options)
    assert told.outcomes == {
        node: outcome for node, outcome in truth.items() if outcome in {"failed", "error", "xpassed"}
    }


def test_what_failed(suite: Path) -> None:
    """A failure has type, message, place and traceback; parts, phases and captured text are told apart."""
    told = ran(suite, "-v", "-b")
    case = told.case("test_shop.TestCart.test_fail")
    assert case["failure"]["type"] == "AssertionError"
    assert case["failure"]["message"].endswith(": wrong\ncurrency")
    assert case["failure"]["file"] == str(suite / "test_shop.py")
    assert case["failure"]["stacktrace"].startswith("Traceback (most recent call last):")
    assert "FAIL: test_fake" in case["output"]["call stdout"]
    assert (case["group"], case["name"]) == ("TestCart", "test_fail")
    (part,) = told.case("test_shop.TestCart.test_parts")["subtests"]
    assert (part["name"], part["outcome"], part["failure"]["message"]) == ("[part] (i=1)", "failed", "1 != 0")
    assert told.case("test_shop.TestCart.test_skip")["reason"] == "no rate (yet)"
    assert told.case("test_shop.TestBroken.setUpClass")["phase"] == "setup"
    assert told.case("test_bad")["phase"] == "collect"
    assert told.case("test_bad")["failure"]["type"] == "ModuleNotFoundError"


def test_before_python_3_11(suite: Path) -> None:
    """The class alone in brackets is understood as well."""
    told = read("test_a (shop.tests.Cart) ... ok\ntest_b (shop.tests.Cart)\nIt adds. ... FAIL\n\n" + "=" * 70
        + "\nFAIL: test_b (shop.tests.Cart)\nIt adds.\n" + "-" * 70 + "\nTraceback (most recent call last):\n"
        '  File "t.py", line 3, in test_b\nAssertionError: no\n\n' + "-" * 70 + "\nRan 2 tests in 0.001s\n\n"
        "FAILED (failures=1)\n")  # fmt: skip
    assert told.outcomes == {"shop.tests.Cart.test_a": "passed", "shop.tests.Cart.test_b": "failed"}
    assert told.case("shop.tests.Cart.test_b")["failure"]["line"] == 3


def test_no_tests(tmp_path: Path) -> None:
    """A run without cases is empty."""
    assert ran(tmp_path).totals["outcome"] == "empty"
