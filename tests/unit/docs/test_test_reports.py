"""docs/reference/test-reports.md says what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pylogtap.cases.facts import MAX_ITEMS, MAX_MESSAGE, MAX_NAME, MAX_STACK, MAX_TEXT
from pylogtap_collector.reports.model import MAX_CASES, MAX_DEPTH, MAX_SKIPPED
from pylogtap_collector.reports.reading import read
from pylogtap_collector.settings import Settings
from tests.support.reports import REPORTS, report

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "test-reports.md").read_text()
ROW = re.compile(r"^\| ([^|]+) \| `([^`]+)` \| `(.+)` \|$", re.MULTILINE)
WRITERS = {  # what the page calls the writer of each sample
    "pytest-xunit1.xml": "pytest, `--junitxml`", "pytest-xunit2.xml": "pytest, `--junitxml`",
    "pytest-reportlog-serial.jsonl": "pytest-reportlog", "pytest-reportlog-xdist.jsonl": "pytest-reportlog",
    "surefire.xml": "Surefire", "gradle.xml": "Gradle", "jest.xml": "jest-junit",
    "go-junit-report.xml": "go-junit-report", "gotestsum.xml": "gotestsum", "nextest.xml": "cargo-nextest",
    "phpunit.xml": "PHPUnit", "mocha.xml": "mocha-junit-reporter", "playwright.xml": "Playwright",
    "ctest.xml": "CTest", "googletest.xml": "GoogleTest", "playwright-ctrf.json": "CTRF of Playwright",
    "pytest-ctrf.json": "CTRF of pytest", "unittest.xml": "unittest-xml-reporting",
    "go.jsonl": "`go test -json`", "node.tap": "TAP, such as of `node --test`",
}  # fmt: skip


@pytest.mark.parametrize("name", REPORTS)
def test_names(name: str) -> None:
    """Each writer's row names its runner and a node that its sample has."""
    rows = {writer: (runner, node) for writer, runner, node in ROW.findall(PAGE)}
    runner, node = rows[WRITERS[name]]
    run = read(report(name), 1_795_200_000 * 10**9)
    assert run.facts["runner"] == runner
    assert node in {case["node"] for case in run.cases}
    assert set(rows) == set(WRITERS.values())


def test_limits() -> None:
    """The numbers of the page are those of the code."""
    text = " ".join(PAGE.split())
    assert f"{MAX_CASES:,} cases" in text
    assert f"text {MAX_TEXT:,} characters" in text
    assert MAX_STACK == MAX_TEXT
    assert f"message {MAX_MESSAGE:,}, of a node {MAX_NAME:,}" in text
    assert f"at most {MAX_ITEMS} items" in text
    assert f"nested {MAX_DEPTH} deep" in text
    assert f"at most {MAX_SKIPPED} sentences" in text
    assert f"({Settings.model_fields['tap_max_bytes'].default >> 20} MiB)" in text
