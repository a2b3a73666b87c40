"""
One record in the form of a part's rows, whatever it holds: the careful way, for records that are not usual.

A payload that cannot be read becomes a record that says so and carries it, so that nothing is lost silently.
"""

from __future__ import annotations

import base64
import math
from datetime import date, time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pylogtap import wire
from pylogtap_collector.parts.faces import Form, Source
from pylogtap_collector.parts.part import EXCEPTION, SPAN, TEST, THREAD, TRACE
from pylogtap_collector.wire import UNKNOWN, decode_loss

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pylogtap_collector.parts.sites import CallSite
    from pylogtap_collector.wire import Definitions, Place, Record

DEGRADED = "pylogtap.degraded"  # the attribute that names what did not arrive as it was logged
_INT_LIMIT = 1 << 63  # what SQLite stores, and JSON readers agree on
_WARNING = 13  # OpenTelemetry severity
_SCALARS = {str, bool, int, float, type(None)}
_IDS = {wire.MORE_TRACE: TRACE, wire.MORE_SPAN: SPAN, wire.MORE_TEST: TEST}
_NOTHING: dict[str, Any] = {}
_NO_THREAD: dict[str, Any] = {THREAD: None}
_LOST_RECORD = ["record"]
_SMALL = 512  # bytes of a payload that is worth remembering


class Told(NamedTuple):
    """
    A record in the form of a part's rows.

    Attributes:
        source: Where it comes from.
        form: What it has in common with others.
        pieces: Of its message.
        time_ns: When it was logged; None: when it came.
        fields: Its attributes, nothing but what JSON can say.
        extras: What only some records have, see :mod:`pylogtap_collector.parts.part`.
    """

    source: Source
    form: Form
    pieces: tuple[str, ...]
    time_ns: int | None
    fields: dict[str, Any]
    extras: dict[str, Any]


def tell(record: Record, site: CallSite, source: Source, definitions: Definitions) -> Told:
    """
    Take a record as carefully as can be.

    Args:
        record: The record.
        site: Its call site.
        source: Where it comes from.
        definitions: What its numbers stand for.
    """
    more, degraded = record.more or _NOTHING, list[str]()
    when = nanoseconds(record.time)
    if when is None:
        degraded.append("time")
    form, pieces = _message(record.args, more.get(wire.MORE_MESSAGE), site, degraded)
    fields, extras = record.fields, dict[str, Any]()
    if more:
        degraded += _texts(more.get(wire.MORE_DEGRADED))
        if wire.MORE_THREAD in more:
            extras[THREAD] = definitions.threads.get(more[wire.MORE_THREAD], UNKNOWN)
        if wire.MORE_STACK in more:
            fields = {**(fields or {}), "stack_info": more[wire.MORE_STACK]}
        if wire.MORE_EXCEPTION in more and more[wire.MORE_EXCEPTION] is not None:
            extras[EXCEPTION] = _exception(more[wire.MORE_EXCEPTION])
        for key, name in _IDS.items():
            if more.get(key) is not None:
                extras[name] = _text(more[key])
    return Told(source, form, pieces, when, portable_fields(fields or {}, degraded), extras)


def simple_extras(more: Mapping[str, Any], definitions: Definitions) -> dict[str, Any] | None:
    """
    Return what only some records have, where that is no more than thread, trace and test.

    Args:
        more: Of the record.
        definitions: Say what the number of its thread stands for.

    Returns:
        None where there is more.
    """
    extras: dict[str, Any] = {}
    for key, value in more.items():
        if key == wire.MORE_THREAD and type(value) is int:
            extras[THREAD] = definitions.threads.get(value, UNKNOWN)
        elif type(value) is str and key in _IDS:
            extras[_IDS[key]] = value
        else:
            return None
    return extras


def _message(args: Any, finished: Any, site: CallSite, degraded: list[str]) -> tuple[Form, tuple[str, ...]]:
    if type(finished) is str:
        return site.whole(finished)
    template = site.template
    if template is None:
        return site.text(args) if type(args) is str else site.whole(_degrade_message("", args, degraded))
    if not args or site.style == wire.STYLE_EVENT:
        return site.bare, ()
    pieces = site.pieces(args)
    if pieces is not None:
        return site.filled, pieces
    if site.bounded:
        return site.whole(_render(template, args, degraded))
    return site.whole(_degrade_message(template, args, degraded))


def _render(template: str, args: Any, degraded: list[str]) -> str:
    if type(args) is not list and type(args) is not dict:
        return _degrade_message(template, args, degraded)
    try:
        message: str = template % (tuple(args) if type(args) is list else args)
    except (TypeError, ValueError, KeyError, OverflowError, RecursionError):
        return _degrade_message(template, args, degraded)
    try:
        message.encode()
    except UnicodeEncodeError:  # `%c` makes half a surrogate pair of a number
        degraded.append("message")
        return message.encode("utf-8", "backslashreplace").decode()
    return message


def _degrade_message(template: str, args: Any, degraded: list[str]) -> str:
    degraded.append("message")
    try:
        return f"{template} {args!r}".lstrip()
    except RecursionError:
        return f"{template} (arguments nested too deeply)".lstrip()


