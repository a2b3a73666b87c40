"""What metrics have been: which steps a range is cut into, of what they are made, what is said of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pylogtap_collector.errors import TooManyPoints
from pylogtap_collector.models import StepValues
from pylogtap_collector.storage.buckets import finite, percentile
from pylogtap_collector.storage.chunks import SECOND_US, WIDTH_US
from pylogtap_collector.storage.steps import Steps
from pylogtap_collector.times import parse_span, parse_time, to_datetime

if TYPE_CHECKING:
    from pylogtap_collector.settings import Settings
    from pylogtap_collector.storage.buckets import Buckets
    from pylogtap_collector.storage.chunks import Resolution

MOST_STEPS = 2_000  # of a metric
MOST_POINTS = 60_000  # of an answer
_USUAL_STEPS = 300  # at most, where nobody says how long they are
_HIGH = 0.95
_DAY_S = 86_400
_WIDEST_US = (1 << 62) // 1000  # of a step: nothing that is stored is so long ago
_LENGTHS_S = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, _DAY_S,
)  # fmt: skip
_HOUR_NS = 3_600 * 10**9


class Over(NamedTuple):
    """
    A range, as somebody has written it.

    Attributes:
        since: Its beginning; default: an hour before its end.
        until: Its end; default: now.
        step: Length of a step; default: so that there are at most 300.
    """

    since: str | None = None
    until: str | None = None
    step: str | None = None


NOTHING = Over()


def cut(over: Over, limit: int, settings: Settings, now_ns: int) -> Steps | None:
    """
    Cut a range into steps, which begin at multiples of their length since 1970.

    Args:
        over: The range.
        limit: How many metrics there may be: more get longer steps, where nobody says how long they are.
        settings: How long samples and minutes are kept: what is older is made of minutes or hours.
        now_ns: What times are relative to.

    Returns:
        The steps, which cover all of the range; None where nobody asks for any.

    Raises:
        Invalid: A time cannot be read.
        TooManyPoints: There are too many steps.
    """
    if over == NOTHING:
        return None
    since, until, step = over
    end = now_ns if until is None else parse_time(until, now_ns)
    begin = max(0, end - _HOUR_NS) if since is None else parse_time(since, now_ns)
    end = max(begin, end)
    span = -(-(end - begin) // 10**9)
    least = _least_width(settings, (now_ns - begin) / 1e9 / _DAY_S)
    if step is None:
        most = min(_USUAL_STEPS, MOST_POINTS // limit - 1)  # and one, where the range begins within a step
        wanted = next((length for length in _LENGTHS_S if span <= length * most), None)
        width = (wanted or -(-span // (most * _DAY_S)) * _DAY_S) * SECOND_US
    else:
        width = min((parse_span(step) or 0) // 1000, _WIDEST_US)
    width = max(least, -(-width // least) * least)
    first = begin // 1000 // width * width
    last = first if begin == end else -(-end // 1000 // width) * width
    if (last - first) // width > MOST_STEPS + 1:
        raise TooManyPoints(
            f"That would be {(last - first) // width:,} steps of each metric, and {MOST_STEPS:,} are "
            "the most; give a larger `step`, or a shorter range."
        )
    return Steps(first, last, width, _resolution(width))


def check_size(steps: Steps, metrics: int) -> None:
    """
    Make sure that an answer does not become too large.

    Args:
        steps: Of each metric.
        metrics: How many it has.

    Raises:
        TooManyPoints: It would.
    """
    count = (steps.until - steps.since) // steps.width
    if count * metrics > MOST_POINTS:
        raise TooManyPoints(
            f"{count:,} steps of {metrics:,} metrics may be more than {MOST_POINTS:,} points; "
            f"give a `limit` of {max(1, MOST_POINTS // count):,} at most and go on by `cursor`, "
            "or a larger `step`."
        )


def told(buckets: Buckets, *, counter: bool) -> list[StepValues]:
    """
    Say what a metric has been in each step that has samples.

    Args:
        buckets: The steps.
        counter: Whether it is one: then its rate makes sense, and its average does not.
    """
    times = [to_datetime(start * 1000) for start in buckets.starts.tolist()]
    columns: dict[str, list[Any]] = {"count": buckets.counts.tolist(), "last": buckets.lasts.tolist()}
    if counter:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            rates = finite(buckets.grown / (buckets.spans / SECOND_US)).tolist()
        known = (buckets.spans > 0).tolist()
        columns["rate"] = [rate if is_known else None for rate, is_known in zip(rates, known, strict=True)]
    else:
        columns["avg"] = np.clip(buckets.sums / buckets.counts, buckets.least, buckets.greatest).tolist()
        columns |= {"min": buckets.least.tolist(), "max": buckets.greatest.tolist()}
        columns["p95"] = percentile(buckets, _HIGH).tolist()
    return [
        StepValues(time=time, **dict(zip(columns, row, strict=True)))
        for time, row in zip(times, zip(*columns.values(), strict=True), strict=True)
    ]


def _resolution(width_us: int) -> Resolution:
    if width_us % WIDTH_US["minute"]:
        return "raw"
    return "minute" if width_us % WIDTH_US["hour"] else "hour"


def _least_width(settings: Settings, age_days: float) -> int:
    """Return of what width, µs, steps are a multiple: that of what is still kept of the range's beginning."""
    if age_days > settings.metrics_minute_days:
        return WIDTH_US["hour"]
    return WIDTH_US["minute"] if age_days > settings.metrics_raw_days else SECOND_US
