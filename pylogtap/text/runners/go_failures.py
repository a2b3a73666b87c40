"""What a test in Go says of itself: `file_test.go:12: message`, and panics."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pylogtap.text.runners.model import block_text, failure_of, whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap.cases.facts import Failure

_SAID = re.compile(r"\s*([\w./-]{1,500}\.go):([0-9]{1,9})(?::[0-9]{1,9})?: (.*)")
_FRAME = re.compile(r"\t(\S{1,1000}_test\.go):([0-9]{1,9})(?: .*)?")
_PANIC = re.compile(r"(panic|fatal error): (.*)")


def failure_in(lines: Sequence[str], reason: str = "") -> Failure:
    """
    Return why a test failed.

    Args:
        lines: What it printed.
        reason: What is known beside that.
    """
    kind, message, file, number = "", reason, "", 0
    for index, line in enumerate(lines):
        if found := _PANIC.match(line):
            kind, message = found[1], found[2].removesuffix(" [recovered, repanicked]")
            file, number = _frame(lines[index:]) or (file, number)
            break
        if found := _SAID.fullmatch(line):  # the last word is the one it failed with
            file, number, message = found[1], whole_number(found[2]), found[3]
            message = "\n".join([message, *_further(lines, index)])
    return failure_of(kind, message, block_text(lines), file, number)


def reason_in(lines: Sequence[str]) -> str:
    """Return why a test was skipped: what it said last."""
    found = [said[3] for line in lines if (said := _SAID.fullmatch(line))]
    return found[-1] if found else ""


def _further(lines: Sequence[str], index: int) -> list[str]:
    """Return the further lines of a message, which stand four columns deeper than its first."""
    margin = len(lines[index]) - len(lines[index].lstrip()) + 4
    further: list[str] = []
    for line in lines[index + 1 :]:
        if not line.startswith(" " * margin):
            break
        further.append(line[margin:])
    return further


def _frame(lines: Sequence[str]) -> tuple[str, int] | None:
    for line in lines:
        if found := _FRAME.fullmatch(line):
            return found[1], whole_number(found[2])
    return None
