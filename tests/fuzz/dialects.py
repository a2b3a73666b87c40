"""Readers of bodies that other shippers send over HTTP, and of test reports."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import cramjam
import msgpack
import zstandard

from pylogtap.cases.facts import MAX_ITEMS, MAX_NAME, MAX_STACK
from pylogtap_collector.errors import Invalid, TooLarge, Undecodable
from pylogtap_collector.inflating import inflate
from pylogtap_collector.reports.reading import read
from pylogtap_collector.taps.bulk import answer, decode_bulk, identity_of
from pylogtap_collector.taps.coding import opened
from pylogtap_collector.taps.deltas import Deltas
from pylogtap_collector.taps.labels import MAX_LABELS
from pylogtap_collector.taps.loki import decode_push, decode_push_json
from pylogtap_collector.taps.otlp import decode_logs
from pylogtap_collector.taps.otlp_metrics import decode_metrics
from pylogtap_collector.taps.otlp_traces import decode_spans
from pylogtap_collector.taps.sentry import decode_envelope
from pylogtap_collector.taps.shipments import decode_json, decode_msgpack
from tests.fuzz.target import END, HERE, LIMIT, MADE, NOW, Target, check_entries, check_texts, made
from tests.fuzz.vocabulary import OTLP, RECORDS, REPORT_NAMES, SENTRY, XML
from tests.support.reports import REPORTS, report
from tests.support.shipments import ENVELOPE, one_of_bulk, one_of_loki, one_of_msgpack, one_of_otlp

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylogtap_collector.taps.entries import Entry


def entries_in(data: bytes, decode: Callable[[bytes], list[Entry]]) -> None:
    """Any body: entries that can be stored, or the protocol's error."""
    with suppress(Undecodable, TooLarge):
        check_entries(decode(data))


def document_in(data: bytes, decode: Callable[[bytes], list[Entry]], words: tuple[str, ...]) -> None:
    """Any body of JSON, or a document that bytes tell how to make."""
    entries_in(json.dumps(made(data[1:], words)).encode() if data[:1] == MADE else data, decode)


def _bulk(body: bytes) -> list[Entry]:
    items = decode_bulk(body, HERE, NOW)
    identity_of(items)
    json.dumps(answer(items)).encode()
    return [item.entry for item in items if item.entry is not None]


def _pair(body: bytes) -> list[Entry]:
    return _bulk(b'{"create": {}}\n' + body.replace(b"\n", b" ") + b"\n")


def _values(body: bytes) -> list[Entry]:
    good = [str(NOW), "good"]
    with suppress(ValueError, RecursionError):
        body = json.dumps(
            {"streams": [{"stream": {"job": "x"}, "values": [json.loads(body), good]}]}
        ).encode()
    return decode_push_json(body, HERE, NOW).entries


def _event(body: bytes) -> list[Entry]:
    return decode_envelope(b'{}\n{"type":"event"}\n' + body.replace(b"\n", b" "), HERE, NOW).entries


def read_metrics(data: bytes) -> None:
    """Any body of metrics, in protobuf and in JSON: points that can be stored, or the protocol's error."""
    is_json = data[:1] in {MADE, b"{"}
    body = json.dumps(made(data[1:], OTLP)).encode() if data[:1] == MADE else data
    try:
        measured = decode_metrics(body, HERE, NOW, Deltas(), is_json=is_json)
    except Undecodable:
        return
    for point in measured.points:
        assert math.isfinite(point.value)
        assert 0 <= point.time_ns < END
        assert point.name
        assert len(point.labels) <= MAX_LABELS
        assert len({name for name, _ in point.labels}) == len(point.labels)
        check_texts([point.name, point.unit, point.labels])


