"""Why a phase failed or was skipped: from what pytest keeps of an exception, which may have many forms."""

from __future__ import annotations

import os
import re
from io import StringIO
from typing import Any

from _pytest._io import TerminalWriter

from pylogtap.cases.facts import MAX_MESSAGE, MAX_STACK, Failure, shorten
from pylogtap.values import well_formed

# How Python prints an exception: its class, with the module where that is not built in, and what it says.
_NAMED = re.compile(r"([A-Za-z_][\w.<>]*)(?::(?:[ \n]|\Z)|\n|\Z)")
_SYNTAX = re.compile(r"^(SyntaxError|IndentationError|TabError): ", re.MULTILINE)
_MAX_TYPE = 500  # characters
# What pytest prints where it prints no traceback; a worker of pytest-xdist sends it as a text.
_FORMS = (
    (re.compile(r"^E +fixture '.*' not found$", re.MULTILINE), "_pytest.fixtures.FixtureLookupError"),
    (re.compile(r"^UNEXPECTED EXCEPTION: ", re.MULTILINE), "doctest.UnexpectedException"),
    (re.compile(r"^Expected(?::| nothing)$", re.MULTILINE), "doctest.DocTestFailure"),
)


def failure_of(report: Any, root: str) -> Failure:
    """
    Return why a phase failed.

    Args:
        report: Of pytest, with a `longrepr` of any kind.
        root: The folder that paths are relative to.
    """
    text = _text(report.longrepr)
    crash = getattr(report.longrepr, "reprcrash", None)
    message = str(crash.message) if crash is not None else _explained(text)
    type_name = "" if crash is None and message is text else type_of(message)
    message = _without_type(message, type_name)
    if crash is None and not type_name:
        type_name = next((name for form, name in _FORMS if form.search(text)), "")
    failure: Failure = {
        "type": well_formed(type_name[:_MAX_TYPE]),
        "message": well_formed(shorten(message, MAX_MESSAGE)),
        "stacktrace": well_formed(shorten(text, MAX_STACK)),
    }
    if crash is not None:
        path = str(crash.path)
        failure["file"] = well_formed(path.removeprefix(root + os.sep))
        if isinstance(crash.lineno, int) and crash.lineno > 0:
            failure["line"] = crash.lineno
    return failure


def type_of(message: str) -> str:
    """
    Return the class of an exception from what pytest says of it; empty where it does not say it.

    Args:
        message: As `traceback.format_exception_only` makes it; of an assertion, the explanation alone.
    """
    if message.startswith("assert "):
        return "AssertionError"
    if message.lstrip().startswith("File ") and (syntax := _SYNTAX.search(message)):
        return syntax.group(1)
    named = _NAMED.match(message)
    return named.group(1) if named else ""


def _without_type(message: str, type_name: str) -> str:
    """Take the exception's name from the front of what it says: it stands beside it."""
    if not type_name or not message.startswith(type_name):
        return message
    return message[len(type_name) :].removeprefix(":").removeprefix(" ").removeprefix("\n")


def _text(longrepr: Any) -> str:
    if longrepr is None:
        return ""
    if isinstance(longrepr, tuple):  # of a skip, which a plugin has turned into a failure
        return str(longrepr[-1])
    if not hasattr(longrepr, "toterminal"):
        return str(longrepr).strip("\n")
    text = StringIO()
    writer = TerminalWriter(text)
    writer.hasmarkup = False  # whatever FORCE_COLOR says
    longrepr.toterminal(writer)  # as `str` does, which takes the first line's indentation away
    return text.getvalue().rstrip().strip("\n")


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
