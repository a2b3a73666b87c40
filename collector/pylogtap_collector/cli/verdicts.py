"""How `pylogtap verify` tells what it saw: a table or blocks for people, JSON lines, Markdown."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import click

from pylogtap.cli.screen import Span, open_screen, visible
from pylogtap_collector.proofs.machine import Machine
from pylogtap_collector.proofs.promises import PROMISES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pylogtap.cli.screen import Line
    from pylogtap_collector.proofs.essential import Row

KEPT, BROKEN = ("✓", "bold green"), ("✗", "bold red")
HEADINGS = ("what goes wrong", "what holds", "promised", "seen")
_SHARES = (0.31, 0.25, 0.19, 0.25)  # of the width, for these columns
_GAP = "  "
_NARROW, _WIDEST = 100, 160  # columns of a terminal: below, a table would be all wrapped


class Report(Protocol):
    """Tells rows as they come."""

    def begin(self, keys: Sequence[str]) -> None:
        """Say which promises are being tried now."""
        ...

    def write(self, row: Row) -> None:
        """Tell one."""
        ...

    def close(self, seconds: float) -> None:
        """Tell the sum, after so many seconds."""
        ...


class TextReport:
    """For people: a table where the terminal is wide enough, else a block for each promise."""

    def __init__(self, seed: int, total: int) -> None:
        """Write the head; see :func:`open_report`."""
        self._seed, self._total = seed, total
        self._screen = open_screen()
        self._width = min(_WIDEST, shutil.get_terminal_size().columns)
        self._broken: list[str] = []
        self._told = 0
        self._sign: Any = None
        self._screen.write(
            [Span("pylogtap verify", "bold"), Span(": what is promised, tried on this machine")]
        )
        for line in self._wrapped(f"{Machine.here()}; seed {seed}", self._width):
            self._screen.write([Span(line, "dim")])
        self._screen.write([])
        if self._is_table:
            self._cells([name.upper() for name in HEADINGS], ["dim"] * len(HEADINGS), ("", ""))
            self._screen.write([])

    @property
    def _is_table(self) -> bool:
        return self._width >= _NARROW

    def begin(self, keys: Sequence[str]) -> None:
        """Show that something goes on, where somebody looks."""
        if not (self._screen.for_people and sys.stderr.isatty()):
            return
        with suppress(ImportError):
            from rich.console import Console
            from rich.status import Status
            from rich.text import Text

            text = f"{self._told + 1} of {self._total}: {PROMISES[keys[0]].fault} …"
            shown = Text(textwrap.shorten(text, self._width - 4, placeholder=" …"), style="dim")
            self._sign = Status(shown, console=Console(stderr=True))
            self._sign.start()

    def write(self, row: Row) -> None:
        """Write a row of the table, or a block."""
        self._clear()
        self._told += 1
        if not row.seen.kept:
            self._broken.append(row.promise.key)
        promise, mark = row.promise, KEPT if row.seen.kept else BROKEN
        style = "" if row.seen.kept else "bold red"
        if self._is_table:
            texts = (promise.fault, promise.kept, promise.figure, row.seen.figure)
            self._cells(texts, ["", "dim", "", style], mark)
        else:
            for line in self._block(row, mark, style):
                self._screen.write(line)
        self._screen.write([])

    def close(self, seconds: float) -> None:
        """Write how many were kept; of those that were not, how to try them again."""
        self._clear()
        kept = self._told - len(self._broken)
        took = f"in {seconds:.0f} s; seed {self._seed}"
        if not self._broken:
            self._screen.write(
                [Span(*KEPT), Span(f" {kept} of {self._told} promises kept", "bold"), Span(f" {took}")]
            )
            return
        again = " ".join(f"--only {key}" for key in self._broken)
        were = "was" if len(self._broken) == 1 else "were"
        told = f" {len(self._broken)} of {self._told} promises {were} not kept"
        self._screen.write([Span(*BROKEN), Span(told, "bold red"), Span(f" {took}")])
        self._screen.write(
            [Span("  the same again: ", "dim"), Span(f"pylogtap verify --seed {self._seed} {again}")]
        )

    def _clear(self) -> None:
        if self._sign is not None:
            self._sign.stop()
            self._sign = None

    def _block(self, row: Row, mark: tuple[str, str], style: str) -> Iterator[Line]:
        promise = row.promise
        for first, line in enumerate(self._wrapped(promise.fault, self._width - 2)):
            yield [Span(f"{mark[0]} " if not first else "  ", mark[1]), Span(line, "bold")]
        told = (
            ("holds", promise.kept, ""),
            ("promised", promise.figure, ""),
            ("seen", row.seen.figure, style),
        )
        for name, text, how in told:
            for first, line in enumerate(self._wrapped(text, self._width - 12)):
                yield [Span(f"  {name if not first else '':10}", "dim"), Span(line, how)]

    def _cells(self, texts: Sequence[str], styles: Sequence[str], mark: tuple[str, str]) -> None:
        room = self._width - 2 - len(_GAP) * (len(texts) - 1)
        widths = [int(room * share) for share in _SHARES]
        columns = [self._wrapped(text, width) for text, width in zip(texts, widths, strict=True)]
        for number in range(max(map(len, columns))):
            cells = [column[number] if number < len(column) else "" for column in columns]
            while not cells[-1]:
                cells.pop()
            line = [Span(f"{mark[0] if not number else '':2}", mark[1])]
            for cell, width, style in zip(cells[:-1], widths, styles, strict=False):
                line.append(Span(cell.ljust(width) + _GAP, style))
            self._screen.write([*line, Span(cells[-1], styles[len(cells) - 1])])

    @staticmethod
    def _wrapped(text: str, width: int) -> list[str]:
        return textwrap.wrap(visible(text), width) or [""]


class JsonReport:
    """An object a line."""

    def begin(self, keys: Sequence[str]) -> None:
        """Say nothing."""

    def write(self, row: Row) -> None:
        """Write an object."""
        promise, seen = row.promise, row.seen
        document = {
            "key": promise.key, "fault": promise.fault, "holds": promise.kept, "promised": promise.figure,
            "seen": seen.figure, "kept": seen.kept, "seed": seen.seed, "seconds": round(row.seconds, 1),
        }  # fmt: skip
        click.echo(json.dumps(document, ensure_ascii=False))

    def close(self, seconds: float) -> None:
        """Write nothing more: each row has its own time."""


class MarkdownReport:
    """A table that can be pasted."""

    def __init__(self, seed: int) -> None:
        """Write the head; see :func:`open_report`."""
        self._all_kept = True
        click.echo(f"{Machine.here()}; seed {seed}\n")
        click.echo(f"| | {' | '.join(HEADINGS)} |\n|---|---|---|---|---|")

    def begin(self, keys: Sequence[str]) -> None:
        """Say nothing."""

    def write(self, row: Row) -> None:
        """Write a row."""
        self._all_kept &= row.seen.kept
        promise, mark = row.promise, (KEPT if row.seen.kept else BROKEN)[0]
        cells = (mark, promise.fault, promise.kept, promise.figure, row.seen.figure)
        click.echo(f"| {' | '.join(cell_of(text) for text in cells)} |")

    def close(self, seconds: float) -> None:
        """Write how long it took."""
        click.echo(f"\n{'All kept' if self._all_kept else 'Not all kept'}, in {seconds:.0f} s.")


def cell_of(text: str) -> str:
    """Return a text as a cell of a Markdown table."""
    return visible(text).replace("|", "\\|")


def open_report(form: str, seed: int, wanted: Sequence[str]) -> Report:
    """
    Return what tells rows, its head written.

    Args:
        form: `text`, `json` or `markdown`.
        seed: Of the run.
        wanted: Keys of the promises that will be tried.
    """
    match form:
        case "json":
            return JsonReport()
        case "markdown":
            return MarkdownReport(seed)
    return TextReport(seed, len(wanted))
