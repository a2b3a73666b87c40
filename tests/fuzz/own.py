"""Readers of our own formats: slices, segments, queries, times, cursors, headers, settings, answers."""

from __future__ import annotations

import base64
import os
import re
import tempfile
from contextlib import chdir, suppress
from pathlib import Path
from typing import Any

import msgpack

from pylogtap import wire
from pylogtap.correlation.headers import incoming_case
from pylogtap.errors import PylogtapError, SpoolError
from pylogtap.prefix import Prefix, split_front
from pylogtap.record import loss_payload, samples_payload
from pylogtap.segment import open_file
from pylogtap.settings import load
from pylogtap.transport import _judge
from pylogtap.wire import HEADER_SIZE, MAGIC, frame_size
from pylogtap_collector.errors import Invalid, InvalidCursor, InvalidQuery
from pylogtap_collector.query import parse
from pylogtap_collector.services.cursors import read_cursor, write_cursor
from pylogtap_collector.services.positions import read_position
from pylogtap_collector.taps.shipped_samples import points_of
from pylogtap_collector.taps.test_events import read_test_events
from pylogtap_collector.times import parse_time
from pylogtap_collector.wire import payloads, projects_in, scan
from tests.fuzz.target import END, NOW, Target, check_texts, stored
from tests.support.segments import SegmentBuilder, numbered_segment
from tests.support.told_suites import RUN, failure, told

_SEGMENT = bytes(range(16))
_PARTED = b"\xc1\xc1"  # no value of msgpack: between the payloads of a segment
_FOLDER = Path(tempfile.mkdtemp(prefix="pylogtap-fuzz-"))  # of the files that are read


def read_slice(data: bytes) -> None:
    """Any bytes as a slice: what is taken of it is what a client would take, and all that is in it."""
    found = scan(data, HEADER_SIZE, _SEGMENT)
    assert HEADER_SIZE <= found.end <= HEADER_SIZE + len(data)
    taken = data[: found.end - HEADER_SIZE]
    assert found.records <= len(payloads(taken))
    again = scan(taken, HEADER_SIZE, _SEGMENT)
    assert (again.end, again.records, again.damage) == (found.end, found.records, None)
    projects_in(found)
    stored(taken, _SEGMENT)


def read_payloads(data: bytes) -> None:
    """Any payloads in sound frames: each is taken, and what becomes a record can be seen."""
    segment = SegmentBuilder(identity=_SEGMENT)
    for payload in data.split(_PARTED):
        if 0 < len(payload) <= wire.MAX_RECORD_BYTES:
            segment.put(payload)
    whole = segment.slice()
    found = scan(whole, HEADER_SIZE, _SEGMENT)
    assert found.end == segment.end
    assert found.damage is None
    projects_in(found)
    for point in points_of(found.samples):
        assert 0 <= point.time_ns < END
        check_texts([point.name, point.value, point.unit, point.labels])
        assert len({name for name, _ in point.labels}) == len(point.labels)
    for event in read_test_events(found.tests):
        assert 0 <= event.time_ns < END
        check_texts(event.facts)
        msgpack.packb(event.facts)
    stored(whole, _SEGMENT)


def read_segment(data: bytes) -> None:
    """Any file as a segment that somebody left: its end lies in it, and so does what is sound behind that."""
    path = _FOLDER / "left.seg"
    path.write_bytes(data[1:] if data[:1] == b"\0" else (MAGIC + _SEGMENT).ljust(HEADER_SIZE, b"\0") + data)
    try:
        segment = open_file(os.fspath(path))
    except SpoolError:
        return
    try:
        end = segment.end
        assert HEADER_SIZE <= end <= segment.size
        found = scan(bytes(segment.memory[HEADER_SIZE:end]), HEADER_SIZE, segment.id)
        assert found.end <= end
        sound = segment.resume()
        assert sound is None or end <= sound <= segment.end <= segment.size
    finally:
        segment.close()