def tell_loss(payload: bytes, definitions: Definitions) -> Told:
    """
    Make a record of the note that records were dropped.

    Args:
        payload: A payload of pylogtap.wire.KIND_LOSS.
        definitions: What its numbers stand for.

    Raises:
        pylogtap_collector.wire.UNREADABLE: It cannot be read.
    """
    loss = decode_loss(payload)
    total = sum(loss.reasons.values())
    reasons = ", ".join(f"{reason}: {count}" for reason, count in loss.reasons.items())
    if isinstance(loss.place, str):
        place = type(definitions.place).parse(loss.place)
    else:
        place = definitions.places.get(loss.place) or definitions.place
    form = _notice(
        "%d records were dropped before this point (%s)",
        ("", " records were dropped before this point (", ")"),
    )
    return Told(
        _source(place, definitions),
        form,
        (str(total), reasons),
        nanoseconds(loss.time) or None,
        {"dropped": loss.reasons},
        {THREAD: None},
    )


def tell_unreadable(data: bytes, reason: str, definitions: Definitions) -> Told:
    """
    Make a record of what cannot be read; it carries that.

    Args:
        data: A payload or a whole slice.
        reason: Why it cannot be read.
        definitions: Say where it comes from.
    """
    fields = _payload_of(data) if len(data) <= _SMALL else _payload_of.__wrapped__(data)
    return Told(
        _source(definitions.place, definitions),
        _notice("a record could not be read: %s", ("a record could not be read: ", "")),
        (reason,),
        None,
        fields,
        _NO_THREAD,
    )


@lru_cache(maxsize=1_000)
def _payload_of(data: bytes) -> dict[str, Any]:
    """Return the fields of what cannot be read; of the same the same objects, as it may come very often."""
    return {"payload": _portable(data, []), DEGRADED: _LOST_RECORD}


def _notice(template: str, literals: tuple[str, ...]) -> Form:
    return Form("warning", _WARNING, "pylogtap", template, template, None, None, None, literals)


def _source(place: Place, definitions: Definitions) -> Source:
    return Source(*place, small(definitions.process.pid))


def nanoseconds(when: float) -> int | None:
    """Return ns since the epoch; None for what is no time."""
    if type(when) is float:
        if not math.isfinite(when):
            return None
        when = round(when * 1e6) * 1000  # a float of this size is exact to less than a microsecond
    ns = int(when)
    return ns if 0 <= ns < _INT_LIMIT else None


def is_portable(value: Any) -> bool:
    """Tell whether JSON can say a value exactly, and it is no structure."""
    kind = type(value)
    return kind in _SCALARS and (
        (kind is not int or -_INT_LIMIT <= value < _INT_LIMIT) and (kind is not float or math.isfinite(value))
    )


def portable_fields(fields: Mapping[str, Any], degraded: list[str]) -> dict[str, Any]:
    """
    Return values that every reader of JSON understands alike.

    Args:
        fields: By name.
        degraded: Names of what did not arrive as it was; with those that are found here, they become the
            attribute `pylogtap.degraded`.
    """
    result: dict[str, Any] = {}
    for name, value in fields.items():
        losses: list[str] = []
        result[name] = value if is_portable(value) else _portable(value, losses)
        if losses:
            degraded.append(name)
    if degraded:
        result[DEGRADED] = list(dict.fromkeys(degraded))
    return result


def _portable(value: Any, losses: list[str]) -> Any:
    """Return what JSON can say of a value; what it cannot say exactly is noted."""
    kind = type(value)
    if kind is float and not math.isfinite(value):
        losses.append("float")
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if kind is int and not -_INT_LIMIT <= value < _INT_LIMIT:
        losses.append("int")
        return str(value)
    if kind is bytes:
        return {"bytes": base64.b64encode(value).decode()}
    if kind is dict:
        return {key if type(key) is str else str(key): _portable(item, losses) for key, item in value.items()}
    if kind is list:
        return [_portable(item, losses) for item in value]
    if isinstance(value, (date, time)):  # what msgpack's timestamp extension becomes
        return value.isoformat()
    if isinstance(value, msgspec.msgpack.Ext):
        losses.append("extension")
        return {"bytes": base64.b64encode(value.data).decode(), "extension": value.code}
    return value


def _exception(value: Any) -> list[Any]:
    """Return type, message and stack, and the arguments of the frame or None."""
    if not isinstance(value, dict):
        return ["", _text(value) or "", "", None]
    arguments = value.get("arguments")
    texts = (
        {str(name): str(argument) for name, argument in arguments.items()}
        if isinstance(arguments, dict)
        else None
    )
    return [*(_text(value.get(key)) or "" for key in ("type", "message", "stacktrace")), texts]


def _text(value: Any) -> str | None:
    return value if value is None or type(value) is str else str(value)


def _texts(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def small(value: Any) -> int | None:
    """Return a whole number of 64 bits; None for anything else."""
    return value if type(value) is int and -_INT_LIMIT <= value < _INT_LIMIT else None
