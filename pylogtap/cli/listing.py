"""Lists of things that are no records: a table for people, one JSON object a line for programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.screen import Span, open_screen, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pylogtap.cli.screen import Screen

Item = dict[str, Any]
NOTHING = "-"


def write_items(form: str, items: Iterable[Item], columns: Mapping[str, Callable[[Item], Any]]) -> None:
    """
    Write a list.

    Args:
        form: `pretty` or `json`.
        items: As the API shows them.
        columns: Headings, and what stands under each; a datetime is a point in time.
    """
    if form == "json":
        for item in items:
            click.echo(json.dumps(item, ensure_ascii=False))
        return
    screen = open_screen()
    rows = [[_text(column(item), screen) for column in columns.values()] for item in items]
    _write_table(screen, [name.upper() for name in columns], rows)


def write_item(item: Mapping[str, Any]) -> None:
    """
    Write one thing for people: a line for each of its values.

    Args:
        item: Values by their names; a datetime is a point in time.
    """
    screen = open_screen()
    width = max(map(len, item))
    for name, value in item.items():
        screen.write([Span(name.ljust(width + 2), "dim"), Span(_text(value, screen))])


def moment(text: str | None) -> datetime | None:
    """Read a point in time as the API writes it; None: never."""
    return None if text is None else datetime.fromisoformat(text)


def _text(value: Any, screen: Screen) -> str:
    if isinstance(value, datetime):
        return (
            f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
            if screen.for_people
            else f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        )
    if isinstance(value, bool):
        return "yes" if value else "no"
    return NOTHING if value in {None, ""} else visible(str(value))


def _write_table(screen: Screen, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row, style in ((headings, "dim"), *((row, "") for row in rows)):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        screen.write([Span("  ".join(cells).rstrip(), style)])
