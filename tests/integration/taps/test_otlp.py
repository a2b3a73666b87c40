"""OpenTelemetry's SDK and logfire deliver to a collector, as they deliver to any other."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # has no annotations
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

from pylogtap_collector.taps.entries import segment_name
from tests.support.shippers import only, run_shipper

if TYPE_CHECKING:
    from pylogtap_collector.proofs.daemon import CollectorProcess

PROTOBUF, JSON = "application/x-protobuf", "application/json"
TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
SDK_LOGS = """
import logging, warnings
warnings.simplefilter("ignore")
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind

resource = Resource.create({
    "service.namespace": "otel", "service.name": "cart", "service.instance.id": "one",
    "deployment.environment.name": "test",
})
logs = LoggerProvider(resource=resource)
logs.add_log_record_processor(BatchLogRecordProcessor(
    OTLPLogExporter(endpoint=URL + PATH + "/v1/logs", compression=Compression(CODING))
))
handler = LoggingHandler(logger_provider=logs)
tracer_provider = TracerProvider(resource=resource)
tracer_provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=URL + PATH + "/v1/traces")))
log = logging.getLogger("otel.shop")
log.addHandler(handler)
log.setLevel(logging.DEBUG)
tracer = tracer_provider.get_tracer("otel.tracer")
log.info("order %d placed", 17, extra={"cents": 150, "coupons": ["a", "b"]})
try:
    with tracer.start_as_current_span("charge", kind=SpanKind.CLIENT, attributes={"amount": 1.5}) as span:
        context = span.get_span_context()
        log.warning("card is slow")
        span.add_event("asked", {"try": 1})
        raise ValueError("no such card")
except ValueError:
    log.exception("charge failed")
logs.shutdown()
tracer_provider.shutdown()
print(f"{context.trace_id:032x} {context.span_id:016x}")
"""
SDK_METRICS = """
import time
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

DELTA = AggregationTemporality.DELTA
exporter = OTLPMetricExporter(
    endpoint=URL + "/v1/metrics", preferred_temporality={Counter: DELTA, Histogram: DELTA} if DELTAS else {}
)
reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
resource = Resource.create({"service.namespace": PROJECT, "service.name": "cart", "service.instance.id": "1"})
provider = MeterProvider([reader], resource=resource)
meter = provider.get_meter("shop")
orders = meter.create_counter("orders", unit="{order}")
took = meter.create_histogram("took", unit="ms", explicit_bucket_boundaries_advisory=[10.0, 100.0])
room = meter.create_up_down_counter("room", unit="By")
heat = meter.create_gauge("heat", unit="Cel")
for round in (1, 2):
    orders.add(3, {"kind": "tea"})
    took.record(5.0)
    took.record(50.0)
    room.add(1024)
    heat.set(21.5)
    provider.force_flush()
    time.sleep(0.01)
provider.shutdown()
"""
LOGFIRE = """
import logging, warnings
warnings.simplefilter("ignore")
import logfire
logfire.configure(send_to_logfire=False, service_name="web", console=False, inspect_arguments=False)
logfire.info("hello {name}", name="Ada", basket={"tea": 2}, tags=["x"])
logfire.warn("slow")
with logfire.span("outer {n}", n=3):
    logfire.error("inner")
try:
    with logfire.span("broken"):
        raise KeyError("gone")
except KeyError:
    pass
