"""OpenTelemetry's protocol over HTTP (https://opentelemetry.io/docs/specs/otlp/#otlphttp)."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from aiohttp import web

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.routing import Raw, Routes
from pylogtap_collector.api.taps.dialects import JSON, PROTOBUF, Otlp
from pylogtap_collector.api.taps.receiving import decoded, identity_of, is_json, place_for, take
from pylogtap_collector.errors import MissingRight, Overloaded, TooLarge, Undecodable
from pylogtap_collector.services import Services
from pylogtap_collector.taps.otlp import Batch, decode_logs
from pylogtap_collector.taps.otlp_metrics import decode_metrics
from pylogtap_collector.taps.otlp_requests import LOGS, METRICS, TRACES, Signal, answer
from pylogtap_collector.taps.otlp_traces import decode_spans

if TYPE_CHECKING:
    from collections.abc import Callable

_RESOURCE: dict[str, Any] = {
    "attributes": [
        {"key": "service.namespace", "value": {"stringValue": "shop"}},
        {"key": "service.name", "value": {"stringValue": "checkout"}},
    ]
}
_T = "1767225600000000000"
_RECORD = {"timeUnixNano": _T, "severityNumber": 13, "body": {"stringValue": "no answer"}}
_SPAN = {"name": "GET /", "startTimeUnixNano": _T, "endTimeUnixNano": "1767225600250000000"}
_METRIC = {"name": "queue.length", "gauge": {"dataPoints": [{"timeUnixNano": _T, "asDouble": 3.0}]}}


def _example(resources: str, scopes: str, records: str, record: Any) -> dict[str, Any]:
    return {resources: [{"resource": _RESOURCE, scopes: [{records: [record]}]}]}


_OF_LOGS = _example("resourceLogs", "scopeLogs", "logRecords", _RECORD)
_OF_SPANS = _example("resourceSpans", "scopeSpans", "spans", _SPAN)
_OF_METRICS = _example("resourceMetrics", "scopeMetrics", "metrics", _METRIC)
# A request without anything in it has no bytes in protobuf.
LogsBody = Annotated[bytes, Raw(PROTOBUF, JSON, example=_OF_LOGS, may_be_empty=True)]
SpansBody = Annotated[bytes, Raw(PROTOBUF, JSON, example=_OF_SPANS, may_be_empty=True)]
MetricsBody = Annotated[bytes, Raw(PROTOBUF, JSON, example=_OF_METRICS, may_be_empty=True)]

routes = Routes(
    "otlp",
    "Logs, spans and metrics of OpenTelemetry's SDKs and collectors, in protobuf or JSON, "
    "compressed by `gzip`, `zstd` or `deflate` or not.",
)

_TAKEN = "The signal's `Export…ServiceResponse`; without `partial_success` everything was taken."
_OPTIONS: dict[str, Any] = {
    "right": Right.DELIVER,
    "dialect": Otlp(),
    "errors": (Undecodable, TooLarge, MissingRight),
    "content": {PROTOBUF: _TAKEN, JSON: "The same in JSON, where the request was."},
}


@routes.post("/v1/logs", **_OPTIONS)
async def deliver_otlp_logs(
    services: Services, visitor: Visitor, request: web.Request, body: LogsBody
) -> web.Response:
    """
    Store log records of OpenTelemetry.

    The answer comes when they are on the disk; what is sent again after no answer is stored once. The
    resource is the place: `service.namespace`, `service.name`, `service.instance.id`.
    """
    return await _take_records(services, visitor, request, body, LOGS)


@routes.post("/otlp/v1/logs", **_OPTIONS)
async def deliver_otlp_logs_below(
    services: Services, visitor: Visitor, request: web.Request, body: LogsBody
) -> web.Response:
    """Store log records of OpenTelemetry, at the path that Loki has for them."""
    return await _take_records(services, visitor, request, body, LOGS)


@routes.post("/v1/traces", **_OPTIONS)
async def deliver_otlp_spans(
    services: Services, visitor: Visitor, request: web.Request, body: SpansBody
) -> web.Response:
    """
    Store spans of OpenTelemetry, a record each.

    A record has the name, `duration_s`, `span.kind`, `status` and the exception of its span. Logs of logfire,
    which come as spans, become ordinary records.
    """
    return await _take_records(services, visitor, request, body, TRACES)


@routes.post("/otlp/v1/traces", **_OPTIONS)
async def deliver_otlp_spans_below(
    services: Services, visitor: Visitor, request: web.Request, body: SpansBody
) -> web.Response:
    """Store spans of OpenTelemetry, below `/otlp`."""
    return await _take_records(services, visitor, request, body, TRACES)


@routes.post("/v1/metrics", **_OPTIONS)
async def deliver_otlp_metrics(
    services: Services, visitor: Visitor, request: web.Request, body: MetricsBody
) -> web.Response:
    """
    Store metrics of OpenTelemetry.

    A sum that only grows is a counter, any other a gauge; histograms become `.count`, `.sum` and `.bucket`.
    Growth (delta temporality) is added up.
    """
    return await _take_points(services, visitor, request, body)


@routes.post("/otlp/v1/metrics", **_OPTIONS)
async def deliver_otlp_metrics_below(
    services: Services, visitor: Visitor, request: web.Request, body: MetricsBody
) -> web.Response:
    """Store metrics of OpenTelemetry, below `/otlp`."""
    return await _take_points(services, visitor, request, body)


async def _take_records(
    services: Services, visitor: Visitor, request: web.Request, body: bytes, signal: Signal
) -> web.Response:
    as_json, place = is_json(request, body), place_for(visitor, "otlp")
    decode: Callable[..., Batch] = decode_logs if signal is LOGS else decode_spans

    def read(data: bytes) -> tuple[Batch, bytes | None]:
        batch = decode(data, place, is_json=as_json)
        return batch, identity_of(signal.rejected, place, data, batch.entries)

    batch, identity = await decoded(services, request, body, read)
    _, bad = await take(services, visitor, batch, identity)
    return _answer(signal, bad, as_json=as_json)


async def _take_points(
    services: Services, visitor: Visitor, request: web.Request, body: bytes
) -> web.Response:
    as_json, place = is_json(request, body), place_for(visitor, "otlp")
    read = partial(
        decode_metrics,
        default=place,
        now_ns=time.time_ns(),
        deltas=services.deltas,
        is_json=as_json,
        allowed=visitor.where(Right.DELIVER),
    )
    points, bad, foreign = await decoded(services, request, body, read)
    if foreign and not points:
        raise visitor.refusal(Right.DELIVER, foreign[0])
    if points:
        taken = await services.metrics.take(points, visitor.where(Right.DELIVER))
        missing = len(points) - taken.stored
        if missing and not taken.refused:  # a client sends it again; what is there is replaced
            raise Overloaded("Points of metrics cannot be stored just now.", 5.0)
        bad += [taken.refused[number % len(taken.refused)] for number in range(missing)]
    bad += [f"{project}: nothing may be added to it by this key" for project in foreign]
    return _answer(METRICS, bad, as_json=as_json)


def _answer(signal: Signal, bad: list[str], *, as_json: bool) -> web.Response:
    return web.Response(
        body=answer(signal, bad, as_json=as_json),
        content_type=JSON if as_json else PROTOBUF,
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )
