"""A log as lines for people: time, level, prefix, message, fields; its exception indented under it."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pylogtap.cli.screen import Span, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pylogtap.cli.screen import Line, Screen

_LEVELS = ((21, "CRIT", "bold white on red"), (17, "ERROR", "bold red"), (13, "WARN", "yellow"),
           (9, "INFO", "green"), (5, "DEBUG", "cyan"), (1, "TRACE", "dim"), (0, "", "dim"))  # fmt: skip
_COMMON_NAMES = frozenset({"trace", "debug", "info", "warn", "warning", "error", "fatal", "critical", ""})
_SERVICE_STYLES = ("cyan", "magenta", "blue", "bright_cyan", "bright_magenta", "bright_blue")
_LEVEL_WIDTH = 5
_WIDEST_PREFIX = 32  # up to which messages are aligned
_INDENT = "  "
_LAST_LINES = "last_lines"


class Pretty:
    """Writes logs on a screen, one after the other."""

    def __init__(self, screen: Screen) -> None:
        """
        Bind a screen.

        Args:
            screen: Where to write. Times are local for people at a terminal, else complete and in UTC.
        """
        self._screen = screen
        self._width = 0
        self._day: str | None = (
            None if not screen.for_people else datetime.now().astimezone().date().isoformat()
        )

    def write(self, log: dict[str, Any]) -> None:
        """Write one log of the API."""
        for line in self.lines(log):
            self._screen.write(line)

    def lines(self, log: dict[str, Any]) -> Iterable[Line]:
        """Return the lines of one log."""
        when, style = self._clock(log["time"]), _style_of(log)
        if self._screen.for_people and when.date().isoformat() != self._day:
            self._day = when.date().isoformat()
            yield [Span(f"── {when:%A, %Y-%m-%d} ──", "dim")]
        message, *more = str(log["message"]).split("\n")
        yield [
            Span(self._time(when), "dim"), Span(" "),
            Span(_level_name(log).ljust(_LEVEL_WIDTH), style), Span(" "),
            *self._prefix(log), Span("  "),
            Span(visible(message), _message_style(log)),
            *_fields(log),
        ]  # fmt: skip
        yield from ([Span(f"{_INDENT}{visible(each)}")] for each in more)
        yield from _last_lines(log)
        yield from _exception(log.get("exception"))

    def _clock(self, text: str) -> datetime:
        when = datetime.fromisoformat(text)
        return when.astimezone() if self._screen.for_people else when.astimezone(UTC)

    def _time(self, when: datetime) -> str:
        milliseconds = f"{when.microsecond // 1000:03d}"
        if self._screen.for_people:
            return f"{when:%H:%M:%S}.{milliseconds}"
        return f"{when:%Y-%m-%dT%H:%M:%S}.{milliseconds}Z"

    def _prefix(self, log: dict[str, Any]) -> Line:
        service = f"{log['project']}/{log['service']}"
        text = f"{service}/{log['instance']}"
        self._width = max(self._width, min(len(text), _WIDEST_PREFIX))
        style = _SERVICE_STYLES[zlib.crc32(service.encode()) % len(_SERVICE_STYLES)]
        return [
            Span(service, style),
            Span(f"/{log['instance']}", "dim"),
            Span(" " * (self._width - len(text))),
        ]


def _style_of(log: dict[str, Any]) -> str:
    return next(style for least, _, style in _LEVELS if log["severity_number"] >= least)


def _message_style(log: dict[str, Any]) -> str:
    return "bold" if log["severity_number"] >= 17 else ""


def _level_name(log: dict[str, Any]) -> str:
    if log["level"] not in _COMMON_NAMES:  # a level of the program's own
        return visible(log["level"]).upper()
    return next(name for least, name, _ in _LEVELS if log["severity_number"] >= least)


def _fields(log: dict[str, Any]) -> Line:
    spans: Line = []
    for name, value in log.get("attributes", {}).items():
        if name == _LAST_LINES and _is_text(value):
            continue
        spans += [Span("  " if not spans else " "), Span(f"{visible(name)}=", "dim"), Span(_value(value))]
    for name, value in log.get("labels", {}).items():
        spans += [Span(" "), Span(f"#{visible(name)}={visible(value)}", "blue")]
    return spans


def _value(value: Any) -> str:
    if isinstance(value, str):
        plain = visible(value)
        bare = plain == value and value and not any(each in " \"'=" for each in value)
        return plain if bare else visible(json.dumps(value, ensure_ascii=False))
    return visible(json.dumps(value, ensure_ascii=False))


def _last_lines(log: dict[str, Any]) -> Iterable[Line]:
    """Return what a container wrote last before what the log tells of it, below it as tracebacks are."""
    lines = log.get("attributes", {}).get(_LAST_LINES)
    for line in lines if _is_text(lines) else ():
        yield [Span(f"{_INDENT}│ ", "dim"), Span(visible(line), "dim")]


def _is_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _exception(exception: dict[str, Any] | None) -> Iterable[Line]:
    if exception is None:
        return
    kind, stack = str(exception["type"]), str(exception["stacktrace"]).rstrip()
    for line in stack.splitlines():
        is_end = line.startswith((kind, kind.rpartition(".")[2]))
        yield [Span(f"{_INDENT}│ ", "dim"), Span(visible(line), "red" if is_end else "dim")]
    for name, value in (exception.get("arguments") or {}).items():
        yield [Span(f"{_INDENT}│ ", "dim"), Span(f"{visible(name)} = ", "dim"), Span(visible(str(value)))]
