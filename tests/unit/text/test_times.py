"""Times that leave something out mean the nearest past; what is no time is none."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from pylogtap.text.times import NS, find_time, glimpse_time, read_time


def at(*parts: int) -> int:
    """Return a time of this machine's zone in ns since the epoch."""
    return int(datetime(*parts).timestamp()) * NS  # type: ignore[arg-type]  # noqa: DTZ001 - as is meant


@pytest.mark.parametrize(
    ("text", "now", "meant"),
    [
        ("Jan  1 00:00:05", at(2026, 1, 1, 0, 0, 9), at(2026, 1, 1, 0, 0, 5)),
        ("Dec 31 23:59:59", at(2026, 1, 1, 0, 0, 9), at(2025, 12, 31, 23, 59, 59)),
        ("Jan  1 00:00:05", at(2025, 12, 31, 23, 59, 50), at(2026, 1, 1, 0, 0, 5)),  # a clock ahead of ours
        ("Jan 16 13:00:00", at(2026, 1, 15, 12), at(2025, 1, 16, 13)),
        ("Feb 29 12:00:00", at(2026, 1, 15), at(2024, 2, 29, 12)),
        ("Feb 29 12:00:00", at(2103, 1, 15), at(2096, 2, 29, 12)),  # 2100 has none
        ("23:59:59 x", at(2026, 1, 1, 0, 0, 9), at(2025, 12, 31, 23, 59, 59)),
        ("00:00:05 x", at(2026, 1, 1, 0, 0, 9), at(2026, 1, 1, 0, 0, 5)),
    ],
)
def test_what_is_left_out_is_the_nearest_past(text: str, now: int, meant: int) -> None:
    """The year of a log line is the one that makes it past, but hardly so; so is the day of a time of day."""
    moment = find_time(text, 0, now)
    assert moment is not None
    assert moment.ns == meant


@pytest.mark.parametrize(
    "text",
    [
        "2024-13-01 00:00:00", "2024-02-30 00:00:00", "2024-01-01 25:00:00", "2024-01-01", "2024-01-01 00:00",
        "0000-01-01 00:00:00", "1960-01-01 00:00:00Z", "12:00", "Jan 32 00:00:00", "Foo 12 00:00:00", "",
        "1234567890 rows", "4294967295 bytes", "99999999999 x", "12345", "٢٠٢٤-01-01 00:00:00",
        "17/17/17 00:00:00",
    ],
)  # fmt: skip
def test_what_is_no_time_is_none(text: str) -> None:
    """Days that are none, and numbers that only look like times, are taken for neither."""
    assert find_time(text, 0, time.time_ns()) is None


@pytest.mark.parametrize(
    "value",
    [
        1_767_225_600, 1_767_225_600.0, 1_767_225_600_000, 1_767_225_600_000_000, 1_767_225_600_000_000_000,
        "1767225600", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", " 2026-01-01 00:00:00 UTC ",
    ],
)  # fmt: skip
def test_fields_say_the_time_in_many_ways(value: object) -> None:
    """Seconds, ms, µs and ns since the epoch, as numbers or text, and dates."""
    assert read_time(value, 1_770_000_000 * NS) == 1_767_225_600 * NS


@pytest.mark.parametrize(
    "value", [None, True, -1, 0, 17, float("nan"), float("inf"), 1e300, "soon", "", [], {}]
)
def test_fields_that_say_no_time(value: object) -> None:
    """Any other value is none."""
    assert read_time(value, time.time_ns()) is None


def test_a_time_behind_the_first_word() -> None:
    """Only a full date and time is taken there."""
    now = time.time_ns()
    assert glimpse_time("web 2024-05-04T03:02:01Z hello", now) == 1_714_791_721 * NS
    assert glimpse_time("at 12:00:01 hello", now) is None
