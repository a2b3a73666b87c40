"""How pytest tells of a failure in its serialized reports (pytest: `_pytest/reports.py`)."""

from __future__ import annotations

from typing import Any

from pylogtap.cases.facts import MAX_STACK, Failure
from pylogtap_collector.reports import failures, values
from pylogtap_collector.reports.values import text

_MAX_ENTRIES = 200  # frames of one traceback


def failure_of(longrepr: Any) -> Failure:
    """
    Describe a failure.

    Args:
        longrepr: Text, a map with a traceback, or `[path, line, reason]` of what was skipped.
    """
    if isinstance(longrepr, str):
        return failures.of_pytest(_last_error(longrepr), longrepr)
    if not isinstance(longrepr, dict):
        return failures.of_pytest(reason_of(longrepr), "")
    crash = _map(longrepr.get("reprcrash"))
    found = failures.of_pytest(text(crash.get("message")), _trace(longrepr))
    if "file" not in found and isinstance(crash.get("path"), str):
        found["file"] = text(crash["path"])
        if (number := values.line(crash.get("lineno"))) is not None:
            found["line"] = number
    return found


def reason_of(longrepr: Any) -> str:
    """Return why something was skipped."""
    if isinstance(longrepr, list) and len(longrepr) == 3:
        return text(longrepr[2]).removeprefix("Skipped: ")
    return ""


def _trace(longrepr: dict[str, Any]) -> str:
    """Return the traceback as pytest prints it; of a chain of exceptions all, the cause first."""
    chain = longrepr.get("chain")
    links = chain if isinstance(chain, list) and chain else [[longrepr.get("reprtraceback"), None, None]]
    pieces = list[str]()
    for link in links[:10]:
        if isinstance(link, list) and link:
            pieces.append(_entries(_map(link[0])))
            pieces += [text(each) for each in link[2:3] if isinstance(each, str)]
    return "\n".join(filter(None, pieces))


def _entries(traceback: dict[str, Any]) -> str:
    pieces = list[str]()
    entries = traceback.get("reprentries")
    for entry in entries[-_MAX_ENTRIES:] if isinstance(entries, list) else ():
        data = _map(_map(entry).get("data"))
        lines = data.get("lines")
        piece = [each for each in lines if isinstance(each, str)] if isinstance(lines, list) else []
        place = _map(data.get("reprfileloc"))
        if isinstance(place.get("path"), str):
            piece += ["", f"{place['path']}:{place.get('lineno')}: {place.get('message') or ''}"]
        pieces.append("\n".join(piece))
    if isinstance(traceback.get("extraline"), str):
        pieces.append(traceback["extraline"])
    return text("\n".join(pieces), MAX_STACK)


def _last_error(trace: str) -> str:
    """Return the first line, or the last that pytest marks by an `E`, which says more."""
    lines = text(trace, MAX_STACK).splitlines()
    marked = [line for line in lines if line.startswith("E ")]
    return marked[-1][1:].strip() if marked else (lines[0] if lines else "")


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
