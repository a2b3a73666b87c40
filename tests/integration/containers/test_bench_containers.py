"""The benchmark of containers runs, and measures by each source; without a word about what that cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.engine import unavailable

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.engine


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("engine")
def test_bench_containers_measures_by_each_source(tmp_path: Path) -> None:
    """Every source gives samples of real containers, and is compared with streams."""
    if os.geteuid() != 0:
        unavailable("only root can start an engine for the benchmark")
    result = tmp_path / "result.json"
    command = [sys.executable, "-m", "benchmarks.bench_containers", "--quick", "--json", str(result)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=280)
    summary = {row["case"]: row for row in json.loads(result.read_text())["summary"]}
    assert list(summary) == ["nothing", "files", "stream", "poll", "collector"]
    assert summary["stream"]["ratio"] == 1
    assert all(summary[source]["samples_per_s"] > 0 for source in ("files", "stream", "poll"))
    assert summary["collector"]["sampler_percent"] > 0
