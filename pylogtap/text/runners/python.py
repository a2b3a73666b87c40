"""Tracebacks of Python, and what stands at their end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pylogtap.text.runners.model import block_text, failure_of, whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap.cases.facts import Failure

_FRAME = re.compile(r'  File "([^"]{1,1000})", line ([0-9]{1,9})')
_EXCEPTION = re.compile(r"([A-Za-z_][\w.]{0,300})(?:: (.*))?", re.DOTALL)


def named_exception(text: str) -> tuple[str, str]:
    """
    Return class and message of an exception as Python prints them; an empty class where the text has none.

    Args:
        text: Such as `ValueError: no rate`.
    """
    found = _EXCEPTION.fullmatch(text)
    if found is None or not found[1].rpartition(".")[2][:1].isupper():
        return "", text
    return found[1], found[2] or ""


def failure_of_traceback(lines: Sequence[str]) -> Failure:
    """
    Read a traceback as Python itself prints it; of several, the last one counts.

    Args:
        lines: The traceback, and lines around it.
    """
    file, number, kind = "", 0, ""
    message: list[str] = []
    for line in lines:
        if found := _FRAME.match(line):
            file, number, kind, message = found[1], whole_number(found[2]), "", []
        elif kind:
            message.append(line)
        elif file and not line.startswith(" "):
            kind, first = named_exception(line)
            message = [first]
    return failure_of(kind, "\n".join(message).rstrip() if kind else "", block_text(lines), file, number)
