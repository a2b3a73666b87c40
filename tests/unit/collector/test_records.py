"""From a payload to a record: messages, values, and what cannot be read."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgpack
import numpy as np
import pytest

from pylogtap import wire
from pylogtap.record import loss_payload
from pylogtap_collector.parts import sites
from pylogtap_collector.parts.building import build
from pylogtap_collector.parts.faces import number_pattern
from pylogtap_collector.parts.reading import SegmentReader
from pylogtap_collector.parts.rows import logs_of
from pylogtap_collector.parts.sites import CallSites, Patterns
from pylogtap_collector.parts.telling import DEGRADED
from pylogtap_collector.wire import Definitions
from tests.support.segments import SegmentBuilder

if TYPE_CHECKING:
    from pylogtap_collector.models import Log
    from pylogtap_collector.parts.part import Part

RECEIVED = 1_700_000_000_000_000_000


def part(segment: SegmentBuilder) -> Part:
    """Return all of a segment as one part."""
    reader = SegmentReader(Definitions(), CallSites(Patterns()))
    return build([reader.read(1, RECEIVED, segment.slice(), "")])


def read(segment: SegmentBuilder) -> list[Log]:
    """Read all of a segment, in the order of arrival."""
    found = part(segment)
    return logs_of(found, np.argsort(found.ids))


def read_one(template: str | None, args: Any, fields: Any = None, more: Any = None, **site: Any) -> Log:
    """Read a record of a new segment."""
    segment = SegmentBuilder()
    segment.record(segment.site(template, **site), args, fields, more)
    (log,) = read(segment)
    return log


def test_arguments_of_many_records_are_converted_as_those_of_one() -> None:
    """Records of one slice are converted together, also where some of them need care."""
    rows: list[tuple[str, list[Any]]] = [
        ("%s took %d ms", ["GET", 7]),
        ("%s took %d ms", ["a\0b", 8]),
        ("%s took %d ms", ["no number", "x"]),
        ("%5.2f|%c", [1.5, 0]),
        ("%5.2f|%c", [2.5, "é"]),
        ("%s took %d ms", ["GET"]),
        ("%r", [{"a": [1]}]),
        ("plain %s", ["\0"]),
    ]
    segment = SegmentBuilder()
    numbers = {template: segment.site(template) for template in dict.fromkeys(row[0] for row in rows)}
    for template, args in rows:
        segment.record(numbers[template], args)
    assert [log.message for log in read(segment)] == [
        read_one(template, args).message for template, args in rows
    ]
    assert read_one(*rows[1]).message == "a\0b took 8 ms"
    assert read_one(*rows[3]).message == " 1.50|\0"


@pytest.mark.parametrize(
    ("template", "args"),
    [
        ("plain", ()),
        ("100 %", ()),
        ("user %s paid %d cents", ("ann", 5)),
        ("%s", (None,)),
        ("%r and %a", ("ä", "ä")),
        ("%5.2f|%-8s|%x", (1.5, "ab", 255)),
        ("%(name)s is %(age)d", ({"name": "bo", "age": 7},)),
        ("%%s", ("unused",)),
        ("%s", (True,)),
        ("%c", (97,)),
    ],
)
def test_messages_are_those_of_logging(template: str, args: tuple[Any, ...]) -> None:
    """Rendered here, a message is what the standard library would have made of it there."""
    record = logging.LogRecord("pay", logging.INFO, __file__, 1, template, args or None, None)
    sent = record.args if isinstance(record.args, dict) else list(record.args or ())
    try:
        expected = record.getMessage()
    except TypeError:
        expected = f"{template} {sent!r}"
    assert read_one(template, sent).message == expected


@pytest.mark.parametrize(
    ("template", "args"),
    [
        ("%d", ["x"]),
        ("%s %s", ["one"]),
        ("%(gone)s", {"here": 1}),
        ("%y", [1]),
        ("%*d", [1_000_000_000, 5]),
        ("%1000000000d", [5]),
        ("%.99999f", [0.5]),
        ("%999d" * 2, [5, 6]),
        ("%(a)s" * 17, {"a": "x"}),
        ("%(" * 3, {"a": "x"}),
        ("%s", 7),
    ],
)
def test_what_cannot_be_rendered_shows_its_parts(template: str, args: Any) -> None:
    """A template that does not fit its arguments, or would fill the memory, is shown beside them."""
    row = read_one(template, args)
    assert row.message == f"{template} {args!r}"
    assert row.attributes == {DEGRADED: ["message"]}


def test_half_a_surrogate_becomes_text() -> None:
    """A character that cannot be stored is escaped, and marked."""
    row = read_one("%c!", [0xD800])
    assert row.message == r"\ud800!"
    assert row.attributes[DEGRADED] == ["message"]


def test_styles() -> None:
    """An event is its own message; varying text travels as the arguments and has a masked pattern."""
    event = read_one("order %s", ["ignored"], {"order": 7}, style=wire.STYLE_EVENT)
    assert (event.message, event.template, event.attributes) == ("order %s", "order %s", {"order": 7})
    text = read_one(None, "took 17 ms", style=wire.STYLE_TEXT)
    assert (text.message, text.template) == ("took 17 ms", None)


def test_a_finished_message_wins() -> None:
    """Where arguments could not travel, the client sends the message."""
    row = read_one("%s", None, more={wire.MORE_MESSAGE: "finished"})
    assert (row.message, row.template) == ("finished", "%s")


def test_varying_texts_share_a_pattern() -> None:
    """Texts that differ in numbers only are one pattern; another text is another."""
    segment = SegmentBuilder()
    site = segment.site(None, style=wire.STYLE_TEXT)
    for text in ("took 17 ms", "took 4000 ms", "gave up"):
        segment.record(site, text)
    first, second, third = read(segment)
    assert first.pattern_id == second.pattern_id != third.pattern_id


@pytest.mark.parametrize("style", [wire.STYLE_PERCENT, wire.STYLE_EVENT])
@pytest.mark.parametrize("text", ["user {} in", "load {} % or so"])
def test_the_first_text_of_an_f_string_shares_the_pattern(style: int, text: str) -> None:
    """The client takes a line's first text for its template, and sends the later ones as text."""
    segment = SegmentBuilder()
    segment.record(segment.site(text.format(17), style=style))
    segment.record(segment.site(None, style=wire.STYLE_TEXT), text.format(4))
    first, second = read(segment)
    assert (first.pattern_id, first.message) == (second.pattern_id, text.format(17))


