"""Values of reports, which may be anything, as the types that facts have: or None where they are not."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

from pylogtap.cases.facts import MAX_MESSAGE, shorten
from pylogtap.text.lines import strip_escapes
from pylogtap.values import well_formed

NS = 1_000_000_000
_LONGEST_S = 10_000_000.0
_LAST_NS = 1 << 62
_LAST_LINE = 1 << 31
_DIGITS = re.compile(r"[0-9]{1,18}")


def text(value: Any, most: int = MAX_MESSAGE) -> str:
    """
    Return a text that can be stored: bounded, without colours, zeros and halves of characters.

    Args:
        value: Anything; what is no text is none.
        most: Characters to keep.
    """
    if not isinstance(value, str):
        return ""
    kept = shorten(value, most)
    if kept.isprintable() and kept.isascii():
        return kept
    return well_formed(strip_escapes(kept).replace("\0", "\\0"))


def shown(value: Any) -> str:
    """Return a value as text, whatever it is."""
    try:
        return value if isinstance(value, str) else repr(value)
    except RecursionError:  # what could just be read is nested too deeply to be written
        return "…"


def word(value: Any) -> str:
    """Return a value that is to be one of some words; what is no text is none of them."""
    return value if isinstance(value, str) else ""


def seconds(value: Any, scale: float = 1.0) -> float | None:
    """
    Return a duration in seconds.

    Surefire writes `1,234.5`, others `0,5`: a comma before a point parts thousands, alone it is the point.

    Args:
        value: A number, or a text that is one.
        scale: Seconds of its unit.
    """
    if isinstance(value, str):
        value = value.replace(",", "" if "." in value else ".")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = float(value) * scale
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and 0 <= found <= _LONGEST_S else None


def line(value: Any, add: int = 0) -> int | None:
    """
    Return the number of a line, from 1 on.

    Args:
        value: A number, or a text that is one.
        add: 1 where the report counts from 0.
    """
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value + add if 0 < value + add < _LAST_LINE else None


def time_ns(value: Any, scale: int = NS) -> int | None:
    """
    Return a point in time, ns since the epoch.

    Args:
        value: ISO 8601, in UTC where it names no zone; or a number since the epoch.
        scale: Nanoseconds of the number's unit.
    """
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
            since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
        value, scale = since, NS
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        if not math.isfinite(value):
            return None
        found = value * scale if isinstance(value, int) else round(value * 1_000_000) * (scale // 1_000_000)
    except OverflowError:
        return None
    return found if 0 < found < _LAST_NS else None
