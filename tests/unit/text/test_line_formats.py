"""The reference of line formats holds, row by row."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pylogtap.prefix import Prefix
from pylogtap.text import LineParser, times

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "line-formats.md"
DEFAULT = Prefix("shop", "cart", "one")
NOON = int(datetime(2026, 1, 15, 12, tzinfo=UTC).timestamp())
NS = 10**9


def rows() -> list[list[str]]:
    """Return the cells of the page's first table, below its titles."""
    lines = PAGE.read_text().splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("| format |")) + 2
    end = next(index for index, line in enumerate(lines) if index > start and not line.startswith("|"))
    return [[text_of(cell) for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[start:end]]


def text_of(cell: str) -> str:
    """Return what a cell means."""
    text = cell.strip().replace("\\|", "|").replace("␛", "\x1b").replace("⇥", "\t")
    return text[1:-1] if text.startswith("`") and text.count("`") == 2 else text


def written(ns: int | None) -> str:
    """Return a time as the page writes it."""
    if ns is None:
        return ""
    whole = datetime.fromtimestamp(ns // NS, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{whole}.{ns % NS:09d}".rstrip("0").rstrip(".")


@pytest.fixture
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    times._minute.cache_clear()
    yield
    monkeypatch.undo()
    time.tzset()
    times._minute.cache_clear()


@pytest.mark.usefixtures("_utc")
@pytest.mark.parametrize("row", rows(), ids=lambda row: str(row[0]))
def test_the_page_says_what_the_parser_does(row: list[str]) -> None:
    """Each line of the page gives the record that the page says."""
    _, line, prefix, when, level, logger, message, fields = row
    parser = LineParser(DEFAULT, clock=lambda: NOON * NS)
    (record,) = parser.feed(f"{line}\n") + parser.flush()
    assert str(record.prefix) == (prefix or str(DEFAULT))
    assert written(record.time_ns) == when
    assert (record.level or "", record.logger or "", record.message) == (level, logger, message)
    assert record.fields == (json.loads(fields) if fields else {})
    assert (record.severity > 0) == bool(level)
    assert record.exception is None


def test_the_page_has_all_the_sections_that_are_promised() -> None:
    """The page has at least as many formats as the issue of line parsing asked for."""
    assert len(rows()) >= 40
