"""Events of Fluent Forward: where they belong, and lines that are put together again."""

from __future__ import annotations

import gzip
from typing import Any

import msgpack
import pytest

from pylogtap.text.parser import PART
from pylogtap_collector.errors import Undecodable
from pylogtap_collector.taps.cutting import MAX_VALUES, MsgpackCutter
from pylogtap_collector.taps.entries import Entry
from pylogtap_collector.taps.forward import Event, ForwardDecoder, Message
from pylogtap_collector.taps.joining import FLUSH_NS, Joiner, Line
from pylogtap_collector.taps.parts import in_parts
from pylogtap_collector.taps.shipped import read_event
from pylogtap_collector.wire import Place

DEFAULT = Place("shop", "forward", "10.0.0.1")
NOW = 1_767_225_600 * 10**9
CONTAINER = {"container_id": "f" * 64, "container_name": "/shop-web-1", "source": "stdout"}
LABELS = {
    "com.docker.compose.project": "mall",
    "com.docker.compose.service": "web",
    "com.docker.compose.container-number": "2",
}


def read(tag: str, record: Any) -> Entry:
    """Return what one event means."""
    found = read_event(tag, Event(NOW, record), DEFAULT, NOW)
    if isinstance(found, Entry):
        return found
    joiner = Joiner()
    (entry,) = [*joiner.take(found, NOW), *joiner.flush()]
    return entry


def lines(*texts: str, **more: Any) -> list[Line]:
    """Return lines of a container, one millisecond after the other."""
    found = []
    for number, text in enumerate(texts):
        line = read_event(
            "f" * 12, Event(NOW + number * 10**6, {"log": text, **CONTAINER, **more}), DEFAULT, NOW
        )
        assert isinstance(line, Line)
        found.append(line)
    return found


def only(packed: bytes) -> Message:
    """Return the one message that some bytes are."""
    decoder = ForwardDecoder(1 << 20)
    (value,) = decoder.values(packed)
    message = decoder.message(value)
    assert message is not None
    return message


@pytest.mark.parametrize(
    ("tag", "place"),
    [
        ("mall.web", Place("mall", "web", "10.0.0.1")),
        ("mall.web.two", Place("mall", "web", "two")),
        ("0123456789ab", DEFAULT),
        ("docker.0123456789ab", DEFAULT),
        ("tail.0", DEFAULT),
        ("app", DEFAULT),
        ("a.b.c.d", DEFAULT),
        ("a..b", DEFAULT),
        ("", DEFAULT),
    ],
)
def test_tags_that_name_a_place(tag: str, place: Place) -> None:
    """Two or three parts do; what Docker and Fluent Bit give by default does not."""
    entry = read(tag, {"message": "x"})
    assert (entry.place, entry.logger) == (place, tag)


def test_labels_of_compose_count_more_than_the_tag() -> None:
    """A container stands where it stands when it is followed; without labels its name is the service."""
    assert read("a.b", {"log": "x", **CONTAINER, **LABELS}).place == Place("mall", "web", "web-2")
    assert read("a.b", {"log": "x", **CONTAINER}).place == Place("a", "b", "10.0.0.1")
    assert read("f" * 12, {"log": "x", **CONTAINER}).place == Place("shop", "shop-web-1", "shop-web-1")
    own = {"pylogtap.prefix": "p/s"}
    assert read("a.b", {"log": "x", **CONTAINER, **own}).place == Place("p", "s", "shop-web-1")


def test_a_traceback_that_comes_line_by_line_is_one_entry() -> None:
    """Lines of another stream of the same container do not come between."""
    joiner = Joiner()
    err = lines(
        "ERROR:root:no tea",
        "Traceback (most recent call last):",
        '  File "x"',
        "KeyError: 1",
        source="stderr",
    )
    out = lines("a", "b", "c", "d")
    found = [
        entry for pair in zip(err, out, strict=True) for line in pair for entry in joiner.take(line, NOW)
    ]
    assert [entry.message for entry in found] == ["a", "b", "c"]
    assert joiner.flush_older_than(NOW - 1) == []
    assert {entry.message for entry in joiner.flush_older_than(NOW)} == {"no tea", "d"}
    assert not joiner.waiting


def test_the_time_is_that_of_the_first_line() -> None:
    """A time in the line counts where it is the same, more exactly: containers have other zones."""
    joiner = Joiner()
    same, other = "2026-01-01T00:00:00.123Z INFO x: y", "2026-01-01T05:00:00.123Z INFO x: y"
    entries = [entry for line in lines(same, other, "none") for entry in joiner.take(line, NOW)]
    entries += joiner.flush()
    assert [entry.time_ns for entry in entries] == [NOW + 123_000_000, NOW + 10**6, NOW + 2 * 10**6]


def test_parts_of_a_long_line_are_joined() -> None:
    """As Docker's driver marks them: all texts."""
    joiner = Joiner()
    marks = [
        {"partial_message": "true", "partial_id": "a", "partial_ordinal": str(n), "partial_last": last}
        for n, last in ((1, "false"), (2, "false"), (3, "true"))
    ]
    parts = [lines(text, **mark)[0] for text, mark in zip(("{", '"message": ', '"x"}'), marks, strict=True)]
    assert [entry for line in parts for entry in joiner.take(line, NOW)] == []
    (entry,) = joiner.flush()
    assert entry.message == "x"
    assert not any(name.startswith("partial") for name in entry.fields)