def read_query(data: bytes) -> None:
    """Any text as a query: it is read or refused, and means the same when it is written again."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        query = parse(text, now_ns=NOW)
    except InvalidQuery as error:
        _check_refusal(error, text)
        return
    try:
        assert parse(str(query), now_ns=NOW).tree == query.tree
    except InvalidQuery as error:  # quotes and parentheses make it longer
        if not re.search("may have|at most", error.detail):
            raise


def _check_refusal(refusal: InvalidQuery, text: str) -> None:
    assert 1 <= refusal.column <= len(text) + 1
    assert refusal.detail


def read_moment(data: bytes) -> None:
    """Any text as a point in time."""
    with suppress(Invalid):
        assert 0 <= parse_time(data.decode("utf-8", "surrogateescape"), NOW) < END


def read_cursors(data: bytes) -> None:
    """Any text as a cursor: it is one of ours, or refused."""
    for text in (data.decode("latin-1"), base64.urlsafe_b64encode(data).rstrip(b"=").decode()):
        with suppress(InvalidCursor):
            cursor = read_cursor(text, "desc", "")
            numbers = (cursor.time, cursor.log_id, cursor.since_ns, cursor.until_ns)
            assert all(number is None or -END <= number < END for number in numbers)
        for kinds in ((int,), (int, str), (str, int, int)):
            with suppress(InvalidCursor):
                parts: tuple[Any, ...] = read_position(text, *kinds)
                assert [type(part) for part in parts] == list(kinds)


def read_headers(data: bytes) -> None:
    """Any headers of a request: they name a case or none."""
    for value in (data, data.decode("latin-1"), data.decode("utf-8", "surrogateescape")):
        for name in ("baggage", b"Baggage", "TraceParent"):
            case = incoming_case({name: value})
            assert case is None or re.fullmatch("[0-9a-f]{32}", case)


def read_answer(data: bytes) -> None:
    """Any answer to a delivery, and any Retry-After: the client goes on or waits, and not for ever."""
    head, _, answer = data.partition(b"\n")
    for status in (200, 302, 400, 401, 413, 429, 503):
        outcome = _judge(status, answer, head.decode("latin-1"))
        assert outcome.wait_s is None or 0 <= outcome.wait_s <= 3600
        assert type(outcome.following) is int


def read_settings(data: bytes) -> None:
    """Any pyproject.toml: settings, or an error of ours that names the file's value."""
    (_FOLDER / "pyproject.toml").write_bytes(data)
    with chdir(_FOLDER), suppress(PylogtapError):
        load()


def read_prefix(data: bytes) -> None:
    """Any text as a prefix, and in front of a line."""
    text = data.decode("utf-8", "surrogateescape")
    with suppress(PylogtapError):
        assert Prefix.parse(str(Prefix.parse(text))) == Prefix.parse(text)
    prefix, rest = split_front(text)
    assert text.endswith(rest)
    assert prefix is None or all(prefix)


def _of_everything() -> bytes:
    """Return payloads of each kind."""
    segment = numbered_segment(2)
    segment.thread(1, "worker")
    number = segment.site("%(a)s é%(b)5.1f", style=wire.STYLE_PERCENT)
    more = {wire.MORE_EXCEPTION: {"type": "E", "message": "m", "stacktrace": "s"}, wire.MORE_THREAD: 1}
    segment.record(number, {"a": "x", "b": 1.5}, {"n": [1, {"x": b"y"}]}, more, when=1767225600.5)
    segment.put(loss_payload("shop/cart/one", {"full": 3}))
    segment.put(samples_payload(NOW, "shop/cart/one", [("cpu", 1.5, "s", "gauge", {"a": "b"})]))
    segment.put(told(wire.TEST_BEGIN, {"runner": "pytest", "commit": "5b8efff798"}, when=NOW))
    segment.put(
        told(
            wire.TEST_CASE,
            {"id": RUN, "node": "t.py::a", "outcome": "failed", "failure": failure("no"), "done": True},
            when=NOW,
        )
    )
    return _PARTED.join(payloads(segment.slice()))


def _slices() -> tuple[bytes, ...]:
    segment = SegmentBuilder(identity=_SEGMENT)
    number = segment.site()
    segment.record(number, ["ann", 5])
    segment.put(b"\x94\x01\x02\x03\xc0", flags=wire.RESERVED)
    segment.put(b"\x94\x01\x02\x03\xc0", flags=wire.ABORTED)
    segment.record(number, ["bob", 6])
    return segment.slice(), segment.slice() + bytes(64), segment.slice()[: frame_size(8)]


