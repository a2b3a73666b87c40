"""Parts of a case with outcomes of their own, also where the case is run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.told import RERUNS, XDIST

if TYPE_CHECKING:
    from tests.support.told import SuiteRun

SUBTESTS = """
import unittest
def test_parts(subtests):
    for i in range(4):
        with subtests.test("part", i=i):
            assert i != 2
class TestOld(unittest.TestCase):
    def test_old_parts(self):
        for i in range(3):
            with self.subTest(i=i):
                self.assertNotEqual(i, 1)
"""


@pytest.mark.parametrize("words", [(), (*XDIST, "-n1")], ids=["one", "n1"])
def test_subtests_are_parts_of_their_case(suite: SuiteRun, words: tuple[str, ...]) -> None:
    """A case whose part fails has failed; each part is told with its name, outcome and failure."""
    suite.write(test_parts=SUBTESTS)
    if not hasattr(pytest, "Subtests"):
        pytest.skip("this pytest has no subtests of its own")
    told = suite.run(*words).told
    case = told.case("::test_parts")
    assert case["outcome"] == "failed"
    assert case["phases"]["call"]["outcome"] == "failed"
    assert case["subtest_count"] == 4
    assert [each["outcome"] for each in case["subtests"]] == ["passed", "passed", "failed", "passed"]
    assert case["subtests"][2]["name"] == "[part] (i=2)"
    assert case["failure"]["message"] == "assert 2 != 2"
    assert told.case("::test_old_parts")["outcome"] == "failed"


RERUN_PARTS = """
import pytest
tries = []
def test_never(subtests):
    for i in range(3):
        with subtests.test(i=i):
            assert i != 1
def test_second(subtests):
    tries.append(1)
    for i in range(3):
        with subtests.test(i=i):
            assert i != 1 or len(tries) == 2
"""


@pytest.mark.parametrize("words", [(), (*XDIST, "-n2")], ids=["one", "n2"])
def test_each_attempt_has_its_own_subtests(suite: SuiteRun, words: tuple[str, ...]) -> None:
    """A part that fails in the last attempt fails the case, one that failed before does not."""
    suite.write(test_parts=RERUN_PARTS)
    if not hasattr(pytest, "Subtests"):
        pytest.skip("this pytest has no subtests of its own")
    ran = suite.run(*RERUNS, "--reruns=1", *words)
    assert ran.status == 1, ran.output
    never, second = ran.told.case("::test_never"), ran.told.case("::test_second")
    assert (never["outcome"], never["phase"], never["failure"]["message"]) == (
        "failed",
        "call",
        "assert 1 != 1",
    )
    assert [each["outcome"] for each in never["subtests"]] == ["passed", "failed", "passed"]
    assert [each["outcome"] for each in never["attempts"]] == ["failed"]
    assert second["outcome"] == "passed"
    assert [each["outcome"] for each in second["subtests"]] == ["passed"] * 3
    assert [each["outcome"] for each in second["attempts"]] == ["failed"]
    assert never["subtest_count"] == second["subtest_count"] == 3
    assert set(ran.told.done.values()) == {1}
