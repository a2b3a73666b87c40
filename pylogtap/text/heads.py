"""
The head of a line: when, how bad, by which logger, in the layouts that logging libraries and daemons have.

What is understood leaves the message and becomes a field. What only looks like a time or a level is taken as
such, and the message stays whole.
"""

from __future__ import annotations

import re
from typing import Any

from pylogtap.text.access import read_access
from pylogtap.text.levels import WORDS, Level, level_named, level_of_priority
from pylogtap.text.scanner import LEVEL, UPPER, Head, Scanner
from pylogtap.text.times import Moment, find_time, glimpse_time

_MAX_PRIORITY = 191  # RFC 5424, 6.2.1
_SURE = "TRACE|DEBUG|INFO|NOTICE|WARNING|WARN|ERROR|CRITICAL|FATAL|SEVERE"  # a line may begin with them alone
_SYSLOG = re.compile(  # RFC 3164, 4.1.3
    r"\s(?P<host>[\w.:@/-]{1,255})\s+(?P<app>[^\s:\[\]]{1,80})(?:\[(?P<pid>[0-9]{1,10})\])?:(?:\s|$)"
)
_PRIORITY = re.compile(r"<(?P<priority>[0-9]{1,3})>(?P<version>1 )?")
_SYSLOG_5424 = re.compile(  # RFC 5424, 6
    r" (?P<host>\S{1,255}) (?P<app>\S{1,48}) (?P<pid>\S{1,128}) (?P<msgid>\S{1,32}) "
    r'(?P<data>-|(?:\[(?:[^\]"\\]|\\.|"(?:[^"\\]|\\.)*")*\])+)(?: |$)'
)
_KLOG = re.compile(
    r"(?P<letter>[IWEF])(?P<month>[0-9]{2})(?P<day>[0-9]{2}) (?P<clock>[0-9:.]{8,15})\s+(?P<pid>[0-9]{1,10})"
    r" (?P<source>[^\s\]]{1,200})\] ?"
)
_RUBY = re.compile(r"[DIWEFA], \[")
_STREAM = re.compile(r" (?P<stream>stdout|stderr) [FP] ")  # the Kubernetes container runtime interface
_FIRST = re.compile(
    rf"\[\s?(?P<boxed>(?i:{WORDS}))\s*\]:?(?:\s+|$)"  # [error] …
    rf"|(?P<word>{UPPER}):(?:(?P<logger>[\w.$-]+):|\s+|$)"  # ERROR:root:… of Python, ERROR: …
    rf"|(?P<sure>{_SURE})(?=[\s|])"
    rf"|(?P<low>(?i:{WORDS}))(?=:\s)"  # Error: …
)
_GLIMPSED = re.compile(rf"(?:\S++\s++){{0,8}}?\[?(?P<word>{UPPER})(?![\w.])")


def read_head(text: str, now: int) -> Head:
    """
    Divide a line into its head and its message.

    Args:
        text: A line without colours and prefix, not empty.
        now: The present, ns since the epoch.
    """
    access = read_access(text, now) if '] "' in text else None
    if access is not None:
        return Head(*access)
    first, head = text[0], None
    if first.isalpha():
        head = _named(text, now)
    elif first.isdigit():
        head = _timed(text, 0, now)
    elif first in "[(":
        head = _timed(text, 1, now) or _level_first(text)
    elif first == "<":
        head = _with_priority(text, now)
    elif first == "-" and text[1:2] == " ":
        head = _timed(text, 2, now)
    return head or _glimpse(text, now)


def _named(text: str, now: int) -> Head | None:
    """Read a line that begins with a letter: a level, a month or a day, or a letter for a level."""
    if text[0].isupper():
        if _RUBY.match(text):
            return _timed(text, 4, now)
        return _level_first(text) or _timed(text, 0, now) or _klog(text, now)
    return _level_first(text)


def _glimpse(text: str, now: int) -> Head:
    ns = glimpse_time(text, now)
    return Head(text) if ns is None else Head(text, ns, _glimpse_level(text, 0))


def _timed(text: str, start: int, now: int) -> Head | None:
    """Read a line that begins with a time."""
    moment = find_time(text, start, now)
    if moment is None:
        return None
    stream = _STREAM.match(text, moment.end)
    if stream:
        rest = text[stream.end() :]
        inner = read_head(rest, now) if rest else Head(rest)
        return inner._replace(time_ns=moment.ns, fields={"stream": stream["stream"], **(inner.fields or {})})
    syslog = _SYSLOG.match(text, moment.end)
    if syslog and (syslog["pid"] or text[start].isalpha()):
        return _syslog(text, moment, syslog)
    scanner = Scanner(text, moment.end)
    scanner.skip_gap()
    if scanner.at == len(text):  # a time alone is the message
        return Head(text, moment.ns)
    if not scanner.find_level():
        return Head(text[scanner.at :], moment.ns, _glimpse_level(text, scanner.at))
    scanner.take_names()
    return scanner.head(moment.ns)


def _syslog(text: str, moment: Moment, match: re.Match[str]) -> Head:
    fields: dict[str, Any] = {"host": match["host"]}
    if match["pid"]:
        fields["pid"] = int(match["pid"])
    message = text[match.end() :]
    level = LEVEL.match(message)
    return Head(message, moment.ns, level and level_named(level[level.lastgroup or 0]), match["app"], fields)


def _with_priority(text: str, now: int) -> Head | None:
    """Read a line of the syslog protocol, old or new."""
    match = _PRIORITY.match(text)
    if match is None or int(match["priority"]) > _MAX_PRIORITY:
        return None
    level, start = level_of_priority(int(match["priority"])), match.end()
    moment = find_time(text, start, now)
    if moment is None:
        return Head(text[start:], None, level)
    new = _SYSLOG_5424.match(text, moment.end) if match["version"] else None
    if new is None:
        head = _timed(text, start, now)
        return head and head._replace(level=level)
    fields = {name: new[name] for name in ("host", "pid", "msgid", "data") if new[name] not in {None, "-"}}
    return Head(text[new.end() :].removeprefix("\ufeff"), moment.ns, level, new["app"], fields or None)


def _klog(text: str, now: int) -> Head | None:
    """Read a line of Kubernetes' klog, which is glog's: `I0504 03:02:01.123456    1234 file.go:12] …`."""
    match = _KLOG.match(text)
    moment = match and find_time(f"{match['month']}-{match['day']} {match['clock']}", 0, now)
    if not match or not moment:
        return None
    fields = {"pid": int(match["pid"]), "source": match["source"]}
    return Head(text[match.end() :], moment.ns, level_named(match["letter"]), None, fields)


def _level_first(text: str) -> Head | None:
    """Read a line that begins with a level."""
    match = _FIRST.match(text)
    if match is None:
        return None
    parts = match.groupdict()
    level = level_named(parts["boxed"] or parts["word"] or parts["sure"] or parts["low"])
    if parts["low"]:
        return Head(text, None, level)
    scanner = Scanner(text, match.end())
    scanner.level, scanner.logger = level, parts["logger"]
    if not parts["logger"] and not scanner.take_names() and parts["sure"]:
        return Head(text, None, level)  # may be the first word of a sentence
    return scanner.head(None)


def _glimpse_level(text: str, start: int) -> Level | None:
    """Return the level that stands among the first words, in capitals."""
    match = _GLIMPSED.match(text, start)
    return match and level_named(match["word"])