logfire.force_flush()
logfire.shutdown()
"""


def post(
    collector: CollectorProcess, path: str, body: bytes, kind: str, **headers: str
) -> tuple[int, str, bytes]:
    """Send a body, and return status, content type and body of the answer."""
    request = urllib.request.Request(
        collector.url + path, data=body, headers={"Content-Type": kind, **headers}, method="POST"
    )
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.headers.get_content_type(), answer.read()


def logs_json(project: str, *records: dict[str, Any]) -> bytes:
    """Return a request to `/v1/logs` in JSON."""
    attribute = {"key": "service.namespace", "value": {"stringValue": project}}
    scopes = [{"scope": {"name": "lib"}, "logRecords": list(records)}]
    return json.dumps(
        {"resourceLogs": [{"resource": {"attributes": [attribute]}, "scopeLogs": scopes}]}
    ).encode()


def record(text: str, **more: Any) -> dict[str, Any]:
    """Return a log record in JSON."""
    return {"timeUnixNano": "1767225600000000000", "body": {"stringValue": text}, **more}


@pytest.mark.parametrize(("path", "coding"), [("", "gzip"), ("/otlp", "none")])
def test_records_and_spans_of_the_sdk(collector: CollectorProcess, path: str, coding: str) -> None:
    """The SDK's log handler and tracer deliver all that a record has."""
    before = time.time()
    program = (
        SDK_LOGS.replace("CODING", repr(coding))
        .replace("PATH", repr(path))
        .replace('"otel"', f'"otel-{coding}"')
    )
    trace, span = run_shipper(program, collector).split()
    place = f"project:otel-{coding} service:cart instance:one"
    placed = only(collector, f"{place} placed")
    assert (placed["message"], placed["level"], placed["severity_number"]) == ("order 17 placed", "info", 9)
    assert placed["logger"] == "otel.shop"
    assert placed["attributes"]["cents"] == 150
    assert placed["attributes"]["coupons"] == ["a", "b"]
    assert placed["attributes"]["resource.deployment.environment.name"] == "test"
    assert not [name for name in placed["attributes"] if "telemetry" in name or "service" in name]
    assert before - 1 < datetime.fromisoformat(placed["time"]).timestamp() < time.time() + 1
    assert placed["source"]["function"] == "<module>"
    assert placed["source"]["line"] > 0
    slow = only(collector, f"{place} slow")
    assert (slow["level"], slow["trace_id"], slow["span_id"]) == ("warning", trace, span)
    failed = only(collector, f'{place} "charge failed"')
    assert (failed["level"], failed["severity_number"]) == ("error", 17)
    assert failed["exception"]["type"] == "ValueError"
    assert failed["exception"]["message"] == "no such card"
    assert "Traceback" in failed["exception"]["stacktrace"]
    charge = only(collector, f"{place} logger:otel.tracer")
    assert (charge["message"], charge["level"], charge["trace_id"]) == ("charge", "error", trace)
    assert charge["attributes"]["span.kind"] == "client"
    assert charge["attributes"]["amount"] == 1.5
    assert charge["attributes"]["status"] == "error"
    assert charge["attributes"]["duration_s"] > 0
    assert charge["attributes"]["events"][0]["name"] == "asked"
    assert charge["exception"]["message"] == "no such card"


def test_records_of_logfire(collector: CollectorProcess) -> None:
    """Logs of logfire, which it sends as spans, are records; its spans are too, with how long they took."""
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_RESOURCE_ATTRIBUTES": "service.namespace=fire"}
    run_shipper(LOGFIRE, collector, env)
    found = {each["message"]: each for each in collector.logs("project:fire service:web")}
    assert set(found) == {"hello Ada", "slow", "outer 3", "inner", "broken"}
    hello = found["hello Ada"]
    assert (hello["template"], hello["level"]) == ("hello {name}", "info")
    assert hello["attributes"]["name"] == "Ada"
    assert hello["attributes"]["basket"] == {"tea": 2}
    assert hello["attributes"]["tags"] == ["x"]
    assert not [name for name in hello["attributes"] if name.startswith("logfire.")]
    assert hello["instance"] == segment_name(socket.gethostname())
    assert len(hello["attributes"]["service.instance.id"].replace("-", "")) == 32
    assert not [name for name in hello["attributes"] if name.startswith(("resource.os.", "resource.host.i"))]
    assert "duration_s" not in hello["attributes"]
    assert hello["source"]["line"] > 0
    assert found["slow"]["level"] == "warning"
    assert found["inner"]["level"] == "error"
    assert found["inner"]["trace_id"] == found["outer 3"]["trace_id"]
    assert found["inner"]["attributes"]["parent_span_id"] == found["outer 3"]["span_id"]
    assert found["outer 3"]["attributes"]["duration_s"] >= 0
    assert found["broken"]["exception"]["type"] == "KeyError"
    assert found["broken"]["level"] == "error"


@pytest.mark.parametrize("deltas", [False, True])
def test_metrics_of_the_sdk(collector: CollectorProcess, deltas: bool) -> None:
    """Counters, gauges and histograms arrive, and growth is added up to what a sum would have told."""
    project = f"metrics-{deltas}".lower()
    run_shipper(f"DELTAS, PROJECT = {deltas}, {project!r}\n{SDK_METRICS}", collector)
    found = collector.get("/api/v1/metrics", project=project, limit=100)["items"]
    metrics = {(each["name"], each["labels"].get("le")): each for each in found}
    assert metrics["orders", None]["kind"] == "counter"
    assert metrics["orders", None]["labels"] == {"kind": "tea"}
    assert metrics["took.count", None]["kind"] == "counter"
    assert metrics["room", None]["kind"] == "gauge"
    assert metrics["room", None]["unit"] == "bytes"
    assert metrics["heat", None]["unit"] == "°C"
    last = {name: _last(collector, each["id"]) for name, each in metrics.items()}
    assert last["orders", None] == 6
    assert last["took.count", None] == 4
    assert last["took.sum", None] == 110
    assert [last["took.bucket", le] for le in ("10", "100", "+Inf")] == [2, 4, 4]
    assert last["room", None] == 2048
    assert last["heat", None] == 21.5