_QUERIES = (
    "card declined", 'level:>=error AND (project:shop OR -service:"check out")',
    "message:/a+b?/ n:1..5 has:x",
    "time:>now-1h label.a:b* NOT x:a,b", '"half phrase"* user.name:ann trace:abc id:5 test:0',
)  # fmt: skip
_TOML = b"""[tool.pylogtap]
url = "https://logs.example:8270"
prefix = "shop/cart"
spool_dir = "~/spool"
spool_max_bytes = "64M"
level = "info"
console = "auto"
redact = ["pin"]
flush-interval-s = 0.5
"""
_CURSOR = base64.urlsafe_b64decode(write_cursor("desc", "", None, NOW, (NOW, 65_536)) + "==")
_MSGPACK = (_PARTED, b"\x00\x01", b"\x00\x02", b"\x00\x03", b"\x00\x04", b"\x00\x05", b"\x00\x06", b"\xc0",
            b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", b"\xcb\x7f\xf8\0\0\0\0\0\0", b"\xdd\0\0\0\x05",
            b"\x81\xa1n")  # fmt: skip
OWN = (
    Target("slices", read_slice, _slices(), (b"\0\0\0\x80", b"\0\0\0\x40", b"\x05\0\0\0", *_MSGPACK)),
    Target("payloads", read_payloads, (_of_everything(),), (b"%999d", b"%s", b"%(a)s", b"%c", *_MSGPACK)),
    Target("segments", read_segment, (*_slices(), b"\0" + MAGIC), (MAGIC, b"\x05\0\0\0", b"\0" * 16)),
    Target(
        "queries",
        read_query,
        tuple(text.encode() for text in _QUERIES),
        (b"level:", b'"', b"(", b")", b" OR ", b" AND ", b"NOT ", b"-", b"..", b">=", b"/", b"*", b",",
            b"has:",
         b"time:", b"\\", b"\xed\xa0\x80", b"\xff", b"label."),
    ),
    Target(
        "times",
        read_moment,
        (b"2026-01-02T03:04:05.678Z", b"now-1h30m", b"-15m", b"1767225600.5", b"2026-01-02 03:04+02:00",
            b"now+2d"),
        (b"9999", b"0000", b"+23:59", b"w", b"ns", b"now", b"\xd9\xa1", b".", b":"),
    ),
    Target("cursors", read_cursors, (_CURSOR, b'[1,"x"]', b"[5]"), (b"null", b"1e999", b"[", b'"desc"',
        b"9" * 20)),
    Target(
        "headers",
        read_headers,
        (b"pylogtap.test=" + b"a1" * 16, b"a=b;p=1,pylogtap.test=%61" + b"1" * 31,
            b"00-" + b"1" * 32 + b"-" + b"2" * 16),
        (b"pylogtap.test=", b",", b";", b"%", b"=", b"%00", b"\xff"),
    ),
    Target(
        "answers",
        read_answer,
        (b'5\n{"next": 4096}', b'1\n{"code": "damaged_frame", "next": 8, "frame": 0}',
            b"Wed, 21 Oct 2026 07:28:00 GMT\n{}"),
        (b'"next":', b'"detail":', b'"code":"damaged_frame"', b'"frame":', b"-1", b"1e999", b"nan", b"inf",
            b"9" * 30,
         b"-0000", b"GMT", b"Mon, 01 Jan 0001 00:00:00 "),
    ),
    Target(
        "settings",
        read_settings,
        (_TOML, b"[tool]\npylogtap = {level = 10}\n", b"[tool.pylogtap]\nspool_max_bytes = 1e9\n"),
        (b"[tool.pylogtap]\n", b"spool_max_bytes = ", b"level = ", b"url = ", b"prefix = ", b"inf", b"nan",
            b'"~nobody/x"',
         b'"http://[::1]:1"', b"1979-05-27", b"[[", b"]]", b"=", b'"', b"'", b"{", b"}",
         b"tool.pylogtap = 1\n"),
    ),
    Target(
        "prefixes",
        read_prefix,
        (b"shop/cart/one", b"[shop/cart/one] ready", b"[shop/cart] ready", b"shop"),
        (b"/", b"[", b"] ", b".", b"-", b"\xff"),
    ),
)  # fmt: skip
