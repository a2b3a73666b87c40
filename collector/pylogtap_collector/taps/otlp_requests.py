"""
Bodies of OTLP over HTTP, in protobuf and in JSON, as the official classes, and the answers to them.

The JSON is that of protobuf, but for ids, which are hexadecimal (source: the OTLP specification, "JSON
Protobuf Encoding"). It is read record by record: one that cannot be read does not cost the others.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

from pylogtap_collector.errors import Undecodable
from pylogtap_collector.taps.declared import Status
from pylogtap_collector.taps.values import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMED = 3  # so many of the bad records are told in words
_IDS = ("traceId", "trace_id", "spanId", "span_id", "parentSpanId", "parent_span_id")
_UNUSED = ("links", "exemplars")  # have ids, too, and are not kept


class Signal(NamedTuple):
    """
    One of the kinds of data that OTLP carries.

    Attributes:
        request: Class of the body.
        response: Class of the answer.
        levels: Names of the lists of resources, scopes and records, one in another.
        rejected: Name of the count of what was not taken, in the answer.
        records: What these are called.
    """

    request: type[Message]
    response: type[Message]
    levels: tuple[str, str, str]
    rejected: str
    records: str


LOGS = Signal(
    logs.ExportLogsServiceRequest,
    logs.ExportLogsServiceResponse,
    ("resource_logs", "scope_logs", "log_records"),
    "rejected_log_records",
    "records",
)
TRACES = Signal(
    traces.ExportTraceServiceRequest,
    traces.ExportTraceServiceResponse,
    ("resource_spans", "scope_spans", "spans"),
    "rejected_spans",
    "spans",
)
METRICS = Signal(
    metrics.ExportMetricsServiceRequest,
    metrics.ExportMetricsServiceResponse,
    ("resource_metrics", "scope_metrics", "metrics"),
    "rejected_data_points",
    "points",
)


def read_request(signal: Signal, body: bytes, *, is_json: bool) -> tuple[Any, list[str]]:
    """
    Read a body.

    Args:
        signal: What it carries.
        body: Decompressed.
        is_json: It is JSON, else protobuf.

    Returns:
        The request, and what is wrong with each record that cannot be read; it is not part of the request.

    Raises:
        Undecodable: It is no such request.
    """
    if is_json:
        return _read_json(signal, body)
    try:
        return signal.request.FromString(body), []
    except DecodeError as error:
        name = signal.request.DESCRIPTOR.name
        raise Undecodable(f"The body is no {name} in protobuf: {error}.") from error


def answer(signal: Signal, bad: list[str], *, as_json: bool) -> bytes:
    """
    Return the answer to a request that was taken, in the form that the request had.

    Args:
        signal: What it carried.
        bad: What is wrong with each record that was not taken.
        as_json: In JSON, else in protobuf.
    """
    response: Any = signal.response()
    if bad:
        setattr(response.partial_success, signal.rejected, len(bad))
        told = "; ".join(dict.fromkeys(bad[:NAMED]))
        more = "; …" if len(bad) > NAMED else ""
        response.partial_success.error_message = f"{len(bad)} {signal.records} not taken: {told}{more}"
    return _written(response, as_json=as_json)


def refusal(code: int, message: str, *, as_json: bool) -> bytes:
    """
    Return the answer to a request that was not taken: a google.rpc.Status.

    Args:
        code: Of gRPC.
        message: What is wrong.
        as_json: In JSON, else in protobuf.
    """
    return _written(Status(code=code, message=message), as_json=as_json)


def _written(message: Message, *, as_json: bool) -> bytes:
    if as_json:
        return str(json_format.MessageToJson(message, indent=None)).encode()
    return bytes(message.SerializeToString())


def _read_json(signal: Signal, body: bytes) -> tuple[Any, list[str]]:
    document = read_json(body)
    if not isinstance(document, dict):
        raise Undecodable("The body is no JSON object with a list of resources.")
    request = signal.request()
    bad: list[str] = []
    of_resources, of_scopes, of_records = signal.levels
    for resource in _taken(document, of_resources):
        scopes = list(_taken(resource, of_scopes))
        resource_message = getattr(request, of_resources).add()
        _fill(resource_message, resource, of_resources)
        for scope in scopes:
            records = list(_taken(scope, of_records))
            scope_message = getattr(resource_message, of_scopes).add()
            _fill(scope_message, scope, of_scopes)
            found = getattr(scope_message, of_records)
            for record in records:
                try:
                    _fill(found.add(), _with_plain_ids(record), of_records)
                except Undecodable as error:
                    del found[-1]
                    bad.append(error.detail)
    return request, bad


def _taken(document: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list of an object, and leave the object without it."""
    found: list[Any] = []
    for each in (_camel(name), name):
        value = document.pop(each, None) or []
        if not isinstance(value, list):
            raise Undecodable(f"`{each}` is no list.")
        found += value
    for value in found:
        if not isinstance(value, dict):
            raise Undecodable(f"`{name}` has something in it that is no object.")
        yield value


def _fill(message: Message, values: dict[str, Any], name: str) -> None:
    try:
        json_format.ParseDict(values, message, ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Undecodable(f"{name}: {str(error)[:300]}") from error


def _with_plain_ids(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with ids as protobuf's JSON has them, in base64; one that is none is left out."""
    for name in _UNUSED:
        record.pop(name, None)
    for name in _IDS:
        given = record.pop(name, None)
        if isinstance(given, str):
            try:
                record[name] = base64.b64encode(binascii.unhexlify(given)).decode()
            except ValueError:
                continue
    return record


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
