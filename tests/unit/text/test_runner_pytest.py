"""What pytest prints, run for real in many ways, and compared with the JUnit XML of the same run."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.support.runners import Told, read, run_python, write_suite

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = ("pytest", "-p", "no:cacheprovider")
EACH = [  # a line for each case
    ["-v"], ["-vv", "--tb=short"], ["-v", "-s", "-k", "not test_ok"], ["-v", "-p", "xdist", "-n2"],
    ["-v", "-p", "xdist", "-n2", "--color=yes"], ["-q", "-rA"],
    ["-rA", "--tb=no"], ["-v", "--color=yes"], ["-v", "--no-header", "--tb=native"], ["-v", "-rN"],
    ["-v", "-o", "console_output_style=count"], ["-v", "-o", "console_output_style=times"],
]  # fmt: skip
FAILING = [  # files and dots
    [], ["-q"], ["-q", "--tb=line"], ["--tb=native"], ["-p", "xdist", "-n2"], ["--color=yes", "--tb=auto"],
    ["-q", "-rfE"],
    ["-rN"], ["-rN", "--tb=short"], ["-o", "console_output_style=classic", "-q"],
]  # fmt: skip


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a suite that has one of everything."""
    folder = tmp_path_factory.mktemp("suite")
    write_suite(folder)
    return folder


def reported(path: Path, root: Path) -> dict[str, str]:
    """Return outcomes by node, as a JUnit XML has them: it does not tell xpassed from passed."""
    outcomes: dict[str, str] = {}
    ranks = {"failed": 2, "error": 1}
    for case in ET.parse(path).iter("testcase"):
        parts = case.get("classname", "").split(".")
        at = next(n for n in range(len(parts), 0, -1) if (root / ("/".join(parts[:n]) + ".py")).exists())
        node = "::".join(["/".join(parts[:at]) + ".py", *parts[at:], case.get("name", "")])
        outcome = "passed"
        if case.find("failure") is not None:
            outcome = "failed"
        elif case.find("error") is not None:
            outcome = "error"
        elif (skipped := case.find("skipped")) is not None:
            outcome = "xfailed" if skipped.get("type") == "pytest.xfail" else "skipped"
        if ranks.get(outcome, 0) >= ranks.get(outcomes.get(node, ""), -1):
            outcomes[node] = outcome
    return outcomes


def ran(suite: Path, report: Path, *options: str) -> tuple[Told, dict[str, str]]:
    """Run the suite, and return what its output and what its report tells."""
    ended = run_python(suite, *PLAIN, f"--junitxml={report}", *options)
    assert ended.returncode == 1, ended.stdout.decode()
    return read(ended.stdout, expected="pytest"), reported(report, suite)


@pytest.mark.parametrize("options", EACH, ids=" ".join)
def test_each_case_has_a_line(suite: Path, tmp_path: Path, options: list[str]) -> None:
    """Where each case is listed, all are told, each with its outcome, and none beside them."""
    told, report = ran(suite, tmp_path / "report.xml", *options)
    said = {
        node: "passed" if outcome == "xpassed" else outcome
        for node, outcome in told.outcomes.items()
        if outcome != "skipped" or "-rA" not in options
    }
    expected = {
        node: outcome for node, outcome in report.items() if outcome != "skipped" or "-rA" not in options
    }
    assert said == expected
    assert all(case.get("done") for case in told.cases.values())
    assert told.runs == 1
    assert told.totals["outcome"] == "failed"
    assert told.totals["counts"]["passed"] + told.totals["counts"]["failed"] > 10
    assert told.totals["duration"] > 0


@pytest.mark.parametrize("options", FAILING, ids=lambda options: " ".join(options) or "plain")
def test_dots(suite: Path, tmp_path: Path, options: list[str]) -> None:
    """Where only dots are shown, those that failed are told by the sections at the end, and no others."""
    told, report = ran(suite, tmp_path / "report.xml", *options)
    assert told.outcomes == {node: each for node, each in report.items() if each in {"failed", "error"}}
    assert told.totals["counts"]["xfailed"] == 1


@pytest.mark.parametrize(
    "options",
    [["-v"], ["-q"], ["--tb=native"], ["-v", "-p", "xdist", "-n2", "--color=yes"], ["-rN"]],
    ids=str,
)
def test_what_failed(suite: Path, tmp_path: Path, options: list[str]) -> None:
    """A failure has type, message, place and traceback; what was captured is the case's output."""
    told, _ = ran(suite, tmp_path / "report.xml", *options)
    case = told.case("tests/test_shop.py::test_param[us dollar]")
    assert case["failure"]["type"] == "AssertionError"
    assert case["failure"]["message"].startswith("wrong\n")
    assert case["failure"]["file"].endswith("tests/test_shop.py")
    assert case["failure"]["line"] == 24
    assert "currency" in case["failure"]["stacktrace"]
    assert case["phase"] == "call"
    assert "short test summary info" in case["output"]["call stdout"]
    assert told.case("tests/test_shop.py::test_setup")["phase"] == "setup"
    assert told.case("tests/test_shop.py::test_teardown")["phase"] == "teardown"
    assert told.case("tests/test_shop.py::test_teardown")["failure"]["message"] == "still open"
    assert told.case("tests/test_more.py::test_deep")["failure"]["type"] == "ValueError"
    deep = told.case("tests/test_shop.py::TestCart::TestInner::test_deep")
    assert (deep["file"], deep["group"], deep["name"]) == (
        "tests/test_shop.py", "TestCart::TestInner", "test_deep",
    )  # fmt: skip


