"""
Times as they stand in log lines, in ns since the epoch.

A time without a year is in the year that makes it the nearest past; a time without a date is the nearest past
one of that time of day; a time without a zone is one of this machine's zone.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

NS = 1_000_000_000
_US = 1_000
_DAY_NS = 86_400 * NS  # clocks differ: a time this far ahead is not a year old
_LIMIT_NS = 1 << 63
_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}
# Names of zones in hours (source: RFC 5322, 4.3); other names stand for this machine's zone.
_ZONES = {
    "Z": 0, "UTC": 0, "GMT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8,
    "PDT": -7,
}  # fmt: skip
_EPOCHS = {10: NS, 13: 1_000_000, 16: 1_000, 19: 1}  # digits of s, ms, µs, ns: the years 2001 to 2286

_MONTH = f"(?P<b>{'|'.join(_NAMES)})"
_HMS = r"(?P<H>[0-9]{2}):(?P<M>[0-9]{2}):(?P<S>[0-9]{2})(?:[.,](?P<f>[0-9]{1,9}))?"
_DOTTED = r"(?P<H>[0-9]{2})[:.](?P<M>[0-9]{2})[:.](?P<S>[0-9]{2})(?:[.,:](?P<f>[0-9]{1,9}))?"
_PLAIN = r"(?P<H>[0-9]{2})(?P<M>[0-9]{2})(?P<S>[0-9]{2})"
_ZONE = r"(?: ?(?P<z>Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})(?![\w:.]))?"
_END = "(?![0-9])"
_ISO = re.compile(  # ISO 8601, RFC 3339; Python's logging, log4j; nginx, Go's log; dotted times of BlueGene
    rf"(?P<Y>[0-9]{{4}})[-/.](?P<m>[0-9]{{2}})[-/.](?P<d>[0-9]{{2}})[T _-]{_DOTTED}{_ZONE}{_END}"
)
_FORMS = {  # by the character behind the first digits
    "/": (
        rf"(?P<d>[0-9]{{2}})/{_MONTH}/(?P<Y>[0-9]{{4}})[: ]{_HMS}{_ZONE}{_END}",  # common log format, Django
        rf"(?P<y>[0-9]{{2}})/(?P<m>[0-9]{{2}})/(?P<d>[0-9]{{2}}) {_HMS}{_END}",  # Spark's log4j
    ),
    ":": (rf"{_HMS}(?=[\s\]])",),  # logback's default
    "-": (rf"(?P<m>[0-9]{{2}})-(?P<d>[0-9]{{2}}) {_HMS}{_END}",),  # Android
    ".": (rf"(?P<m>[0-9]{{2}})\.(?P<d>[0-9]{{2}}) {_HMS}{_END}",),
    " ": (
        rf"(?P<d>[0-9]{{1,2}}) {_MONTH} (?P<Y>[0-9]{{4}}) {_HMS}{_ZONE}{_END}",  # RFC 5322, Redis
        rf"(?P<y>[0-9]{{2}})(?P<m>[0-9]{{2}})(?P<d>[0-9]{{2}}) {_PLAIN} ",  # HDFS
    ),
    "T": (rf"(?P<Y>[0-9]{{4}})(?P<m>[0-9]{{2}})(?P<d>[0-9]{{2}})T{_PLAIN}{_ZONE}{_END}",),  # ISO 8601, basic
}
_BY_MARK = {mark: tuple(map(re.compile, forms)) for mark, forms in _FORMS.items()}
_BY_NAME = (
    re.compile(  # RFC 3164, 4.1.2; asctime(3), date(1)
        rf"(?:[A-Z][a-z]{{2}},? )?{_MONTH} {{1,2}}(?P<d>[0-9]{{1,2}}) {_HMS}"
        rf"(?: (?P<z>[A-Z]{{3,4}})(?= [0-9]{{4}}\b))?(?: (?P<Y>[12][0-9]{{3}})\b)?{_END}"
    ),
    re.compile(rf"[A-Z][a-z]{{2}},? (?P<d>[0-9]{{1,2}}) {_MONTH} (?P<Y>[0-9]{{4}}) {_HMS}{_ZONE}{_END}"),
)
_DIGITS = re.compile(r"[0-9]+")
_EPOCH = re.compile(
    r"(?P<whole>[0-9]{10}(?:[0-9]{3}){0,3})(?:\.(?P<f>[0-9]{1,9}))?(?=[\s\]:,)]|$)"
    r"(?P<date> [0-9]{4}\.[0-9]{2}\.[0-9]{2} )?"  # archives of supercomputers write both
)
_EPOCH_AGE_NS = (
    2 * 365 * _DAY_NS
)  # a plain number at the front of a line that means a time further back: a number
_GLIMPSE = re.compile(r"\S{1,100} ")


class Moment(NamedTuple):
    """
    A time that was found.

    Attributes:
        ns: Since the epoch.
        end: Index of what stands behind it.
    """

    ns: int
    end: int


def find_time(text: str, start: int, now: int) -> Moment | None:
    """
    Return the time that begins at an index, in any of the known forms; None: there is none.

    Args:
        text: A line.
        start: The index.
        now: The present, ns since the epoch: what has no date or year lies before it.
    """
    digits = _DIGITS.match(text, start)
    if digits is None:
        return _first(_BY_NAME, text, start, now) if text[start : start + 1].isupper() else None
    end = digits.end()
    mark = text[end : end + 1]
    if end - start == 4 and mark in "-/.":
        return _first((_ISO,), text, start, now)
    return _first(_BY_MARK.get(mark, ()), text, start, now) or _epoch(text, start, now)


def glimpse_time(text: str, now: int) -> int | None:
    """Return the full date and time that stands behind the first word of a line, in ns since the epoch."""
    word = _GLIMPSE.match(text)
    if word is None:
        return None
    match = _ISO.match(text, word.end())
    if match is not None:
        return _resolve(match, now)
    epoch = _EPOCH.match(text, word.end())
    return int(epoch["whole"]) * _EPOCHS[len(epoch["whole"])] if epoch and epoch["date"] else None


def read_time(value: object, now: int) -> int | None:
    """
    Return the time that a field of a structured line says, in ns since the epoch; None: it says none.

    Args:
        value: A number of s, ms, µs or ns since the epoch, or text.
        now: The present, ns since the epoch.
    """
    if isinstance(value, str):
        text = value.strip()
        moment = find_time(text, 0, now)
        return moment.ns if moment and moment.end == len(text) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _LIMIT_NS:
        return None
    unit = _EPOCHS.get(len(str(int(value))))
    if unit is None:
        return None
    if isinstance(value, float) and unit >= _US:  # which can tell microseconds, and no less
        return _bounded(round(value * (unit // _US)) * _US)
    return _bounded(round(value * unit))


def clock_time(text: str, now: int) -> int | None:
    """Return the nearest past time of a time of day such as `12:00:01`, in ns since the epoch."""
    moment = find_time(f"{text} ", 0, now)
    return moment and moment.ns


def _first(forms: tuple[re.Pattern[str], ...], text: str, start: int, now: int) -> Moment | None:
    for form in forms:
        match = form.match(text, start)
        if match is not None:
            ns = _resolve(match, now)
            if ns is not None:
                return Moment(ns, match.end())
    return None


def _epoch(text: str, start: int, now: int) -> Moment | None:
    match = _EPOCH.match(text, start)
    if match is None:
        return None
    whole = match["whole"]
    unit = _EPOCHS[len(whole)]
    ns = int(whole) * unit + int((match["f"] or "").ljust(9, "0")) * unit // NS
    if not match["date"] and not now - _EPOCH_AGE_NS < ns < now + _DAY_NS:
        return None
    return Moment(ns, match.end("whole") if match["f"] is None else match.end("f"))


def _resolve(match: re.Match[str], now: int) -> int | None:
    """Return ns since the epoch of what a form has found; None: there is no such day."""
    parts = match.groupdict()
    minute = int(parts["M"])
    rest = int(parts["S"]) * NS + int((parts.get("f") or "").ljust(9, "0"))
    hour = int(parts["H"])
    day = parts.get("d")
    if day is None:
        return _nearest_day(hour, minute, rest, now)
    month = _MONTHS.get(parts.get("b") or "") or int(parts["m"])
    zone = parts.get("z")
    year = parts.get("Y") or ("20" + parts["y"] if parts.get("y") else None)
    if year is None:
        return _nearest_year((month, int(day), hour, minute), rest, now)
    start = _minute(int(year), month, int(day), hour, minute, zone)
    return None if start is None else _bounded(start * NS + rest)


def _nearest_year(moment: tuple[int, int, int, int], rest: int, now: int) -> int | None:
    this_year = time.localtime(now // NS).tm_year
    for year in range(this_year + 1, this_year - 9, -1):  # 29 February may be 8 years away
        start = _minute(year, *moment, None)
        if start is not None and start * NS + rest <= now + _DAY_NS:
            return _bounded(start * NS + rest)
    return None


def _nearest_day(hour: int, minute: int, rest: int, now: int) -> int | None:
    for days in (0, 1, 2):
        day = time.localtime(now // NS - days * 86_400)
        start = _minute(day.tm_year, day.tm_mon, day.tm_mday, hour, minute, None)
        if start is not None and start * NS + rest <= now + 60 * NS:
            return _bounded(start * NS + rest)
    return None


@lru_cache(maxsize=4096)
def _minute(year: int, month: int, day: int, hour: int, minute: int, zone: str | None) -> int | None:
    """Return the second since the epoch that a minute begins with; None: there is no such minute."""
    offset = _offset(zone)
    try:
        if offset is None:
            return int(datetime(year, month, day, hour, minute).timestamp())  # noqa: DTZ001 - this machine's zone
        return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()) - offset
    except (ValueError, OverflowError, OSError):
        return None


def _offset(zone: str | None) -> int | None:
    """Return the seconds that a zone is ahead of UTC; None: it is this machine's zone."""
    if zone is None:
        return None
    if zone[0] in "+-":
        seconds = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
        return -seconds if zone[0] == "-" else seconds
    return None if zone not in _ZONES else _ZONES[zone] * 3600


def _bounded(ns: int) -> int | None:
    return ns if 0 <= ns < _LIMIT_NS else None