def test_parts_that_never_end_are_bounded_and_not_lost() -> None:
    """In memory and in time; each is an entry that says which part it is."""
    joiner = Joiner()

    def part(number: int, identity: str) -> Line:
        mark = {"partial_message": "true", "partial_id": identity, "partial_ordinal": str(number)}
        return lines(chr(97 + number % 26) * 16_384, **mark, partial_last="false")[0]

    found = [entry for n in range(1, 200) for entry in joiner.take(part(n, "one"), NOW)]
    assert found
    found += [entry for n in range(2_000) for entry in joiner.take(part(1, str(n)), NOW)]
    assert joiner._waiting <= 16 << 20
    found += joiner.flush_older_than(NOW + FLUSH_NS)
    assert not joiner.waiting
    assert sum(len(entry.message) for entry in found) == (199 + 2_000) * 16_384
    assert all(PART in entry.fields for entry in found)


def test_an_entry_that_is_too_long_comes_in_parts() -> None:
    """Nothing of its message is lost, and the first part has all else."""
    for text in ("x" * 1_000_000, "€" * 300_000):
        entry = Entry(
            DEFAULT, text, fields={"n": 1}, exception={"type": "E", "message": "", "stacktrace": ""}
        )
        parts = list(in_parts(entry))
        assert "".join(part.message for part in parts) == text
        assert [part.fields[PART] for part in parts] == list(range(1, len(parts) + 1))
        assert [part.fields.get("n") for part in parts] == [1] + [None] * (len(parts) - 1)
    short = Entry(DEFAULT, "x")
    assert list(in_parts(short)) == [short]


def test_a_message_is_bounded() -> None:
    """By its bytes and by its values, before anything of it is built."""
    with pytest.raises(Undecodable):
        ForwardDecoder(1_000, 1_000).values(b"\x92\xa1x" + b"\xda\x10\x00")
    with pytest.raises(Undecodable):
        ForwardDecoder(1_000).values(b"\x92\xa1x\xdd" + (MAX_VALUES + 1).to_bytes(4))
    deep = b"\x92\xa1x" + b"\x91" * 100_000 + b"\xc0"
    message = only(deep)
    assert (list(message.events()), message.skipped) == ([], 1)


def test_decompressed_events_are_bounded() -> None:
    """A bomb is one event that is skipped; its message is acknowledged, so that it does not come again."""
    bomb = gzip.compress(bytes(10_000_000))
    packed = msgpack.packb(["a.b", bomb, {"compressed": "gzip", "chunk": "x"}])
    message = only(packed)
    assert (list(message.events()), message.skipped, message.chunk) == ([], 1, b"x")


def test_no_more_is_looked_at_where_nothing_can_be_read() -> None:
    """A bomb of bytes that are no events takes as long as some thousand of them, not as all."""
    good = msgpack.packb([NOW, {"message": "one"}])
    message = Message("tag", good + bytes(4 << 20))
    assert [event.record for event in message.events()] == [{"message": "one"}]
    assert message.skipped == 1_001


def test_text_that_is_none_is_kept_readable() -> None:
    """Invalid UTF-8 within msgpack's str, as Docker's driver sends what a program wrote."""
    packed = msgpack.packb(["t", 1, {"log": b"a\xffb"}], use_bin_type=False)
    message = only(packed)
    (event,) = message.events()
    assert event[:2] == (10**9, {"log": r"a\xffb"})


def test_values_are_cut_however_they_come() -> None:
    """Every type of msgpack, cut anywhere, is the same bytes."""
    values = [
        [1, -1, 200, 70_000, 1 << 40, -200, -70_000, -(1 << 40), 1.5, None, True, "é" * 40, "x" * 300],
        {"x" * 70_000: b"y" * 70_000, "b": b"z" * 300, "c": b"1"},
        [msgpack.ExtType(5, b"x" * size) for size in (1, 2, 3, 4, 8, 16, 17, 300, 70_000)],
        [[1]] * 20 + [{"a": 1}] * 70_000,
        {str(number): number for number in range(70_000)},
        7,
    ]
    packed = [msgpack.packb(value) for value in values]
    data = b"".join(packed)
    for size in (1_000, 65_536, len(data)):
        cutter = MsgpackCutter(1 << 22)
        found = [each for at in range(0, len(data), size) for each in cutter.feed(data[at : at + size])]
        assert found == packed
        assert not cutter.waiting


def test_a_container_is_told_as_those_that_are_followed() -> None:
    """By its short id, and by its name where the place does not say it, in lines and in records."""
    assert read("f" * 12, {"log": "x", **CONTAINER}).fields == {"source": "stdout", "container.id": "f" * 12}
    fields = read("a.b", {"log": "x", **CONTAINER}).fields
    assert (fields["container.id"], fields["container.name"]) == ("f" * 12, "shop-web-1")
    fields = read("a.b", {"message": "x", "command": "own", **CONTAINER}).fields
    assert fields == {
        "source": "stdout", "command": "own", "container.id": "f" * 12, "container.name": "shop-web-1",
    }  # fmt: skip
