"""JSON and msgpack as Fluent Bit, Vector and curl send them."""

from __future__ import annotations

import gzip
import json
import subprocess
from typing import TYPE_CHECKING

import cramjam
import msgpack
import pytest
import zstandard

from tests.integration.taps.test_otlp import JSON, post
from tests.support.shippers import only

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylogtap_collector.proofs.daemon import CollectorProcess

T = 1_767_225_600
MSGPACK, NDJSON = "application/msgpack", "application/x-ndjson"
FORM = "application/x-www-form-urlencoded"  # what curl says unless it is told


def records(*texts: str) -> list[dict[str, object]]:
    """Return records as Fluent Bit has them."""
    return [
        {"date": T + number + 0.5, "log": text, "level": "warn", "n": number}
        for number, text in enumerate(texts)
    ]


def packed_new(values: list[dict[str, object]]) -> bytes:
    """Pack records as Fluent Bit 5 does: EventTime and metadata in front."""
    time = msgpack.ExtType(0, T.to_bytes(4, "big") + (5 * 10**8).to_bytes(4, "big"))
    return b"".join(msgpack.packb([[time, {"stream": "a"}], _undated(each)]) for each in values)


def packed_old(values: list[dict[str, object]]) -> bytes:
    """Pack records as Fluent Bit did before: seconds in front."""
    return b"".join(msgpack.packb([T + 0.5, _undated(each)]) for each in values)


def _undated(values: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if name != "date"}


FORMS: dict[str, tuple[str, Callable[[list[dict[str, object]]], bytes]]] = {
    "array": (JSON, lambda values: json.dumps(values).encode()),
    "lines": (NDJSON, lambda values: b"\n".join(json.dumps(each).encode() for each in values)),
    "stream": (JSON, lambda values: b"".join(json.dumps(each).encode() for each in values)),
    "msgpack-old": (MSGPACK, packed_old),
    "msgpack-new": (MSGPACK, packed_new),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_fluent_bit(collector: CollectorProcess, form: str) -> None:
    """Message, time and level are found under its names; the tag is the prefix."""
    kind, pack = FORMS[form]
    body = pack(records("first", "second"))
    status, _, answer = post(collector, "/ingest", body, kind, **{"FLUENT-TAG": f"{form}.cart.one"})
    assert (status, json.loads(answer)["stored"]) == (200, 2)
    first = only(collector, f"project:{form} service:cart instance:one first")
    assert (first["message"], first["level"]) == ("first", "warning")
    assert first["time"] == "2026-01-01T00:00:00.500000Z"
    assert first["attributes"]["n"] == 0


@pytest.mark.parametrize(
    ("coding", "compress"),
    [
        ("gzip", gzip.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
        ("zstd", lambda body: zstandard.ZstdCompressor(write_content_size=False).compress(body)),
        ("deflate", lambda body: __import__("zlib").compress(body)),
        ("br", lambda body: bytes(cramjam.brotli.compress(body))),
        ("snappy", lambda body: bytes(cramjam.snappy.compress_raw(body))),
    ],
)
def test_every_content_coding(
    collector: CollectorProcess, coding: str, compress: Callable[[bytes], bytes]
) -> None:
    """Shippers choose one in their settings."""
    before = collector.count("project:coding")
    body = compress(json.dumps({"message": "packed", "project": "coding"}).encode())
    assert post(collector, "/ingest", body, JSON, **{"Content-Encoding": coding})[0] == 200
    assert collector.count("project:coding") == before + 1


def test_curl(collector: CollectorProcess) -> None:
    """Somebody tries it by hand, and says nothing of what it is."""
    line = '{"message": "by hand", "level": "error", "project": "curl", "service": "me", "user": "ada"}'
    done = subprocess.run(
        ["curl", "-sS", f"{collector.url}/ingest", "-d", line], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["stored"] == 1
    found = only(collector, "project:curl service:me")
    assert (found["message"], found["level"], found["attributes"]) == ("by hand", "error", {"user": "ada"})


def test_lines_of_text(collector: CollectorProcess) -> None:
    """What is no JSON is read as the output of a program."""
    body = b"2026-01-01 12:00:00,000 ERROR no answer\n\nplain\n"
    post(collector, "/ingest", body, "text/plain", **{"FLUENT-TAG": "text.app"})
    first, second = collector.logs("project:text service:app")
    assert (first["message"], first["level"]) == ("no answer", "error")
    assert second["message"] == "plain"


def test_debug_shows_and_stores_nothing(collector: CollectorProcess) -> None:
    """Somebody finds out how his records are understood."""
    body = b'[{"message": "look", "level": "warn", "project": "shown", "n": 1}, 7]'
    status, _, answer = post(collector, "/ingest?debug=1", body, JSON)
    told = json.loads(answer)
    assert (status, told["stored"], len(told["refused"])) == (200, 0, 1)
    (record,) = told["records"]
    assert (record["project"], record["message"], record["level"]) == ("shown", "look", "warning")
    assert record["attributes"] == {"n": 1}
    assert collector.count("project:shown") == 0


def test_a_bad_record_does_not_cost_the_others(collector: CollectorProcess) -> None:
    """It is counted, and named."""
    body = json.dumps([{"message": "good", "project": "some"}, 5, None]).encode()
    told = json.loads(post(collector, "/ingest", body, JSON)[2])
    assert (told["stored"], [each["index"] for each in told["refused"]]) == (1, [1, 2])
    cut = msgpack.packb([T, {"message": "good", "project": "some"}]) + b"\xc1"
    told = json.loads(post(collector, "/ingest", cut, MSGPACK)[2])
    assert (told["stored"], [each["index"] for each in told["refused"]]) == (1, [1])
    assert collector.count("project:some") == 2


@pytest.mark.parametrize(("body", "kind"), [(b"\xff\xfe\xff", JSON), (b"\xc1", MSGPACK), (b"[5]", JSON)])
def test_what_holds_no_record_is_refused(collector: CollectorProcess, body: bytes, kind: str) -> None:
    """With 400: Fluent Bit drops it, and tries all else again."""
    status, answered, answer = post(collector, "/ingest", body, kind)
    assert (status, answered, json.loads(answer)["code"]) == (400, "application/problem+json", "undecodable")


@pytest.mark.parametrize(
    "body",
    [
        b'{"message": "cut',
        b'[{"message": "cut"}',
        b'{\n "message": "cut",\n "level":\n}',
        b"{message: 1}",
        b"[1, 2",
    ],
)
def test_broken_json_is_no_text(collector: CollectorProcess, body: bytes) -> None:
    """Somebody tries it by hand, and has forgotten a bracket: he is told."""
    status, _, answer = post(collector, "/ingest", body, FORM, **{"FLUENT-TAG": "broken.app"})
    assert (status, json.loads(answer)["code"]) == (400, "undecodable")
    assert collector.count("project:broken") == 0


def test_broken_json_is_refused_beside_others(collector: CollectorProcess) -> None:
    """Each by its place among all; lines of a log that begin by brackets are text."""
    body = b'{"message": "a"}{"message": "b"}\n\n{"message": \n[INFO] ready\n[2026-01-01 12:00:00,5] c\n["d"'
    told = json.loads(post(collector, "/ingest", body, FORM, **{"FLUENT-TAG": "mixed.app"})[2])
    assert (told["stored"], [each["index"] for each in told["refused"]]) == (4, [2, 5])
    assert all("no JSON" in each["reason"] for each in told["refused"])
    assert collector.count("project:mixed") == 4
