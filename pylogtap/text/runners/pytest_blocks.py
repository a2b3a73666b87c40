"""The sections of pytest's output that describe failures and warnings, block by block."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pylogtap.text.runners.model import MAX_BLOCKS, Excerpt, block_text, failure_of, whole_number
from pylogtap.text.runners.pytest_lines import heading
from pylogtap.text.runners.python import failure_of_traceback, named_exception

if TYPE_CHECKING:
    from pylogtap.cases.facts import Failure

_PHASES = {"ERROR at setup of ": "setup", "ERROR at teardown of ": "teardown", "ERROR collecting ": "collect"}
_SECTIONS = {"ERRORS": "error", "FAILURES": "failed"}
_PLACE = re.compile(r"([^\s:][^:\n]{0,500}):([0-9]{1,9}): ?([A-Za-z_][\w.]*)?")
_WARNING = re.compile(r"  (\S.{0,1000}?):([0-9]{1,9}): (\w+): (.*)")


class Described(NamedTuple):
    """
    What a block tells.

    Attributes:
        name: What stands above it: class and function, or a file that cannot be collected.
        phase: `setup`, `call`, `teardown`, `collect`.
        outcome: `failed` or `error`.
        failure: Why.
        output: What was captured, by what it was.
        first_file: The first file that the traceback names.
        crashed: The process that ran it died.
    """

    name: str
    phase: str
    outcome: str
    failure: Failure
    output: dict[str, str]
    first_file: str
    crashed: bool


class Blocks:
    """Collects the blocks of the sections FAILURES and ERRORS."""

    def __init__(self) -> None:
        """Begin without a block."""
        self.found: list[Described] = []
        self._outcome = ""
        self._name: str | None = None
        self._trace = Excerpt()
        self._captured: dict[str, Excerpt] = {}
        self._current = self._trace

    def begin(self, title: str) -> None:
        """Begin a section; one that describes no failures has no blocks."""
        self._close()
        self._outcome = _SECTIONS.get(title, "")

    def feed(self, line: str) -> None:
        """Take a line of a section."""
        if not self._outcome:
            return
        name = heading(line, "_")
        if name:
            self._close()
            self._name = name
            return
        captured = heading(line, "-")
        if captured and captured.startswith("Captured ") and len(self._captured) < 12:
            stream, _, phase = captured.removeprefix("Captured ").rpartition(" ")
            self._current = self._captured.setdefault(f"{phase} {stream}", Excerpt())
        elif self._name is not None:
            self._current.add(line)

    def end(self) -> list[Described]:
        """Return all blocks."""
        self._close()
        return self.found

    def _close(self) -> None:
        name, self._name = self._name, None
        if name is not None and len(self.found) < MAX_BLOCKS:
            self.found.append(self._described(name))
        self._trace, self._captured = Excerpt(), {}
        self._current = self._trace

    def _described(self, name: str) -> Described:
        phase = "call"
        for words, meant in _PHASES.items():
            if name.startswith(words):
                name, phase = name.removeprefix(words), meant
        lines = self._trace.lines()
        failure, first_file = _failure(lines)
        return Described(
            name,
            phase,
            self._outcome,
            failure,
            {kind: text for kind, excerpt in self._captured.items() if (text := excerpt.text())},
            first_file,
            any(line.startswith("worker '") and "crashed while running" in line for line in lines),
        )


def _failure(lines: list[str]) -> tuple[Failure, str]:
    """Read a traceback in any of pytest's styles; return the first file that it names as well."""
    said = [line[1:] for line in lines if line.startswith("E   ")]
    margin = min((len(text) - len(text.lstrip()) for text in said if text.strip()), default=0)
    message = "\n".join(text[margin:] for text in said).rstrip()
    places = [place for line in lines if (place := _PLACE.match(line))]
    kind, file, number, first = "", "", 0, ""
    if places:
        first, file, number = places[0][1], places[-1][1], whole_number(places[-1][2])
        kind = places[-1][3] or ""
        kind = "" if kind in {"in", "assert"} else kind
    if not said and "Traceback (most recent call last):" in lines:
        return failure_of_traceback(lines), first
    named, rest = named_exception(message)
    if named and kind in {"", named}:
        kind, message = named, rest
    return failure_of(kind, message, block_text(lines), file, number), first


class Warned:
    """Reads the section `warnings summary`."""

    def __init__(self) -> None:
        """Begin without a node."""
        self._node = ""

    def feed(self, line: str) -> dict[str, str | int] | None:
        """Take a line; return the warning that it tells of."""
        found = _WARNING.fullmatch(line)
        if found is not None:
            warning: dict[str, str | int] = {"category": found[3], "message": found[4], "file": found[1]}
            warning["line"] = whole_number(found[2])
            if self._node:
                warning["node"] = self._node
            return warning
        if line and not line[0].isspace():
            self._node = line if "::" in line and ": " not in line else ""
        return None
