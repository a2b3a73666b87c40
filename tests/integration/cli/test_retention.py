"""`pylogtap retention` and `query --count`, against a real collector."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.support.deliveries import deliver_segment
from tests.support.segments import SegmentBuilder

if TYPE_CHECKING:
    from tests.integration.cli.conftest import Shell

DAY_S = 86_400


@pytest.fixture
def aged(shell: Shell) -> Shell:
    """Ten records of this test's project: today's, yesterday's, and so on."""
    segment = SegmentBuilder(f"{shell.project}/web/1")
    site = segment.site("day %s")
    for day in range(10):
        segment.record(site, [str(day)], when=time.time() - day * DAY_S)
    deliver_segment(shell.collector.url, segment)
    return shell


def said(shell: Shell, *arguments: str) -> str:
    """Run a command that has to succeed, and return what it printed."""
    ended = shell.run(*arguments)
    assert ended.returncode == 0, ended.stderr.decode()
    return ended.stdout.decode()


def test_days_are_shown_and_set(aged: Shell) -> None:
    """A limit is set, shown, and taken back; all projects are listed; what is too old goes by itself."""
    project = aged.project
    assert said(aged, "retention", project).startswith(f"{project}: kept forever;")
    assert f"{project}: kept 4.5 days;" in said(aged, "retention", project, "--days", "4.5")
    assert f"{project}: kept 4.5 days, at most 2,000,000 bytes;" in said(
        aged, "retention", project, "--size", "2MB"
    )
    assert f"{project}: kept 4.5 days" in said(aged, "retention")
    end = time.monotonic() + 90
    while said(aged, "query", f"project:{project}", "--count") != "5\n":
        assert time.monotonic() < end
        time.sleep(1)
    assert f"{project}: kept forever;" in said(
        aged, "retention", project, "--days", "default", "--size", "default"
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--days", "3"], "say for which project"),
        (["shop", "--days", "soon"], "no number of days"),
        (["shop", "--size", "large"], "no size"),
        (["nowhere-at-all", "--days", "3"], "nowhere-at-all"),
        (["nowhere-at-all", "--days", "-3"], "nowhere-at-all|greater"),
    ],
)
def test_mistakes_are_told(shell: Shell, arguments: list[str], text: str) -> None:
    """What cannot be done is told in a line, and nothing changes."""
    ended = shell.run("retention", *arguments)
    assert ended.returncode in {1, 2}
    assert any(part in ended.stderr.decode() for part in text.split("|"))
