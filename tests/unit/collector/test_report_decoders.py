"""What each dialect of a report says, case by case."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap_collector.reports import nodes
from pylogtap_collector.reports.model import MAX_SKIPPED, Skipped
from pylogtap_collector.reports.reading import read, sniff
from tests.support.reports import REPORTS, report

if TYPE_CHECKING:
    from pathlib import Path

    from pylogtap_collector.reports.model import ParsedRun

NOW = 1_795_200_000 * 10**9
BEGAN = 1_795_169_730 * 10**9  # 2026-11-20T10:15:30Z
# Of each report: what ran it, what became of its cases, and the nodes of some of them.
SAMPLES: dict[str, tuple[str, dict[str, int], list[str]]] = {
    "surefire.xml": (
        "surefire", {"passed": 2, "failed": 1, "error": 1, "skipped": 1}, ["com.shop.CartTest::rounds"],
    ),
    "gradle.xml": ("junit", {"passed": 1, "failed": 1}, ["com.shop.StockTest::orders()"]),
    "jest.xml": (
        "jest", {"passed": 1, "failed": 1, "skipped": 1}, ["src/cart.test.js > Cart total of many"],
    ),
    "go-junit-report.xml": (
        "go test", {"passed": 1, "failed": 1, "skipped": 1}, ["example.com/shop/cart.TestTotal/usd"],
    ),
    "gotestsum.xml": ("go test", {"passed": 1, "failed": 1}, ["example.com/shop/stock.TestOrder"]),
    "nextest.xml": ("cargo nextest", {"passed": 2, "failed": 1}, ["cart::total::flaky::rounds"]),
    "phpunit.xml": (
        "phpunit", {"passed": 1, "failed": 1}, ['Shop.CartTest::testTotal with data set "eur"'],
    ),
    "mocha.xml": ("mocha", {"passed": 1, "failed": 1}, ["Cart adds"]),
    "playwright.xml": ("playwright", {"passed": 1, "failed": 1}, ["cart.spec.ts > Cart > pays"]),
    "ctest.xml": ("ctest", {"passed": 1, "failed": 1, "skipped": 1}, ["total"]),
    "googletest.xml": ("googletest", {"passed": 1, "failed": 1, "skipped": 1}, ["CartTest::Total/0"]),
    "unittest.xml": ("unittest", {"passed": 1, "failed": 1}, ["tests.test_cart.TestCart.test_total"]),
    "go.jsonl": ("go test", {"passed": 1, "failed": 2}, ["example.com/shop/cart.TestTotal/usd"]),
    "node.tap": ("tap", {"passed": 1, "failed": 1, "skipped": 1}, ["total"]),
    "playwright-ctrf.json": (
        "playwright", {"passed": 1, "failed": 1, "skipped": 1}, ["cart.spec.ts > Cart > pays"],
    ),
}  # fmt: skip
# What each failure says: node, class, message, file, line.
FAILURES = [
    ("gradle.xml", "com.shop.StockTest::orders()", "java.lang.AssertionError", "3 != 4", "StockTest.kt", 19),
    (
        "jest.xml", "src/cart.test.js > Cart total of many", "Error", "expect(received).toBe(expected)",
        "src/cart.test.js", 14,
    ),
    ("go-junit-report.xml", "example.com/shop/cart.TestTotal/usd", "", "3 is not 4", "cart_test.go", 11),
    ("gotestsum.xml", "example.com/shop/stock.TestOrder", "", "nothing was ordered", "stock_test.go", 31),
    (
        "phpunit.xml", 'Shop.CartTest::testTotal with data set "eur"',
        "PHPUnit\\Framework\\ExpectationFailedException", "Failed asserting that 3 matches expected 4.",
        "/src/shop/tests/CartTest.php", 16,
    ),
    ("mocha.xml", "Cart total", "AssertionError", "expected 3 to equal 4", "test/cart.js", 12),
    (
        "playwright.xml", "cart.spec.ts > Cart > pays", "Error",
        "Timed out 5000ms waiting for expect(locator).toBeVisible()", "/src/shop/e2e/cart.spec.ts", 12,
    ),
    (
        "surefire.xml", "com.shop.CartTest::ships", "java.lang.IllegalStateException", "no route, again",
        "Cart.java", 88,
    ),
    (
        "nextest.xml", "cart::total::ships", "", "thread 'ships' panicked at cart/src/ship.rs:9:5",
        "cart/src/ship.rs", 9,
    ),
]  # fmt: skip
PYTEST = [name for name in REPORTS if name.startswith("pytest-")]


def parsed(name: str) -> ParsedRun:
    """Read a sample."""
    return read(report(name), NOW)


def by_node(run: ParsedRun) -> dict[str, Any]:
    """Return the cases of a run by their nodes."""
    return {case["node"]: case for case in run.cases}


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_dialects(name: str) -> None:
    """The runner, the outcomes and the names are found in what each runner writes."""
    runner, outcomes, some = SAMPLES[name]
    run = parsed(name)
    assert run.facts["runner"] == runner
    found: dict[str, int] = {}
    for case in run.cases:
        found[case["outcome"]] = found.get(case["outcome"], 0) + 1
        assert case["done"]
    assert found == outcomes
    assert set(some) <= by_node(run).keys()
    assert (run.outcome, run.skipped) == ("failed", [])


@pytest.mark.parametrize(("name", "node", "kind", "message", "file", "line"), FAILURES)
def test_failures(name: str, node: str, kind: str, message: str, file: str, line: int) -> None:
    """Class, message and place of a failure are found in the words of each language."""
    failure = by_node(parsed(name))[node]["failure"]
    assert (failure["type"], failure["message"], failure["file"], failure["line"]) == (
        kind, message, file, line,
    )  # fmt: skip


def test_every_sample_is_looked_at() -> None:
    """There is no sample that nothing asserts."""
    assert {*SAMPLES, *PYTEST} == set(REPORTS)


@pytest.mark.parametrize("name", PYTEST)
def test_reports_of_pytest_agree(name: str) -> None:
    """All formats name the same tests alike, as pytest does, so that their histories join."""
    cases = by_node(parsed(name))
    wanted = by_node(parsed("pytest-reportlog-serial.jsonl"))
    missing = {"tests/test_bad.py"} if name.endswith(".json") else set()  # CTRF has no place for it
    assert cases.keys() == wanted.keys() - missing
    for node, case in cases.items():
        same = case["outcome"] == wanted[node]["outcome"]
        assert same or (wanted[node]["outcome"], case["outcome"]) == ("xpassed", "passed")
        assert case.get("group") == wanted[node].get("group")
        assert len(case.get("attempts", ())) == len(wanted[node].get("attempts", ()))


def test_phases_of_pytest() -> None:
    """What went wrong before or behind a test is an error, and the phase says where."""
    for name in PYTEST:
        cases = by_node(parsed(name))
        for node, phase in (("test_broken", "setup"), ("test_leaky", "teardown")):
            case = cases[f"tests/test_cart.py::{node}"]
            assert (case["outcome"], case["phase"], case["failure"]["type"]) == (
                "error",
                phase,
                "RuntimeError",
            )


def test_parts_of_a_test() -> None:
    """Parts have names and outcomes of their own, also where the test was run again."""
    for name in ("pytest-reportlog-serial.jsonl", "pytest-reportlog-xdist.jsonl"):
        case = by_node(parsed(name))["tests/test_cart.py::test_sub"]
        assert [part["outcome"] for part in case["subtests"]] == ["passed", "failed", "passed"]
        assert case["subtests"][1]["failure"]["message"] == "assert 1 != 1"
        assert case["subtests"][1]["name"].startswith("[part] (n=")
        assert case["subtest_count"] == 3
        assert case["attempts"][0]["failure"]["message"] == "assert 1 != 1"


def test_attempts_of_surefire() -> None:
    """A test that passed later has its failures as attempts; one that never did ends with its last."""
    cases = by_node(parsed("surefire.xml"))
    flaky, ships = cases["com.shop.CartTest::rounds"], cases["com.shop.CartTest::ships"]
    assert [each["failure"]["message"] for each in flaky["attempts"]] == ["expected: <3> but was: <4>"]
    assert [each["failure"]["message"] for each in ships["attempts"]] == ["no route"]
    assert cases["com.shop.CartTest::total{Currency}[1]"]["duration"] == 1200.25
    assert parsed("surefire.xml").duration == 1234.5
    assert "never stored" not in str(parsed("surefire.xml"))  # properties of a suite may be secret


def test_times() -> None:
    """A run begins when its first suite does, and cases one behind the other, unless they say when."""
    run = parsed("gradle.xml")
    assert (run.started, run.duration) == (BEGAN, 0.25)
    assert [case["started"] for case in run.cases] == [BEGAN, BEGAN + 50_000_000]
    assert parsed("nextest.xml").started == BEGAN - 3_600 * 10**9
    assert parsed("surefire.xml").started == NOW - round(1234.5e9)
    run = parsed("playwright-ctrf.json")
    assert (run.started, run.duration) == (BEGAN, 4.5)


def test_what_ctrf_says_of_the_run() -> None:
    """Commit, branch and CI of a report are the run's."""
    facts = parsed("playwright-ctrf.json").facts
    assert (facts["commit"], facts["branch"], facts["runner_version"]) == (
        "0c1d2e3f4a5b6c7d8e9f",
        "main",
        "1.49.0",
    )
    assert facts["ci"] == {"url": "https://ci.example/812", "job": "shop", "run": "812"}


