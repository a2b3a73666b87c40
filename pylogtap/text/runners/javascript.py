"""Failures as runners for JavaScript describe them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pylogtap.text.runners.model import block_text, failure_of, whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap.cases.facts import Failure

POINTER = "\u276f"  # in front of places and of files
CROSS = "\u00d7"  # in front of what failed
CHEVRON = " \u203a "  # between the names of blocks
_KIND = re.compile(r"(?:Uncaught )?([A-Z]\w{0,100}(?:Error|Exception|Warning)?)(?: \[\w{1,100}\])?: (.*)")
_PLACES = (
    re.compile(r"\s*at .{0,500}?\(?([^\s()]{1,1000}):([0-9]{1,9}):[0-9]{1,9}\)?"),
    re.compile(rf"\s*{POINTER} (?:.{{0,300}}? )?([^\s()]{{1,1000}}):([0-9]{{1,9}}):[0-9]{{1,9}}"),
)
_CODE = re.compile(rf"\s*[>{POINTER}]?\s*[0-9]{{0,9}} ?\|")  # an excerpt of the source


def failure_of_js(lines: Sequence[str]) -> Failure:
    """
    Read a description: the message, an excerpt of the source, and where it was raised.

    Args:
        lines: The description, without its margin.
    """
    file, number, message = "", 0, []
    is_message = True
    for line in lines:
        place = next((found for each in _PLACES if (found := each.fullmatch(line))), None)
        if place is not None or _CODE.match(line):
            is_message = False
        if place is not None and not file and "node_modules" not in place[1] and "node:" not in place[1]:
            file, number = place[1], whole_number(place[2])
        if is_message:
            message.append(line)
    said = "\n".join(message).strip("\n").rstrip()
    first, newline, rest = said.partition("\n")
    kind = ""
    if found := _KIND.fullmatch(first):
        kind, said = found[1], found[2] + newline + rest
    return failure_of(kind, said, block_text(lines), file, number)
