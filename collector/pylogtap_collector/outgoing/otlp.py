"""Records as other systems take them: OTLP logs (https://opentelemetry.io/docs/specs/otlp/)."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs

    from pylogtap_collector.models import Log

CONTENT_TYPE = "application/x-protobuf"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INT_LIMIT = 1 << 63
_MOST_DEPTH = 32


def request_of(logs: Sequence[Log]) -> bytes:
    """
    Return the body that delivers records, in their order.

    The prefix becomes `service.namespace`, `service.name` and `service.instance.id`; what the semantic
    conventions have names for gets those (code.*, exception.*, process.pid, thread.name).

    Args:
        logs: The records.
    """
    request = ExportLogsServiceRequest()
    for place, mine in groupby(logs, key=lambda log: (log.project, log.service, log.instance)):
        group = request.resource_logs.add()
        _name(group, place)
        for logger, some in groupby(mine, key=lambda log: log.logger):
            scope = group.scope_logs.add()
            scope.scope.name = logger
            for log in some:
                _fill(scope.log_records.add(), log)
    body: bytes = request.SerializeToString()
    return body


def refused_in(body: bytes) -> tuple[int, str]:
    """
    Read what an answer says of records that were refused for good.

    Args:
        body: Of an answer that says success.

    Returns:
        How many, and why.
    """
    answer = ExportLogsServiceResponse()
    try:
        answer.ParseFromString(body)
    except Exception:  # noqa: BLE001 - protobuf's DecodeError; what is no answer refuses nothing
        return 0, ""
    partial = answer.partial_success
    return max(0, partial.rejected_log_records), partial.error_message


def _name(group: ResourceLogs, place: tuple[str, str, str]) -> None:
    names = ("service.namespace", "service.name", "service.instance.id")
    for name, value in zip(names, place, strict=True):
        _add(group.resource.attributes, name, value)


def _fill(record: LogRecord, log: Log) -> None:
    record.time_unix_nano = _ns(log.time)
    record.observed_time_unix_nano = _ns(log.received)
    record.severity_number = log.severity_number  # type: ignore[assignment] # an enumeration, 0 to 24 as ours
    record.severity_text = log.level
    record.body.string_value = log.message
    if log.trace_id:
        record.trace_id = bytes.fromhex(log.trace_id)
    if log.span_id:
        record.span_id = bytes.fromhex(log.span_id)
    for name, value in {**log.attributes, **_conventional(log)}.items():
        if value is not None:
            _add(record.attributes, name, value)


def _conventional(log: Log) -> Mapping[str, Any]:
    found: dict[str, Any] = {
        "code.file.path": log.source.file,
        "code.line.number": log.source.line,
        "code.function.name": log.source.function,
        "process.pid": log.process.pid,
        "thread.name": log.process.thread,
        "pylogtap.id": log.id,  # tells a record that comes again
        "pylogtap.template": log.template,
        "test.case.name": log.test_id,
    }
    if log.exception is not None:
        found |= {
            "exception.type": log.exception.type,
            "exception.message": log.exception.message,
            "exception.stacktrace": log.exception.stacktrace,
        }
    return found


def _add(attributes: Any, name: str, value: Any) -> None:
    attribute = attributes.add()
    attribute.key = name
    _set(attribute.value, value, 0)


def _set(target: AnyValue, value: Any, depth: int) -> None:
    if value is None:
        return  # a value that is not set means null
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int) and -_INT_LIMIT <= value < _INT_LIMIT:
        target.int_value = value
    elif isinstance(value, float) and math.isfinite(value):
        target.double_value = value
    elif isinstance(value, dict) and depth < _MOST_DEPTH:
        target.kvlist_value.SetInParent()
        for key, item in value.items():
            pair = target.kvlist_value.values.add()
            pair.key = str(key)
            _set(pair.value, item, depth + 1)
    elif isinstance(value, list) and depth < _MOST_DEPTH:
        target.array_value.SetInParent()
        for item in value:
            _set(target.array_value.values.add(), item, depth + 1)
    else:
        target.string_value = str(value)


def _ns(moment: datetime) -> int:
    span = moment - _EPOCH
    return (span.days * 86_400 + span.seconds) * 1_000_000_000 + span.microseconds * 1_000