@pytest.mark.parametrize("family", ["xunit1", "xunit2"])
def test_what_pytest_writes_today(tmp_path: Path, family: str) -> None:
    """The report of the pytest that runs this, and the nodes that it prints itself, name the same tests."""
    (tmp_path / "sub.dir").mkdir()
    for folder in (tmp_path, tmp_path / "sub.dir"):
        (folder / "test_names.py").write_text(
            "import pytest\nclass TestA:\n    class TestB:\n"
            "        @pytest.mark.parametrize('x', ['a::b', 'c.d', '[e]', 'f/g'])\n"
            "        def test_c(self, x): pass\ndef test_lower(): assert 1 == 2\n"
        )
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider",
        "--import-mode=importlib", "-c", "/dev/null", "--rootdir=.",
    ]  # fmt: skip
    printed = [
        subprocess.run([*command, *more], cwd=tmp_path, capture_output=True, text=True, check=False).stdout
        for more in (["--collect-only"], ["--junitxml=r.xml", "-o", f"junit_family={family}"])
    ]
    run = read((tmp_path / "r.xml").read_bytes(), NOW)
    collected = {line for line in printed[0].splitlines() if "::" in line}
    dotted = family == "xunit2"  # a folder with a dot in its name cannot be told from two
    wanted = {each.replace("sub.dir/", "sub/dir/") if dotted else each for each in collected}
    assert by_node(run).keys() == wanted
    assert len(wanted) == 10
    (failure,) = {case["failure"]["message"] for case in run.cases if "failure" in case}
    assert failure == "assert 1 == 2"


