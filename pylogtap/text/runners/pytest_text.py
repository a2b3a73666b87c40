"""
What pytest prints: https://docs.pytest.org/en/stable/how-to/output.html.

With `-v` and with pytest-xdist each case has a line of its own. Without, there are files and dots alone: then
cases are known that failed, by the sections at the end, and others where `-rA` lists them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pylogtap.text.runners.model import BAD, CaseSeen, Event, Parser, RunEnded, RunSeen, Totals, WarningSeen
from pylogtap.text.runners.pytest_blocks import Blocks, Warned
from pylogtap.text.runners.pytest_cases import Cases
from pylogtap.text.runners.pytest_lines import (
    bare_verdict,
    beginning,
    dotted_file,
    final,
    heading,
    verdict,
)
from pylogtap.text.runners.pytest_summary import Listed, read_facts

if TYPE_CHECKING:
    from pylogtap.text.runners.pytest_lines import Final

_START = "test session starts"
_SUMMARY = "short test summary info"
_WARNINGS = "warnings summary"
_OVER = "over"  # behind the last line of a session
_SECTIONS = frozenset({"ERRORS", "FAILURES", "PASSES", "XFAILURES", "XPASSES", _WARNINGS, _SUMMARY})


class PytestText(Parser):
    """Reads the output of pytest, with and without pytest-xdist, coloured or not."""

    runner: ClassVar[str] = "pytest"

    def __init__(self) -> None:
        """Begin in front of a session."""
        self._begun = False
        self._reset()

    def _reset(self) -> None:
        self._nested = 0  # sessions that a test ran, whose output is shown
        self._has_told = False  # anything but the lines in front of a session
        self._section = ""  # empty: cases run
        self._width = 0
        self._final: Final | None = None
        self._reason = ""
        self._crashed = False
        self._node: str | None = None  # of the last case that began, and may have printed something
        self._has_workers = False
        self._files: set[str] = set()
        self._cases, self._blocks, self._warned, self._listed = Cases(), Blocks(), Warned(), Listed()

    def feed(self, line: str, time_ns: int) -> list[Event]:
        """Take a line; see :meth:`Parser.feed`."""
        if not self._begun:
            self._begun = True
            return [RunSeen({"runner": self.runner}, new=True), *self.feed(line, time_ns)]
        title = heading(line, "=")
        if title == _START:
            return self._session_starts(line)
        last = final(line)
        if self._nested:
            self._nested -= last is not None and line.startswith("=")
            return []
        if last is not None:
            self._final = last
            if line.startswith("=") or self._section in {"", _SUMMARY}:
                self._blocks.begin("")
                self._section = _OVER
            return []
        if title in _SECTIONS and self._is_as_wide(line):
            self._section, self._has_told = title, True
            self._blocks.begin(title)
            if title == _SUMMARY:
                self._listed = Listed()  # one before was printed by a test
            return []
        return self._in_section(line)

    def _session_starts(self, line: str) -> list[Event]:
        if self._has_told and self._section != _OVER:
            self._nested += 1
            return []
        events: list[Event] = []
        if self._has_told:
            events = [*self.end(), RunSeen({"runner": self.runner}, new=True)]
            self._reset()
        self._has_told, self._width = True, len(line)
        return events

    def _is_as_wide(self, line: str) -> bool:
        """Tell whether a heading is the runner's: all are as wide as the screen, up to a sign."""
        self._width = self._width or len(line)
        return abs(len(line) - self._width) <= 1

    def _in_section(self, line: str) -> list[Event]:
        section = self._section
        if section in {"ERRORS", "FAILURES"}:
            self._blocks.feed(line)
        elif section == _WARNINGS:
            warning = self._warned.feed(line)
            return [WarningSeen(warning)] if warning else []
        elif section == _SUMMARY:
            self._listed.feed(line)
        elif not section:
            return self._progress(line)
        reason = heading(line, "!")
        if reason and section in {_SUMMARY, _OVER}:
            self._reason = reason
        return []

    def _progress(self, line: str) -> list[Event]:
        found = verdict(line)
        if found is not None:
            self._has_told = True
            self._has_workers = self._has_workers or bool(found.worker)
            self._node = found.node
            return self._cases.take(found)
        if self._node is not None and not self._has_workers and (word := bare_verdict(line)):
            return self._cases.again(self._node, word)
        node = beginning(line)
        if node is not None:
            self._node, self._has_told = node, True
            if heading(line.removeprefix(node).lstrip(), "=") == _START:  # nobody captures what it prints
                self._nested += 1
            return []
        file = dotted_file(line)
        self._has_told = self._has_told or file is not None
        if file and len(self._files) < 10_000:
            self._files.add(file)
        if line.startswith("INTERNALERROR>"):
            self._crashed = True
            self._reason = self._reason or line.removeprefix("INTERNALERROR>").strip()
        reason = heading(line, "!")
        if reason:
            self._reason = reason
        facts = read_facts(line)
        return [RunSeen(facts)] if facts else []

    def end(self) -> list[Event]:
        """Return what was held back; see :meth:`Parser.end`."""
        told = self._cases.close(self._blocks.end(), self._listed, self._files)
        return [*told, RunEnded(self._totals(told))]

    def _totals(self, told: list[Event]) -> Totals:
        totals: Totals = {}
        if self._final is not None:
            totals["counts"] = self._final.counts
            if self._final.duration is not None:
                totals["duration"] = self._final.duration
            totals["outcome"] = _outcome(self._final.counts)
        elif any(isinstance(each, CaseSeen) and each.case.get("outcome") in BAD for each in told):
            totals["outcome"] = "failed"
        if self._reason:
            totals["reason"] = self._reason
            if self._crashed:
                totals["outcome"] = "error"
            elif not self._reason.startswith(("stopping after", "xdist.dsession.Interrupted")):
                totals["outcome"] = "interrupted"
        return totals


def _outcome(counts: dict[str, int]) -> str:
    if counts.get("failed") or counts.get("error") or counts.get("subtests failed"):
        return "failed"
    ran = counts.keys() & {"passed", "skipped", "xfailed", "xpassed"}
    return "passed" if ran else "empty"
