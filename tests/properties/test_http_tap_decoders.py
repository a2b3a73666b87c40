"""Whatever comes by other protocols over HTTP becomes records that can be stored, or the protocol's error."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

import cramjam
import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylogtap.redact import Redactor
from pylogtap_collector.errors import TooLarge, Undecodable
from pylogtap_collector.services.segments import slices_of
from pylogtap_collector.taps.bulk import decode_bulk
from pylogtap_collector.taps.coding import opened
from pylogtap_collector.taps.deltas import Deltas, Series
from pylogtap_collector.taps.labels import MAX_LABELS, MAX_NAME, MAX_VALUE, labels_of
from pylogtap_collector.taps.loki import decode_push, decode_push_json
from pylogtap_collector.taps.otlp import decode_logs
from pylogtap_collector.taps.otlp_metrics import decode_metrics
from pylogtap_collector.taps.otlp_traces import decode_spans
from pylogtap_collector.taps.sentry import decode_envelope
from pylogtap_collector.taps.shipments import decode_json, decode_msgpack
from pylogtap_collector.wire import Place
from tests.support.shipments import ENVELOPE, one_of_bulk, one_of_loki, one_of_msgpack, one_of_otlp

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylogtap_collector.taps.entries import Entry

HERE = Place("shop", "cart", "one")
NOW = 1_767_225_600 * 10**9
LIMIT = 1 << 20
# What the protocols' documents are made of.
KEYS = st.sampled_from(
    [
        "resourceLogs", "scopeLogs", "logRecords", "resourceSpans", "scopeSpans", "spans", "resource",
        "scope", "attributes", "key", "value", "stringValue", "intValue", "kvlistValue", "arrayValue",
        "values", "body", "traceId", "spanId", "timeUnixNano", "severityNumber", "severityText", "events",
        "status", "name", "resourceMetrics", "scopeMetrics", "metrics", "sum", "gauge", "dataPoints",
        "asInt", "asDouble", "flags", "streams", "stream", "level", "message", "log", "date", "time",
        "create", "index", "_id", "_index", "exception", "stacktrace", "frames", "type", "logentry",
        "params", "tags", "extra", "breadcrumbs", "items", "timestamp", "contexts", "trace", "error",
        "service", "host", "@timestamp", "length", "event_id",
    ]
)  # fmt: skip
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True),
    st.text(max_size=12),
    st.sampled_from(
        ["1767225600000000000", "warn", "5b8efff798038103d269b633813fc60c", "event", "\ud83d", "log"]
    ),
)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(KEYS, st.text(max_size=4)), inner, max_size=5)
    ),
    max_leaves=30,
)
DECODERS: dict[str, Callable[[bytes], list[Entry]]] = {
    "logs": lambda body: decode_logs(body, HERE).entries,
    "logs in json": lambda body: decode_logs(body, HERE, is_json=True).entries,
    "spans": lambda body: decode_spans(body, HERE).entries,
    "spans in json": lambda body: decode_spans(body, HERE, is_json=True).entries,
    "loki": lambda body: decode_push(body, HERE, NOW, LIMIT).entries,
    "loki in json": lambda body: decode_push_json(body, HERE, NOW).entries,
    "bulk": lambda body: [item.entry for item in decode_bulk(body, HERE, NOW) if item.entry is not None],
    "json": lambda body: decode_json(body, HERE, NOW).entries,
    "msgpack": lambda body: decode_msgpack(body, HERE, NOW).entries,
    "sentry": lambda body: decode_envelope(body, HERE, NOW).entries,
}
VALID: dict[str, bytes] = {
    "logs": one_of_otlp("logs", "shop", as_json=False),
    "logs in json": one_of_otlp("logs", "shop"),
    "spans": one_of_otlp("spans", "shop", as_json=False),
    "spans in json": one_of_otlp("spans", "shop"),
    "loki": one_of_loki("shop", as_json=False),
    "loki in json": one_of_loki("shop"),
    "bulk": one_of_bulk("shop"),
    "json": b'{"message": "x"}\n{"message": "y"}',
    "msgpack": one_of_msgpack("shop"),
    "sentry": ENVELOPE,
}


def check(entries: list[Entry]) -> None:
    """Make sure that entries can be stored."""
    for entry in entries:
        assert entry.severity in range(1, 25)
        assert entry.level == entry.level.lower()
        assert entry.time_ns is None or 0 <= entry.time_ns < 1 << 63
        assert entry.trace_id is None or len(entry.trace_id) == 32
        assert entry.span_id is None or len(entry.span_id) == 16
        assert entry.pid is None or 0 <= entry.pid < 1 << 63
        assert entry.exception is None or set(entry.exception) == {"type", "message", "stacktrace"}
    slices_of(entries, (bytes([0] * 12) + number.to_bytes(4, "big") for number in count()), Redactor(), NOW)


def decode(name: str, body: bytes) -> None:
    """Decode a body, and check what comes of it."""
    try:
        entries = DECODERS[name](body)
    except (Undecodable, TooLarge):
        return
    check(entries)


def written(document: Any) -> bytes:
    """Return a document as JSON, as sloppy programs write it."""
    return json.dumps(document).encode()


@pytest.mark.parametrize("name", DECODERS)
@given(body=st.binary(max_size=300))
def test_any_bytes(name: str, body: bytes) -> None:
    """No bytes break a decoder."""
    decode(name, body)


@pytest.mark.parametrize("name", DECODERS)
@given(data=st.data())
def test_damaged_bodies(name: str, data: st.DataObject) -> None:
    """What was good, and is cut or changed on its way."""
    body = bytearray(VALID[name])
    for _ in range(data.draw(st.integers(0, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    decode(name, bytes(body[: data.draw(st.integers(0, len(body)))]))


@pytest.mark.parametrize("name", [name for name in DECODERS if "json" in name])
@given(document=DOCUMENTS)
@settings(max_examples=200)
def test_any_json(name: str, document: Any) -> None:
    """Members of the right names and of any kind."""
    decode(name, written(document))


@given(document=DOCUMENTS)
def test_any_record_of_otlp(document: Any) -> None:
    """A record of any shape is taken or named; it does not cost the one beside it."""
    good = {"body": {"stringValue": "good"}}
    records = [good, document, good] if isinstance(document, dict) else [good, good]
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}
    batch = decode_logs(written(body), HERE, is_json=True)
    assert len(batch.entries) + len(batch.bad) == len(records)
    assert [entry.message for entry in batch.entries].count("good") >= 2
    check(batch.entries)


@given(document=DOCUMENTS)
def test_any_document_of_a_bulk_request(document: Any) -> None:
    """Each pair has its own outcome."""
    good = b'{"create": {}}\n{"message": "good"}\n'
    items = decode_bulk(good + b'{"index": {}}\n' + written(document) + b"\n" + good, HERE, NOW)
    assert len(items) == 3
    assert not items[0].error
    assert not items[2].error
    check([item.entry for item in items if item.entry is not None])


@given(event=st.dictionaries(KEYS, DOCUMENTS, max_size=8))
def test_any_event_of_sentry(event: dict[str, Any]) -> None:
    """Events of any shape become records, and so do those beside them."""
    body = b'{}\n{"type": "event"}\n' + written(event) + b'\n{"type": "event"}\n{"message": "good"}\n'
    envelope = decode_envelope(body, HERE, NOW)
    assert (len(envelope.entries), envelope.bad) == (2, [])
    check(envelope.entries)


@given(value=DOCUMENTS, labels=st.dictionaries(KEYS, LEAVES, max_size=4))
def test_any_value_of_loki(value: Any, labels: dict[str, Any]) -> None:
    """A value of any shape is taken or named; it does not cost the one beside it."""
    good = [str(NOW), "good"]
    batch = decode_push_json(written({"streams": [{"stream": labels, "values": [value, good]}]}), HERE, NOW)
    assert len(batch.entries) + len(batch.bad) == 2
    assert batch.entries[-1].message == "good"
    check(batch.entries)


@given(value=DOCUMENTS)
def test_any_element_of_msgpack(value: Any) -> None:
    """An element of any shape is taken or named; it does not cost the one beside it."""
    good = msgpack.packb([NOW // 10**9, {"message": "good"}])
    try:
        odd = msgpack.packb(value, unicode_errors="replace")
    except (OverflowError, ValueError):
        return
    batch = decode_msgpack(good + odd + good, HERE, NOW)
    assert [entry.message for entry in batch.entries].count("good") >= 2
    check(batch.entries)


@given(body=st.binary(max_size=300))
def test_any_bytes_as_metrics(body: bytes) -> None:
    """They are points that can be stored, or an error."""
    for is_json in (True, False):
        try:
            decode_metrics(body, HERE, NOW, Deltas(), is_json=is_json)
        except Undecodable:
            continue


@given(document=DOCUMENTS, number=st.floats() | st.integers(), attributes=DOCUMENTS)
def test_any_metric(document: Any, number: float, attributes: Any) -> None:
    """A point of any shape is taken or named; the one beside it is taken."""
    odd = {"asDouble": number, "timeUnixNano": str(NOW), "attributes": attributes}
    good = {"name": "good", "gauge": {"dataPoints": [{"asDouble": 1, "timeUnixNano": str(NOW)}]}}
    metrics = [
        good,
        {"name": "odd", "sum": {"dataPoints": [odd]}},
        {"name": "odder", "histogram": document},
        good,
    ]
    body = written({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]})
    measured = decode_metrics(body, HERE, NOW, Deltas(), is_json=True)
    assert [point.name for point in measured.points].count("good") == 2
    for point in measured.points:
        assert abs(point.value) < float("inf")
        assert 0 <= point.time_ns < 1 << 63
        assert len(point.labels) <= MAX_LABELS


@given(st.dictionaries(st.text(), st.one_of(LEAVES, st.text(max_size=400)), max_size=40))
def test_labels_are_few_short_and_sorted(attributes: dict[str, Any]) -> None:
    """However many attributes a metric has, and however long they are."""
    labels = labels_of(attributes)
    assert len(labels) <= MAX_LABELS
    assert list(labels) == sorted(set(labels))
    assert all(0 < len(name) <= MAX_NAME and 0 < len(value) <= MAX_VALUE for name, value in labels)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 100)), max_size=30), st.booleans())
def test_growth_adds_up(steps: list[tuple[str, int]], repeated: bool) -> None:
    """The sum of a series is that of what it has grown by; what comes again is not added again."""
    deltas, sums = Deltas(), dict.fromkeys("abc", 0)
    for time_ns, (name, growth) in enumerate(steps, 1):
        sums[name] += growth
        for _ in range(1 + repeated):
            assert deltas.add(Series(HERE, name, ()), growth, time_ns) == sums[name]


@pytest.mark.parametrize("coding", ["gzip", "zstd", "deflate", "br", "snappy", "", "compress", "GZIP"])
@given(body=st.binary(max_size=200))
def test_any_bytes_as_compressed(coding: str, body: bytes) -> None:
    """They are bytes of bounded number, or an error."""
    try:
        found = opened(body, coding, 1000)
    except (Undecodable, TooLarge):
        return
    assert len(found) <= 1000


@given(size=st.integers(0, 3000))
def test_what_unfolds_beyond_the_limit_is_refused(size: int) -> None:
    """By its size when decompressed, not by that of what was sent."""
    for coding, packed in (
        ("br", bytes(cramjam.brotli.compress(bytes(size)))),
        ("snappy", bytes(cramjam.snappy.compress_raw(bytes(size)))),
    ):
        if size <= 1000:
            assert opened(packed, coding, 1000) == bytes(size)
        else:
            with pytest.raises(TooLarge):
                opened(packed, coding, 1000)
