"""What is told of each case: outcomes as pytest's own JUnit XML has them, and all that explains them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from tests.support.told import RERUNS, XDIST

if TYPE_CHECKING:
    from tests.support.told import SuiteRun

ALL_KINDS = """
import unittest, pytest

def test_pass(): pass
def test_fail(): assert 3 == 4, "no"
def test_skip(): pytest.skip("later")
@pytest.mark.skipif(True, reason="never here")
def test_skipif(): pass
@pytest.mark.xfail(reason="soon")
def test_xfail(): assert 0
@pytest.mark.xfail(reason="soon")
def test_xpass(): pass
@pytest.mark.xfail(strict=True, reason="soon")
def test_xpass_strict(): pass
@pytest.fixture
def broken(): raise KeyError("x")
def test_setup_error(broken): pass
@pytest.fixture
def leaking():
    yield
    raise OSError("gone")
def test_teardown_error(leaking): pass
def test_no_fixture(missing): pass
class TestOld(unittest.TestCase):
    def test_old(self): self.assertEqual(1, 2)
    @unittest.skip("old")
    def test_old_skip(self): pass
    @unittest.expectedFailure
    def test_old_xfail(self): self.fail()
"""
EXPECTED = {
    "test_pass": "passed",
    "test_fail": "failed",
    "test_skip": "skipped",
    "test_skipif": "skipped",
    "test_xfail": "xfailed",
    "test_xpass": "xpassed",
    "test_xpass_strict": "failed",
    "test_setup_error": "error",
    "test_teardown_error": "error",
    "test_no_fixture": "error",
    "test_old": "failed",
    "test_old_skip": "skipped",
    "test_old_xfail": "xfailed",
}
OF_JUNIT = {"failed": "failure", "error": "error", "skipped": "skipped", "xfailed": "skipped"}


@pytest.mark.parametrize("words", [(), (*XDIST, "-n1"), (*XDIST, "-n2")], ids=["one", "n1", "n2"])
def test_outcomes_are_those_of_junit_xml(suite: SuiteRun, words: tuple[str, ...]) -> None:
    """Each case is told once to be done, with the outcome that the JUnit XML of the same run has."""
    suite.write(test_kinds=ALL_KINDS)
    ran = suite.run("--junitxml=junit.xml", *words)
    assert ran.status == 1
    assert ran.told.outcomes() == EXPECTED
    assert set(ran.told.done.values()) == {1}
    assert ran.told.started.keys() == ran.told.cases.keys()
    assert len(ran.told.ids) == 1
    for node in ET.parse(suite.folder / "junit.xml").iter("testcase"):
        tags = {child.tag for child in node} & set(OF_JUNIT.values())
        wanted = OF_JUNIT.get(EXPECTED[node.attrib["name"]])
        assert tags == ({wanted} if wanted else set()), node.attrib["name"]
    assert ran.told.end is not None
    assert (ran.told.end["outcome"], ran.told.end["exit"]) == ("failed", 1)
    assert ran.told.run["collected"] == len(EXPECTED)


@pytest.mark.parametrize("words", [(), (*XDIST, "-n2")], ids=["one", "n2"])
def test_a_failure_says_what_pytest_says(suite: SuiteRun, words: tuple[str, ...]) -> None:
    """Type, message with the explanation of the assertion, traceback and place of an exception are told."""
    suite.write(test_kinds=ALL_KINDS)
    told = suite.run(*words).told
    failure = told.case("::test_fail")["failure"]
    assert failure["type"] == "AssertionError"
    assert failure["message"] == "no\nassert 3 == 4"
    assert 'def test_fail(): assert 3 == 4, "no"' in failure["stacktrace"]
    assert (failure["file"], failure["line"]) == ("test_kinds.py", 5)
    assert told.case("::test_fail")["phase"] == "call"
    assert told.case("::test_setup_error")["failure"]["type"] == "KeyError"
    assert told.case("::test_setup_error")["phase"] == "setup"
    assert told.case("::test_teardown_error")["failure"]["message"] == "gone"
    assert told.case("::test_teardown_error")["phase"] == "teardown"
    missing = told.case("::test_no_fixture")["failure"]
    assert missing["type"] == "_pytest.fixtures.FixtureLookupError"
    assert missing["message"].startswith("fixture 'missing' not found")
    assert told.case("::test_skip")["reason"] == "later"
    assert told.case("::test_skipif")["reason"] == "never here"
    assert told.case("::test_xfail")["reason"] == "soon"
    assert told.case("::test_old")["group"] == "TestOld"
    assert told.case("::test_fail")["line"] == 5


DETAILS = """
import sys, time, warnings, logging, pytest
@pytest.fixture(scope="module")
def slow():
    time.sleep(0.005)
