"""
What Jest prints: https://jestjs.io/docs/cli#--verbose.

With `--verbose`, and where one file is run, each case has a line in a tree. Without, cases are known that
failed, by the blocks that describe them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from pylogtap.text.runners.javascript import CHEVRON, CROSS, failure_of_js
from pylogtap.text.runners.model import (
    MAX_BLOCKS,
    MAX_OPEN,
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

if TYPE_CHECKING:
    from pylogtap.cases.facts import CaseFacts

_FILE = re.compile(r"\s?(PASS|FAIL) {1,2}(?:\S{1,100} )??(\S{1,1000}?)(?: \(([0-9.]{1,12}) (ms|s|m)\))?")
_CASE = re.compile(rf"((?:  ){{1,40}})([✓✕○✎√{CROSS}]) (.{{1,2000}}?)(?: \(([0-9.]{{1,12}}) (ms|s|m)\))?")
_GROUP = re.compile(r"((?:  ){1,40})(\S.{0,1000})")
_BLOCK = re.compile(r"  ● (.{1,2000})")
_OUTCOMES = {"✓": "passed", "√": "passed", "✕": "failed", CROSS: "failed", "○": "skipped", "✎": "skipped"}
_WORDS = {"○": "skipped ", "✎": "todo "}
_COUNTS = re.compile(r"([0-9]{1,9}) (failed|skipped|todo|passed|total)")
_TIME = re.compile(r"Time: +([0-9.]{1,12}) (ms|s|m)\b.{0,100}")
_SUITE_FAILED = "Test suite failed to run"


class Jest(Parser):
    """Reads the output of Jest."""

    runner: ClassVar[str] = "jest"
    stream: ClassVar[int] = 2

    def __init__(self) -> None:
        """Begin in front of the first file."""
        self._begun = False
        self._totals: Totals = {}
        self._is_over = False
        self._times = Occurrences()
        self._begin_file("", "")

    def _begin_file(self, file: str, word: str) -> None:
        self._file, self._word = file, word
        self._in_tree = True
        self._groups: list[str] = []
        self._open: dict[str, tuple[CaseFacts, int]] = {}
        self._title: str | None = None
        self._block = Excerpt()
        self._blocks = 0

    def feed(self, line: str, time_ns: int) -> list[Event]:  # noqa: ARG002 - of the interface
        """Take a line; see :meth:`Parser.feed`."""
        events: list[Event] = []
        if not self._begun:
            self._begun = True
            events.append(RunSeen({"runner": self.runner}, new=True))
        if line.startswith(("Summary of all failing tests", "Test Suites: ")):  # what follows was told before
            events += self._end_file()
            self._is_over = True
        if found := self._is_file(line):
            if self._is_over and not self._totals:
                return events
            events += self._end_file()
            self._begin_file(found[2], found[1])
        elif self._is_over:
            self._read_totals(line)
        elif self._file:
            if found := _BLOCK.fullmatch(line):
                self._end_block()
                self._in_tree, self._title = False, found[1].rstrip()
            elif self._title is not None:
                self._block.add(line.removeprefix("    "))
            elif self._in_tree:
                events += self._tree(line)
        return events

    def _is_file(self, line: str) -> re.Match[str] | None:
        if line.lstrip()[:4] not in {"PASS", "FAIL"}:
            return None
        found = _FILE.fullmatch(line.rstrip())
        return found if found and ("." in found[2] or "/" in found[2]) else None

    def _tree(self, line: str) -> list[Event]:
        if found := _CASE.fullmatch(line):
            depth, sign = len(found[1]) // 2 - 1, found[2]
            del self._groups[depth:]
            name = found[3].removeprefix(_WORDS.get(sign, ""))
            case = case_of_blocks(self._name(), self._groups, name)
            case["outcome"] = _OUTCOMES[sign]
            took = seconds(found[4], found[5]) if found[4] else None
            if took is not None:
                case["duration"] = took
            if sign == "✎":
                case["reason"] = "todo"
            return self._tell(case)
        if found := _GROUP.fullmatch(line):
            del self._groups[len(found[1]) // 2 - 1 :]
            self._groups.append(found[2].rstrip())
        elif line.strip():
            self._in_tree = False
        return []

    def _name(self) -> str:
        return self._file.removeprefix("./")

    def _tell(self, case: CaseFacts) -> list[Event]:
        occurrence = self._times.next(case["node"])
        if case["outcome"] != "failed" or len(self._open) >= MAX_OPEN:
            case["done"] = True
            return [CaseSeen(case, occurrence)]
        title = CHEVRON.join([each for each in (case.get("group", ""), case["name"]) if each])
        self._open.setdefault(title.replace(" > ", CHEVRON), (case, occurrence))
        return [CaseSeen(case.copy(), occurrence)]

    def _end_block(self) -> None:
        """Give what a block says to its case; make one where there was no tree."""
        title, self._title = self._title, None
        block, self._block = self._block, Excerpt()
        if title is None or title == "Console" or self._blocks >= MAX_BLOCKS or not block:
            return
        self._blocks += 1
        known = self._open.get(title.replace(" > ", CHEVRON))
        if known is None:
            case = self._unknown(title)
            known = self._open[title] = (case, self._times.next(case["node"]))
        case = known[0]
        if "failure" not in case:
            case["failure"] = failure_of_js(block.lines())

    def _unknown(self, title: str) -> CaseFacts:
        name = self._name()
        if title == _SUITE_FAILED:
            return {"node": name, "name": name, "file": name, "outcome": "error", "phase": "collect"}
        *groups, last = title.split(CHEVRON)
        case = case_of_blocks(name, groups, last)
        case["outcome"] = "failed"
        return case

    def _end_file(self) -> list[Event]:
        self._end_block()
        told: list[Event] = []
        for case, occurrence in self._open.values():
            case["done"] = True
            told.append(CaseSeen(case, occurrence))
        self._begin_file("", "")
        return told

    def _read_totals(self, line: str) -> None:
        if line.startswith("Tests: "):
            found = {word: whole_number(number) for number, word in _COUNTS.findall(line[:500])}
            total = found.pop("total", 0)
            skipped = found.pop("skipped", 0) + found.pop("todo", 0)
            self._totals["counts"] = {**found, **({"skipped": skipped} if skipped else {})}
            outcome = "failed" if found.get("failed") else "passed" if total else "empty"
            self._totals["outcome"] = "failed" if self._totals.get("outcome") == "failed" else outcome
        elif line.startswith("Test Suites: ") and " failed" in line:
            self._totals["outcome"] = "failed"
        elif found_time := _TIME.fullmatch(line):
            took = seconds(found_time[1], found_time[2])
            if took is not None:
                self._totals["duration"] = took

    def end(self) -> list[Event]:
        """Return what was held back; see :meth:`Parser.end`."""
        return [*self._end_file(), RunEnded(self._totals)]
