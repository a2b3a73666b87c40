"""
Log records of OTLP to entries (source: open-telemetry/opentelemetry-proto, logs/v1/logs.proto).

The severity number decides how bad a record is, its text what that is called. A record that does not say when
it happened has the time at which it was seen. Of the resource, what makes the place is not told again, and
what an SDK says of itself is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pylogtap_collector.taps.entries import Entry
from pylogtap_collector.taps.otlp_requests import LOGS, read_request
from pylogtap_collector.taps.otlp_values import (
    Origin,
    attributes_of,
    origin_of,
    taken_exception,
    taken_logger,
    taken_number,
    taken_source,
    taken_text,
    value_of,
)
from pylogtap_collector.taps.values import hex_id, level_of, stored_time, text_of

if TYPE_CHECKING:
    from pylogtap_collector.wire import Place

# What logging libraries call the message before values were put in: .NET, Serilog's sink, another pylogtap.
_TEMPLATES = ("{OriginalFormat}", "message_template.text", "pylogtap.template")
_TESTS = ("test.case.name",)  # of the semantic conventions
_MESSAGES = ("message", "msg", "body", "event")  # of a body that is a mapping


class Batch(NamedTuple):
    """
    What a body holds.

    Attributes:
        entries: What can be stored.
        bad: What is wrong with each record that cannot.
    """

    entries: list[Entry]
    bad: list[str]


def decode_logs(body: bytes, default: Place, *, is_json: bool = False) -> Batch:
    """
    Decode the body of a request to `/v1/logs`.

    Args:
        body: Decompressed.
        default: The place of what does not say where it comes from.
        is_json: It is JSON, else protobuf.

    Raises:
        Undecodable: It is no such request.
    """
    request, bad = read_request(LOGS, body, is_json=is_json)
    entries = []
    for of_resource in request.resource_logs:
        origin = origin_of(of_resource.resource, default)
        for of_scope in of_resource.scope_logs:
            scope = of_scope.scope.name
            entries += [_entry(record, origin, scope) for record in of_scope.log_records]
    return Batch(entries, bad)


def _entry(record: Any, origin: Origin, scope: str) -> Entry:
    attributes = attributes_of(record.attributes)
    level = level_of(record.severity_text, record.severity_number)
    source = taken_source(attributes)
    exception = taken_exception(attributes)
    logger = taken_logger(attributes, scope)
    template = taken_text(attributes, _TEMPLATES) or None
    pid = taken_number(attributes, ("process.pid",))
    test_id = taken_text(attributes, _TESTS) or None
    message = _message(value_of(record.body), attributes)
    if record.event_name:
        attributes["event_name"] = record.event_name
        message = message or record.event_name
    if not message and exception is not None:
        message = ": ".join(filter(None, (exception["type"], exception["message"])))
    if record.dropped_attributes_count:
        attributes["otel.dropped_attributes_count"] = record.dropped_attributes_count
    return Entry(
        place=origin.place,
        message=message,
        time_ns=stored_time(record.time_unix_nano) or stored_time(record.observed_time_unix_nano),
        severity=level.severity,
        level=level.name,
        logger=logger,
        fields=origin.fields | attributes,
        exception=exception,
        template=template,
        trace_id=hex_id(record.trace_id.hex(), 32),
        span_id=hex_id(record.span_id.hex(), 16),
        source=source,
        pid=origin.pid if pid is None else pid,
        test_id=test_id,
    )


def _message(body: Any, attributes: dict[str, Any]) -> str:
    """Return the message that a body means; members of a mapping beside it become attributes."""
    if not isinstance(body, dict):
        return text_of(body)
    for name in _MESSAGES:
        if isinstance(body.get(name), str):
            message: str = body.pop(name)
            for key, value in body.items():
                attributes.setdefault(key, value)
            return message
    return text_of(body) if body else ""
