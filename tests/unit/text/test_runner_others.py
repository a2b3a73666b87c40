"""What `go test`, Jest, Vitest and TAP producers print, recorded from real runs; see tests/data/runners."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.runners import SAMPLES, plain_environment, read, sample

if TYPE_CHECKING:
    from pathlib import Path

CART, BOOM = "example.com/shop/cart", "example.com/shop/boom"
GO = {
    f"{CART}.TestTotal": "passed",
    f"{CART}.TestTable": "failed",
    f"{CART}.TestTable/eur": "passed",
    f"{CART}.TestTable/us_dollar": "failed",
    f"{CART}.TestTable/none": "skipped",
    f"{CART}.TestParallel": "passed",
    f"{CART}.TestParallel/0": "passed",
    f"{CART}.TestParallel/1": "passed",
    f"{CART}.TestSkipped": "skipped",
    "example.com/shop/pay.TestPaid": "passed",
    "example.com/shop/broken": "error",
    f"{BOOM}.TestBefore": "passed",
    f"{BOOM}.TestPanics": "failed",
}
NODE_TESTS = {
    "cart > adds": "passed",
    "cart > rounds": "failed",
    "cart > taxes": "skipped",
    "cart > discounts": "xpassed",
    "top # level > sub": "passed",
    "top # level > sub 2": "failed",
    "skip me": "skipped",
}
JS = {
    "cart.test.js > cart > total > adds": "passed",
    "cart.test.js > cart > total > rounds": "failed",
    "cart.test.js > cart > total > taxes": "skipped",
    "cart.test.js > cart > total > discounts": "skipped",
    "cart.test.js > top level": "failed",
    "pay.test.js > pays": "passed",
    "pay.test.js > waits": "passed",
    "bad.test.js": "error",
}


@pytest.mark.parametrize("name", ["go-verbose", "go-json"])
def test_go(name: str) -> None:
    """Text and events tell the same: each test and part of a package, and no verdict that a test printed."""
    told = read(sample(name))
    assert told.outcomes == GO
    assert told.totals["outcome"] == "failed"
    assert told.totals["counts"] == {"passed": 7, "failed": 3, "skipped": 2, "error": 1}
    part = told.case(f"{CART}.TestTable/us_dollar")
    assert part["failure"]["message"] == "want 3, got 4\nsecond line"
    assert (part["failure"]["file"], part["failure"]["line"]) == ("c_test.go", 18)
    assert told.case(f"{CART}.TestTable/none")["reason"] == "no rate"
    assert told.case(f"{BOOM}.TestPanics")["failure"]["type"] == "panic"
    assert told.case(f"{BOOM}.TestPanics")["failure"]["file"] == "/src/shop/boom/b_test.go"
    broken = told.case("example.com/shop/broken")
    assert (broken["phase"], broken["failure"]["message"]) == ("collect", "undefined: undefinedThing")
    assert told.case(f"{CART}.TestTotal")["output"]["call stdout"].startswith("printed by TestTotal")


def test_go_without_v() -> None:
    """Without -v, what failed is told, and nothing else."""
    told = read(sample("go-plain"))
    assert told.outcomes == {node: each for node, each in GO.items() if each in {"failed", "error"}}


def test_go_twice() -> None:
    """A test that runs twice in a run is told twice."""
    told = read(sample("go-twice"))
    assert told.outcomes == GO
    twice = {node for node, occurrence in told.cases if occurrence == 1}
    assert twice == GO.keys() - {"example.com/shop/broken", f"{BOOM}.TestBefore", f"{BOOM}.TestPanics"}


def test_go_events_tell_what_runs() -> None:
    """Events tell of a test when it begins; the process's death leaves it so."""
    lines = sample("go-json").splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if b'"fail"' in line and b"us_dollar" in line)
    told = read(b"".join(lines[:at]))
    assert told.began[-1] == f"{CART}.TestTable/us_dollar"
    assert told.totals["outcome"] == "interrupted"


def test_go_process_that_ends() -> None:
    """A test that ran when its process ended has failed with it."""
    told = read(
        "=== RUN   TestA\n--- PASS: TestA (0.00s)\n=== RUN   TestB\nexit status 3\nFAIL\tshop\t0.1s\n"
    )
    assert told.outcomes == {"shop.TestA": "passed", "shop.TestB": "failed"}
    assert told.case("shop.TestB")["crashed"]


def test_jest_verbose() -> None:
    """Each case of the tree is told, with its time, and its failure from the block that describes it."""
    told = read(sample("jest-verbose"))
    assert told.outcomes == JS
    case = told.case("cart.test.js > cart > total > rounds")
    assert case["failure"]["message"].startswith("expect(received).toBe(expected)")
    assert (case["failure"]["file"], case["failure"]["line"]) == ("cart.test.js", 4)
    assert case["duration"] == 0.019
    assert told.case("cart.test.js > top level")["failure"]["type"] == "TypeError"
    assert told.case("bad.test.js")["phase"] == "collect"
    assert told.totals["counts"] == {"failed": 2, "passed": 3, "skipped": 2}
    assert told.totals["duration"] == 0.345


