"""
The Test Anything Protocol, versions 12 to 14: https://testanything.org/tap-version-14-specification.html.

Subtests stand four columns deeper, above the point that sums them up, or in braces below it. A point that
sums up others is a case of its own only where it failed and none of them did.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from pylogtap.text.runners.model import (
    CaseSeen,
    Event,
    Excerpt,
    Occurrences,
    Parser,
    RunEnded,
    RunSeen,
    Totals,
    seconds,
    whole_number,
)
from pylogtap.text.runners.names import case_of_blocks
from pylogtap.text.runners.tap_details import read_details

if TYPE_CHECKING:
    from pylogtap.cases.facts import CaseFacts

_POINT = re.compile(r"(not )?ok\b ?([0-9]{1,9})?(?: - | )?(.*)")
_PLAN = re.compile(r"1\.\.([0-9]{1,9})(?:\s*#\s*(.*))?")
_DIRECTIVE = re.compile(r"(SKIP|TODO)\b\S*\s*(.*)", re.IGNORECASE)
_TIME = re.compile(r"time=([0-9.]{1,15}) ?(ms|s)")
_SUBTEST = "# Subtest"
_DEEPEST = 30
_ESCAPED = re.compile(r"\\([\\#])")


class _Level:
    """
    Points of one depth.

    Attributes:
        name: Of the point that sums them up, where it is known before.
        failed: Whether one of them did.
        points: How many there were.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.failed = False
        self.points = 0
        self.held: list[tuple[CaseFacts, int]] = []  # cases that have no parent's name yet


class Tap(Parser):
    """Reads TAP, as `node --test`, Perl's `prove -v`, bats and others print it."""

    runner: ClassVar[str] = "tap"

    def __init__(self) -> None:
        """Begin in front of the first point."""
        self._begun = False
        self._levels = [_Level("")]
        self._braces: list[bool] = []
        self._times = Occurrences()
        self._counts: dict[str, int] = {}
        self._last: CaseFacts | None = None  # the case that details may follow
        self._details: Excerpt | None = None
        self._margin = 0
        self._planned: int | None = None
        self._bail: str | None = None

    def feed(self, line: str, time_ns: int) -> list[Event]:  # noqa: ARG002 - of the interface
        """Take a line; see :meth:`Parser.feed`."""
        events: list[Event] = []
        if not self._begun:
            self._begun = True
            events.append(RunSeen({"runner": self.runner}, new=True))
        text = line.strip()
        margin = len(line) - len(line.lstrip(" "))
        if self._details is not None:
            return events + self._in_details(line, text, margin)
        if text == "---" and self._last is not None and margin > self._margin:
            self._details, self._margin = Excerpt(), margin
            return events
        if text == "}" and self._braces and margin % 4 == 0:
            return events + self._leave_braces()
        if margin % 4 or margin // 4 > _DEEPEST:
            return events
        return events + self._statement(margin // 4, margin, text)

    def _statement(self, depth: int, margin: int, text: str) -> list[Event]:
        """Read a point, a plan, or what stands between them."""
        if found := _POINT.fullmatch(text):
            return self._point(depth, margin, bool(found[1]), found[2] or "", found[3])
        if text.startswith(_SUBTEST):
            events = self._flush()
            self._enter(depth + 1, _unescaped(text.removeprefix(_SUBTEST).lstrip(": ")))
            return events
        if (found := _PLAN.fullmatch(text)) and not depth:
            self._planned = whole_number(found[1])
            return [RunSeen({"collected": self._planned})] if self._planned else []
        if text.startswith("Bail out!") and self._bail is None:
            self._bail = text.removeprefix("Bail out!").strip() or "bail out"
        return []

    def _enter(self, depth: int, name: str) -> None:
        """Begin the points below one that is known, or not yet known."""
        del self._levels[depth:]
        while len(self._levels) <= depth:
            self._levels.append(_Level(""))
        self._levels[depth].name = name

    def _point(self, depth: int, margin: int, failed: bool, number: str, rest: str) -> list[Event]:
        events = self._flush()
        opens = rest.endswith("{") and (rest == "{" or rest[-2] == " ")
        description, directive, reason, took = _parts(rest[:-1].rstrip() if opens else rest)
        name = description or (f"#{number}" if number else "#?")
        if opens and len(self._braces) < _DEEPEST:
            self._braces.append(failed)
            self._enter(depth + 1, name)
            return events
        while len(self._levels) <= depth:
            self._levels.append(_Level(""))
        level = self._levels[depth]
        level.points += 1
        below = self._levels[depth + 1] if len(self._levels) > depth + 1 and not self._braces else None
        del self._levels[depth + 1 :]
        level.failed = level.failed or failed
        if below is not None and below.points and (not failed or below.failed):
            self._last, self._margin = None, margin
            return events
        case = case_of_blocks("", [each.name for each in self._levels[1 : depth + 1]], name)
        case["outcome"] = _outcome(failed, directive)
        if reason:
            case["reason"] = reason
        if took is not None:
            case["duration"] = took
        self._last, self._margin = case, margin
        return events

    def _leave_braces(self) -> list[Event]:
        """End the points in braces; the point above them counts where it failed alone."""
        events = self._flush()
        failed, depth = self._braces.pop(), len(self._braces)
        below = self._levels[depth + 1] if len(self._levels) > depth + 1 else _Level("")
        del self._levels[depth + 1 :]
        level = self._levels[min(depth, len(self._levels) - 1)]
        level.points += 1
        level.failed = level.failed or failed
        if failed and not below.failed:
            case = case_of_blocks("", [each.name for each in self._levels[1 : depth + 1]], below.name or "#?")
            case["outcome"] = "failed"
            self._last = case
            events += self._flush()
        return events

    def _in_details(self, line: str, text: str, margin: int) -> list[Event]:
        assert self._details is not None
        if text == "..." and margin <= self._margin:
            details, self._details = self._details, None
            if self._last is not None:
                read_details(details.lines(), self._last)
            return self._flush()
        if margin < self._margin and _POINT.match(text) and not text.startswith("ok."):
            self._details = None  # they were not ended
            return self.feed(line, 0)
        self._details.add(line[self._margin :] if margin >= self._margin else line)
        return []

    def _flush(self) -> list[Event]:
        """Tell the last case, of which nothing more will be said."""
        case, self._last = self._last, None
        if case is None:
            return []
        case["done"] = True
        outcome = case["outcome"]
        self._counts[outcome] = self._counts.get(outcome, 0) + 1
        return [CaseSeen(case, self._times.next(case["node"]))]

    def end(self) -> list[Event]:
        """Return what was held back; see :meth:`Parser.end`."""
        told = self._flush()
        totals: Totals = {"counts": self._counts}
        points = self._levels[0].points
        if self._bail is not None:
            totals["outcome"], totals["reason"] = "interrupted", self._bail
        elif self._counts.get("failed"):
            totals["outcome"] = "failed"
        elif self._planned is not None and points != self._planned:
            totals["outcome"] = "failed"
            totals["reason"] = f"{points} of {self._planned} planned points came"
        else:
            totals["outcome"] = "passed" if self._counts else "empty"
        return [*told, RunEnded(totals)]


def _outcome(failed: bool, directive: str) -> str:
    if directive == "SKIP":
        return "skipped"
    if directive == "TODO":
        return "xfailed" if failed else "xpassed"
    return "failed" if failed else "passed"


def _parts(text: str) -> tuple[str, str, str, float | None]:
    """Return the description of a point, its directive, the reason for that, and seconds."""
    description, mark, rest = text.partition(" # ")
    while mark and description.endswith("\\"):  # a sign that is escaped
        more, mark, rest = rest.partition(" # ")
        description = f"{description} # {more}"
    if not mark and text.startswith("# "):
        description, rest = "", text[2:]
    directive, reason, took = "", "", None
    if found := _DIRECTIVE.match(rest.strip()):
        directive, reason = found[1].upper(), found[2]
    elif found := _TIME.match(rest.strip()):
        took = seconds(found[1], found[2])
    elif rest:
        description = text
    return _unescaped(description.strip()), directive, reason.strip(), took


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)
