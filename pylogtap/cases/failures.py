"""Why a phase failed or was skipped: from what pytest keeps of an exception, which may have many forms."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from pylogtap.cases.facts import MAX_MESSAGE, MAX_STACK, Failure, shorten
from pylogtap.values import well_formed

if TYPE_CHECKING:
    import pytest

_NAMED = re.compile(r"([A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt|Exit|Failed|Timeout))(?:: |\Z)")
_MAX_TYPE = 500  # characters


def type_of(caught: pytest.ExceptionInfo[BaseException]) -> str:
    """Return the name of an exception's class, with its module where it is not built in."""
    kind = caught.type
    name = f"{kind.__qualname__}"[:_MAX_TYPE]
    return name if kind.__module__ in {"builtins", None} else f"{kind.__module__}.{name}"[:_MAX_TYPE]


def failure_of(report: Any, type_name: str | None, root: str) -> Failure:
    """
    Return why a phase failed.

    Args:
        report: Of pytest, with a `longrepr` of any kind.
        type_name: Of the exception, where it is known.
        root: The folder that paths are relative to.
    """
    text = _text(report.longrepr)
    crash = getattr(report.longrepr, "reprcrash", None)
    message = str(crash.message) if crash is not None else _explained(text)
    if type_name is None and (named := _NAMED.match(message)):
        type_name = named.group(1)
    if type_name:
        message = _without_type(message, type_name)
    failure: Failure = {
        "type": well_formed(type_name or ""),
        "message": well_formed(shorten(message, MAX_MESSAGE)),
        "stacktrace": well_formed(shorten(text, MAX_STACK)),
    }
    if crash is not None:
        path = str(crash.path)
        failure["file"] = well_formed(path.removeprefix(root + os.sep))
        if isinstance(crash.lineno, int) and crash.lineno > 0:
            failure["line"] = crash.lineno
    return failure


def _without_type(message: str, type_name: str) -> str:
    """Take the exception's name from the front of what it says: it stands beside it."""
    for name in (type_name, type_name.rpartition(".")[2]):
        if message == name:
            return ""
        if message.startswith(f"{name}: "):
            return message[len(name) + 2 :]
    return message


def _text(longrepr: Any) -> str:
    if longrepr is None:
        return ""
    if isinstance(longrepr, tuple):  # of a skip, which a plugin has turned into a failure
        return str(longrepr[-1])
    return str(longrepr).strip("\n")


def _explained(text: str) -> str:
    """Return the lines that pytest marks as the explanation; all of the text where there are none."""
    marked = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    return "\n".join(marked) or text


def reason_of(report: Any) -> str:
    """Return why a phase was skipped, or was expected to fail."""
    if hasattr(report, "wasxfail"):
        reason = str(report.wasxfail).removeprefix("reason: ")
    elif isinstance(report.longrepr, tuple):
        reason = str(report.longrepr[-1]).removeprefix("Skipped: ")
    else:
        reason = _text(report.longrepr)
    return well_formed(shorten(reason, MAX_MESSAGE))
