"""Reads a report of any format, which it tells by how the report begins."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Literal

from pylogtap_collector.errors import Invalid
from pylogtap_collector.reports import ctrf, junit, printed, reportlog
from pylogtap_collector.reports.lines import parsed

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylogtap_collector.reports.model import ParsedRun

ReportFormat = Literal["junit", "reportlog", "ctrf", "go", "tap"]

_READERS: dict[ReportFormat, Callable[[bytes, int], ParsedRun]] = {
    "junit": junit.read,
    "reportlog": reportlog.read,
    "ctrf": ctrf.read,
    "go": partial(printed.read, runner="go-json"),
    "tap": partial(printed.read, runner="tap"),
}
_UTF_8_MARK = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")
_TAP = re.compile(rb"TAP version 1[2-4]|1\.\.[0-9]+|(not )?ok [0-9]+")
_SHOWN = 40  # bytes of what is no report


def sniff(data: bytes) -> ReportFormat:
    """
    Tell the format of a report.

    Args:
        data: The report.

    Raises:
        Invalid: It is none that we know.
    """
    start = data[:4096].removeprefix(_UTF_8_MARK).lstrip()
    if start[:1] == b"<" or data.startswith(_UTF_16):
        return "junit"
    if start[:1] == b"{":
        first = parsed(data.removeprefix(_UTF_8_MARK).lstrip().partition(b"\n")[0])
        if isinstance(first, dict) and reportlog.TYPE in first:
            return "reportlog"
        return "go" if isinstance(first, dict) and "Action" in first else "ctrf"
    if _TAP.match(start):
        return "tap"
    if not start:
        raise Invalid("The report is empty; send the file that the runner wrote.")
    shown = start[:_SHOWN].decode("utf-8", "replace")
    raise Invalid(
        f"This begins like no report that we know: {shown!r}. It takes JUnit XML, the JSON lines of "
        "pytest-reportlog and of `go test -json`, CTRF, and TAP."
    )


def read(data: bytes, now_ns: int, form: ReportFormat | None = None) -> ParsedRun:
    """
    Read a report.

    Args:
        data: The report.
        now_ns: When it is read, ns since the epoch.
        form: Its format; None: it tells by itself.

    Raises:
        Invalid: It is none, or broken before its first case.
    """
    return _READERS[form or sniff(data)](data, now_ns)