@pytest.mark.parametrize(
    ("classname", "name", "file", "node"),
    [
        ("tests.test_cart.TestCart", "test_a[x.y]", "", "tests/test_cart.py::TestCart::test_a[x.y]"),
        ("test_cart", "test_a", "", "test_cart.py::test_a"),
        ("Tests.unit.test_cart._TestX", "test_a", "", "Tests/unit/test_cart.py::_TestX::test_a"),
        ("tests.test_cart.lower", "test_a", "tests/test_cart.py", "tests/test_cart.py::lower::test_a"),
        ("ci.tests.test_cart.TestA", "test_a", "tests/test_cart.py", "tests/test_cart.py::TestA::test_a"),
        ("", "tests.test_bad", "", "tests/test_bad.py"),
        ("", "", "", ".py"),
    ],
)
def test_dotted_names(classname: str, name: str, file: str, node: str) -> None:
    """Module and classes are parted where a class begins, or where the file ends."""
    assert nodes.of_dotted(classname, name, file).node == node


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b"\xef\xbb\xbf  <testsuite/>", "junit"),
        ('<?xml version="1.0" encoding="UTF-16"?><testsuite/>'.encode("utf-16"), "junit"),
        (b'{"$report_type": "SessionStart"}\n{"cut', "reportlog"),
        (b'\n{\n "results": {}}', "ctrf"),
    ],
)
def test_formats_are_told_apart(body: bytes, form: str) -> None:
    """A report's first bytes say what it is."""
    assert sniff(body) == form


def test_other_encodings() -> None:
    """XML may be written in any encoding that expat or Python knows."""
    text = '<?xml version="1.0" encoding="{}"?><testsuite><testcase name="größe"/></testsuite>'
    for encoding in ("utf-8", "utf-16", "iso-8859-1", "cp1252", "koi8-u"):
        name = "größe" if encoding != "koi8-u" else "гроші"
        run = read(text.format(encoding).replace("größe", name).encode(encoding), NOW)
        assert [case["node"] for case in run.cases] == [name]


def test_a_log_that_is_cut() -> None:
    """Of a report log that breaks off anywhere, what there is counts; the run was interrupted."""
    whole = report("pytest-reportlog-serial.jsonl")
    for part in range(1, 10):
        run = read(whole[: len(whole) * part // 10], NOW, "reportlog")
        assert (run.outcome, run.exit) == ("interrupted", None)
        assert sum("outcome" not in case for case in run.cases) <= 1  # the one that ran then
        assert len(run.skipped) <= 1


def test_the_same_node_twice() -> None:
    """A test that pytest runs twice is two cases, unless it was run again because it failed."""
    phases = "".join(
        f'{{"$report_type": "TestReport", "nodeid": "t.py::a", "when": "{when}", "outcome": "passed"}}\n'
        for when in ("setup", "call", "teardown") * 2
    )
    run = read(phases.encode(), NOW)
    assert [case["node"] for case in run.cases] == ["t.py::a", "t.py::a"]


def test_what_is_skipped_is_bounded() -> None:
    """However much cannot be read, few sentences say so, and the last counts the rest."""
    skipped = Skipped()
    for number in range(1_000):
        skipped.note(f"line {number}", 1)
    assert len(skipped.sentences()) == MAX_SKIPPED
    assert skipped.sentences()[-1] == "and 981 more of such"
    assert skipped.dropped == 1_000
