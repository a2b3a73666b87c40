"""A log as lines for people."""

from __future__ import annotations

import io
from typing import Any

import pytest

from pylogtap.cli.pretty import Pretty
from pylogtap.cli.screen import PlainScreen


def shown(**facts: Any) -> list[str]:
    """Return the lines of a log."""
    log = {
        "time": "2026-11-27T09:15:30.422Z", "severity_number": 17, "level": "error", "project": "shop",
        "service": "web", "instance": "web-1", "message": "web exited with code 3", **facts,
    }  # fmt: skip
    stream = io.StringIO()
    Pretty(PlainScreen(stream)).write(log)
    return stream.getvalue().splitlines()


def test_last_lines_stand_below() -> None:
    """What a container wrote last is read line by line, as a traceback is, and is made harmless."""
    first, *rest = shown(
        attributes={"exit_code": 3, "last_lines": ["opening", "", "\x1b[31mno disk"], "b": 1}
    )
    assert first.endswith("web exited with code 3  exit_code=3 b=1")
    assert rest == ["  │ opening", "  │ ", "  │ \\x1b[31mno disk"]


@pytest.mark.parametrize("value", ["text", ["a", 1], {"a": "b"}])
def test_another_field_of_that_name_stays_a_field(value: Any) -> None:
    """A program may have such a field, of any kind: it is shown as others are."""
    (line,) = shown(attributes={"last_lines": value})
    assert "last_lines=" in line


def test_no_lines() -> None:
    """An empty list adds nothing."""
    (line,) = shown(attributes={"last_lines": []})
    assert line.endswith("code 3")
