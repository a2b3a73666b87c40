"""Shippers for Loki deliver to a collector: a library of others, and requests as Promtail makes them."""

from __future__ import annotations

import gzip
import json
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import cramjam
import pytest

from pylogtap_collector.taps.declared import PushRequest
from tests.integration.taps.test_otlp import JSON, PROTOBUF, SPAN, TRACE, post
from tests.support.shippers import only, run_shipper

if TYPE_CHECKING:
    from pylogtap_collector.proofs.daemon import CollectorProcess

PUSH = "/loki/api/v1/push"
T = 1_767_225_600_000_000_000
LIBRARY = """
import logging
import logging_loki
handler = logging_loki.LokiHandler(
    url=URL + "/loki/api/v1/push", tags={"project": "loki", "app": "cart", "instance": "one"}, version="1",
    auth=("anybody", ""),
)
handler.handleError = lambda record: (_ for _ in ()).throw(SystemExit("not delivered"))
log = logging.getLogger("loki.shop")
log.addHandler(handler)
log.setLevel(logging.DEBUG)
log.warning("order %d is late", 17, extra={"tags": {"region": "north"}})
try:
    1 / 0
except ZeroDivisionError:
    log.exception("broken")
"""


def push_json(*streams: dict[str, Any]) -> bytes:
    """Return a push in JSON."""
    return json.dumps({"streams": list(streams)}).encode()


def push_protobuf(labels: str, *lines: tuple[int, str, dict[str, str]]) -> bytes:
    """Return a push in protobuf."""
    request = PushRequest()
    stream = request.streams.add(labels=labels)
    for when, line, metadata in lines:
        entry = stream.entries.add(line=line)
        entry.timestamp.seconds, entry.timestamp.nanos = divmod(when, 10**9)
        for name, value in metadata.items():
            entry.structuredMetadata.add(name=name, value=value)
    return bytes(cramjam.snappy.compress_raw(request.SerializeToString()))


def test_records_of_a_library(collector: CollectorProcess) -> None:
    """python-logging-loki's tags are place, level and logger, its others fields."""
    before = time.time()
    run_shipper(LIBRARY, collector)
    late = only(collector, "project:loki service:cart instance:one late")
    assert (late["message"], late["level"], late["logger"]) == ("order 17 is late", "warning", "loki.shop")
    assert late["attributes"] == {"region": "north"}
    assert before - 1 < datetime.fromisoformat(late["time"]).timestamp() < time.time() + 1
    broken = only(collector, "project:loki service:cart broken")
    assert (broken["level"], broken["message"]) == ("error", "broken")
    assert broken["exception"]["type"] == "ZeroDivisionError"
    assert broken["exception"]["stacktrace"].startswith("Traceback")


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_json_with_structured_metadata(collector: CollectorProcess, coding: str) -> None:
    """The third part of a line names its trace, and fields; its level may be among the labels."""
    project = f"loki-json{coding}"
    labels = {"namespace": project, "job": "web", "pod": "web-1", "detected_level": "error"}
    line = [str(T + 5_000), "no answer", {"trace_id": TRACE, "span_id": SPAN, "user": "ada"}]
    body = push_json({"stream": labels, "values": [line]})
    headers = {"Content-Encoding": coding} if coding else {}
    status, _, answer = post(collector, PUSH, gzip.compress(body) if coding else body, JSON, **headers)
    assert (status, answer) == (204, b"")
    found = only(collector, f"project:{project} service:web instance:web-1")
    assert (found["message"], found["level"]) == ("no answer", "error")
    assert (found["trace_id"], found["span_id"]) == (TRACE, SPAN)
    assert found["attributes"] == {"user": "ada"}
    assert found["time"] == "2026-01-01T00:00:00.000005Z"


def test_protobuf_as_promtail_sends_it(collector: CollectorProcess) -> None:
    """A block of snappy; labels are text with quotes; lines are read as any other program's."""
    labels = (
        '{compose_project="loki-pb", compose_service="db", container_name="db-1", path="C:\\\\a \\"b\\""}'
    )
    lines: tuple[tuple[int, str, dict[str, str]], ...] = (
        (T, "2026-01-01 00:00:00.000 UTC [7] ERROR:  relation missing", {}),
        (T + 1_000, '{"level": "warn", "message": "slow", "took": 3}', {"trace_id": TRACE}),
        (T + 2_000, "plain", {"level": "debug"}),
    )
    assert post(collector, PUSH, push_protobuf(labels, *lines), PROTOBUF)[0] == 204
    first, second, third = collector.logs("project:loki-pb service:db")
    assert first["level"] == "error"
    assert first["attributes"]["path"] == 'C:\\a "b"'
    assert (second["message"], second["level"], second["attributes"]["took"]) == ("slow", "warning", 3)
    assert second["trace_id"] == TRACE
    assert (third["message"], third["level"]) == ("plain", "debug")


def test_bad_lines_are_named_and_the_others_stored(collector: CollectorProcess) -> None:
    """As Loki does, the answer is 400, once what is good is stored: shippers do not send it again."""
    good, bad = [str(T), "good"], ["yesterday", "bad"]
    body = push_json({"stream": {"project": "loki-bad", "app": "x"}, "values": [good, bad]})
    status, kind, answer = post(collector, PUSH, body, JSON)
    assert (status, kind) == (400, "text/plain")
    assert b"1 lines are stored, 1 are not" in answer
    assert only(collector, "project:loki-bad")["message"] == "good"


def test_a_push_that_comes_again_is_stored_once(collector: CollectorProcess) -> None:
    """Shippers send again what was not answered."""
    body = push_protobuf('{project="loki-again"}', (T, "once", {}))
    for _ in range(2):
        assert post(collector, PUSH, body, PROTOBUF)[0] == 204
    assert collector.count("project:loki-again") == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"x", PROTOBUF), (b"", PROTOBUF), (b"[]", JSON), (b"{", JSON), (b'{"streams": 1}', JSON)],
)
def test_what_is_no_push_is_refused(collector: CollectorProcess, body: bytes, kind: str) -> None:
    """With 400 and a sentence, which shippers show."""
    status, answered, answer = post(collector, PUSH, body, kind)
    assert (status, answered) == (400, "text/plain")
    assert answer.startswith(b"The body is no")


def test_a_small_body_that_unfolds_without_bounds_is_refused(collector: CollectorProcess) -> None:
    """What a block of snappy says that it holds is looked at before it is decompressed."""
    block = b"\xff\xff\xff\xff\x0f" + bytes(100)  # says 4 GiB
    status, _, answer = post(collector, PUSH, block, PROTOBUF)
    assert status in {400, 413}
    assert answer


def test_shippers_may_ask_whether_it_is_ready(collector: CollectorProcess) -> None:
    """Without a key."""
    import urllib.request

    with urllib.request.urlopen(f"{collector.url}/ready", timeout=10) as answer:
        assert (answer.status, answer.read()) == (200, b"ready\n")
