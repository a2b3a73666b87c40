"""The fields that every record has, and how their values are compared: the definition of the semantics."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pylogtap_collector.models import Log

FIELDS: dict[str, str] = {
    "level": "trace, debug, info, warning, error, critical, or the source's own word; ordered",
    "project": "first segment of the prefix",
    "service": "second segment of the prefix",
    "instance": "third segment of the prefix",
    "logger": "name of the logger",
    "message": "the whole message, exactly",
    "template": "the message before its values were put in",
    "pattern": "number of the pattern",
    "time": "when it was logged: RFC 3339, seconds since the epoch, or how long ago",
    "trace": "trace id, 32 hex digits",
    "span": "span id, 16 hex digits",
    "test": "id of the test case that caused it, or of the trace that the case began",
    "exception": "type or message of the exception",
    "file": "source file",
    "line": "line in the source file",
    "function": "function that logged it",
    "pid": "process number",
    "thread": "name of the thread, where it is not the main one",
    "note": "what somebody wrote about it",
    "id": "number of the record",
}
LABEL = "label."  # label.<key>: what people have put on a record

LEVELS = {"trace": 1, "debug": 5, "info": 9, "warning": 13, "error": 17, "critical": 21}
_ALIASES = {"warn": "warning", "err": "error", "fatal": "critical", "crit": "critical"}
CLASS_SIZE = 4  # severities of one named level

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
_INTEGER = re.compile(r"[+-]?\d{1,40}")
_TOKEN = re.compile(r"\w+")

_READERS: dict[str, Callable[[Log], list[Any]]] = {
    "project": lambda log: [log.project],
    "service": lambda log: [log.service],
    "instance": lambda log: [log.instance],
    "logger": lambda log: [log.logger],
    "message": lambda log: [log.message],
    "template": lambda log: [log.template],
    "pattern": lambda log: [log.pattern_id],
    "trace": lambda log: [log.trace_id],
    "span": lambda log: [log.span_id],
    "test": lambda log: [log.test_id],
    "exception": lambda log: [log.exception.type, log.exception.message] if log.exception else [],
    "file": lambda log: [log.source.file],
    "line": lambda log: [log.source.line],
    "function": lambda log: [log.source.function],
    "pid": lambda log: [log.process.pid],
    "thread": lambda log: [log.process.thread],
    "note": lambda log: [log.note],
    "id": lambda log: [log.id],
}


def tokens(text: str) -> list[str]:
    """Return the words of a text: runs of letters, digits and underscores, case folded."""
    return _TOKEN.findall(text.casefold())


def level_class(name: str) -> int | None:
    """Return the lowest severity of a level given by name or number; None where it is not one of the six."""
    folded = name.casefold()
    severity = LEVELS.get(_ALIASES.get(folded, folded))
    if severity is None and folded.isdecimal() and len(folded) < 3 and 1 <= int(folded) <= 24:
        return int(folded)
    return severity


def level_span(name: str) -> tuple[int, int] | None:
    """Return the lowest and highest severity that a level's name or number means."""
    low = level_class(name)
    if low is None:
        return None
    return (low, low) if name.isdecimal() else (low, low + CLASS_SIZE - 1)


def values_of(log: Log, field: str) -> list[Any]:
    """Return a record's values of a field other than `level` and `time`; those of an array one by one."""
    reader = _READERS.get(field)
    if reader is not None:
        return [value for value in reader(log) if value is not None]
    if field.startswith(LABEL):
        value = log.labels.get(field.removeprefix(LABEL))
        return [] if value is None else [value]
    return attribute_values(log.attributes, field)


def attribute_values(attributes: Mapping[str, Any], path: str) -> list[Any]:
    """Return the values at a path; a key that has the dots in itself wins over nested ones."""
    found = _at_path(attributes, path)
    if found is None:
        return []
    values = found if isinstance(found, list) else [found]
    return [value for value in values if value is not None]


def _at_path(value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        return None
    if path in value:
        return value[path]
    for place, character in enumerate(path):
        if character == "." and (head := path[:place]) in value:
            found = _at_path(value[head], path[place + 1 :])
            if found is not None:
                return found
    return None


def number_of(text: str) -> int | float | None:
    """Return the number that a text is, or None."""
    if _INTEGER.fullmatch(text):
        return int(text)
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def equals(value: Any, text: str, number: float | None) -> bool:
    """Tell whether a value is the one that was written."""
    if isinstance(value, bool):
        return text.casefold() == str(value).casefold()
    if isinstance(value, (int, float)):
        return number is not None and value == number
    return isinstance(value, str) and value == text


def is_ordered(value: Any, operator: str, text: str, number: float | None) -> bool:
    """Tell whether a value stands in an order to the one written: numbers as numbers, texts as texts."""
    left: Any
    right: Any
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if number is None:
            return False
        left, right = value, number
    elif isinstance(value, str):
        left, right = value, text
    else:
        return False
    outcomes = {">": left > right, ">=": left >= right, "<": left < right, "<=": left <= right}
    return bool(outcomes[operator])


def text_form(value: Any) -> str | None:
    """Return a scalar as text, for prefixes and regular expressions; None for structures."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return str(value)
    return None
