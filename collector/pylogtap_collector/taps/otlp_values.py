"""
What OTLP's records have in common: values of any kind, attributes, and what a resource says of the place.

Names are those of OpenTelemetry's semantic conventions, also older ones that are still sent.
"""

from __future__ import annotations

import base64
import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from pylogtap_collector.taps.entries import Source, place_of
from pylogtap_collector.taps.values import MAX_DEPTH, exception_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pylogtap_collector.wire import Place

_PROJECT = ("service.namespace", "k8s.namespace.name")
_INSTANCE = ("service.instance.id", "k8s.pod.name", "host.name", "container.name", "container.id")
_UNTOLD = "unknown_service"  # what an SDK sends that was not told a name, with the program's behind a colon
# What says nothing about what happened: which SDK has sent it, how the process was started, and on what.
_NOISE = ("telemetry.", "process.", "os.", "host.id", "host.arch")
# An id that is made anew at each start, UUID of version 4 or 7 (RFC 9562, 5.4 and 5.7), and no place to stay:
# those of version 5, which OpenTelemetry's conventions want to be made of a machine's id, last.
_MADE_UP = re.compile(
    r"[0-9a-f]{8}-?[0-9a-f]{4}-?[47][0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}", re.IGNORECASE
)
_ID = "service.instance.id"
_FILES = ("code.file.path", "code.filepath")
_LINES = ("code.line.number", "code.lineno")
_FUNCTIONS = ("code.function.name", "code.function")
_LOGGERS = ("logger.name", "code.namespace")


class Origin(NamedTuple):
    """
    What a resource says.

    Attributes:
        place: Where its records belong.
        pid: Of the process.
        fields: What else is worth keeping, by names that begin with `resource.`; `service.instance.id` where
            it is no place.
    """

    place: Place
    pid: int | None
    fields: dict[str, Any]


def value_of(value: Any, depth: int = 0) -> Any:
    """
    Return what an AnyValue holds.

    Args:
        value: The message.
        depth: Levels of nesting around it; what is too deep becomes text.
    """
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    found = getattr(value, kind)
    if kind == "double_value":
        return found if math.isfinite(found) else str(found)
    if kind == "bytes_value":
        return base64.b64encode(found).decode()
    if kind in {"array_value", "kvlist_value"} and depth >= MAX_DEPTH:
        return "…"
    if kind == "array_value":
        return [value_of(each, depth + 1) for each in found.values]
    if kind == "kvlist_value":
        return {each.key: value_of(each.value, depth + 1) for each in found.values}
    return found


def attributes_of(pairs: Iterable[Any]) -> dict[str, Any]:
    """Return a list of KeyValue as a mapping."""
    return {pair.key: value_of(pair.value) for pair in pairs}


def origin_of(resource: Any, default: Place) -> Origin:
    """
    Tell where the records of a resource belong.

    Args:
        resource: The message.
        default: For what it does not say.
    """
    values = attributes_of(resource.attributes)
    project = taken_text(values, _PROJECT)
    made_up = values.pop(_ID) if _is_made_up(values) else None
    instance = taken_text(values, _INSTANCE)
    service = text_of(values.pop("service.name", None))
    untold, _, program = service.partition(":")
    service = program if untold == _UNTOLD else service
    pid = taken_number(values, ("process.pid",))
    fields = {f"resource.{name}": value for name, value in values.items() if not name.startswith(_NOISE)}
    if made_up is not None:
        fields[_ID] = made_up
    return Origin(place_of(project, service, instance, default), pid, fields)


def taken_source(attributes: dict[str, Any]) -> Source:
    """Take the place in the code out of the attributes."""
    return Source(
        taken_text(attributes, _FILES) or None,
        taken_number(attributes, _LINES),
        taken_text(attributes, _FUNCTIONS) or None,
    )


def taken_exception(attributes: dict[str, Any]) -> dict[str, str] | None:
    """Take an exception out of the attributes."""
    parts = (attributes.pop(f"exception.{part}", None) for part in ("type", "message", "stacktrace"))
    return exception_of(*parts)


def taken_logger(attributes: dict[str, Any], scope: str) -> str:
    """Return the name of the logger: that of the scope, else what the attributes call one."""
    return scope or taken_text(attributes, _LOGGERS)


def taken_text(attributes: dict[str, Any], names: Iterable[str]) -> str:
    """Take the first of some values out that is there; the others stay."""
    for name in names:
        if attributes.get(name):
            return text_of(attributes.pop(name))
    return ""


def taken_number(attributes: dict[str, Any], names: Iterable[str]) -> int | None:
    """Take the first of some values out that is a whole number, or the text of one."""
    for name in names:
        value = attributes.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            del attributes[name]
            return value
    return None


def _is_made_up(values: dict[str, Any]) -> bool:
    """Tell whether the id of an instance is of one run only, while its host says where it stands."""
    return bool(values.get("host.name")) and _MADE_UP.fullmatch(text_of(values.get(_ID))) is not None
