"""
What Vitest prints: https://vitest.dev/guide/reporters.

With the verbose reporter each case has a line. By default those have that failed or were slow. Results go to
standard output, and what failed is described on standard error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from pylogtap.text.runners.javascript import CROSS, POINTER, failure_of_js
from pylogtap.text.runners.model import (
    MAX_BLOCKS,
    MAX_OPEN,
    CaseSeen,
    Event,
    Excerpt,
    Parser,
    RunEnded,
    RunSeen,
    Totals,
    seconds,
    whole_number,
)
from pylogtap.text.runners.names import ARROW, case_of_blocks

if TYPE_CHECKING:
    from pylogtap.cases.facts import CaseFacts

_RUN = re.compile(r"\s*(?:RUN|DEV)\s+v([0-9][\w.+-]{0,50})\s+(\S.{0,1000})")
_FILE = re.compile(
    rf"\s[✓{POINTER}↓{CROSS}]\s(?:\|.{{1,100}}\| )?(\S{{1,1000}}) \([0-9]{{1,9}} tests?.{{0,300}}"
)
_SIGNED = re.compile(
    rf"\s{{1,8}}([✓{CROSS}↓])\s(.{{1,2000}}?)(?: ([0-9.]{{1,12}}) ?(ms|s))?(?: \[skipped\])?"
)
_FAIL = re.compile(r"\s?FAIL\s{1,2}(\S.{0,2000})")
_OUTCOMES = {"✓": "passed", CROSS: "failed", "↓": "skipped"}
_COUNTS = re.compile(r"([0-9]{1,9}) (failed|passed|skipped|todo)")
_DURATION = re.compile(r"\s*Duration\s+([0-9.]{1,12}) ?(ms|s|m)\b.{0,500}")
_RULE = "⎯⎯⎯"
_PROJECT = re.compile(r"\|.{1,100}?\| ")
_CAPTURED = ("stdout | ", "stderr | ")


class Vitest(Parser):
    """Reads the output of Vitest."""

    runner: ClassVar[str] = "vitest"
    both: ClassVar[bool] = True

    def __init__(self) -> None:
        """Begin in front of the first line."""
        self._begun = False
        self._file = ""
        self._captured = False
        self._open: dict[str, CaseFacts] = {}
        self._totals: Totals = {}
        self._is_over = False
        self._titles: list[str] = []
        self._block: Excerpt | None = None
        self._blocks = 0

    def feed(self, line: str, time_ns: int) -> list[Event]:  # noqa: ARG002 - of the interface
        """Take a line; see :meth:`Parser.feed`."""
        events: list[Event] = []
        if not self._begun:
            self._begun = True
            events.append(RunSeen({"runner": self.runner}, new=True))
        if found := _RUN.fullmatch(line):
            events.append(RunSeen({"runner_version": found[1], "root": found[2].strip()}))
        elif line.startswith(_RULE):
            self._end_block()
        elif self._block is not None or _FAIL.fullmatch(line):
            self._in_blocks(line)
        elif line.startswith(_CAPTURED):  # what a test printed follows, up to an empty line
            self._captured = True
        elif self._captured:
            self._captured = bool(line.strip())
        elif line.lstrip().startswith(("Test Files ", "Tests ", "Duration ")):
            self._read_totals(line)
        elif not self._is_over:
            events += self._result(line)
        return events

    def _result(self, line: str) -> list[Event]:
        if found := _FILE.fullmatch(line):
            self._file = found[1]
            return []
        found = _SIGNED.fullmatch(line)
        if found is None:
            return []
        title = _PROJECT.sub("", found[2], count=1) if found[2].startswith("|") else found[2]
        parts = title.split(ARROW)
        indented = len(line) - len(line.lstrip()) > 1
        if indented and self._file:
            parts = [self._file, *parts]
        if len(parts) < 2 or "." not in parts[0]:
            return []
        case = case_of_blocks(parts[0], parts[1:-1], parts[-1])
        case["outcome"] = _OUTCOMES[found[1]]
        took = seconds(found[3], found[4]) if found[3] else None
        if took is not None:
            case["duration"] = took
        if case["outcome"] == "failed" and len(self._open) < MAX_OPEN:
            known = self._open.setdefault(case["node"], case)
            known.update({name: value for name, value in case.items() if name != "failure"})  # type: ignore[typeddict-item]
            return [CaseSeen(known.copy())]
        case["done"] = True
        return [CaseSeen(case)]

    def _in_blocks(self, line: str) -> None:
        if found := _FAIL.fullmatch(line):
            if self._block:
                self._end_block()
            self._block = self._block or Excerpt()
            if len(self._titles) < 100:
                self._titles.append(_PROJECT.sub("", found[1].rstrip(), count=1))
        elif self._block is not None:
            self._block.add(line)

    def _end_block(self) -> None:
        block, titles, self._block, self._titles = self._block, self._titles, None, []
        if not block or self._blocks >= MAX_BLOCKS:
            return
        self._blocks += 1
        failure = failure_of_js(block.lines())
        for title in titles:
            parts = title.split(ARROW)
            if len(parts) > 1:
                case = case_of_blocks(parts[0], parts[1:-1], parts[-1])
                case["outcome"] = "failed"
            else:
                file = title.partition(" [")[0]
                case = {"node": file, "name": file, "file": file, "outcome": "error", "phase": "collect"}
            self._open.setdefault(case["node"], case)["failure"] = failure

    def _read_totals(self, line: str) -> None:
        word = line.split(maxsplit=1)[0]
        if word == "Test":
            self._is_over = True
            if " failed" in line:
                self._totals["outcome"] = "failed"
        elif word == "Tests":
            found = {name: whole_number(number) for number, name in _COUNTS.findall(line[:500])}
            skipped = found.pop("skipped", 0) + found.pop("todo", 0)
            self._totals["counts"] = {**found, **({"skipped": skipped} if skipped else {})}
            if "outcome" not in self._totals:
                self._totals["outcome"] = "failed" if found.get("failed") else "passed" if found else "empty"
        elif found_time := _DURATION.fullmatch(line):
            took = seconds(found_time[1], found_time[2])
            if took is not None:
                self._totals["duration"] = took

    def end(self) -> list[Event]:
        """Return what was held back; see :meth:`Parser.end`."""
        self._end_block()
        told: list[Event] = []
        for case in self._open.values():
            case["done"] = True
            told.append(CaseSeen(case))
        return [*told, RunEnded(self._totals)]
