"""Details of Loki's labels, tags, indices, envelopes and sentry's events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pylogtap_collector.errors import TooLarge, Undecodable
from pylogtap_collector.taps.bulk import decode_bulk, identity_of, service_of_index
from pylogtap_collector.taps.coding import opened
from pylogtap_collector.taps.loki import decode_push_json, labels_in
from pylogtap_collector.taps.sentry import items_in
from pylogtap_collector.taps.sentry_events import entry_of_event, moment
from pylogtap_collector.taps.shipments import event_time, place_of_tag
from pylogtap_collector.taps.values import read_json, storable
from pylogtap_collector.wire import Place
from tests.support.shipments import T

HERE = Place("default", "tap", "127.0.0.1")


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ('{job="web", env="test"}', {"job": "web", "env": "test"}),
        ('{a="x\\"y\\\\z\\n\\u00e9\\x41\\101"}', {"a": 'x"y\\z\né' + "AA"}),
        ('{a="ü", b=""}', {"a": "ü", "b": ""}),
        ("{}", {}),
        ("", {}),
        ('{a="x", broken', {"a": "x"}),
        ('{a="\\ud83d"}', {"a": "�"}),
    ],
)
def test_labels_of_loki(text: str, labels: dict[str, str]) -> None:
    """As Go writes them; what is not understood is left out."""
    assert dict(labels_in(text)) == labels


@pytest.mark.parametrize(
    ("labels", "place"),
    [
        ({"service_name": "cart", "namespace": "shop", "pod": "1"}, Place("shop", "cart", "1")),
        ({"service_name": "unknown_service", "job": "web"}, HERE._replace(service="web")),
        ({"compose_project": "p", "compose_service": "s"}, Place("p", "s", HERE.instance)),
        ({"project": "p", "service": "s", "instance": "i", "app": "a"}, Place("p", "s", "i")),
        ({}, HERE),
    ],
)
def test_labels_that_are_the_place(labels: dict[str, str], place: Place) -> None:
    """Those that shippers put there; the first that is known."""
    body = json.dumps({"streams": [{"stream": labels, "values": [[str(T), "x"]]}]}).encode()
    assert decode_push_json(body, HERE, T).entries[0].place == place


@pytest.mark.parametrize(
    ("labels", "line", "level"),
    [
        ({"detected_level": "unknown"}, "2026-01-01 12:00:00 ERROR no", "error"),
        ({"detected_level": "warn"}, "x", "warning"),
        ({"severity": "ERROR", "detected_level": "info"}, "x", "error"),
        ({}, '{"level": "fatal", "msg": "x"}', "fatal"),
        ({}, "x", "info"),
        ({"level": "hot"}, "x", "hot"),
    ],
)
def test_levels_of_loki(labels: dict[str, str], line: str, level: str) -> None:
    """Of the labels, else of the line."""
    body = json.dumps({"streams": [{"stream": labels, "values": [[str(T), line]]}]}).encode()
    assert decode_push_json(body, HERE, T).entries[0].level == level


@pytest.mark.parametrize(
    ("tag", "place"),
    [
        ("shop.cart.one", Place("shop", "cart", "one")),
        ("shop/cart", Place("shop", "cart", HERE.instance)),
        ("cart", HERE._replace(service="cart")),
        ("a.b.c.d", Place("a", "b", "c.d")),
        ("..", HERE),
        ("", HERE),
        (None, HERE),
    ],
)
def test_a_tag_is_a_prefix(tag: str | None, place: Place) -> None:
    """Of three parts, or fewer."""
    assert place_of_tag(tag, HERE) == place


def test_event_times() -> None:
    """Of Fluentd, in seconds and nanoseconds; other extensions stay bytes."""
    assert event_time(0, bytes([0, 0, 0, 2, 0, 0, 0, 3])) == 2_000_000_003
    assert event_time(5, b"x") == b"x"


@pytest.mark.parametrize(
    ("index", "service"),
    [
        ("filebeat-8.11.0-2026.01.31-000001", "filebeat"),
        ("logstash-2026.01.31", "logstash"),
        ("shop-2026.01", "shop"),
        (".ds-logs-nginx-default-2026.01.31-000001", "logs-nginx-default"),
        ("web-1", "web-1"),
        ("2026", "2026"),
    ],
)
def test_an_index_without_its_date_is_a_service(index: str, service: str) -> None:
    """What shippers put around a name is not part of it."""
    assert service_of_index(index) == service


def test_the_identity_of_a_bulk_request() -> None:
    """Every document has to have an id; which index it goes to is part of it."""

    def identity(*actions: dict[str, Any]) -> bytes | None:
        body = "".join(f'{json.dumps({"create": action})}\n{{"message": "x"}}\n' for action in actions)
        return identity_of(decode_bulk(body.encode(), HERE, T))

    assert identity({"_id": "1"}, {}) is None
    assert identity({"_id": "1"}) == identity({"_id": "1"})
    assert len({identity({"_id": "1"}), identity({"_id": "1", "_index": "a"}), identity({"_id": "2"})}) == 3


def test_items_of_an_envelope() -> None:
    """With a length, without one, empty, and cut."""
    bad: list[str] = []
    rest = b'{"type": "a", "length": 3}\nx\ny\n\n{"type": "b"}\n\n{"type": "c"}\nz\n'
    rest += b'{"type": "d", "length": 9}\nx'
    found = [(item.header["type"], item.payload) for item in items_in(rest, bad)]
    assert found == [("a", b"x\ny"), ("b", b""), ("c", b"z")]
    assert bad == ["The last item is cut."]


@pytest.mark.parametrize(
    ("value", "ns"),
    [
        (1_767_225_600.25, T + 250_000_000),
        ("2026-01-01T00:00:00.25Z", T + 250_000_000),
        ("2026-01-01T00:00:00.250000", T + 250_000_000),
        ("2026-01-01T01:00:00+01:00", T),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_times_of_sentry(value: Any, ns: int | None) -> None:
    """Numbers, and texts in UTC unless they say otherwise."""
    assert moment(value, T) == ns


def test_an_event_of_sentry_with_a_chain() -> None:
    """The last exception is the one that was told; the stack has all of them, in Python's form."""
    frame = {"filename": "a.js", "lineno": 3, "function": "f", "context_line": "  boom()"}
    chain = [
        {"type": "KeyError", "value": "'x'"},
        {
            "type": "OSError",
            "value": "no disk",
            "stacktrace": {"frames": [frame, {"module": "m"}]},
            "mechanism": {"source": "__context__"},
        },
        {"type": "AppError", "value": None, "stacktrace": {"frames": [frame]}},
    ]
    entry = entry_of_event({"exception": {"values": chain}, "tags": [["a", "b"]], "extra": {"a": 1}}, HERE, T)
    assert (entry.message, entry.level, entry.source) == ("AppError", "error", ("a.js", 3, "f"))
    assert entry.exception is not None
    assert entry.exception["stacktrace"].split("\n") == [
        "KeyError: 'x'",
        "",
        "The above exception was the direct cause of the following exception:",
        "",
        "Traceback (most recent call last):",
        '  File "a.js", line 3, in f',
        "    boom()",
        '  File "m", line ?, in ?',
        "OSError: no disk",
        "",
        "During handling of the above exception, another exception occurred:",
        "",
        "Traceback (most recent call last):",
        '  File "a.js", line 3, in f',
        "    boom()",
        "AppError",
    ]
    assert entry.fields == {"a": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a": "\\ud83d"}', {"a": "?"}),
        (b'{"a": 1e999}', {"a": "inf"}),
        (b'{"a": NaN}', {"a": "nan"}),
        (b'"\xff"', "�"),
    ],
)
def test_json_that_is_not_quite_json(text: bytes, value: Any) -> None:
    """What programs write is mended, where it can be."""
    assert read_json(text) == value


