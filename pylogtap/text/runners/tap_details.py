"""What stands below a point of TAP: a block of YAML, of which the members are read that runners agree on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pylogtap.text.runners.model import block_text, failure_of, seconds, whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap.cases.facts import CaseFacts

_MEMBER = re.compile(r"( *)([A-Za-z_]\w{0,50}):(?: (.*))?")
_PLACE = re.compile(r"(?:file://)?([^\s'\"]{1,1000}?):([0-9]{1,9})(?::[0-9]{1,9})?")
_MESSAGES = ("error", "message")
_KINDS = ("name", "type", "code")


def read_details(lines: Sequence[str], case: CaseFacts) -> None:
    """
    Add what a block says to a case.

    Args:
        lines: The block, without the marks around it.
        case: The case.
    """
    members = _members(lines)
    took = seconds(members.get("duration_ms", ""), "ms")
    if took is not None:
        case["duration"] = took
    if case.get("outcome") != "failed":
        return
    message = next((members[name] for name in _MESSAGES if members.get(name)), "")
    kind = members.get("name") or (members.get("code", "") if members.get("code", "")[:3] == "ERR" else "")
    place = _PLACE.match(members.get("at", "") or members.get("location", ""))
    if place is None and members.get("file"):
        file, line = members["file"], whole_number(members.get("line", ""))
    else:
        file, line = (place[1], whole_number(place[2])) if place else ("", 0)
    stack = members.get("stack") or block_text(lines)
    case["failure"] = failure_of(kind, message, stack, file, line)


def _members(lines: Sequence[str]) -> dict[str, str]:
    """Read names and texts, of whatever depth; the first of a name counts."""
    members: dict[str, str] = {}
    name, depth, kept = "", 0, [""]
    block = False

    def close() -> None:
        if name:
            members.setdefault(name, _plain("\n".join(kept).strip("\n")))

    for line in lines:
        found = _MEMBER.fullmatch(line)
        inside = block and (not line.strip() or len(line) - len(line.lstrip()) > depth)
        if found is None or inside:
            kept.append(line[depth + 2 :] if inside else line)
            continue
        close()
        name, depth, value = found[2], len(found[1]), found[3] or ""
        block = value.strip() in {"|", "|-", ">", ">-", "|+"}
        kept = [] if block or not value else [value]
    close()
    return members


def _plain(value: str) -> str:
    """Return a scalar without the quotes around it."""
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1].replace("''", "'") if value[0] == "'" else value[1:-1].replace('\\"', '"')
    return value
