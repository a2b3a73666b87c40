"""The benchmarks of text run, judge as their sources define, and use real lines where there are any."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import bench_text
from benchmarks.bench_patterns import agreement
from tests.support.loghub import HOW_TO_GET, find_folder

ROOT = Path(__file__).resolve().parents[2]
HEADER = "LineId,Content,EventId,EventTemplate\n"


def test_bench_text_parses_every_form(tmp_path: Path) -> None:
    """Each form is parsed, and a record counted for each line, or for four of a traceback."""
    bench_text.main(["--quick", "--json", str(tmp_path / "result.json")])
    summary = json.loads((tmp_path / "result.json").read_text())["summary"]
    counts = {row["form"]: row["records"] for row in summary}
    assert counts.pop("tracebacks") == 100
    assert set(counts.values()) == {400}


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the quick form of the benchmark."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_patterns", "--quick", *map(str, arguments)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=110,
    )


@pytest.mark.parametrize(
    ("truth", "found", "ga", "fga"),
    [
        ("aabb", "xxyy", 1.0, 1.0),  # names of groups do not matter
        ("aabb", "xxxx", 0.0, 0.0),  # all in one
        ("aabb", "wxyz", 0.0, 0.0),  # each alone
        ("aaab", "xxxy", 1.0, 1.0),
        ("aaabc", "xxxyy", 0.6, 2 / 5),  # one of two groups agrees with one of three
        ("aaabc", "xxzyw", 0.4, 2 * 2 / 7),  # one member too many in a group spoils both
    ],
)
def test_agreement(truth: str, found: str, ga: float, fga: float) -> None:
    """A group agrees only where it has exactly the members that the person's group has."""
    result = agreement(truth, found)
    assert result.ga == pytest.approx(ga)
    assert result.fga == pytest.approx(fga)
    assert result.agreeing == round(ga * len(truth))


def test_runs_over_any_samples(tmp_path: Path) -> None:
    """Systems in files of the samples' form are masked, and counted exactly."""
    (tmp_path / "Shop.csv").write_text(
        HEADER + "1,paid 5,E1,paid <*>\n2,paid 6,E1,paid <*>\n3,gone,E2,gone\n"
    )
    result = tmp_path / "result.json"
    assert "| Shop | 2 | 1.000 | 1.000 | 2 |" in run("--loghub", tmp_path, "--json", result).stdout
    summary = json.loads(result.read_text())["summary"]["mask"]
    assert (summary["messages"], summary["agreeing"], summary["groups"]) == (3, 3, 2)


def test_says_how_to_get_the_samples(tmp_path: Path) -> None:
    """Without samples the benchmark measures nothing, and says where they are."""
    process = run("--loghub", tmp_path)
    assert process.returncode == 2
    assert HOW_TO_GET in " ".join(process.stderr.split())


def test_most_messages_get_the_pattern_of_a_person(tmp_path: Path) -> None:
    """Over the real lines, the groups agree for far more messages than half."""
    if find_folder() is None:
        pytest.skip(HOW_TO_GET)
    result = tmp_path / "result.json"
    process = run("--json", result)
    assert process.returncode == 0, process.stderr
    summary = json.loads(result.read_text())["summary"]["mask"]
    assert summary["ga"] > 0.85
    assert summary["fga"] > 0.85
