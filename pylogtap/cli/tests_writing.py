"""How runs, cases and tests are written: tables that fit a terminal, JSON lines, CSV."""

from __future__ import annotations

import csv
import shutil
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pylogtap.cli.formats import JsonWriter
from pylogtap.cli.listing import NOTHING
from pylogtap.cli.screen import Span, open_screen, visible
from pylogtap.cli.tests_asking import SHORT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pylogtap.cli.screen import Screen

Item = dict[str, Any]
STYLES = {
    "passed": "green", "failed": "bold red", "error": "bold red", "interrupted": "yellow", "running": "cyan",
    "skipped": "dim", "xfailed": "dim", "xpassed": "yellow", "empty": "yellow", "new_failure": "bold red",
    "still_failing": "red", "flaky_failure": "yellow", "fixed": "green",
}  # fmt: skip
_COUNTS = ("passed", "failed", "error", "skipped", "xfailed", "xpassed", "running")
_WHOLE = frozenset({"passed", "failed"})  # states of runs all of whose cases have run, told or not
_LEAST = 10  # characters to which a cell is shortened at most
_GAP = "  "
_LOOSE = frozenset(
    {"NODE", "WHY", "FAILURE", "COMMIT", "BRANCH", "SERVICE", "REASON"}
)  # columns that may be shortened
_ENDS = frozenset({"NODE", "SERVICE"})  # of these, those whose ends tell them apart
_MARKS = {
    "passed": ".", "failed": "F", "error": "E", "skipped": "s", "xfailed": "x", "xpassed": "X",
    "running": "?", "interrupted": "!",
}  # fmt: skip


def write_rows(
    form: str, items: Iterable[Item], columns: Mapping[str, Callable[[Item], Any]], nothing: str
) -> None:
    """
    Write a list.

    Args:
        form: `pretty`, `json` or `csv`.
        items: As the API shows them.
        columns: Headings, and what stands under each: a text, a number, or a datetime.
        nothing: What people are told where there is none.
    """
    if form == "json":
        document = JsonWriter(sys.stdout)
        for item in items:
            document.write(item)
        return
    if form == "csv":
        rows = csv.writer(sys.stdout)
        rows.writerow(columns)
        for item in items:
            rows.writerow([_plain(column(item)) for column in columns.values()])
        return
    screen = open_screen()
    cells = [[_shown(column(item), screen) for column in columns.values()] for item in items]
    if not cells:
        screen.write([Span(nothing, "dim")])
        return
    write_table(screen, [name.upper() for name in columns], cells)


