"""Values of metrics as clients ship them: read leniently, one by one, and told apart from records."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest

from pylogtap import wire
from pylogtap.record import samples_payload
from pylogtap_collector.parts.reading import SegmentReader
from pylogtap_collector.parts.sites import CallSites, Patterns
from pylogtap_collector.taps.shipped_samples import points_of
from pylogtap_collector.wire import Definitions, Place, projects_in, scan
from tests.support.segments import HERE, numbered_segment

SOUND = ("process.threads", 3, None, "gauge", None)
PLACE = Place("shop", "checkout", "web-1")
NOW_NS = 1_700_000_000_000_000_000


def payload(*samples: Any, time: Any = NOW_NS, place: Any = HERE) -> bytes:
    """Return a payload with whatever it is to hold."""
    packed: bytes = msgpack.packb([0, wire.KIND_SAMPLES, time, place, list(samples)])
    return packed


def test_what_the_client_writes_is_read() -> None:
    """Name, value, unit, kind and labels arrive; labels are sorted by name."""
    sample = ("process.disk.io", 1.5, "bytes", "counter", {"z": "1", "direction": "read"})
    (point,) = points_of([samples_payload(NOW_NS, HERE, [sample])])
    assert point == (
        PLACE, "process.disk.io", 1.5, NOW_NS, "bytes", "counter", (("direction", "read"), ("z", "1")),
    )  # fmt: skip


def test_what_a_later_client_adds_is_passed_over() -> None:
    """Further items, of a payload or of a sample, do no harm; missing ones have their defaults."""
    later = msgpack.packb([0, wire.KIND_SAMPLES, NOW_NS, HERE, [[*SOUND, "new"], ["short", 1]], {"new": 1}])
    assert [(point.name, point.kind) for point in points_of([later])] == [
        ("process.threads", "gauge"), ("short", "gauge"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        7,
        [],
        ["a"],
        [1, 1.0],
        ["a", "1"],
        ["a", True],
        ["a", None],
        ["a", float("nan")],
        ["a", float("inf")],
        ["", 1],
        ["1a", 1],
        ["a b", 1],
        ["a\n", 1],
        ["a" * 201, 1],
        ["é", 1],
        ["a", 1, ""],
        ["a", 1, "u" * 33],
        ["a", 1, "\x1b[31m"],
        ["a", 1, None, "histogram"],
        ["a", 1, None, "gauge", {"": "v"}],
        ["a", 1, None, "gauge", {"k\n": "v"}],
        ["a", 1, None, "gauge", {"k": 1}],
        ["a", 1, None, "gauge", {"k": "v" * 201}],
        ["a", 1, None, "gauge", {"k": "\0"}],
        ["a", 1, None, "gauge", {f"k{number}": "v" for number in range(17)}],
        ["a", 1, None, "gauge", [["k", "v"]]],
        {"a": 1},
    ],
)
def test_a_wrong_sample_is_passed_over(wrong: Any) -> None:
    """A sample that makes no sense is left out; those beside it count."""
    found = points_of([payload(SOUND, wrong, ("second", 2, "s", "counter", {}))])
    assert [(point.name, point.value) for point in found] == [("process.threads", 3.0), ("second", 2.0)]


@pytest.mark.parametrize(
    "wrong",
    [
        payload(SOUND, time=-1),
        payload(SOUND, time=1 << 63),
        payload(SOUND, time=1.5),
        payload(SOUND, time=None),
        payload(SOUND, place=7),
        payload(SOUND)[:-3],
        b"\x95\x00\x05",
        b"\x93\x00\x05\xc1",
        msgpack.packb([0, wire.KIND_SAMPLES, NOW_NS, HERE, {"a": 1}]),
        msgpack.packb([0, wire.KIND_SAMPLES, NOW_NS, HERE]),
    ],
)
def test_a_wrong_payload_is_passed_over(wrong: bytes) -> None:
    """A payload that cannot be read is left out; those beside it count."""
    assert [point.name for point in points_of([wrong, payload(SOUND)])] == ["process.threads"]
    segment = numbered_segment(1)
    segment.put(wrong)
    found = scan(segment.slice(), wire.HEADER_SIZE, segment.identity)
    assert (found.end, found.records, len(found.samples)) == (segment.end, 1, 1)
    assert projects_in(found) == {"shop"}


def test_there_is_a_limit() -> None:
    """Of one payload no more is taken than of one request of the API."""
    assert len(points_of([payload(*[SOUND] * 1_500)])) == 1_000


def test_any_text_makes_a_place() -> None:
    """A place is read as those of records are."""
    (point,) = points_of([payload(SOUND, place="sh op/<b>")])
    assert point.place == Place("sh-op", "b-", "unknown")


def test_scan_tells_them_from_records() -> None:
    """They are no records and no definitions, and name a project."""
    segment = numbered_segment(3)
    segment.put(payload(SOUND, place="bank/x/y"))
    found = scan(segment.slice(), wire.HEADER_SIZE, segment.identity)
    assert (found.end, found.records, len(found.definitions), len(found.samples)) == (segment.end, 3, 3, 1)
    assert projects_in(found) == {"shop", "bank"}
    assert wire.count_records(segment.slice()) == 3


@pytest.mark.parametrize("kind", [wire.KIND_SAMPLES, 6, 127])
def test_readers_of_records_pass_over_them(kind: int) -> None:
    """Between records, and alone, they leave no trace; so does a kind that this version does not know."""
    segment = numbered_segment(2)
    segment.put(msgpack.packb([0, kind, NOW_NS, HERE, [list(SOUND)]]))
    segment.record(1, [2], {"n": 2})
    whole, alone = segment.slice(), segment.slice(segment.offsets[-3], segment.offsets[-2])
    reader = SegmentReader(Definitions(), CallSites(Patterns()))
    batch = reader.read(1, NOW_NS, whole, "")
    assert batch.usual is not None
    assert [record.args for record in batch.usual.records()] == [[0], [1], [2]]
    assert len(reader.read(2, NOW_NS, alone, "")) == 0
