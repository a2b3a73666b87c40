"""Lines that are JSON objects or logfmt: their well-known keys become the record, the others its fields."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from pylogtap.text.levels import Level, level_named, level_numbered
from pylogtap.text.times import read_time

_TIMES = ("time", "timestamp", "@timestamp", "ts", "asctime", "datetime", "@t", "t")
_LEVELS = (
    "level",
    "severity",
    "levelname",
    "lvl",
    "log.level",
    "loglevel",
    "severity_text",
    "level_name",
    "@l",
)
_MESSAGES = ("message", "msg", "event", "@m", "text", "log")
_LOGGERS = ("logger", "logger_name", "name", "log.logger", "channel", "target")
_STACKS = ("exc_info", "stack_trace", "stacktrace", "exception", "error.stack_trace", "stack", "traceback")
_WORD = r"[^\s=\"]"
_PAIR = re.compile(
    rf'(?P<key>{_WORD}+)=(?:"(?P<quoted>[^"\\]*(?:\\.[^"\\]*)*)"|(?P<value>{_WORD}[^\s"]*)?)(?:\s+|$)'
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?P<fraction>\.[0-9]{1,17})?")
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}
_LEAST_PAIRS = 2  # one alone is rather text


class Structured(NamedTuple):
    """
    What a line of named values says.

    Attributes:
        message: Its message; the whole line where it has none.
        time_ns: Since the epoch.
        level: Its level.
        logger: Name of the logger.
        fields: The other values.
        stack: The stack of an exception.
    """

    message: str
    time_ns: int | None
    level: Level | None
    logger: str | None
    fields: dict[str, Any]
    stack: str | None = None


def read_structured(text: str, now: int) -> Structured | None:
    """
    Read a JSON object or logfmt pairs; None: the line is neither.

    Args:
        text: The line without space around it.
        now: The present, ns since the epoch.
    """
    if text.startswith("{"):
        values = _read_json(text) if text.endswith("}") else None
    else:
        values = _read_pairs(text) if _PAIR.match(text) else None
    return None if values is None else read_values(values, text, now)


def _read_json(text: str) -> dict[str, Any] | None:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) and values else None


def _read_pairs(text: str) -> dict[str, Any] | None:
    values: dict[str, Any] = {}
    at = 0
    while at < len(text):
        match = _PAIR.match(text, at)
        if match is None:
            return None
        quoted = match["quoted"]
        value = _value(match["value"] or "") if quoted is None else _ESCAPE.sub(_unescape, quoted)
        values[match["key"]] = value
        at = match.end()
    return values if len(values) >= _LEAST_PAIRS else None


def read_values(values: dict[str, Any], text: str, now: int) -> Structured:
    """
    Take the well-known values out of the others.

    Args:
        values: Of one record, by name; what is understood is removed from it.
        text: The message where none is among them.
        now: The present, ns since the epoch.
    """
    time_ns = _take(values, _TIMES, lambda value: _time(value, now))
    pino = "hostname" in values and "pid" in values
    level = _take(values, _LEVELS, lambda value: _level(value, pino=pino))
    if level is None and "msg" in values:
        level = _take(values, ("s",), lambda value: _level(value, pino=False))  # MongoDB
    message = _take(values, _MESSAGES, lambda value: value if isinstance(value, str) else None)
    logger = _take(values, _LOGGERS, lambda value: value if isinstance(value, str) else None)
    stack = _take(values, _STACKS, lambda value: value if isinstance(value, str) and "\n" in value else None)
    return Structured(
        text if message is None else message.rstrip("\n"), time_ns, level, logger, values, stack
    )


def _take(values: dict[str, Any], names: tuple[str, ...], read: Any) -> Any:
    """Return the first of the named values that can be read, and remove it."""
    for name in names:
        if name in values:
            found = read(values[name])
            if found is not None:
                del values[name]
                return found
    return None


def _time(value: Any, now: int) -> int | None:
    return read_time(value.get("$date") if isinstance(value, dict) else value, now)


def _level(value: Any, *, pino: bool) -> Level | None:
    if isinstance(value, str):
        return level_named(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return level_numbered(value, pino=pino)
    return None


def _value(text: str) -> Any:
    """Return the number or constant that a word means, or the word."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    match = _NUMBER.fullmatch(text)
    if match is None or text == "-0":
        return text
    return float(text) if match["fraction"] else int(text)


def _unescape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[1], match[1])
