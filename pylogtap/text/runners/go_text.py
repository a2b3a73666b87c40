"""
What `go test` prints, with `-v` or without: https://pkg.go.dev/cmd/go#hdr-Test_packages.

The package stands below its tests: they are told when it comes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from pylogtap.text.runners.go_failures import failure_in, reason_in
from pylogtap.text.runners.model import (
    BAD,
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
)
from pylogtap.text.runners.names import case_of_go

if TYPE_CHECKING:
    from pylogtap.cases.facts import CaseFacts

OUTCOMES = {"PASS": "passed", "FAIL": "failed", "SKIP": "skipped"}
_FRAME = re.compile(r"=== (RUN|PAUSE|CONT|NAME) +(\S{1,2000})")
_VERDICT = re.compile(r"(?: {4}){0,20}--- (PASS|FAIL|SKIP): (\S{1,2000}) \(([0-9.]{1,15})s\)")
_PACKAGE = re.compile(r"(ok|FAIL|\?) *\t(\S{1,1000})(?:\s.{0,300})?")
_IDLE = re.compile(r"PASS|FAIL|exit status [0-9]{1,5}|testing: warning: no tests to run")
_NO_BUILD = re.compile(r"FAIL\t(\S{1,1000}) \[(build failed|setup failed)\]")
_COMPILER = re.compile(r"# (\S{1,1000})(?: \[\S{1,1000}\])?")


class GoText(Parser):
    """Reads the text of `go test`."""

    runner: ClassVar[str] = "go test"

    def __init__(self) -> None:
        """Begin in front of a package."""
        self._begun = False
        self._times = Occurrences()
        self._builds: dict[str, Excerpt] = {}  # what the compiler says of packages
        self._counts: dict[str, int] = {}
        self._lost = 0
        self._failed = False
        self._reset()

    def _reset(self) -> None:
        self._cases: list[CaseFacts] = []
        self._running: dict[str, int] = {}  # when each began
        self._texts: dict[str, Excerpt] = {}
        self._verbose = False
        self._current = ""  # the test that what is printed belongs to
        self._compiling: Excerpt | None = None
        self._panic = Excerpt()
        self._panics = False

    def feed(self, line: str, time_ns: int) -> list[Event]:
        """Take a line; see :meth:`Parser.feed`."""
        events: list[Event] = []
        if not self._begun:
            self._begun = True
            events.append(RunSeen({"runner": self.runner}, new=True))
        if found := _FRAME.fullmatch(line):
            self._compiling = None
            self._current, self._verbose = found[2], True
            if found[1] == "RUN" and len(self._running) < MAX_OPEN:
                self._running[found[2]] = time_ns
        elif (found := _VERDICT.fullmatch(line)) and (not self._verbose or found[2] in self._running):
            self._compiling = None
            self._take(found[2], OUTCOMES[found[1]], found[3])
        elif found := _NO_BUILD.fullmatch(line):
            events += self._no_build(found[1], found[2])
        elif line.startswith(("ok  \t", "FAIL\t", "?   \t")) and (found := _PACKAGE.fullmatch(line)):
            events += self._package(found[2], found[1])
        else:
            self._note(line)
        return events

    def _note(self, line: str) -> None:
        """Keep what the compiler or a test says."""
        if found := _COMPILER.fullmatch(line):
            if len(self._builds) < 1_000:
                self._compiling = self._builds.setdefault(found[1], Excerpt())
            return
        if self._compiling is not None:
            self._compiling.add(line)
            return
        if _IDLE.fullmatch(line):
            return
        self._panics = self._panics or line.startswith(("panic: ", "fatal error: "))
        if self._panics:
            self._panic.add(line)
        elif self._current and (self._current in self._texts or len(self._texts) < MAX_OPEN // 10):
            self._texts.setdefault(self._current, Excerpt()).add(line)

    def _take(self, test: str, outcome: str, took: str) -> None:
        began = self._running.pop(test, None)
        self._current = test  # without -v, what it said stands below
        if len(self._cases) >= MAX_OPEN:
            self._lost += 1
            return
        case = case_of_go("", test)
        case["outcome"] = outcome
        duration = seconds(took)
        if duration is not None:
            case["duration"] = duration
        if began is not None:
            case["started"] = began
        self._cases.append(case)

    def _package(self, package: str, word: str) -> list[Event]:
        """Tell the tests of a package, now that its name is known."""
        self._failed = self._failed or word == "FAIL"
        for test, began in self._running.items():  # the process ended before they did
            case = case_of_go("", test)
            case.update({"outcome": "failed", "crashed": True, "started": began})
            self._cases.append(case)
        if word == "FAIL" and not any(case["outcome"] == "failed" for case in self._cases):
            self._cases.append({**case_of_go("", package), "outcome": "error"})
        told = self._told(package)
        self._reset()
        return told

    def _told(self, package: str) -> list[Event]:
        told: list[Event] = []
        panicked = next((each for each in reversed(self._cases) if each["outcome"] in BAD), None)
        for each in self._cases:
            text = self._texts.get(each["name"])
            whole = each["name"] == package
            case: CaseFacts = {**each, **({"node": package} if whole else case_of_go(package, each["name"]))}
            lines = text.lines() if text is not None else []
            if case["outcome"] in BAD:
                lines += self._panic.lines() if each is panicked else []
                if lines:
                    case["failure"] = failure_in(lines)
            elif case["outcome"] == "skipped" and (reason := reason_in(lines)):
                case["reason"] = reason
            if text:
                case["output"] = {"call stdout": text.text()}
            case["done"] = True
            self._counts[case["outcome"]] = self._counts.get(case["outcome"], 0) + 1
            told.append(CaseSeen(case, self._times.next(case["node"])))
        return told

    def _no_build(self, package: str, why: str) -> list[Event]:
        said = self._builds.pop(package, Excerpt())
        case: CaseFacts = {"node": package, "name": package, "outcome": "error", "phase": "collect"}
        case["failure"] = failure_in(said.lines(), why)
        case["done"] = True
        self._failed = True
        self._counts["error"] = self._counts.get("error", 0) + 1
        return [CaseSeen(case, self._times.next(package))]

    def end(self) -> list[Event]:
        """Return what was held back; see :meth:`Parser.end`. A package that never ended has no name."""
        cut_off = bool(self._cases or self._running)
        told = self._package("", "") if cut_off else []
        totals: Totals = {"counts": self._counts}
        if cut_off:
            totals["outcome"] = "interrupted"
        elif self._failed or self._counts.get("failed") or self._counts.get("error"):
            totals["outcome"] = "failed"
        else:
            totals["outcome"] = "passed" if self._counts else "empty"
        if totals["outcome"] == "empty":
            del totals["outcome"]  # without -v, tests that passed are not counted
        if self._lost:
            totals["lost"] = self._lost
        return [*told, RunEnded(totals)]