def test_what_is_known_of_the_run(suite: Path, tmp_path: Path) -> None:
    """Version, folder, number of cases, workers, seed and warnings are told."""
    ended = run_python(suite, "pytest", "-p", "randomly", "-v")
    told = read(ended.stdout)
    assert told.facts["runner"] == "pytest"
    assert told.facts["runner_version"] == pytest.__version__
    assert told.facts["collected"] == 19
    assert told.facts["root"] == str(suite)
    assert told.facts["seed"].isdecimal()
    (warning,) = told.warnings
    assert (warning["category"], warning["message"]) == ("DeprecationWarning", "use other")
    assert warning["node"] == "tests/test_shop.py::test_warns"
    chosen = read(run_python(suite, *PLAIN, "-v", "-k", "deep", "-p", "xdist", "-n2").stdout)
    assert chosen.facts["workers"] == 2
    chosen = read(run_python(suite, *PLAIN, "-v", "-k", "deep").stdout)
    assert (chosen.facts["collected"], chosen.facts["deselected"]) == (2, 17)


@pytest.mark.parametrize("options", [["-v"], ["-q"], []])
def test_reasons(suite: Path, options: list[str]) -> None:
    """Reasons of skips and of expected failures are told where they are shown."""
    told = read(run_python(suite, *PLAIN, *options, "-rA").stdout)
    assert told.case("tests/test_shop.py::test_xfail")["reason"] == "known"
    if options == ["-v"]:
        assert told.case("tests/test_shop.py::test_skip")["reason"] == "no rate"


def test_a_file_that_cannot_be_collected(tmp_path: Path) -> None:
    """It is a case of its own, whose node is the file."""
    (tmp_path / "test_bad.py").write_text("import nothing_there\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    told = read(run_python(tmp_path, *PLAIN, "-v").stdout)
    case = told.case("test_bad.py")
    assert (case["outcome"], case["phase"]) == ("error", "collect")
    assert case["failure"]["type"] == "ModuleNotFoundError"
    assert told.totals["outcome"] == "interrupted"
    assert told.totals["reason"] == "Interrupted: 1 error during collection"


@pytest.mark.parametrize("options", [[], ["-q"], ["-v"]], ids=str)
def test_nothing_to_run(suite: Path, options: list[str]) -> None:
    """A run without cases is empty."""
    told = read(run_python(suite, *PLAIN, *options, "-k", "no_such_test").stdout, expected="pytest")
    assert told.totals["outcome"] == "empty"
    assert told.cases == {}


def test_all_passed(suite: Path) -> None:
    """A run in which nothing failed has passed, and its cases are counted where they are not named."""
    told = read(run_python(suite, *PLAIN, "-q", "-k", "test_ok").stdout)
    assert (told.totals["outcome"], told.totals["counts"]) == ("passed", {"passed": 2, "deselected": 17})
    assert told.cases == {}


def test_subtests(tmp_path: Path) -> None:
    """A case is failed where a part of it is, and has its parts."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_parts.py").write_text(
        "import unittest\n"
        "class TestUnit(unittest.TestCase):\n"
        "    def test_sub(self):\n"
        "        for i in range(3):\n"
        "            with self.subTest('m', i=i): self.assertNotEqual(i, 1)\n"
    )
    for options in (["-v"], ["-q"], ["-rN"]):
        told = read(run_python(tmp_path, *PLAIN, *options).stdout)
        case = told.case("test_parts.py::TestUnit::test_sub")
        assert case["outcome"] == "failed"
        failed = [part for part in case["subtests"] if part["outcome"] == "failed"]
        assert [part["name"] for part in failed] == ["[m] (i=1)"]
        assert "1 == 1" in failed[0]["failure"]["message"]
        assert len(told.cases) == 1


def test_reruns(tmp_path: Path) -> None:
    """Attempts before the last are kept as such."""
    pytest.importorskip("pytest_rerunfailures")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_flaky.py").write_text(
        "from pathlib import Path\n"
        "def test_flaky():\n"
        "    file = Path('tries')\n"
        "    tries = file.read_text() if file.exists() else ''\n"
        "    file.write_text(tries + 'x')\n"
        "    assert len(tries) == 2\n"
    )
    told = read(run_python(tmp_path, *PLAIN, "-p", "rerunfailures", "-v", "--reruns", "3").stdout)
    case = told.case("test_flaky.py::test_flaky")
    assert (case["outcome"], len(case["attempts"])) == ("passed", 2)


def test_two_sessions_in_one_output(suite: Path) -> None:
    """A script that runs two suites has two runs."""
    first = run_python(suite, *PLAIN, "-v", "-k", "test_ok").stdout
    second = run_python(suite, *PLAIN, "-v", "-k", "TestInner").stdout
    told = read(first + b"something between\n" + second)
    assert told.runs == 2
    assert told.totals["counts"] == {"failed": 1, "deselected": 18}


def test_output_that_ends_early(suite: Path) -> None:
    """What was told before the end stays; the end is not known."""
    whole = run_python(suite, *PLAIN, "-v").stdout
    told = read(whole[: whole.index(b"test_setup")])
    assert told.outcomes["tests/test_shop.py::test_param[eur]"] == "passed"
    assert told.case("tests/test_shop.py::test_param[us dollar]")["done"]
    assert told.totals["outcome"] == "failed"
    assert "counts" not in told.totals
