"""Lines on standard error: at most one a minute."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from pylogtap import notice

if TYPE_CHECKING:
    import pytest


def test_one_line_a_minute(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The second one within a minute is not written, and who wanted to say it knows."""
    monkeypatch.setattr(notice, "_next", 0.0)
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert notice.tell("one")
    assert not notice.tell("two")
    now += notice.INTERVAL_S
    assert notice.tell("two")
    assert capsys.readouterr().err == "pylogtap: one\npylogtap: two\n"


def test_the_end_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """What has to be said at the end is one line, or none."""
    notice.tell_at_the_end([])
    notice.tell_at_the_end(["one", "two"])
    assert capsys.readouterr().err == "pylogtap: one; two\n"


def test_without_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is none, nobody reads it, and nothing fails."""
    monkeypatch.setattr(sys, "stderr", None)
    assert not notice.is_read()
    notice.tell_at_the_end(["one"])