def test_a_template_without_its_arguments_keeps_its_pattern() -> None:
    """A message finished by the client belongs to its template, although no arguments came with it."""
    segment = SegmentBuilder()
    site = segment.site("user %s in")
    segment.record(site, ["ann"])
    segment.record(site, None, more={wire.MORE_MESSAGE: "user 5 in"})
    first, second = read(segment)
    assert first.pattern_id == second.pattern_id


def test_a_template_is_its_pattern() -> None:
    """Call sites with one template have one pattern, whose number is the same everywhere."""
    segment = SegmentBuilder()
    for _ in range(2):
        segment.record(segment.site("same %s"), ["x"])
    first, second = read(segment)
    assert first.pattern_id == second.pattern_id == number_pattern("same %s") < 1 << 53


def test_patterns_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Templates without end fill neither the memory nor the table."""
    monkeypatch.setattr(sites, "MAX_PATTERNS", 3)
    patterns = Patterns()
    admitted = [patterns.admit(f"template {number}") for number in range(10)]
    assert admitted == ["template 0", "template 1", "template 2", *["(too many patterns)"] * 7]
    assert [patterns.admit(f"template {number}") for number in range(10)] == admitted
    assert len(Patterns().admit("x" * 100_000)) == 4_000


def test_everything_that_is_known_arrives() -> None:
    """Each part of a record has its column."""
    segment = SegmentBuilder()
    segment.thread(3, "worker-3")
    site = segment.site("x", level="NOTICE", severity=10, logger="a.b")
    exception = {"type": "ValueError", "message": "no", "stacktrace": "Trace…", "arguments": {"n": "1"}}
    segment.record(
        site,
        None,
        {"n": 1},
        {
            wire.MORE_THREAD: 3, wire.MORE_EXCEPTION: exception, wire.MORE_TRACE: "ab" * 16,
            wire.MORE_SPAN: "cd" * 8, wire.MORE_TEST: "test::one", wire.MORE_STACK: "stack",
            wire.MORE_DEGRADED: ["order"],
        },
        when=RECEIVED + 5,
    )  # fmt: skip
    (log,) = read(segment)
    assert part(segment).times.tolist() == [RECEIVED + 5]
    assert (log.id, log.level, log.severity_number) == (1 << 16, "notice", 10)
    assert (log.project, log.service, log.instance, log.logger) == ("shop", "checkout", "web-1", "a.b")
    assert log.exception is not None
    assert log.exception.model_dump() == exception
    assert (log.trace_id, log.span_id, log.test_id) == ("ab" * 16, "cd" * 8, "test::one")
    assert (log.source.file, log.source.line, log.source.function) == ("/srv/pay.py", 42, "charge")
    assert log.process.thread == "worker-3"
    assert log.attributes == {"n": 1, "stack_info": "stack", DEGRADED: ["order"]}


def test_the_main_thread_needs_no_definition() -> None:
    """A record without a thread's number comes from the main thread; an unknown number is no guess."""
    assert read_one("x", None).process.thread == "MainThread"
    assert read_one("x", None, None, {wire.MORE_THREAD: 99}).process.thread == "unknown"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        ((1 << 64) - 1, "18446744073709551615"),
        ([1, [float("nan")]], [1, ["NaN"]]),
        ({"deep": {"er": float("inf")}}, {"deep": {"er": "Infinity"}}),
        (msgpack.ExtType(5, b"\x00"), {"bytes": "AA==", "extension": 5}),
    ],
)
def test_values_that_json_lacks_are_marked(value: Any, shown: Any) -> None:
    """They become something that every reader understands; the field says that it changed, others do not."""
    row = read_one("x", None, {"good": 1, "odd": value})
    assert row.attributes == {"good": 1, "odd": shown, DEGRADED: ["odd"]}


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -(1 << 63), (1 << 63) - 1, 1.5, -0.0, "", "\x00 \u2028 ü", [], {}, [None, {"a": [1]}]],
)
def test_values_that_json_has_stay(value: Any) -> None:
    """What can be said exactly arrives exactly, and unmarked."""
    assert read_one("x", None, {"value": value}).attributes == {"value": value}


