"""`pylogtap tests`: reports become runs, runs are looked at, and a build stops where it should."""

from __future__ import annotations

import csv
import json
import subprocess
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.reports import report

if TYPE_CHECKING:
    from tests.integration.cli.conftest import Shell

HOUR = 3_600
COMMITS = [f"{number:02x}{'ab' * 19}" for number in range(1, 9)]
PASSING = {"test_total[eur]": "passed", "test_total[usd]": "passed", "test_ship": "passed"}
BROKEN = {**PASSING, "test_total[usd]": "failed"}


def junit(outcomes: dict[str, str], hour: int) -> bytes:
    """Return a report of pytest, of a run that began at an hour."""
    trace = f"E  assert {hour} == 4\n\ntests/test_cart.py:7: AssertionError"
    bad = f'<failure message="assert {hour} == 4">{trace}</failure>'
    cases = "".join(
        f'<testcase classname="tests.test_cart" name="{name}" time="0.5">{bad if outcome == "failed" else ""}'
        "</testcase>"
        for name, outcome in outcomes.items()
    )
    return (
        f'<testsuites><testsuite name="pytest" time="1.5" timestamp="2026-11-20T{hour:02}:00:00">{cases}'
        "</testsuite></testsuites>"
    ).encode()


class Commands:
    """Runs `pylogtap tests` for one project."""

    def __init__(self, shell: Shell) -> None:
        """Bind a shell."""
        self.shell = shell
        self.prefix = f"{shell.project}/checkout"
        for name in ("GITHUB_ACTIONS", "CI", "GITLAB_CI"):
            shell.environment.pop(name, None)

    def run(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end."""
        return self.shell.run("tests", *arguments, given=given)

    def said(self, *arguments: str, given: bytes = b"", code: int = 0) -> str:
        """Return what a command says that ends with this code."""
        ended = self.run(*arguments, given=given)
        assert ended.returncode == code, (ended.stdout + ended.stderr).decode()
        assert b"Traceback (most" not in ended.stderr
        return ended.stdout.decode() + ended.stderr.decode()

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """Return what a command says in JSON."""
        return [json.loads(line) for line in self.said(*arguments, "--format", "json").splitlines()]

    def bring(self, outcomes: dict[str, str], hour: int, commit: str, branch: str = "main") -> None:
        """Import a run."""
        options = ("--prefix", self.prefix, "--commit", commit, "--branch", branch)
        self.said("import", "-", *options, given=junit(outcomes, hour))


@pytest.fixture
def tests(shell: Shell) -> Commands:
    """What runs the commands; nothing is stored of its project."""
    return Commands(shell)


@pytest.fixture
def broken(tests: Commands) -> Commands:
    """Three runs: two passed, and the newest has a failure that was not there before."""
    for hour, outcomes in enumerate((PASSING, PASSING, BROKEN), 1):
        tests.bring(outcomes, hour, COMMITS[hour])
    return tests


def test_import(tests: Commands) -> None:
    """Patterns, files and standard input are imported; what was before is said to be."""
    folder = tests.shell.folder / "reports" / "deep"
    folder.mkdir(parents=True)
    for name in ("jest.xml", "surefire.xml", "playwright-ctrf.json"):
        (folder / name).write_bytes(report(name))
    said = tests.said("import", "reports/**/*.xml", "--prefix", tests.prefix).splitlines()
    names = [line.partition(" is run ")[0] for line in said]
    assert names == ["reports/deep/jest.xml", "reports/deep/surefire.xml"]
    assert said[0].endswith(f"of {tests.prefix}/tests: failed, 1 passed, 1 failed, 1 skipped")
    both = ("reports/deep/jest.xml", "-", "--prefix", tests.prefix)
    again = tests.said("import", *both, given=report("mocha.xml"))
    assert "reports/deep/jest.xml was imported before as run" in again
    assert "standard input is run" in again
    options = ("--json", "--prefix", tests.prefix, "--branch", "given")
    answer = json.loads(tests.said("import", "reports/deep/playwright-ctrf.json", *options))
    run = answer["runs"][0]
    assert (run["commit"], run["branch"]) == ("0c1d2e3f4a5b6c7d8e9f", "given")


def test_import_of_what_is_none(tests: Commands) -> None:
    """What is refused is named with its reason, the rest is imported all the same, and the code is 1."""
    (tests.shell.folder / "notes.xml").write_text("<html/>")
    (tests.shell.folder / "half.xml").write_bytes(junit(BROKEN, 1)[:-60])
    said = tests.said("import", "notes.xml", "half.xml", "--prefix", tests.prefix, code=1)
    assert "pylogtap: notes.xml: line 1: the document is a <html>" in said
    assert "half.xml is run" in said
    assert "not read: line" in said
    assert "there is no file nowhere.xml" in tests.said("import", "nowhere.xml", "--prefix", "a/b", code=2)
    assert "--prefix project/service" in tests.said("import", "half.xml", code=2)
    for wrong, why in (("--started", "no time of RFC 3339"), ("--commit", "no commit: neither 7 to 64")):
        assert why in tests.said("import", "half.xml", wrong, "gestern", "--prefix", "a/b", code=2)


def test_import_knows_the_commit(tests: Commands) -> None:
    """Commit and branch come from git, or from the CI service that runs the command."""
    folder = tests.shell.folder
    (folder / "r.xml").write_bytes(junit(PASSING, 1))
    for words in (
        ["init", "-q", "-b", "topic"],
        ["-c", "user.name=A", "-c", "user.email=a@b.example", "commit", "-q", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    tests.said("import", "r.xml", "--prefix", tests.prefix)
    (run,) = tests.rows("runs", "--prefix", tests.prefix)
    assert (len(run["commit"]), run["branch"]) == (40, "topic")
    assert "the gate is open" in tests.said("gate", "--prefix", tests.prefix, "--commit", "HEAD")
    (folder / "again.xml").write_bytes(junit(PASSING, 2))
    tests.said("import", "again.xml", "--prefix", tests.prefix, "--commit", "topic")
    assert len(tests.rows("runs", "--prefix", tests.prefix, "--commit", run["commit"][:9].upper())) == 2
    assert "no commit" in tests.said("gate", "--prefix", tests.prefix, "--commit", "HEAD~9", code=2)
    assert "--commit is empty" in tests.said("gate", "--prefix", tests.prefix, "--commit", "", code=2)
    tests.shell.environment |= {"GITHUB_ACTIONS": "true", "GITHUB_SHA": "c" * 40, "GITHUB_REF_NAME": "merge"}
    tests.said("import", "r.xml", "--prefix", f"{tests.prefix}/other")
    run = tests.rows("runs", "--prefix", tests.prefix, "--commit", "c" * 40)[0]
    assert run["instance"] == "other"


def test_overview_and_runs(broken: Commands) -> None:
    """Without a command the newest run of each service is shown, with the failures that are new in it."""
    broken.said("import", "-", "--prefix", f"{broken.shell.project}/stock", given=junit(PASSING, 9))
    lines = broken.said("--prefix", broken.shell.project).splitlines()
    headings = "SERVICE STATE NEW FAILED TESTS TOOK COMMIT BEGAN RUN"
    assert lines[0].split() == headings.split()
    assert lines[1].split()[:5] == [f"{broken.shell.project}/stock", "passed", "0", "0", "3"]
    assert lines[2].split()[:5] == [broken.prefix, "failed", "1", "1", "3"]
    assert len(broken.rows("runs", "--prefix", broken.prefix)) == 3
    assert len(broken.rows("runs", "--prefix", broken.prefix, "--state", "failed")) == 1
    rows = list(csv.DictReader(StringIO(broken.said("runs", "--prefix", broken.prefix, "--format", "csv"))))
    assert [row["state"] for row in rows] == ["failed", "passed", "passed"]
    assert len(rows[0]["run"]) == 32
    assert broken.said("runs", "--prefix", "nobody").strip() == "no such test runs"


def test_show(broken: Commands) -> None:
    """The report of a run begins with what is new, why it failed, since when, and how to see more."""
    said = broken.said("show", "latest", "--prefix", broken.prefix)
    lines = said.splitlines()
    assert lines[0].startswith(f"{broken.prefix}/tests  failed  2 passed, 1 failed in 1.5 s")
    at = lines.index("new failures (1)")
    assert lines[at + 1] == (
        f"  tests/test_cart.py::test_total[usd]  since {COMMITS[3][:8]}, passed on {COMMITS[2][:8]}"
    )
    assert lines[at + 2].strip() == "AssertionError: assert 3 == 4"
    assert lines[at + 3].strip().startswith("pylogtap query test:")
    run = json.loads(broken.said("show", "--prefix", broken.prefix, "--format", "json"))["run"]["id"]
    assert broken.said("show", run[:12]) == broken.said("show", run) == said
    assert "there is no test run 0000" in broken.said("show", "0000", code=1)
    assert "is no run" in broken.said("show", "not-hex", code=2)


def test_case(broken: Commands) -> None:
    """A case is found by its id or its test's name; with --logs it comes with what it caused."""
    said = broken.said("case", "test_total[usd]", "--prefix", broken.prefix)
    assert said.splitlines()[0] == "tests/test_cart.py::test_total[usd]"
    assert "new failure" in said.splitlines()[1]
    assert "  │ E  assert 3 == 4" in said
    case = json.loads(broken.said("case", "[usd]", "--prefix", broken.prefix, "--format", "json"))
    logs = broken.said("case", case["id"], "--logs")
    assert "1 log line of 1 service\n" in logs
    assert "tests/test_cart.py::test_total[usd] failed: assert 3 == 4" in logs
    assert "2 tests are named so" in broken.said("case", "test_total", "--prefix", broken.prefix, code=2)
    assert "no test 'nothing'" in broken.said("case", "nothing", "--prefix", broken.prefix, code=2)


def test_what_is_known_of_tests(tests: Commands) -> None:
    """Lists of tests, flaky and slow ones, groups of failures, history and course."""
    for hour in range(1, 9):
        flaky = {**PASSING, "test_ship": "failed" if hour % 2 else "passed"}
        tests.bring(flaky, 2 * hour, COMMITS[(hour - 1) // 2])
    where = ("--prefix", tests.prefix)
    assert [each["node"] for each in tests.rows("list", *where)] == [
        f"tests/test_cart.py::{name}" for name in sorted(PASSING)
    ]
    assert tests.rows("list", "--failing", *where) == []
    assert [each["node"] for each in tests.rows("flaky", *where)] == ["tests/test_cart.py::test_ship"]
    assert tests.said("flaky", *where).splitlines()[1].split()[1:4] == ["4", "of", "4"]
    assert len(tests.rows("slow", *where, "-n", "2")) == 2
    assert tests.said("slow", "--slower", *where).strip() == "no such tests"
    (group,) = tests.rows("failures", *where)
    assert (group["cases"], group["tests"], group["type"]) == (4, 1, "AssertionError")
    assert "AssertionError: assert" in tests.said("failures", *where)
    history = tests.said("history", "test_ship", *where).splitlines()
    assert history[0].startswith("tests/test_cart.py::test_ship")
    assert "4 of 8 failed" in history[1]
    assert len(history) == 4 + 8
    assert len(tests.rows("history", "test_ship", *where, "-n", "3")) == 3
    rows = list(csv.DictReader(StringIO(tests.said("history", "test_ship", *where, "--format", "csv"))))
    assert {(row["commit"], row["branch"]) for row in rows} == {(each, "main") for each in COMMITS[:4]}
    assert [each["failed"] for each in tests.rows("trend", *where, "--runs", "4")] == [1, 0, 1, 0]


def test_tests_that_are_gone(broken: Commands) -> None:
    """What is not run any more is listed only where that is asked for."""
    where = ("--prefix", broken.prefix)
    for hour in (5, 6, 7):
        broken.bring({"test_ship": "passed", "test_total[eur]": "passed"}, hour, COMMITS[hour])
    nodes = [each["node"] for each in broken.rows("list", *where)]
    assert nodes == ["tests/test_cart.py::test_ship", "tests/test_cart.py::test_total[eur]"]
    assert broken.rows("list", "--failing", *where) == []
    (gone,) = broken.rows("list", "--gone", *where)
    assert gone["node"] == "tests/test_cart.py::test_total[usd]"
    assert "not run any more" in broken.said("history", gone["node"], *where)


def test_tests_that_are_slower(tests: Commands) -> None:
    """What a test took before and takes now is shown, and no median of both."""
    where = ("--prefix", tests.prefix)
    for hour in range(1, 21):
        slow = b'name="test_ship" time="4"' if hour > 10 else b'name="test_ship" time="0.5"'
        content = junit(PASSING, hour).replace(b'name="test_ship" time="0.5"', slow)
        tests.said("import", "-", *where, "--commit", f"{hour:02x}{'ab' * 19}", given=content)
    lines = tests.said("slow", "--slower", *where).splitlines()
    assert lines[0].split() == ["BEFORE", "NOW", "RATIO", "SINCE", "SERVICE", "TEST", "NODE"]
    assert lines[1].split()[:5] == ["0.5", "s", "4", "s", "x8.0"]


def test_a_gate_that_nobody_reads(broken: Commands) -> None:
    """Who reads only the first lines, as `head` does, must not open a closed gate."""
    where = ("--prefix", broken.prefix)
    assert "the gate is closed" in broken.said("gate", *where, code=1)
    process = broken.shell.start("tests", "gate", *where)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (1, b"")


def test_gate(broken: Commands) -> None:
    """A gate is closed by a new failure, and says which, where, and since which commit."""
    where = ("--prefix", broken.prefix)
    said = broken.said("gate", *where, code=1)
    assert "✗ 1 test failed and had not before" in said
    assert f"tests/test_cart.py::test_total[usd]  since {COMMITS[3][:8]}" in said
    assert "assert 3 == 4" in said
    assert said.splitlines()[-1].startswith("the gate is closed; pylogtap tests show ")
    assert said == broken.said("gate", *where, "--no-new-failures", code=1)
    assert "the gate is open" in broken.said("gate", *where, "--commit", COMMITS[2])
    assert "the gate is open" in broken.said("gate", *where, "--max-failures", "1")
    assert "1 test failed, at most 0 may" in broken.said("gate", *where, "--max-failures", "0", code=1)
    broken.bring(BROKEN, 5, COMMITS[4])  # it fails again, and that is no news
    assert "the gate is open" in broken.said("gate", *where)
    assert "still failing" in broken.said("gate", *where, "--max-failures", "0", code=1)


def test_a_gate_for_flaky_tests(tests: Commands) -> None:
    """Known flaky tests close a gate only where that is asked for."""
    for hour in range(1, 10):
        tests.bring(
            {**PASSING, "test_ship": "failed" if hour % 2 else "passed"}, hour, COMMITS[(hour - 1) // 2]
        )
    where = ("--prefix", tests.prefix)
    assert "the gate is open" in tests.said("gate", *where)
    assert "the gate is open" in tests.said("gate", *where, "--max-failures", "0", "--allow-flaky")
    assert "1 test failed as known" in tests.said("gate", *where, "--no-flaky", code=1)
    assert "the opposite" in tests.said("gate", *where, "--no-flaky", "--allow-flaky", code=2)


def test_a_gate_that_waits(tests: Commands) -> None:
    """A run that is still to come is waited for; one that never comes is said not to be there."""
    where = ("--prefix", tests.prefix)
    said = tests.said("gate", *where, "--commit", "abcdef0", "--wait", "0", code=1)
    wanted = f"of project {tests.shell.project} service checkout commit abcdef0"
    assert said.startswith(f"pylogtap: there is no test run {wanted}")
    waiting = tests.shell.start("tests", "gate", *where, "--wait", "60")
    tests.bring(PASSING, 1, COMMITS[0])
    output, errors = waiting.communicate(timeout=100)
    assert waiting.returncode == 0, errors
    assert b"the gate is open" in output


def test_runs_that_never_open_a_gate(tests: Commands) -> None:
    """A run that ended too soon, or had no tests, is never well."""
    where = ("--prefix", tests.prefix)
    tests.said("import", "-", *where, given=junit(PASSING, 1)[:-40])
    said = tests.said("gate", *where, code=1)
    assert "the run ended too soon (interrupted): the report ends too soon" in said
    tests.said("import", "-", *where, given=b'<testsuite name="pytest" timestamp="2026-11-20T09:00:00"/>')
    assert "the run had no tests" in tests.said("gate", *where, code=1)
    assert "the gate is open" in tests.said("gate", *where, "--allow-empty")
