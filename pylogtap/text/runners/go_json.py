"""What `go test -json` prints: one event a line, see https://pkg.go.dev/cmd/test2json."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from pylogtap.text.runners.go_failures import failure_in, reason_in
from pylogtap.text.runners.model import (
    MAX_OPEN,
    CaseBegan,
    CaseSeen,
    Event,
    Excerpt,
    Occurrences,
    Parser,
    RunEnded,
    RunSeen,
    Totals,
)
from pylogtap.text.runners.names import case_of_go

_OUTCOMES = {"pass": "passed", "fail": "failed", "skip": "skipped"}
_FRAMES = ("=== RUN ", "=== PAUSE ", "=== CONT ", "=== NAME ", "--- PASS: ", "--- FAIL: ", "--- SKIP: ")


class _Running:
    """A test that runs, or a package."""

    def __init__(self, occurrence: int, began: int) -> None:
        self.occurrence, self.began = occurrence, began
        self.said = Excerpt()


class GoJson(Parser):
    """Reads the events of `go test -json`."""

    runner: ClassVar[str] = "go test"

    def __init__(self) -> None:
        """Begin in front of the first event."""
        self._begun = False
        self._times = Occurrences()
        self._running: dict[tuple[str, str], _Running] = {}
        self._builds: dict[str, Excerpt] = {}
        self._counts: dict[str, int] = {}
        self._failures: dict[str, int] = {}  # failed tests, by package
        self._failed = False

    def feed(self, line: str, time_ns: int) -> list[Event]:
        """Take a line; see :meth:`Parser.feed`."""
        event = read_event(line)
        if event is None:
            return []
        events: list[Event] = []
        if not self._begun:
            self._begun = True
            events.append(RunSeen({"runner": self.runner}, new=True))
        action, package, test = event["Action"], _text(event, "Package"), _text(event, "Test")
        if action.startswith("build-"):
            self._build(action, _text(event, "ImportPath"), _text(event, "Output"))
        elif action in {"run", "start"}:
            events += self._began(package, test, time_ns)
        elif action == "output":
            self._output(package, test, _text(event, "Output"))
        elif action in _OUTCOMES:
            events += self._ended(event, package, test, _OUTCOMES[action])
        return events

    def _began(self, package: str, test: str, time_ns: int) -> list[Event]:
        if len(self._running) >= MAX_OPEN:
            return []
        case = case_of_go(package, test)
        occurrence = self._times.next(case["node"]) if test else 0
        self._running[package, test] = _Running(occurrence, time_ns)
        if not test:
            return []
        case["started"] = time_ns
        return [CaseBegan(case, occurrence)]

    def _output(self, package: str, test: str, text: str) -> None:
        running = self._running.get((package, test))
        if running is not None and not text.lstrip().startswith(_FRAMES):
            for line in text.splitlines():
                running.said.add(line)

    def _build(self, action: str, package: str, text: str) -> None:
        package = package.partition(" ")[0]
        if action == "build-output" and (package in self._builds or len(self._builds) < 1_000):
            said = self._builds.setdefault(package, Excerpt())
            for line in text.splitlines():
                if not line.startswith("# "):
                    said.add(line)

    def _ended(self, event: dict[str, Any], package: str, test: str, outcome: str) -> list[Event]:
        running = self._running.pop((package, test), None)
        if not test:
            return self._package_ended(event, package, outcome, running)
        case = case_of_go(package, test)
        case.update({"outcome": outcome, "done": True})
        elapsed = event.get("Elapsed")
        if isinstance(elapsed, (int, float)) and 0 <= elapsed <= 1e7:
            case["duration"] = float(elapsed)
        lines = running.said.lines() if running else []
        if running and running.said:
            case["output"] = {"call stdout": running.said.text()}
        if running:
            case["started"] = running.began
        if outcome == "failed":
            if lines:
                case["failure"] = failure_in(lines)
            if package in self._failures or len(self._failures) < MAX_OPEN:
                self._failures[package] = self._failures.get(package, 0) + 1
        elif outcome == "skipped" and (reason := reason_in(lines)):
            case["reason"] = reason
        self._count(outcome)
        return [CaseSeen(case, running.occurrence if running else 0)]

    def _package_ended(
        self, event: dict[str, Any], package: str, outcome: str, running: _Running | None
    ) -> list[Event]:
        """Tell of a package that failed though none of its tests did: it was not built, or it crashed."""
        if outcome != "failed":
            return []
        self._failed = True
        if not package:
            return []
        if self._failures.pop(package, 0):
            return []
        built = self._builds.pop(_text(event, "FailedBuild").partition(" ")[0], None)
        lines = built.lines() if built else running.said.lines() if running else []
        self._count("error")
        case = case_of_go("", package)
        case.update({"outcome": "error", "phase": "collect" if built else "call", "done": True})
        case["failure"] = failure_in(lines, "build failed" if built else "")
        return [CaseSeen(case)]

    def _count(self, outcome: str) -> None:
        self._counts[outcome] = self._counts.get(outcome, 0) + 1

    def end(self) -> list[Event]:
        """Return what was held back; see :meth:`Parser.end`."""
        totals: Totals = {"counts": self._counts}
        if self._running:
            totals["outcome"] = "interrupted"
        elif self._failed or self._counts.get("failed"):
            totals["outcome"] = "failed"
        else:
            totals["outcome"] = "passed" if self._counts else "empty"
        return [RunEnded(totals)]


def read_event(line: str) -> dict[str, Any] | None:
    """Return the event that a line is; None for another line."""
    if not line.startswith('{"') or '"Action":"' not in line:
        return None
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("Action"), str) else None


def _text(event: dict[str, Any], name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode(errors="replace").decode()  # half a character is none
