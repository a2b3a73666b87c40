"""Values of other protocols as values that are stored, and JSON as others write it."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import msgspec

from pylogtap.text.levels import Level, level_named
from pylogtap_collector.errors import Undecodable
from pylogtap_collector.taps.entries import INFO

MAX_DEPTH = 24  # levels of nesting, as those of our own client
MAX_TIME_NS = (1 << 63) - 1
_INT = 1 << 63
# Ranges of OpenTelemetry severities (source: its logs data model, "Severity Fields"), by (number - 1) // 4.
_RANGES = ("trace", "debug", "info", "warning", "error", "critical")
_READ = (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError)


def read_json(data: bytes | str) -> Any:
    """
    Read one JSON value; what JavaScript writes and JSON does not have, such as half a character, is mended.

    Args:
        data: The text, UTF-8.

    Raises:
        Undecodable: It is no JSON.
    """
    try:
        return msgspec.json.decode(data)
    except _READ:
        pass
    try:
        text = data if isinstance(data, str) else data.decode(errors="replace")
        return storable(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise Undecodable(f"The body is no JSON: {error}.") from error


def storable(value: Any, depth: int = 0) -> Any:
    """
    Return a value that a record carries, as like the one given as can be.

    Args:
        value: Of JSON or msgpack.
        depth: Levels of nesting around it; what is too deep becomes text.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return value if -_INT <= value < _INT else f"{value:#x}"
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return readable(bytes(value))
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, dict):
        return {name_of(key): storable(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [storable(each, depth + 1) for each in value]
    return _text(str(value))


def name_of(key: Any) -> str:
    """Return a key of a mapping as the name of a field."""
    if isinstance(key, str):
        return _text(key)
    return readable(key) if isinstance(key, bytes) else str(key)


def readable(data: bytes) -> str:
    """Return bytes as text: as they are where they are UTF-8, else in base64."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return base64.b64encode(data).decode()


def text_of(value: Any) -> str:
    """Return a value as text: JSON, unless it is text already."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def stored_time(ns: int) -> int | None:
    """Return a time in ns since the epoch; None where it is unset or none that can be stored."""
    return ns if 0 < ns <= MAX_TIME_NS else None


def level_of(text: str | None, number: int | None = None) -> Level:
    """
    Return the level that a name and a number mean together; the number decides how bad it is.

    Args:
        text: The sender's name of it.
        number: OpenTelemetry severity; none, or beyond 1 to 24: not said.
    """
    name = _text(text or "").strip().lower()[:40]
    named = level_named(name)
    if number is None or not 0 < number <= 4 * len(_RANGES):
        return named or Level(name or "info", INFO)
    if named is not None:
        return Level(named.name, number)
    return Level(name or _RANGES[(number - 1) // 4], number)


def exception_of(kind: Any, message: Any, stacktrace: Any) -> dict[str, str] | None:
    """Return an exception of its three parts; None where there is none of them."""
    found = {"type": text_of(kind), "message": text_of(message), "stacktrace": text_of(stacktrace)}
    return found if any(found.values()) else None


def hex_id(text: Any, digits: int) -> str | None:
    """
    Return a trace or span id; None where it has another length, or is zero, which means none.

    Args:
        text: Hexadecimal; UUIDs have dashes.
        digits: How many it has to have.
    """
    if not isinstance(text, str):
        return None
    found = text.replace("-", "").lower()
    if len(found) != digits or not set(found) <= set("0123456789abcdef") or not found.strip("0"):
        return None
    return found


def _text(text: str) -> str:
    """Return text that is UTF-8: half a character becomes a question mark."""
    return text if text.isascii() else text.encode(errors="replace").decode()
