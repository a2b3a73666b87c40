"""
Syslog, new and old: RFC 5424 and RFC 3164; pure.

Both end up as one entry. A level is the one that a line of syslog has in `pylogtap pipe`: debug 5, info 9,
notice 10, warning 13, error 17, critical 21, alert 22, emergency 24. OpenTelemetry's example mapping (logs
data model, appendix B) has 18, 19 and 21 for the last three; here `level:critical` has to find what Python
and syslog call critical, both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pylogtap.text.levels import Level, level_named, level_of_priority
from pylogtap.text.times import Moment, find_time
from pylogtap_collector.taps.engine_logs import is_id, named_container
from pylogtap_collector.taps.entries import Entry, place_of
from pylogtap_collector.taps.plain import entry_of_text
from pylogtap_collector.taps.values import hex_id

if TYPE_CHECKING:
    from pylogtap_collector.wire import Place

KEY_ELEMENT = (
    "pylogtap@32473"  # the number that RFC 5612 gives for examples: nobody else means something by it
)
TRACE_ELEMENT = (
    "opentelemetry"  # source: OpenTelemetry, compatibility/logging_trace_context.md, "Syslog RFC5424"
)
_MAX_PRIORITY = 191  # RFC 5424, 6.2.1
_USER_NOTICE = 13  # the priority of a message that has none (RFC 3164, 4.3.3)
_FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", *(f"local{number}" for number in range(8)),
)  # fmt: skip
_PRIORITY = re.compile(r"<([0-9]{1,3})>")
_HEADER = re.compile(r"1 (\S{1,64}) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32})(?: |$)")  # RFC 5424, 6
_NAME = r"[^\s=\]\"]{1,256}"
_ELEMENT = re.compile(rf'\[({_NAME})((?: {_NAME}="(?:[^"\\]|\\.)*")*) *\]', re.DOTALL)
_PARAM = re.compile(rf' ({_NAME})="((?:[^"\\]|\\.)*)"', re.DOTALL)
_UNESCAPED = re.compile(r'\\(["\\\]])')
_HOST = re.compile(r" +([\w.:@/-]{1,255}) +(?=\S)")
_TAG = re.compile(
    r"([^\s:\[\]]{1,128})(?:\[([^\]\s]{1,128})\])?:(?: |$)|([^\s:\[\]]{1,128})\[([0-9]{1,10})\] "
)
_PROGRAM = re.compile(r"[A-Za-z][\w.-]{1,31}")
_GAP = re.compile(r":? *")
_ROUTER = re.compile(r"(?:[0-9]{1,10}: )?[*.]?")
_BOM = "\ufeff"
_NIL = "-"


@dataclass(slots=True)
class Message:
    """
    A message of syslog, divided.

    Attributes:
        priority: Facility * 8 + severity.
        text: What it says.
        time_ns: Since the epoch.
        host: Who sent it.
        app: Name of the program.
        process: Its id, or whatever the program says instead.
        kind: The type of the message, MSGID.
        data: Structured data: values by name, by the id of their element.
    """

    priority: int
    text: str
    time_ns: int | None = None
    host: str | None = None
    app: str | None = None
    process: str | None = None
    kind: str | None = None
    data: dict[str, dict[str, str]] = field(default_factory=dict)

    def take_key(self) -> str | None:
        """Return the key of the collector that it shows, and remove it: it is not to be stored."""
        return self.data.pop(KEY_ELEMENT, {}).get("key")


def read_syslog(data: bytes, now_ns: int) -> Message:
    """
    Divide a message; one that is no syslog is all text, as RFC 3164, 4.3.3 has it.

    Args:
        data: Without framing.
        now_ns: The present, ns since the epoch: a time without a year is the nearest past.
    """
    text = data.rstrip(b"\r\n\0").decode("utf-8", "backslashreplace").removeprefix(_BOM)
    match = _PRIORITY.match(text)
    if match is None or int(match[1]) > _MAX_PRIORITY:
        return Message(_USER_NOTICE, text)
    priority, rest = int(match[1]), text[match.end() :]
    header = _HEADER.match(rest)
    if header is not None:
        return _new(priority, rest, header, now_ns)
    return _old(priority, rest.removeprefix("1 "), now_ns)


def entry_of_syslog(message: Message, default: Place, now_ns: int) -> Entry:
    """
    Return the entry that a message means.

    Args:
        message: Divided.
        default: The place, as far as it does not say it: service is the program, instance the host.
        now_ns: The present, ns since the epoch.
    """
    level = level_of_priority(message.priority)
    traced = message.data.get(TRACE_ELEMENT, {})
    place = place_of(None, message.app, message.host, default)
    inner = entry_of_text(message.text, place, now_ns, level)
    contained = is_id(message.app)
    if contained or message.text.lstrip().startswith("{") or inner.place != place:
        level = Level(
            inner.level, inner.severity
        )  # the program's own word; engines of containers send one for all
    fields: dict[str, Any] = {"facility": _FACILITIES[message.priority >> 3]}
    if contained:
        fields |= named_container({"container_id": message.app}, place)
    pid = int(message.process) if message.process and re.fullmatch("[0-9]{1,10}", message.process) else None
    if pid is None and message.process:
        fields["procid"] = message.process
    if message.kind and not (contained and message.kind == message.app):
        fields["msgid"] = message.kind
    fields |= {name: values for name, values in message.data.items() if name != TRACE_ELEMENT}
    return inner._replace(
        time_ns=inner.time_ns if message.time_ns is None else message.time_ns,
        severity=level.severity,
        level=level.name,
        logger=inner.logger or message.app or "",
        fields={**fields, **inner.fields},
        trace_id=hex_id(traced.get("trace_id"), 32) or inner.trace_id,
        span_id=hex_id(traced.get("span_id"), 16) or inner.span_id,
        pid=inner.pid if pid is None else pid,
    )


def _new(priority: int, text: str, header: re.Match[str], now_ns: int) -> Message:
    moment = find_time(header[1], 0, now_ns)
    host, app, process, kind = (None if part == _NIL else part for part in header.groups()[1:])
    data, end = _structured(text, header.end())
    return Message(
        priority,
        text[end:].removeprefix(" ").removeprefix(_BOM),
        moment.ns if moment is not None and moment.end == len(header[1]) else None,
        host,
        app,
        process,
        kind,
        data,
    )


def _structured(text: str, start: int) -> tuple[dict[str, dict[str, str]], int]:
    """Return structured data, and where it ends; what is none of it belongs to the message."""
    if text.startswith(_NIL, start) and text[start + 1 : start + 2] in {" ", ""}:
        return {}, start + 1
    data: dict[str, dict[str, str]] = {}
    while (element := _ELEMENT.match(text, start)) is not None:
        values = data.setdefault(element[1], {})
        for name, value in _PARAM.findall(element[2]):
            values[name] = _UNESCAPED.sub(r"\1", value)
        start = element.end()
    return data, start


def _old(priority: int, text: str, now_ns: int) -> Message:
    """Read a message of RFC 3164; each part of its header may be missing."""
    message = Message(priority, text)
    moment = _old_time(text, now_ns)
    at = 0
    if moment is not None:
        message.time_ns, at = moment.ns, moment.end
        host = _HOST.match(text, at)
        if host is not None and not _TAG.match(text, host.start(1)):  # some leave the host out: logger(1)
            message.host, at = host[1].rstrip(":"), host.end()
        else:
            at = _end(_GAP, text, at)
    tag = _TAG.match(text, at)
    if tag is not None and (moment is not None or tag[2] or tag[4] or _is_name(tag[1])):
        message.app, message.process = tag[1] or tag[3], tag[2] or tag[4]
        at = tag.end()
    message.text = text[at:].removeprefix(_BOM)
    return message


def _is_name(tag: str) -> bool:
    """Tell whether a word with a colon, without any time before it, names a program."""
    return _PROGRAM.fullmatch(tag) is not None and level_named(tag) is None


def _old_time(text: str, now_ns: int) -> Moment | None:
    """Return the time in front; Cisco's routers put a number before it, and a star where it is not set."""
    moment = find_time(text, _end(_ROUTER, text, 0), now_ns)
    return moment if moment is not None and text[moment.end : moment.end + 1] in {" ", ":"} else None


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.match(text, start)
    return start if match is None else match.end()