def test_bytes_and_times_become_text() -> None:
    """They have a form of their own, so nothing is lost."""
    row = read_one("x", None, {"raw": b"\xff\x00", "at": msgpack.Timestamp(1_700_000_000)})
    assert row.attributes == {"raw": {"bytes": "/wA="}, "at": "2023-11-14T22:13:20+00:00"}


@pytest.mark.parametrize("when", [float("nan"), float("inf"), -1, 1 << 63, -5.0, 1e300])
def test_what_is_no_time_takes_that_of_arrival(when: float) -> None:
    """A record is never lost, or put into the year 50,000, by its clock."""
    segment = SegmentBuilder()
    segment.record(segment.site("x"), when=when)
    (row,) = read(segment)
    assert (part(segment).times.tolist(), row.attributes) == ([RECEIVED], {DEGRADED: ["time"]})


def test_seconds_as_a_float_are_exact_to_a_microsecond() -> None:
    """The two forms of a time mean the same."""
    segment = SegmentBuilder()
    site = segment.site("x")
    segment.record(site, when=1_700_000_000.123456)
    segment.record(site, when=1_700_000_000_123_456_789)
    assert part(segment).times.tolist() == [1_700_000_000_123_456_000, 1_700_000_000_123_456_789]


@pytest.mark.parametrize(
    "payload",
    [
        b"\xc1",
        b"\x90",
        b"\x91\x01",
        b"\x94\x01\x00\xc0",
        msgpack.packb([1, "no time", None, None]),
        msgpack.packb([99, 0, None, None]),
        msgpack.packb([1, 0, None, {1: 2}]),
        msgpack.packb([1, 0, None, None, {wire.MORE_THREAD: {}}]),
        msgpack.packb([0, wire.KIND_LOSS, "never", 1, 5]),
        b"\x94\x01\x00\xc0" + b"\x91" * 100_000 + b"\xc0",
        b"\x94\x01\x00\xa2\xff\xfe\xc0",
        b"\xdc\x00\x02\x01",
    ],
)
def test_what_cannot_be_read_is_seen(payload: bytes) -> None:
    """It becomes a warning at the same place, with the payload in it; its neighbours are not touched."""
    segment = SegmentBuilder()
    site = segment.site("fine")
    segment.record(site)
    segment.put(payload)
    segment.record(site)
    before, odd, after = read(segment)
    assert before.message == after.message == "fine"
    assert (odd.level, odd.logger, odd.project) == ("warning", "pylogtap", "shop")
    assert odd.message.startswith("a record could not be read: ")
    assert set(odd.attributes) == {"payload", DEGRADED}
    assert [row.id for row in (before, odd, after)] == [1 << 16, (1 << 16) + 1, (1 << 16) + 2]


def test_losses_are_seen() -> None:
    """That a client had to drop records is a record itself."""
    segment = SegmentBuilder()
    segment.put(loss_payload("other/place/here", {"full": 3, "large": 1}))
    (row,) = read(segment)
    assert row.message == "4 records were dropped before this point (full: 3, large: 1)"
    assert (row.project, row.level, row.attributes) == (
        "other",
        "warning",
        {"dropped": {"full": 3, "large": 1}},
    )


def test_kinds_of_later_versions_are_passed_over() -> None:
    """A newer client may send more than this collector knows."""
    segment = SegmentBuilder()
    segment.put(msgpack.packb([0, 77, "what?"]))
    segment.record(segment.site("fine"))
    assert [row.message for row in read(segment)] == ["fine"]


def test_a_place_may_come_late() -> None:
    """What a number stands for is looked up when its slice has been read, not when its site was defined."""
    segment = SegmentBuilder()
    site = segment.site("x", place=2)
    segment.record(site)
    segment.place(2, "a/b/c")
    segment.record(site)
    assert [row.project for row in read(segment)] == ["a", "a"]