@pytest.mark.parametrize("name", ["jest-plain", "jest-colour"])
def test_jest_of_several_files(name: str) -> None:
    """Without a tree, what failed is told by its block, and nothing that a test printed."""
    told = read(sample(name))
    assert told.outcomes == {node: each for node, each in JS.items() if each in {"failed", "error"}}
    assert told.totals["outcome"] == "failed"


def test_vitest() -> None:
    """By default what failed is told; what standard error says of it belongs to it."""
    told = read(sample("vitest-plain") + sample("vitest-plain-stderr"))
    assert told.outcomes == {node: each for node, each in JS.items() if each in {"failed", "error"}}
    case = told.case("cart.test.js > cart > total > rounds")
    assert case["failure"]["type"] == "AssertionError"
    assert (case["failure"]["file"], case["failure"]["line"]) == ("cart.test.js", 5)
    assert told.facts["runner_version"] == "2.1.9"
    assert told.totals["counts"] == {"failed": 2, "passed": 3, "skipped": 2}


def test_vitest_verbose() -> None:
    """The verbose reporter names each case that ran."""
    told = read(sample("vitest-verbose") + sample("vitest-verbose-stderr"))
    assert told.outcomes == {node: each for node, each in JS.items() if each != "skipped"}


def test_tap_of_node() -> None:
    """Cases are named by what stands around them; points that only sum up others are none."""
    told = read(sample("tap-node"))
    assert told.outcomes == NODE_TESTS
    case = told.case("cart > rounds")
    assert (case["failure"]["type"], case["failure"]["message"]) == ("AssertionError", "is one")
    assert (case["failure"]["file"], case["failure"]["line"]) == ("/src/shop/a.test.mjs", 5)
    assert case["failure"]["stacktrace"].startswith("TestContext.<anonymous>")
    assert told.case("skip me")["reason"] == "no rate"
    assert 0 < told.case("cart > adds")["duration"] < 1


def test_tap_in_braces() -> None:
    """Subtests in braces are understood as well, and descriptions that are no proper YAML."""
    told = read(sample("tap-vitest"))
    todo = {"cart.test.js > cart > total > discounts": "xpassed", "bad.test.js": "failed"}
    assert told.outcomes == {**JS, **todo}
    assert told.case("cart.test.js > top level")["failure"]["message"] == "boom\nsecond"


def test_tap_14() -> None:
    """Directives, subtests and descriptions as the specification has them."""
    told = read(sample("tap-14"))
    assert told.outcomes == {
        "foo.tap > bar > this is fine": "passed",
        "not yet written": "xfailed",
        "#3": "skipped",
        "adds # up": "failed",
        "works by luck": "xpassed",
    }
    assert told.case("#3")["reason"] == "no network"
    failure = told.case("adds # up")["failure"]
    assert (failure["message"], failure["file"], failure["line"]) == ("expected 3", "cart.js", 12)
    assert told.totals == {
        "counts": {"passed": 1, "xfailed": 1, "skipped": 1, "failed": 1, "xpassed": 1},
        "outcome": "failed",
    }  # the plan had six points, five came, and one failed


def test_tap_that_bails_out() -> None:
    """A run that bails out is interrupted, for the reason that it gives."""
    told = read(sample("tap-bail"), "tap")
    assert told.totals["outcome"] == "interrupted"
    assert told.totals["reason"] == "Couldn't get the servers."
    assert read("TAP version 13\n1..2\nok 1\n").totals["reason"] == "1 of 2 planned points came"


def test_node_for_real(tmp_path: Path) -> None:
    """Where Node.js is installed, what it prints now is understood like what was recorded."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    (tmp_path / "shop.test.mjs").write_text((SAMPLES / "suites" / "js" / "shop.node.mjs").read_text())
    ended = subprocess.run(
        [node, "--test", "--test-reporter=tap"], cwd=tmp_path, env=plain_environment(),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100, check=False,
    )  # fmt: skip
    assert read(ended.stdout).outcomes == NODE_TESTS


@pytest.mark.parametrize(("options", "each"), [(["-v"], True), (["-json"], True), ([], False)], ids=str)
def test_go_for_real(tmp_path: Path, options: list[str], *, each: bool) -> None:
    """Where Go is installed, what it prints now is understood like what was recorded."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not installed")
    shutil.copytree(SAMPLES / "suites" / "go", tmp_path / "shop")
    ended = subprocess.run(
        [go, "test", *options, "./..."], cwd=tmp_path / "shop",
        env=plain_environment(GOFLAGS="-mod=mod", GOTOOLCHAIN="local"),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=110, check=False,
    )  # fmt: skip
    expected = GO if each else {node: said for node, said in GO.items() if said in {"failed", "error"}}
    assert read(ended.stdout).outcomes == expected
