"""The smallest bodies of other protocols, each with one record of a project."""

from __future__ import annotations

import json
from typing import Any

import cramjam
import msgpack
from google.protobuf.json_format import ParseDict

from pylogtap_collector.taps.declared import PushRequest
from pylogtap_collector.taps.otlp_requests import LOGS, METRICS, TRACES, Signal

T = 1_767_225_600_000_000_000  # ns: the beginning of 2026
ENVELOPE = b'{}\n{"type": "event"}\n{"message": "x", "timestamp": 1767225600}\n'
_SIGNALS = {"logs": LOGS, "spans": TRACES, "metrics": METRICS}
_ONE: dict[str, dict[str, Any]] = {
    "logs": {"timeUnixNano": str(T), "body": {"stringValue": "x"}},
    "spans": {"name": "x", "startTimeUnixNano": str(T), "endTimeUnixNano": str(T + 1)},
    "metrics": {"name": "x", "gauge": {"dataPoints": [{"timeUnixNano": str(T), "asDouble": 1.5}]}},
}


def one_of_otlp(kind: str, project: str, *, as_json: bool = True) -> bytes:
    """
    Return a request of OTLP.

    Args:
        kind: `logs`, `spans` or `metrics`.
        project: Of the record, span or point.
        as_json: In JSON, else in protobuf.
    """
    signal: Signal = _SIGNALS[kind]
    resources, scopes, records = (_camel(name) for name in signal.levels)
    attribute = {"key": "service.namespace", "value": {"stringValue": project}}
    document = {resources: [{"resource": {"attributes": [attribute]}, scopes: [{records: [_ONE[kind]]}]}]}
    if as_json:
        return json.dumps(document).encode()
    return bytes(ParseDict(document, signal.request()).SerializeToString())


def one_of_bulk(project: str) -> bytes:
    """Return a bulk request of Elasticsearch."""
    document = json.dumps({"message": "x", "project": project})
    return f'{{"create": {{}}}}\n{document}\n'.encode()


def one_of_loki(project: str, *, as_json: bool = True) -> bytes:
    """Return a push for Loki, in JSON or in protobuf."""
    if as_json:
        stream = {"stream": {"project": project}, "values": [[str(T), "x"]]}
        return json.dumps({"streams": [stream]}).encode()
    request = PushRequest()
    entry = request.streams.add(labels=f'{{project="{project}"}}').entries.add(line="x")
    entry.timestamp.seconds = T // 10**9
    return bytes(cramjam.snappy.compress_raw(request.SerializeToString()))


def one_of_msgpack(project: str) -> bytes:
    """Return a record as Fluent Bit packs it."""
    return bytes(msgpack.packb([T // 10**9, {"message": "x", "project": project}]))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
