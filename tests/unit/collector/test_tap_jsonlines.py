"""JSON records, as logging libraries write them."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from pylogtap_collector.errors import Undecodable
from pylogtap_collector.taps.entries import Source
from pylogtap_collector.taps.jsonlines import entry_of, read_line, take_key
from pylogtap_collector.wire import Place

DEFAULT = Place("shop", "lines", "10.0.0.1")
NOW = 1_767_225_600 * 10**9
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_logstash_async_is_understood() -> None:
    """Its format has the logger's fields in `extra`, and a version that says nothing."""
    entry = entry_of(
        {
            "@timestamp": "2026-01-01T10:11:12.345Z", "@version": "1", "host": "web7", "level": "WARNING",
            "logsource": "web7", "message": "low stock", "pid": 12, "program": "cart.py", "type": "python",
            "extra": {
                "logger_name": "shop.cart", "path": "/srv/cart.py", "line": 7, "func_name": "order",
                "article": "tea", "tags": ["a"],
            },
        },
        DEFAULT,
        NOW,
    )  # fmt: skip
    assert entry.place == Place("shop", "cart.py", "web7")
    assert (entry.message, entry.level, entry.logger, entry.pid) == ("low stock", "warning", "shop.cart", 12)
    assert entry.source == Source("/srv/cart.py", 7, "order")
    assert (
        entry.time_ns == int(datetime(2026, 1, 1, 10, 11, 12, tzinfo=UTC).timestamp()) * 10**9 + 345_000_000
    )
    assert entry.fields == {"logsource": "web7", "type": "python", "article": "tea", "tags": ["a"]}


def test_the_elastic_common_schema_is_understood() -> None:
    """Names with dots, and objects within objects."""
    entry = entry_of(
        {
            "@timestamp": "2026-01-01T10:11:12Z", "log.level": "error", "message": "no",
            "service": {"name": "cart", "environment": "prod"}, "host": {"name": "web7"},
            "log": {
                "logger": "shop.cart", "origin": {"file": {"name": "cart.py", "line": 7}, "function": "f"}
            },
            "error": {"type": "ValueError", "message": "bad", "stack_trace": "Traceback …"},
            "trace": {"id": TRACE}, "span.id": SPAN, "process": {"pid": 12}, "tags": ["x"],
        },
        DEFAULT,
        NOW,
    )  # fmt: skip
    assert entry.place == Place("shop", "cart", "web7")
    assert (entry.level, entry.logger, entry.pid) == ("error", "shop.cart", 12)
    assert entry.source == Source("cart.py", 7, "f")
    assert entry.exception == {"type": "ValueError", "message": "bad", "stacktrace": "Traceback …"}
    assert (entry.trace_id, entry.span_id) == (TRACE, SPAN)
    assert entry.fields == {"service.environment": "prod", "tags": ["x"]}


def test_pino_is_understood() -> None:
    """Numbers of Node's levels, and the error in `err`."""
    entry = entry_of(
        {
            "level": 50, "time": 1_767_225_600_123, "pid": 7, "hostname": "web7", "msg": "no",
            "err": {"type": "TypeError", "message": "x", "stack": "TypeError: x\n    at f (a.js:1)"},
        },
        DEFAULT,
        NOW,
    )  # fmt: skip
    assert (entry.level, entry.time_ns) == ("error", 1_767_225_600_123_000_000)
    assert entry.place.instance == "web7"
    assert entry.exception is not None
    assert entry.exception["type"] == "TypeError"


def test_templates_of_clef_are_kept() -> None:
    """The message before values were put in is the template."""
    entry = entry_of({"@t": "2026-01-01T10:11:12Z", "@mt": "user {n}", "@l": "Warning", "n": 1}, DEFAULT, NOW)
    assert (entry.message, entry.template, entry.level) == ("user {n}", "user {n}", "warning")
    assert entry.fields == {"n": 1}


def test_a_prefix_says_the_whole_place() -> None:
    """As our client's do; what it leaves out is the default."""
    assert entry_of({"message": "x", "prefix": "a/b/c"}, DEFAULT, NOW).place == Place("a", "b", "c")
    assert entry_of({"message": "x", "prefix": "a/b"}, DEFAULT, NOW).place == Place("a", "b", "10.0.0.1")
    names = {"project": "mall", "service": "cart", "instance": "x y"}
    assert entry_of({"message": "x", **names}, DEFAULT, NOW).place == Place("mall", "cart", "x-y")


def test_a_path_without_a_line_is_no_source() -> None:
    """It is the path of a request rather."""
    entry = entry_of({"message": "GET", "path": "/cart"}, DEFAULT, NOW)
    assert (entry.source, entry.fields) == (Source(), {"path": "/cart"})


def test_a_stack_is_the_exception() -> None:
    """Without a level, a record with an exception is an error."""
    stack = 'Traceback (most recent call last):\n  File "x", line 1\nValueError: bad'
    entry = entry_of({"exc_info": stack}, DEFAULT, NOW)
    assert entry.exception == {"type": "ValueError", "message": "bad", "stacktrace": stack}
    assert (entry.message, entry.level) == ("ValueError: bad", "error")


@pytest.mark.parametrize("values", [{}, {"a": 1}, {"message": {"deep": 1}}, {"level": None, "time": "soon"}])
def test_without_a_message_all_is_the_message(values: dict[str, Any]) -> None:
    """Nothing is lost of a record in which nothing is understood, and what was given stays as it was."""
    before = json.dumps(values)
    entry = entry_of(values, DEFAULT, NOW)
    assert json.loads(entry.message) == values
    assert json.dumps(values) == before


@pytest.mark.parametrize("name", ["pylogtap_key", "_pylogtap_key"])
def test_a_key_is_taken_out(name: str) -> None:
    """It is shown to the collector, and stored by nobody."""
    values = {"message": "x", name: "plt_secret"}
    assert take_key(values) == "plt_secret"
    assert values == {"message": "x"}
    assert take_key(values) is None


@pytest.mark.parametrize("data", [b"", b"[1]", b"7", b"{", b"\xff", b'{"a":1} x'])
def test_only_objects_are_records(data: bytes) -> None:
    """Whatever else is JSON, or none, is refused."""
    with pytest.raises(Undecodable):
        read_line(data)


def test_the_levels_of_python_are_read() -> None:
    """By number as by name."""
    for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
        assert entry_of({"level": number}, DEFAULT, NOW).level == logging.getLevelName(number).lower()