def _last(collector: CollectorProcess, metric: int) -> float:
    points = collector.get(f"/api/v1/metrics/{metric}")["points"]
    return float(max(points, key=lambda each: str(each["time"]))["value"])


def test_json_is_answered_in_json(collector: CollectorProcess) -> None:
    """What the other form of the protocol has is understood: ids in hexadecimal, numbers as texts."""
    body = logs_json(
        "json", record("in json", severityNumber="SEVERITY_NUMBER_ERROR", traceId=TRACE, spanId=SPAN)
    )
    status, kind, answer = post(collector, "/v1/logs", body, JSON)
    assert (status, kind, json.loads(answer)) == (200, JSON, {})
    found = only(collector, "project:json")
    assert (found["message"], found["level"], found["severity_number"]) == ("in json", "error", 17)
    assert (found["trace_id"], found["span_id"]) == (TRACE, SPAN)
    assert found["time"].startswith("2026-01-01T00:00:00")


def test_a_bad_record_is_counted_and_the_others_stored(collector: CollectorProcess) -> None:
    """A partial success names how many were not taken, and why."""
    body = logs_json("partial", record("good"), record("bad", flags="many"), record("good, too"))
    status, _, answer = post(collector, "/v1/logs", body, JSON)
    partial = json.loads(answer)["partialSuccess"]
    assert (status, partial["rejectedLogRecords"]) == (200, "1")
    assert "flags" in partial["errorMessage"]
    assert collector.count("project:partial") == 2


def test_what_is_sent_again_is_stored_once(collector: CollectorProcess) -> None:
    """A client that got no answer sends the same body again."""
    body = logs_json("again", record("once"))
    answers = {post(collector, "/v1/logs", body, JSON)[0] for _ in range(2)}
    assert (answers, collector.count("project:again")) == ({200}, 1)


def test_records_without_a_time_are_never_taken_for_a_repetition(collector: CollectorProcess) -> None:
    """Two that say the same, and not when, may well be two."""
    body = logs_json("timeless", {"body": {"stringValue": "tick"}})
    for _ in range(2):
        post(collector, "/v1/logs", body, JSON)
    assert collector.count("project:timeless") == 2


def test_what_cannot_be_decoded_is_refused_as_the_protocol_says(collector: CollectorProcess) -> None:
    """The answer is a google.rpc.Status, in the form of the request, with 400: no client sends it again."""
    status, kind, answer = post(collector, "/v1/logs", b"\xff\xff", PROTOBUF)
    assert (status, kind) == (400, PROTOBUF)
    told = Status.FromString(answer)
    assert (told.code, "ExportLogsServiceRequest" in told.message) == (3, True)
    status, kind, answer = post(collector, "/v1/traces", b"{", JSON)
    assert (status, kind, json.loads(answer)["code"]) == (400, JSON, 3)
    status, _, answer = post(collector, "/v1/metrics", b"x", PROTOBUF, **{"Content-Encoding": "gzip"})
    assert (status, Status.FromString(answer).code) == (400, 3)


def test_a_legal_batch_is_never_too_large(collector: CollectorProcess) -> None:
    """A batch of many MiB is taken whole: exporters drop what is answered by 413."""
    request = ExportLogsServiceRequest()
    of_resource = request.resource_logs.add()
    of_resource.resource.attributes.add(key="service.namespace").value.string_value = "large"
    records = of_resource.scope_logs.add().log_records
    for number in range(200):
        one = records.add(time_unix_nano=1_767_225_600_000_000_000 + number)
        one.body.string_value = f"record {number} " + "x" * 60_000
    body = request.SerializeToString()
    assert len(body) > 12_000_000
    status, _, answer = post(collector, "/v1/logs", body, PROTOBUF)
    assert (status, ExportLogsServiceResponse.FromString(answer)) == (200, ExportLogsServiceResponse())
    assert collector.count("project:large") == 200