@pytest.mark.slow
class TestCart:
    @pytest.mark.parametrize("currency, api_key", [("eur", "hunter2")])
    def test_total(self, slow, currency, api_key, record_property):
        record_property("password", "hunter2")
        record_property("size", 3)
        print("out"), print("err", file=sys.stderr)
        logging.getLogger("shop").warning("low")
        warnings.warn("old", DeprecationWarning)
def test_long():
    print("x" * 500_000 + "end")
    assert "a" * 100_000 == "b"
"""


@pytest.mark.parametrize("words", [(), (*XDIST, "-n1")], ids=["one", "n1"])
def test_a_case_is_told_with_all_that_is_known(suite: SuiteRun, words: tuple[str, ...]) -> None:
    """Parameters, markers, fixtures, properties, captured output and warnings come along, without secrets."""
    suite.write(test_details=DETAILS)
    ran = suite.run("-W", "ignore::pytest.PytestUnknownMarkWarning", *words)
    case = ran.told.case("test_total[eur-hunter2]")
    assert case["group"] == "TestCart"
    assert case["parameters"] == {"currency": "'eur'", "api_key": "[redacted]"}
    assert case["markers"] == ["slow"]
    assert case["fixtures"].keys() == {"slow"}
    assert case["fixtures"]["slow"] >= 0.005
    assert case["properties"] == [["password", "[redacted]"], ["size", "3"]]
    assert case["output"]["call stdout"] == "out\n"
    assert case["output"]["call stderr"] == "err\n"
    assert "low" in case["output"]["call log"]
    assert case["phases"].keys() == {"setup", "call", "teardown"}
    assert case["duration"] == pytest.approx(sum(each["duration"] for each in case["phases"].values()))
    assert ("worker" in case) == bool(words)
    (warning,) = ran.told.warnings
    assert (warning["category"], warning["message"]) == ("DeprecationWarning", "old")
    assert (warning["case"], warning["when"]) == (case["id"], "runtest")
    long = ran.told.case("::test_long")
    assert len(long["output"]["call stdout"]) < 30_000
    assert long["output"]["call stdout"].endswith("end\n")
    assert len(long["failure"]["message"]) < 5_000
    assert len(long["failure"]["stacktrace"]) < 30_000


ODD = """
import pytest
@pytest.mark.parametrize("x", ["\\0", "\\ud800", "a\\nb", "\\U0001f600", "::[", "x" * 10_000, None])
def test_odd(x): pass
@pytest.mark.parametrize("x", [1], ids=["\\U0001f600 ::[a]"])
def test_named(x): pass
class Bad:
    def __repr__(self): raise RuntimeError
@pytest.mark.parametrize("x", [Bad(), {"password": "hunter2"}, list(range(100_000))])
def test_object(x): pass
"""


PLAIN_NAMES = ("-o", "disable_test_id_escaping_and_forfeit_all_rights_to_community_support=true")


@pytest.mark.parametrize("words", [(), PLAIN_NAMES, (*XDIST, "-n2")], ids=["one", "plain", "n2"])
def test_any_name_and_any_parameter_can_be_told(suite: SuiteRun, words: tuple[str, ...]) -> None:
    """Odd characters, long names and objects that cannot be shown cost no case, and no secret."""
    suite.write(test_odd=ODD)
    ran = suite.run(*words)
    assert ran.status == (1 if words == PLAIN_NAMES else 0), ran.output  # pytest itself stumbles there
    assert len(ran.told.cases) == 11
    assert set(ran.told.done.values()) == {1}
    assert all(len(each["node"]) <= 2_100 for each in ran.told.cases.values())
    assert "hunter2" not in str([each["parameters"] for each in ran.told.cases.values()])
    assert "plugin itself" not in ran.output


@pytest.mark.parametrize("words", [(), (*XDIST, "-n1")], ids=["one", "n1"])
def test_a_traceback_is_told_as_it_is_printed(suite: SuiteRun, words: tuple[str, ...]) -> None:
    """Its first line keeps its indentation, and colours stay in the terminal."""
    suite.environment["FORCE_COLOR"] = "1"
    suite.write(test_it="def test_it():\n    assert 0\n")
    trace = suite.run(*words).told.case("::test_it")["failure"]["stacktrace"]
    assert trace == "    def test_it():\n>       assert 0\nE       assert 0\n\ntest_it.py:2: AssertionError"


RERUN = """
import pytest
tries = []
@pytest.mark.flaky(reruns=3)
def test_third():
    tries.append(1)
    assert len(tries) == 3
@pytest.mark.flaky(reruns=1)
def test_never(): raise ValueError("no")
setups = []
@pytest.fixture
def shaky():
    setups.append(1)
    if len(setups) == 1: raise OSError("first")
@pytest.mark.flaky(reruns=1)
def test_setup(shaky): pass
"""


@pytest.mark.parametrize("words", [(), (*XDIST, "-n2")], ids=["one", "n2"])
def test_reruns_are_attempts_of_one_case(suite: SuiteRun, words: tuple[str, ...]) -> None:
    """A case that is tried several times is one case, done once, with what became of each earlier try."""
    suite.write(test_rerun=RERUN)
    told = suite.run(*RERUNS, *words).told
    assert told.outcomes() == {"test_third": "passed", "test_never": "failed", "test_setup": "passed"}
    assert set(told.done.values()) == {1}
    third = told.case("::test_third")
    assert [each["outcome"] for each in third["attempts"]] == ["failed", "failed"]
    assert third["attempts"][0]["failure"]["message"] == "assert 1 == 3\n +  where 1 = len([1])"
    assert "failure" not in third
    assert len(told.case("::test_never")["attempts"]) == 1
    assert told.case("::test_setup")["attempts"][0]["outcome"] == "error"


def test_coroutines_and_doctests_are_cases(suite: SuiteRun) -> None:
    """What other plugins run is told as well."""
    suite.write(
        test_async="import asyncio\nasync def test_wait():\n    await asyncio.sleep(0)\n    assert 0\n",
        words='def double(x):\n    """\n    >>> double(2)\n    5\n    """\n    return 2 * x\n',
    )
    told = suite.run("-p", "pytest_asyncio.plugin", "-o", "asyncio_mode=auto", "--doctest-modules").told
    assert told.outcomes() == {"test_wait": "failed", "words.double": "failed"}
    assert told.case("words.double")["failure"]["type"] == "doctest.DocTestFailure"


def test_twins_are_two_cases(suite: SuiteRun) -> None:
    """The same node twice in one run has two ids, and is done twice."""
    suite.write(test_one="def test_it(): pass\n")
    told = suite.run("--keep-duplicates", "test_one.py", "test_one.py").told
    assert len(told.cases) == 2
    assert set(told.done.values()) == {1}


def test_a_suite_in_a_loop_has_new_cases_each_time(suite: SuiteRun) -> None:
    """Where a plugin runs all items again, or one item several times, each time is a case."""
    suite.write(
        conftest="import pytest\n"
        "@pytest.hookimpl(tryfirst=True)\n"
        "def pytest_runtestloop(session):\n"
        "    for item in [*session.items * 2, session.items[-1], session.items[-1]]:\n"
        "        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)\n"
        "    return True\n",
        test_it="def test_one(): pass\ndef test_two(): pass\n",
    )
    told = suite.run().told
    assert len(told.cases) == 6
    assert set(told.done.values()) == {1}
