"""Where a failure was raised, found in what runners print of it."""

from __future__ import annotations

import re

from pylogtap.cases.facts import MAX_MESSAGE, MAX_STACK, Failure
from pylogtap_collector.reports.values import line, text

_MAX_TYPE = 500  # characters
_PYTEST = re.compile(r"^(?P<file>\S[^:\n]*):(?P<line>\d+): (?P<type>[A-Za-z_][\w.]*)$", re.MULTILINE)
_RAISED = re.compile(
    r"^E[ \t]+(?P<type>[A-Za-z_][\w.]*(?:Error|Exception|Warning)\b): ?(?P<message>.*)$", re.MULTILINE
)
_THROWN = re.compile(
    r"^[ \t]*(?P<type>[A-Za-z_][\w.$]{0,200}(?:Error|Exception)|Error): (?P<message>.*)$", re.MULTILINE
)
_SAID_BY_GO = re.compile(r"^[ \t]*[\w./-]+\.go:\d+: (?P<message>.+)$", re.MULTILINE)
_WHERE = re.compile(r"\S+:\d+:\d+ ")  # what Playwright writes in the place of a message
_PHP_TEST = re.compile(r"[\w\\]+::\w+")
_NO_TYPES = frozenset({"FAILURE", "test failure", "failure", "error"})  # of Playwright, nextest and others
_NO_MESSAGES = frozenset({"", "failed", "failure", "error"})
# How the languages write the place in a trace; the first that is found counts, of Python's the last.
_PLACES = (
    re.compile(r'^[ \t]*File "(?P<file>[^"\n]+)", line (?P<line>\d+)', re.MULTILINE),  # Python
    re.compile(
        r"^[ \t]*at [^\n(]*\((?P<file>[\w$.-]+\.(?:java|kt|scala|groovy)):(?P<line>\d+)\)", re.MULTILINE
    ),
    re.compile(
        r"^[ \t]*at (?:[^\n(]*\()?(?P<file>[^\s()]+):(?P<line>\d+):\d+\)?$", re.MULTILINE
    ),  # JavaScript
    re.compile(r"panicked at (?P<file>[^\s:]+):(?P<line>\d+):\d+"),  # Rust
    re.compile(r"^[ \t]*(?P<file>[\w./-]+\.go):(?P<line>\d+):", re.MULTILINE),  # Go
    re.compile(r"^(?P<file>/?[\w./-]+\.php):(?P<line>\d+)$", re.MULTILINE),  # PHPUnit
)


def failure(kind: str = "", message: str = "", stack: str = "") -> Failure:
    """
    Describe a failure.

    Args:
        kind: Class of the exception; empty, or no name of a class: the trace may tell.
        message: What it says; empty, or only that it failed: the trace may tell.
        stack: The trace, as the runner prints it.
    """
    trace = text(stack.strip("\n"), MAX_STACK)
    said = text(message.strip(), MAX_MESSAGE)
    kind = "" if kind in _NO_TYPES else text(kind, _MAX_TYPE)
    if not kind and (thrown := _THROWN.search(trace)):
        kind = thrown["type"]
        if said.casefold() in _NO_MESSAGES or said.startswith(f"{kind}:") or _WHERE.match(said):
            said = thrown["message"]
    if said.casefold() in _NO_MESSAGES:
        said = _first_said(trace)
    found = Failure(type=kind, message=said.removeprefix(f"{kind}: "), stacktrace=trace)
    for pattern in _PLACES:
        if places := list(pattern.finditer(trace)):
            return _at(found, places[-1 if pattern is _PLACES[0] else 0])
    return found


def _first_said(trace: str) -> str:
    """Return the first line of a trace that says what is wrong."""
    if found := _SAID_BY_GO.search(trace):
        return found["message"]
    lines = (line.strip() for line in trace.splitlines())
    return next((line for line in lines if line and not _PHP_TEST.match(line)), "")


def of_pytest(message: str, stack: str) -> Failure:
    """
    Describe a failure as pytest prints it: the last line names the place and the exception's class.

    Args:
        message: What it says; it may begin with the class.
        stack: The trace.
    """
    trace = text(stack.strip("\n"), MAX_STACK)
    places = list(_PYTEST.finditer(trace))
    kind = places[-1]["type"] if places else ""
    if not places and (raised := list(_RAISED.finditer(trace))):
        kind, message = raised[-1]["type"], message if message.startswith("E ") else raised[-1]["message"]
    plain = text(message.strip(), MAX_MESSAGE).removeprefix(f"{kind}: ") if kind else message
    found = Failure(type=text(kind, _MAX_TYPE), message=text(plain, MAX_MESSAGE), stacktrace=trace)
    return _at(found, places[-1]) if places else found


def _at(found: Failure, place: re.Match[str]) -> Failure:
    found["file"] = place["file"]
    if (number := line(place["line"])) is not None:
        found["line"] = number
    return found
