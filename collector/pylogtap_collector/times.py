"""Points in time as people write them: RFC 3339, seconds since the epoch, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from pylogtap_collector.errors import Invalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS_NS = {
    "ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9,
    "d": 86_400 * 10**9, "w": 7 * 86_400 * 10**9,
}  # fmt: skip
_SPAN = re.compile(r"(?:\d{1,9}(?:\.\d{1,9})?(?:ns|us|ms|[smhdw])){1,8}")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|[smhdw])")
_NUMBER = re.compile(r"(\d{1,20})(?:\.(\d{1,9}))?")
_RFC_3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,9}))?)?([Zz]|[+-]\d{2}:?\d{2})?"
)
_LAST_NS = 2**63 - 1  # the year 2262: what SQLite's integers hold
_FORMS = "write 2026-11-23T04:50:00Z, seconds since the epoch, or how long ago: 15m, 1h30m, now-2d"


def parse_time(text: str, now: int) -> int:
    """
    Read a point in time.

    Args:
        text: RFC 3339 (without an offset: UTC; without a time: midnight); a number since the epoch, whose
            size tells seconds, milliseconds, microseconds or nanoseconds; `now`; or a span back from now,
            such as `15m`, `-15m`, `now-15m`. `now+15m` is ahead.
        now: Nanoseconds since the epoch.

    Returns:
        Nanoseconds since the epoch.

    Raises:
        Invalid: It is none of these; the text says what would be right.
    """
    stripped = text.strip()
    for read in (_relative, _since_epoch, _absolute):
        found = read(stripped, now)
        if found is not None:
            if not 0 <= found <= _LAST_NS:
                raise Invalid(f"the time {text!r} lies outside of 1970 to 2262")
            return found
    raise Invalid(f"cannot read the time {text[:80]!r}; {_FORMS}")


def parse_span(text: str) -> int | None:
    """Read a span such as `1h30m` as nanoseconds; None where it is none."""
    if not _SPAN.fullmatch(text):
        return None
    return sum(round(float(number) * _UNITS_NS[unit]) for number, unit in _PART.findall(text))


def _relative(text: str, now: int) -> int | None:
    if text == "now":
        return now
    rest = text.removeprefix("now")
    ahead = rest != text and rest.startswith("+")
    span = parse_span(rest.lstrip(" ")[1:] if rest[:1] in {"-", "+"} else rest)
    if span is None or (rest.startswith("+") and not ahead):
        return None
    return now + span if ahead else now - span


def _since_epoch(text: str, _: int) -> int | None:
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    whole, fraction = int(match[1]), match[2] or ""
    for limit, factor in ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3)):
        if whole < limit:
            return whole * factor + int(fraction.ljust(9, "0")) * factor // 10**9
    return whole


def _absolute(text: str, _: int) -> int | None:
    match = _RFC_3339.fullmatch(text)
    if match is None:
        return None
    day, clock, fraction, offset = match.groups()
    if offset and not clock:
        return None
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}{(offset or 'Z').upper()}")
    except ValueError:
        return None
    seconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // (moment - moment).resolution // 10**6
    return seconds * 10**9 + int((fraction or "").ljust(9, "0"))


def to_datetime(ns: int) -> datetime:
    """Return a time in nanoseconds since the epoch as a UTC datetime; nanoseconds are cut off."""
    return _EPOCH + timedelta(microseconds=ns // 1000)


def to_ns(moment: datetime) -> int:
    """
    Return a datetime with an offset as nanoseconds since the epoch.

    Raises:
        Invalid: It lies outside of 1970 to 2262.
    """
    found = (moment - _EPOCH) // timedelta(microseconds=1) * 1000
    if not 0 <= found <= _LAST_NS:
        raise Invalid(f"the time {moment.isoformat()} lies outside of 1970 to 2262")
    return found
