"""
Single lines of what pytest prints, taken apart.

After pytest's `terminal.py`, which writes them: https://docs.pytest.org/en/stable/how-to/output.html.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pylogtap.text.runners.model import seconds, whole_number

OUTCOMES = {
    "PASSED": "passed",
    "FAILED": "failed",
    "ERROR": "error",
    "SKIPPED": "skipped",
    "XFAIL": "xfailed",
    "XPASS": "xpassed",
}
RERUN = "rerun"
_WORDS = {
    **OUTCOMES,
    "RERUN": RERUN,
    "SUBPASSED": "subpassed",
    "SUBPASS": "subpassed",
    "SUBFAILED": "subfailed",
    "SUBFAIL": "subfailed",
    "SUBSKIPPED": "subskipped",
    "SUBSKIP": "subskipped",
    "SUBXFAIL": "subxfailed",
}
_COUNTS = {
    "failed": "failed",
    "passed": "passed",
    "skipped": "skipped",
    "deselected": "deselected",
    "xfailed": "xfailed",
    "xpassed": "xpassed",
    "error": "error",
    "errors": "error",
    "warning": "warnings",
    "warnings": "warnings",
    "rerun": "reruns",
    "subtests passed": "subtests passed",
    "subtests failed": "subtests failed",
}
_PROGRESS = re.compile(r" *[0-9]{1,3}%|[ 0-9]{1,12}/[0-9]{1,12}|[0-9.]{1,12} ?[a-zµ]{1,3}")
_TOOK = re.compile(r"([0-9.]{1,12})(us|ms|s|m|h)")
_WORKER = re.compile(r"\[(gw[0-9]{1,5})\] ?(?:\[ *[0-9]{1,3}%\] )?([A-Z]{4,10})(?=[ \[(])")
_BEGINNING = re.compile(r"([^\s:]+\.\w+::[^\s\[]+(?:\[[^\]\n]*\])?)(?: |$)")
_DOTS = re.compile(r"[.FEsxXRuy,-]+")
_FINAL = re.compile(
    r"(?:=+ )?(\S.{0,300}?) in ([0-9]{1,8}(?:\.[0-9]{1,3})?)s(?: \([0-9:days, ]{1,30}\))?(?: =+)?"
)


class Verdict(NamedTuple):
    """
    What became of a node.

    Attributes:
        node: The node.
        word: An outcome, :data:`RERUN`, or `sub` and an outcome for a part of it.
        detail: What stands in brackets behind it: a reason, or what a part is called.
        worker: Which of several processes ran it.
        took: Seconds, where they are shown.
    """

    node: str
    word: str
    detail: str = ""
    worker: str = ""
    took: float | None = None


class Final(NamedTuple):
    """The last line: how many of what, and how long it took in seconds."""

    counts: dict[str, int]
    duration: float | None


def heading(line: str, rule: str) -> str | None:
    """
    Return what stands in the middle of a line of signs, such as `FAILURES`; None for another line.

    Args:
        line: The line.
        rule: The sign that it is filled with.
    """
    if not (line.startswith(rule) and line.endswith(rule) and len(line) > 4):
        return None
    inside = line.strip(rule)
    return inside.strip() if inside[:1] == " " and inside[-1:] == " " else None


def is_node(text: str) -> bool:
    """Tell whether a text looks like a node: a file with an extension, and something in it."""
    file, colons, name = text.partition("::")
    return bool(colons and name and file) and not text[0].isspace() and "." in file and " - " not in file


def verdict(line: str) -> Verdict | None:
    """Read `tests/test_x.py::test_a PASSED   [ 12%]`, or what pytest-xdist writes: `[gw0] PASSED node`."""
    if line.startswith("[gw"):
        return _of_worker(line)
    if "::" not in line:
        return None
    text = without_progress(line)
    head, _, word = text.rpartition(" ")
    if word in _WORDS:
        took = shown_duration(line)
        return Verdict(head.rstrip(), _WORDS[word], took=took) if is_node(head) else None
    if text[-1:] not in {")", "]"}:
        return None
    for name, outcome in _WORDS.items():
        for bracket in (" (", "(", "["):
            head, found, detail = text.partition(f" {name}{bracket}")
            if found and is_node(head):
                return Verdict(head.rstrip(), outcome, detail[:-1], took=shown_duration(line))
    return None


def _of_worker(line: str) -> Verdict | None:
    found = _WORKER.match(line)
    if found is None or found[2] not in _WORDS:
        return None
    rest, detail = line[found.end() :].strip(), ""
    if rest.startswith(("(", "[")):
        detail, _, rest = rest[1:].partition(") " if rest[0] == "(" else "] ")
    return Verdict(rest, _WORDS[found[2]], detail, found[1]) if is_node(rest) else None


def bare_verdict(line: str) -> str | None:
    """Read a verdict that stands alone, below what a test printed that nobody captured."""
    text = without_progress(line)
    return _WORDS.get(text)


def beginning(line: str) -> str | None:
    """Return the node with which a line begins, behind which a test may have printed something."""
    found = _BEGINNING.match(line)
    return found[1] if found else None


def without_progress(line: str) -> str:
    """Return a line without the progress at its end: `[ 12%]`, `[ 3/24]`, `1.2s`."""
    text = line.rstrip()
    if text.endswith("]"):
        head, _, tail = text.rpartition("[")
        if _PROGRESS.fullmatch(tail[:-1]):
            return head.rstrip()
    head, _, took = text.rpartition("  ")
    return head.rstrip() if head and _TOOK.fullmatch(took.strip()) else text


def shown_duration(line: str) -> float | None:
    """Return the seconds that stand at the end of a line, with `console_output_style=times`."""
    found = _TOOK.fullmatch(line.rstrip().rpartition(" ")[2])
    return seconds(found[1], found[2]) if found else None


def dotted_file(line: str) -> str | None:
    """Return the file of `tests/test_x.py ..F.  [ 12%]`; empty where there are dots alone."""
    file, _, dots = without_progress(line).rpartition(" ")
    if not _DOTS.fullmatch(dots):
        return None
    return file if not file or "." in file else None


def final(line: str) -> Final | None:
    """Read `=== 1 failed, 2 passed in 0.12s ===`, with or without the signs around it."""
    if not line.endswith(("s", ")", "=")) or " in " not in line:
        return None
    found = _FINAL.fullmatch(line.rstrip())
    if found is None:
        return None
    counts: dict[str, int] = {}
    if found[1] != "no tests ran":
        for part in found[1].split(", "):
            number, _, word = part.partition(" ")
            if word not in _COUNTS or not number.isdecimal():
                return None
            counts[_COUNTS[word]] = whole_number(number)
    return Final(counts, seconds(found[2]))
