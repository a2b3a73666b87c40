"""Which lines belong to a traceback, in the languages that people run, and what exception it tells of."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Kind = Literal["python", "frames", "go"]  # frames: of Java, Node, Ruby, which are indented

_PYTHON = "Traceback (most recent call last):"
_PYTHON_GROUP = "  + Exception Group Traceback (most recent call last):"
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
# What Python says before a traceback that nobody caught.
_NOTICES = ("Exception in thread ", "Exception ignored in", "Task exception was never retrieved")
_HINTS = ("Traceback", "Error", "Exception", "panic: ", "fatal error: ", "Throwable", "Failure", "Interrupt")
_NAME = r"[A-Za-z_$][\w$]*(?:(?:\.|::)[\w$]+)*"
_LAST = re.compile(
    rf"(?P<type>{_NAME})(?:: ?(?P<message>.*))?", re.DOTALL
)  # `ValueError: …` below a traceback
_GROUP_LAST = re.compile(rf"\s*\| (?P<type>{_NAME})(?:: ?(?P<message>.*))?")
_HEADER = re.compile(  # above the frames, or alone
    rf"(?:Exception in thread \"[^\"]*\" |Uncaught |Unhandled exception\. )?"
    rf"(?P<type>(?:{_NAME})?(?:Exception|Error|Throwable|Failure|Interrupt))(?:: (?P<message>.*)|$)"
)
_FRAME = re.compile(r"\s+at \S")
_RUBY = re.compile(r"\S+:[0-9]+:in [`'][^']*': (?P<message>.*) \((?P<type>[A-Z][\w:]*)\)$")
_PANIC = re.compile(r"(?P<type>panic|fatal error): (?P<message>.*)")
_GO = re.compile(r"goroutine [0-9]+ |\[signal |created by |exit status [0-9]|panic: ")
_GO_CALL = re.compile(r"[\w./*\[\]·-]+\(")


class Failure(NamedTuple):
    """
    An exception.

    Attributes:
        type: Name of its class.
        message: Its text.
        stacktrace: All lines of the traceback.
        first: Index of the line that the traceback begins with.
    """

    type: str
    message: str
    stacktrace: str
    first: int

    @property
    def summary(self) -> str:
        """Type and message, as the last line of a traceback has them."""
        return f"{self.type}: {self.message}" if self.message else self.type

    def fields(self) -> dict[str, str]:
        """Return what a record keeps of an exception."""
        return {"type": self.type, "message": self.message, "stacktrace": self.stacktrace}


class Continuation:
    """Judges which lines continue a record, by those that it has."""

    def __init__(self, first: str, *, headed: bool) -> None:
        """
        Begin with the first line of a record.

        Args:
            first: The line.
            headed: It has a time or a level, as a logged line has: a traceback that follows is part of it.
        """
        self._headed = headed or first.startswith(_NOTICES)
        self._kind: Kind | None = None
        self._open = False  # a traceback of Python whose last line is still to come
        self._chained = False  # …has announced another one
        self._indented = False
        self._begin(first)

    def takes(self, line: str, *, after_blank: bool) -> bool:
        """Tell whether a line belongs to the record; if so it is taken for its newest line."""
        if line == _PYTHON_GROUP and not self._headed and self._kind is None:
            return False
        if line[0] in " \t":
            self._indented = True
            if self._kind is None and _FRAME.match(line):
                self._kind = "frames"
            return True
        indented, self._indented = self._indented, False
        if self._kind == "python":
            return self._takes_python(line, after_blank=after_blank)
        if self._kind == "go":
            return _is_go(line)
        if indented and line[0] in ")]}" and not after_blank:
            return True
        if self._kind == "frames":
            return line.startswith("Caused by: ")
        return self._headed and not after_blank and self._begin(line)

    def _begin(self, line: str) -> bool:
        if not any(hint in line for hint in _HINTS):  # most lines, and cheaper than to match
            return False
        if line in {_PYTHON, _PYTHON_GROUP}:
            self._kind, self._open = "python", line == _PYTHON
        elif _PANIC.match(line):
            self._kind = "go"
        elif _HEADER.match(line) or _RUBY.match(line):
            self._kind = "frames"
        return self._kind is not None

    def _takes_python(self, line: str, *, after_blank: bool) -> bool:
        if line == _PYTHON and (self._chained or not self._open):
            taken, self._open, self._chained = self._chained, True, False
            return taken
        if line.startswith(_CHAINED):
            self._chained = not self._open
            return self._chained
        taken = self._open and not after_blank and _LAST.fullmatch(line) is not None
        self._open = False
        return taken


def find_failure(lines: list[str]) -> Failure | None:
    """
    Return the exception that a record's lines tell of; None: they tell of none.

    Args:
        lines: Of one record.
    """
    last_of_go: int | None = None  # looked for once, however many lines look like a panic
    for index, line in enumerate(lines):
        if line in {_PYTHON, _PYTHON_GROUP}:
            return _python(lines, index)
        found = _PANIC.match(line)
        if found and last_of_go is None:
            last_of_go = next((at for at in range(len(lines) - 1, -1, -1) if _is_go(lines[at])), -1)
        if found and last_of_go is not None and index < last_of_go:
            return _failure(found, lines, index)
        found = _HEADER.match(line) or _RUBY.match(line)
        if found and len(lines) > index + 1 and lines[index + 1][:1].isspace():
            return _failure(found, lines, index)
    return None


def _is_go(line: str) -> bool:
    """Tell whether a line belongs to what Go writes below a panic."""
    return _GO.match(line) is not None or (line.endswith(")") and _GO_CALL.match(line) is not None)


def _python(lines: list[str], index: int) -> Failure:
    """Read a traceback of Python; the last of those that are chained was not caught."""
    last = max(at for at, line in enumerate(lines) if line in {_PYTHON, _PYTHON_GROUP})
    if lines[last] == _PYTHON_GROUP:
        ends = [match for match in map(_GROUP_LAST.match, lines[last:]) if match]
    else:
        ends = [match for line in lines[last:] if line[:1].strip() and (match := _LAST.fullmatch(line))]
    return _failure(ends[0], lines, index) if ends else Failure("", "", "\n".join(lines[index:]), index)


def _failure(found: re.Match[str], lines: list[str], index: int) -> Failure:
    return Failure(found["type"], found["message"] or "", "\n".join(lines[index:]), index)
