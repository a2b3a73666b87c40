"""What every tap gives: log entries, and points of metrics, with the place they belong to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pylogtap_collector.wire import UNKNOWN, Place

if TYPE_CHECKING:
    from collections.abc import Mapping

PointKind = Literal["gauge", "counter"]
INFO = 9  # OpenTelemetry's severity of what does not say how bad it is

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_PARTS_OF_A_NAME = 63


class Source(NamedTuple):
    """
    The place in the code that logged.

    Attributes:
        file: Its path.
        line: In it.
        function: In it.
    """

    file: str | None = None
    line: int | None = None
    function: str | None = None


NOWHERE = Source()


class Entry(NamedTuple):
    """
    A log record that another program has written, in its own protocol.

    Attributes:
        place: Where it comes from.
        message: What it says.
        time_ns: When, ns since the epoch; None: it does not say, so when it came.
        severity: OpenTelemetry severity, 1 to 24.
        level: Its name in the words of the sender, in small letters.
        logger: Name of the logger or program.
        fields: Named values, of any kind that msgpack has.
        exception: `type`, `message` and `stacktrace` of an exception.
        template: The message before values were put in; None: not known.
        trace_id: W3C trace id, 32 hex digits.
        span_id: W3C span id, 16 hex digits.
        source: The place in the code.
        pid: Of the process.
        test_id: Of the test case that caused it.
    """

    place: Place
    message: str
    time_ns: int | None = None
    severity: int = INFO
    level: str = "info"
    logger: str = ""
    fields: Mapping[str, Any] = {}
    exception: Mapping[str, str] | None = None
    template: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    source: Source = NOWHERE
    pid: int | None = None
    test_id: str | None = None


class Point(NamedTuple):
    """
    One value of a metric at one time.

    Attributes:
        place: What was measured.
        name: The metric's, with dots as OpenTelemetry has them.
        value: Finite, in the unit.
        time_ns: When it was measured, ns since the epoch.
        unit: As people read it: `bytes`, `s`, `%`; None: a plain number.
        kind: `gauge` goes up and down, `counter` only grows.
        labels: What tells metrics of one name apart: pairs, sorted by name.
    """

    place: Place
    name: str
    value: float
    time_ns: int
    unit: str | None = None
    kind: PointKind = "gauge"
    labels: tuple[tuple[str, str], ...] = ()


def segment_name(text: str, otherwise: str = UNKNOWN) -> str:
    """
    Make a part of a prefix of any text; what it cannot hold becomes a dash.

    Args:
        text: As somebody calls it.
        otherwise: Where nothing is left of it.
    """
    return _UNFIT.sub("-", text).lstrip("._-")[:_PARTS_OF_A_NAME] or otherwise


def place_of(project: str | None, service: str | None, instance: str | None, default: Place) -> Place:
    """
    Make a place of what is said of it.

    Args:
        project: Its first part; None or empty: the default's.
        service: Its second part, likewise.
        instance: Its third part, likewise.
        default: For what is not said.
    """
    return Place(
        segment_name(project or "", default.project),
        segment_name(service or "", default.service),
        segment_name(instance or "", default.instance),
    )