@pytest.mark.parametrize("text", [b"", b"{", b"[" * 5000, b"hello"])
def test_what_is_no_json_is_refused(text: bytes) -> None:
    """With a sentence."""
    with pytest.raises(Undecodable, match="no JSON"):
        read_json(text)


def test_values_that_msgpack_has_and_records_do_not() -> None:
    """They are kept as like themselves as can be."""
    deep: Any = "x"
    for _ in range(40):
        deep = [deep]
    found = storable({1: b"\xff", b"k": 1 << 70, "t": (1,), "deep": deep})
    assert (found["1"], found["k"], found["t"]) == ("/w==", "0x400000000000000000", [1])
    assert "…" in json.dumps(found["deep"], ensure_ascii=False)


@pytest.mark.parametrize("coding", ["gzip", "zstd", "deflate", "br", "snappy", "lzma"])
def test_bodies_that_are_not_compressed_as_they_say(coding: str) -> None:
    """Are refused, and said to be."""
    with pytest.raises(Undecodable):
        opened(b"\x0f\xffhello", coding, 100)


def test_a_block_that_says_how_large_it_is() -> None:
    """It is not decompressed when that is too large."""
    with pytest.raises(TooLarge):
        opened(b"\x80\x80\x80\x01" + bytes(10), "snappy", 100)
