"""
Spans of OTLP to entries: one each, when it begins, with how long it took.

logfire sends its logs as spans without a duration, which become records as if they had been sent as such
(source: pydantic/logfire, `logfire/_internal/constants.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from pylogtap_collector.errors import Undecodable
from pylogtap_collector.taps.entries import Entry
from pylogtap_collector.taps.otlp import Batch
from pylogtap_collector.taps.otlp_requests import TRACES, read_request
from pylogtap_collector.taps.otlp_values import (
    Origin,
    attributes_of,
    origin_of,
    taken_exception,
    taken_logger,
    taken_number,
    taken_source,
    taken_text,
)
from pylogtap_collector.taps.values import hex_id, level_of, read_json, stored_time, text_of

if TYPE_CHECKING:
    from pylogtap_collector.wire import Place

_NS = 1_000_000_000
_MAX_EVENTS = 32  # of one span
_PENDING = "pending_span"  # logfire's word for a span that comes again when it has ended
_INTERNALS = ("logfire.span_type", "logfire.sample_rate", "logfire.pending_parent_id")
_STRUCTURED = frozenset({"object", "array"})


def decode_spans(body: bytes, default: Place, *, is_json: bool = False) -> Batch:
    """
    Decode the body of a request to `/v1/traces`.

    Args:
        body: Decompressed.
        default: The place of what does not say where it comes from.
        is_json: It is JSON, else protobuf.

    Raises:
        Undecodable: It is no such request.
    """
    request, bad = read_request(TRACES, body, is_json=is_json)
    entries = []
    for of_resource in request.resource_spans:
        origin = origin_of(of_resource.resource, default)
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                entry = _entry(span, origin, of_scope.scope.name)
                if entry is not None:
                    entries.append(entry)
    return Batch(entries, bad)


def _entry(span: Any, origin: Origin, scope: str) -> Entry | None:
    attributes = attributes_of(span.attributes)
    kind = attributes.get("logfire.span_type")
    if kind == _PENDING:
        return None
    failed = span.status.code == Status.STATUS_CODE_ERROR
    number = taken_number(attributes, ("logfire.level_num",))
    level = level_of("error" if failed else None, number or (17 if failed else None))
    template = taken_text(attributes, ("logfire.msg_template",)) or None
    message = taken_text(attributes, ("logfire.msg",)) or span.name
    source, pid = taken_source(attributes), taken_number(attributes, ("process.pid",))
    exception = _add_events(span, attributes) or taken_exception(attributes)
    logger = taken_logger(attributes, scope)
    _unwrap(attributes)
    parent = hex_id(span.parent_span_id.hex(), 16)
    if kind != "log":
        _describe(span, attributes, message)
    if parent is not None:
        attributes["parent_span_id"] = parent
    return Entry(
        place=origin.place,
        message=message,
        time_ns=stored_time(span.start_time_unix_nano) or stored_time(span.end_time_unix_nano),
        severity=level.severity,
        level=level.name,
        logger=logger,
        fields=origin.fields | attributes,
        exception=exception,
        template=template,
        trace_id=hex_id(span.trace_id.hex(), 32),
        span_id=hex_id(span.span_id.hex(), 16),
        source=source,
        pid=origin.pid if pid is None else pid,
    )


def _describe(span: Any, attributes: dict[str, Any], message: str) -> None:
    """Add what a span has beyond a record."""
    attributes["duration_s"] = max(0, span.end_time_unix_nano - span.start_time_unix_nano) / _NS
    if span.name != message:
        attributes["span.name"] = span.name
    if span.kind in Span.SpanKind.values():
        attributes["span.kind"] = Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower()
    if span.status.code in {Status.STATUS_CODE_OK, Status.STATUS_CODE_ERROR}:
        attributes["status"] = "error" if span.status.code == Status.STATUS_CODE_ERROR else "ok"
    if span.status.message:
        attributes["status.message"] = span.status.message


def _add_events(span: Any, attributes: dict[str, Any]) -> dict[str, str] | None:
    """Add the events of a span to its attributes, and return the last exception among them."""
    exception: dict[str, str] | None = None
    events = []
    for event in span.events[:_MAX_EVENTS]:
        values = attributes_of(event.attributes)
        found = taken_exception(values) if event.name == "exception" else None
        if found is not None:
            exception = found
            continue
        after = max(0, event.time_unix_nano - span.start_time_unix_nano) / _NS
        events.append({"name": event.name, "after_s": after, **values})
    if events:
        attributes["events"] = events
    return exception


def _unwrap(attributes: dict[str, Any]) -> None:
    """Read what logfire has put into JSON, which its schema tells, and leave out what is logfire's own."""
    schema = attributes.pop("logfire.json_schema", None)
    for name in _names(attributes.pop("logfire.null_args", None)):
        attributes.setdefault(name, None)
    for name in _INTERNALS:
        attributes.pop(name, None)
    tags = attributes.pop("logfire.tags", None)
    if tags is not None:
        attributes["tags"] = tags
    for name in _structured(schema):
        value = attributes.get(name)
        if isinstance(value, str):
            try:
                attributes[name] = read_json(value)
            except Undecodable:
                continue  # it stays text


def _names(value: Any) -> list[str]:
    """Return names, whatever was sent as a list of them."""
    return [text_of(each) for each in value] if isinstance(value, list) else []


def _structured(schema: Any) -> list[str]:
    """Return the names of the attributes that a schema of logfire says are JSON."""
    if not isinstance(schema, str):
        return []
    try:
        properties = read_json(schema)["properties"]
        return [name for name, each in properties.items() if each.get("type") in _STRUCTURED]
    except (Undecodable, LookupError, TypeError, AttributeError):
        return []