def read_coded(data: bytes) -> None:
    """Any bytes as compressed, and compressed ones: what was put in comes out, whole, or it is refused."""
    for coding in ("gzip", "zstd", "deflate", "br", "snappy", "identity", "?"):
        with suppress(Undecodable, TooLarge):
            assert len(opened(data, coding, 1_000)) <= 1_000
    data = data[:1_000]
    packed = {
        "gzip": gzip.compress(data[:500]) + gzip.compress(data[500:]),
        "zstd": zstandard.compress(data[:500]) + _UNSIZED.compress(data[500:]),
        "deflate": zlib.compress(data),
        "br": bytes(cramjam.brotli.compress(data)),
        "snappy": bytes(cramjam.snappy.compress_raw(data)),
    }  # fmt: skip
    for coding, body in packed.items():
        assert opened(body, coding, 1_000) == data, coding
        for cut in (body[:-1], body[: len(body) // 2]):
            with suppress(Undecodable, TooLarge):
                found = opened(cut, coding, 1_000)
                assert found == data[:500], f"{coding} that is cut gave {len(found)} of {len(data)} bytes"
    with suppress(Invalid, TooLarge):
        inflate(data, "gzip", 100)


def read_report(data: bytes) -> None:
    """Any report: a run that can be stored, or a refusal."""
    if data[:1] == MADE:
        made_of = made(data[1:], REPORT_NAMES)
        shapes = ({"results": {"tests": made_of}}, {"results": made_of}, made_of)
        bodies = [json.dumps(shape).encode() for shape in shapes]
        lines = made_of if isinstance(made_of, list) else [made_of]
        told = [json.dumps(each) for each in ({"$report_type": "SessionStart"}, *lines)]
        bodies.append("\n".join(told).encode())
    else:
        bodies = [data]
    for body in bodies:
        try:
            run = read(body, NOW)
        except Invalid as refused:
            _check_refusal(refused)
            continue
        assert 0 < run.started < END
        assert math.isfinite(run.duration)
        assert run.duration >= 0
        msgpack.packb([run.facts, run.cases, run.warnings, run.skipped, run.reason])
        for case in run.cases:
            assert case["name"]
            assert 0 < len(case["node"]) <= MAX_NAME + 60
            assert 0 < case["started"] < END
            assert len(case.get("attempts", ())) <= MAX_ITEMS
            assert len(case.get("failure", {}).get("stacktrace", "")) <= MAX_STACK + 100


def _check_refusal(refusal: Invalid) -> None:
    assert 0 < len(refusal.detail) < 1_000


def _words(names: tuple[str, ...]) -> tuple[bytes, ...]:
    more = ("{", "}", "[", "]", ":", ",", "null", "1e999", "-1", "\\ud800", '"', "9" * 20, "[" * 40, "\n")
    return tuple(f'"{name}"'.encode() for name in names) + tuple(text.encode() for text in more)


def _json(
    name: str, decode: Callable[[bytes], list[Entry]], words: tuple[str, ...], *samples: bytes
) -> Target:
    made_up = bytes(range(256)) * 2
    return Target(
        name, partial(document_in, decode=decode, words=words), (*samples, MADE + made_up), _words(words)
    )


def _raw(
    name: str, decode: Callable[[bytes], list[Entry]], *samples: bytes, words: tuple[bytes, ...] = ()
) -> Target:
    return Target(name, partial(entries_in, decode=decode), samples, words)


def _snappy(body: bytes) -> list[Entry]:
    return decode_push(bytes(cramjam.snappy.compress_raw(body)), HERE, NOW, LIMIT).entries


_UNSIZED = zstandard.ZstdCompressor(write_content_size=False)
_LOKI = bytes(cramjam.snappy.decompress_raw(one_of_loki("shop", as_json=False)))
_SENT_LOG = (
    b'{}\n{"type": "log", "length": 60}\n{"items": [{"body": "x", "attributes": {"a": {"value": 1}}}]}\n'
)
_RECORD = (
    b'{"time": "2026-01-02T03:04:05Z", "level": "warn","message": "x", "error": {"type": "E"}, "pid": 7}'
)
_METRICS = one_of_otlp("metrics", "shop")
_HISTOGRAM = json.dumps(
    {"resourceMetrics": [{"scopeMetrics": [{"metrics": [
        {"name": "h", "histogram": {"aggregationTemporality": 1, "dataPoints": [
            {"count": 3, "sum": 1.5, "min": 0, "max": 1, "bucketCounts": [1, 2], "explicitBounds": [0.5]}]}},
        {"name": "s", "summary": {"dataPoints": [{"count": 1, "quantileValues": [{"quantile": 0.5,
            "value": 1}]}]}},
        {"name": "c", "unit": "By/s", "sum": {"isMonotonic": True, "dataPoints": [{"asInt": "5",
            "attributes": [
            {"key": "a", "value": {"stringValue": "b"}}]}]}},
    ]}]}]}
).encode()  # fmt: skip
DIALECTS = (
    _raw("otlp-logs", lambda body: decode_logs(body, HERE).entries, one_of_otlp("logs", "shop",
        as_json=False)),
    _raw("otlp-spans", lambda body: decode_spans(body, HERE).entries, one_of_otlp("spans", "shop",
        as_json=False)),
    _json("otlp-logs-json", lambda body: decode_logs(body, HERE, is_json=True).entries, OTLP,
        one_of_otlp("logs", "shop")),
    _json("otlp-spans-json", lambda body: decode_spans(body, HERE, is_json=True).entries, OTLP,
        one_of_otlp("spans", "shop")),
    Target(
        "otlp-metrics",
        read_metrics,
        (_METRICS, _HISTOGRAM, one_of_otlp("metrics", "shop", as_json=False), MADE + bytes(range(256))),
        _words(OTLP),
    ),
    _raw("loki", lambda body: decode_push(body, HERE, NOW, LIMIT).entries, one_of_loki("shop",
        as_json=False)),
    _raw("loki-inner", _snappy, _LOKI, words=(b'{a="b"}', b'\\"', b"\\x41", b"=", b",", b"level", b"\\777")),
    _json("loki-json", lambda body: decode_push_json(body, HERE, NOW).entries, RECORDS, one_of_loki("shop")),
    _json("loki-values", _values, RECORDS, b'["1767225600000000000", "x", {"level": "warn"}]'),
    _raw("bulk", _bulk, one_of_bulk("shop"), words=_words(RECORDS)),
    _json("bulk-document", _pair, RECORDS, _RECORD),
    _json("json", lambda body: decode_json(body, HERE, NOW).entries, RECORDS, _RECORD,
        b"[" + _RECORD + b"]", _RECORD * 2 + b"\nx"),
    _raw("msgpack", lambda body: decode_msgpack(body, HERE, NOW).entries, one_of_msgpack("shop"),
         words=(b"\xd7\x00", b"\xd7\xff", b"\xd6\xff", b"\xdd\0\0\0\x02", b"\x92", b"\x81", b"\xa3msg",
             b"\xcb\x7f\xf0\0\0\0\0\0\0")),
    _raw("sentry", lambda body: decode_envelope(body, HERE, NOW).entries, ENVELOPE, _SENT_LOG,
        words=_words(SENTRY)),
    _json("sentry-event", _event, SENTRY,
        b'{"message": {"message": "%s", "params": [1]}, "exception": [{"type": "E"}]}'),
    Target("codings", read_coded, (b"x" * 900, gzip.compress(b"x"), zstandard.compress(b"x"),
        zlib.compress(b"x")),
           (b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x78\x9c", b"\xff" * 4)),
    Target("reports", read_report, (*(report(name)[:4_000] for name in REPORTS), MADE + bytes(range(256))),
           (*XML, *_words(REPORT_NAMES))),
)  # fmt: skip