def write_table(screen: Screen, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """
    Write a table; on a terminal the widest of its columns that may be shortened is, until the table fits.

    Args:
        screen: Where.
        headings: Of the columns.
        rows: Their cells.
    """
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    if screen.for_people:
        room = shutil.get_terminal_size().columns
        loose = [at for at, heading in enumerate(headings) if heading in _LOOSE]
        while loose and sum(widths) + len(_GAP) * (len(widths) - 1) > room:
            widest = max(loose, key=widths.__getitem__)
            if widths[widest] <= _LEAST:
                break
            widths[widest] -= 1
    for row, style in ((headings, "dim"), *((row, "") for row in rows)):
        spans = []
        for at, (cell, width) in enumerate(zip(row, widths, strict=True)):
            text = _fitting(cell, width, ends=headings[at] in _ENDS)
            text = text if at == len(widths) - 1 else text.ljust(width) + _GAP
            spans.append(Span(text, style or STYLES.get(cell, "")))
        screen.write(spans)


def _fitting(text: str, width: int, *, ends: bool) -> str:
    """Shorten what is too long: keep its end, or its beginning."""
    if len(text) <= width:
        return text
    return f"…{text[len(text) - width + 1 :]}" if ends else f"{text[: width - 1]}…"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return "" if value is None else value


def _shown(value: Any, screen: Screen) -> str:
    if isinstance(value, datetime):
        return _short_clock(value) if screen.for_people else clock(value, screen)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return seconds(value)
    return NOTHING if value in {None, ""} else visible(str(value))


def _short_clock(when: datetime) -> str:
    """Return a point in time as narrow as it can be: without the year, or without the hour."""
    here = when.astimezone()
    return f"{here:%m-%d %H:%M}" if here.year == datetime.now().astimezone().year else f"{here:%Y-%m-%d}"


def clock(when: datetime | str, screen: Screen) -> str:
    """Return a point in time: of here for people, else in UTC."""
    moment = datetime.fromisoformat(when) if isinstance(when, str) else when
    if screen.for_people:
        return f"{moment.astimezone():%Y-%m-%d %H:%M}"
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def seconds(value: float | None) -> str:
    """Return a duration for people."""
    if value is None:
        return NOTHING
    if value < 0.0995:
        return f"{value * 1000:.0f} ms"
    if value < 99.5:
        return f"{value:.3g} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def counts(run: Item) -> str:
    """Return how many cases of a run ended in which way, those that there are."""
    found = run["counts"]
    said = [f"{found[name]} {name}" for name in _COUNTS if found[name]]
    reran = [f"{found['reran']} run again"] if found["reran"] else []
    more = (run["collected"] or 0) - sum(found[name] for name in _COUNTS)
    rest = [f"{more} not named" if run["state"] in _WHOLE else f"{more} not begun"] if more > 0 else []
    return ", ".join([*said, *rest, *reran]) or "no cases"


def failed(run: Item) -> int:
    """Return how many cases of a run failed, in the test or around it."""
    number: int = run["counts"]["failed"] + run["counts"]["error"]
    return number


def total(run: Item) -> int:
    """Return how many cases a run has, so far; also those that its runner counts, and does not name."""
    named: int = sum(run["counts"][name] for name in _COUNTS)
    return max(named, run["collected"] or 0) if run["state"] in _WHOLE else named


def many(count: int, thing: str) -> str:
    """Return a number of things in words."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def missing(run: Item) -> str:
    """Return how much of a run could not be told, in words."""
    return f"{many(run['dropped'], 'thing')} could not be told"


def course_of(run: Item) -> str:
    """Return, to stand behind its counts, how long a run took, or what is known of one that told no end."""
    if run["duration_s"] is not None:
        return f" in {seconds(run['duration_s'])}"
    if run["state"] == "interrupted":
        return "; the run stopped being heard of"
    if run["state"] != "running":
        return ""
    silent = datetime.now(UTC) - datetime.fromisoformat(run["changed"])
    return f"; goes on: nothing heard for {max(0, round(silent.total_seconds()))} s"


def place(item: Item) -> str:
    """Return a project and its service."""
    return f"{item['project']}/{item['service']}"


def revision(run: Item | None) -> str:
    """Return the commit of a run, shortened, with its branch."""
    if run is None:
        return ""
    commit = (run["commit"] or "")[:SHORT]
    changed = "+" if run.get("dirty") else ""
    return " ".join(filter(None, (f"{commit}{changed}" if commit else "", run.get("branch"))))


def first_line(text: str | None) -> str:
    """Return the first line of a text that is not empty."""
    return next((line.strip() for line in (text or "").splitlines() if line.strip()), "")


def why(case: Item) -> str:
    """Return in one line why a case failed."""
    failure = case.get("failure") or {}
    kind, said = failure.get("type") or "", first_line(failure.get("message")) or case.get("reason") or ""
    return joined(kind, said)


def joined(kind: str, said: str) -> str:
    """Return the class of an exception and what it says, as tracebacks have it."""
    return ": ".join(filter(None, (kind, said)))


def course(states: Sequence[str]) -> str:
    """Return what became of a test in its last runs, a character for each, the newest last."""
    return "".join(_MARKS.get(state, "?") for state in states)
