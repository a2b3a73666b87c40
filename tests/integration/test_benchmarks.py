"""The benchmarks run, and measure what they say: a quick form of each, without a word about times."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.bench_store import QUESTIONS
from tests.support.loghub import HOW_TO_GET, find_folder

ROOT = Path(__file__).resolve().parents[2]


def run(program: str, folder: Path, *arguments: str) -> dict[str, Any]:
    """Run the quick form of a benchmark, and return its JSON result."""
    result = folder / "result.json"
    subprocess.run(
        [sys.executable, "-m", f"benchmarks.{program}", "--quick", "--json", str(result), *arguments],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=110,
    )
    document: dict[str, Any] = json.loads(result.read_text())
    assert document["machine"]["cores"] >= 1
    return document


def test_bench_call_delivers_every_record(tmp_path: Path) -> None:
    """Both of our loggers ship all that was logged, at both paces, and are compared with the base."""
    result = run("bench_call", tmp_path, "--peers", "pylogtap,pylogtap_own")
    for rows in result["summary"].values():
        assert [row["peer"] for row in rows] == ["null", "pylogtap", "pylogtap_own"]
        assert [row["ratio"] for row in rows[:1]] == [1.0]
        assert all(row["delivered_percent"] == 100 for row in rows[1:])


def test_bench_call_ships_to_a_real_collector(tmp_path: Path) -> None:
    """The collector shows as many records as were logged."""
    result = run("bench_call", tmp_path, "--peers", "pylogtap", "--sink", "collector")
    for rows in result["summary"].values():
        assert rows[1]["delivered_percent"] == 100


def test_bench_import_measures_our_own_programs(tmp_path: Path) -> None:
    """Every program of ours can be started."""
    result = run("bench_import", tmp_path)
    ours = [row for row in result["summary"] if "pylogtap" in row["program"]]
    assert len(ours) == 4
    assert all(row["wall_ms"] > 0 for row in ours)


def test_bench_pytest_plugin_runs_both_suites(tmp_path: Path) -> None:
    """Both suites run without the plugin, with it, and with it switched off."""
    result = run("bench_pytest_plugin", tmp_path)
    measured = {(row["suite"], row["candidate"]) for row in result["summary"]}
    wanted = ("without", "pylogtap", "pylogtap, off", "junitxml")
    assert measured >= {(suite, name) for suite in ("trivial", "3 ms") for name in wanted}
    assert all(row["wall_ms"] > 0 for row in result["summary"])


def test_bench_loss_finds_what_the_dead_logged(tmp_path: Path) -> None:
    """A killed program's records are all found, by either kind of logger."""
    result = run("bench_loss", tmp_path, "--peers", "pylogtap,pylogtap_own")
    assert all(row["returned"] > 0 and row["lost"] == 0 for row in result["summary"])


def test_bench_ingest_stores_and_splits_by_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records are stored and sealed, and each stage was passed that nobody puts off."""
    # A busy machine stores few in so short a run: with the default, they might all be among the newest.
    monkeypatch.setenv("PYLOGTAP_COLLECTOR_RECENT_RECORDS", "1000")
    result = run("bench_ingest", tmp_path, "--clients", "2", "--cases", "64k-zstd", "--stages")
    floor, row = result["summary"]
    assert floor["records_per_s"] > 0
    assert row["records_per_s"] > 0
    assert row["sealed_per_s"] > 0
    stages = result["stages"]["64k-zstd"]["rows"]
    put_off = {"rows for people"}  # written at leisure, maybe after a run as short as this one
    assert {stage["stage"] for stage in stages if not stage["calls"]} <= put_off


def test_bench_backup_fetches_and_packs(tmp_path: Path) -> None:
    """Records are acknowledged in each case, and blocks of the same records are smaller at a higher level."""
    result = run("bench_backup", tmp_path)
    assert [row["case"] for row in result["summary"]] == ["nothing", "backup", "vacuum into"]
    assert all(row["answers"] > 0 for row in result["summary"])
    sizes = [row["bytes_per_record"] for row in result["packing"]]
    assert sizes[-1] < sizes[0]


@pytest.mark.skipif(find_folder() is None, reason=HOW_TO_GET)
def test_bench_store_asks_stores_that_agree(tmp_path: Path) -> None:
    """All questions are put to both stores, whose answers agree, also while records come in."""
    result = run("bench_store", tmp_path)
    (found,) = result["runs"].values()
    assert {row["store"] for row in found["costs"]} == {"pylogtap", "sqlite"}
    assert all(row["bytes_per_record"] > 0 for row in found["costs"])
    ours = next(row for row in found["times"] if row["store"] == "pylogtap")
    assert all(ours[question] > 0 for question in QUESTIONS)
    assert len(found["under_load"]["phases"]) == 4
    assert found["under_load"]["asked_ms"].keys() == QUESTIONS.keys()


def test_bench_metrics_asks_stores_that_agree(tmp_path: Path) -> None:
    """It gives all stores the same points, and each is asked for as many."""
    result = run("bench_metrics", tmp_path)
    ours = next(row for row in result["rounds"] if row["store"] == "pylogtap")
    assert {row["found"] for row in result["rounds"]} == {ours["found"]}
    assert ours["sample_bytes"] > 0


def test_bench_access_compares_with_and_without_keys(tmp_path: Path) -> None:
    """Records come in with and without a key, and right and wrong ones are judged in turns."""
    result = run("bench_access", tmp_path, "--clients", "2")
    assert [row["case"] for row in result["summary"]] == [
        "no key", "key of one project", "key of all projects"
    ]  # fmt: skip
    assert all(row["records_per_s"] > 0 for row in result["summary"])
    assert all(row["median_us"] > 0 for row in result["keys"] + result["sign_ins"])


def test_bench_process_metrics_compares_with_and_without(tmp_path: Path) -> None:
    """Each step is measured, and every record arrives, whether the program is measured or not."""
    result = run("bench_process_metrics", tmp_path)
    assert [row["step"] for row in result["steps"]][-1] == "all together"
    assert [row["ratio"] for row in result["summary"][:1]] == [1.0]
    assert all(row["delivered_percent"] == 100 for row in result["summary"])


def test_bench_test_knowledge_compares_statements_with_labels(tmp_path: Path) -> None:
    """Statements about a made history are counted, and so are those of simple rules."""
    result = run("bench_test_knowledge", tmp_path)
    assert result["seldom"]["flaky"]["true"] > 0
    assert result["seldom"]["new failure"]["precision"] is not None


def test_bench_test_assessing_measures_a_run(tmp_path: Path) -> None:
    """A run is assessed while the loop and the writer are watched."""
    result = run("bench_test_assessing", tmp_path)
    assert (result["cases"], result["runs"]) == (200, 3)
    assert result["seconds"] > 0
