"""Counts of drops in the header of a segment: who adopts it tells them, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgpack
import pytest

from pylogtap import losses, wire
from pylogtap import segment as segments
from pylogtap.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pylogtap.segment import Segment

PLACE = "shop/checkout/web-1"


def payloads(segment: Segment, end: int) -> list[list[object]]:
    """Return what a segment holds."""
    data = segment.memory[wire.HEADER_SIZE : end]
    frames, _ = wire.split_frames(data, wire.HEADER_SIZE, segment.salt)
    return [msgpack.unpackb(payload) for _, payload in frames]


def opening(told: Mapping[str, int]) -> list[bytes]:
    """Describe a process, and what was dropped."""
    return [msgpack.packb([0, 0, {}]), *([msgpack.packb([0, 4, 0, PLACE, dict(told)])] if told else [])]


@pytest.fixture
def segment(tmp_path: Path) -> Segment:
    """Return a segment that holds a frame, of a process that has ended."""
    made = segments.create_file(str(tmp_path), "1-0", 64 << 10)
    losses.name_place(made, PLACE)
    made.end = made.put(msgpack.packb([1, 1, "last", None]), wire.HEADER_SIZE)
    return made


def test_what_was_noted_is_told_once(segment: Segment) -> None:
    """The counts become a note behind the last frame, and are told no second time."""
    losses.note(segment, "spool_full", 7)
    losses.note(segment, "refused", 2)
    losses.note(segment, "something new", 1)
    losses.tell(segment)
    losses.tell(segment)
    record, note = payloads(segment, segment.end)
    assert record[0] == 1
    assert note[:2] == [0, wire.KIND_LOSS]
    assert note[3:] == [PLACE, {"spool_full": 7, "refused": 2, "other": 1}]
    assert losses.noted(segment) == {}


@pytest.mark.parametrize("torn", [True, False])
def test_nothing_is_told_where_it_cannot_be(segment: Segment, torn: bool) -> None:
    """Behind torn bytes there is no place for a note, and without drops there is nothing to say."""
    if torn:
        losses.note(segment, "spool_full", 7)
        segment.memory[segment.end + 16] = 1
    end = segment.end
    losses.tell(segment)
    assert segment.end == end


def test_the_current_segment_has_what_is_not_told(tmp_path: Path) -> None:
    """A drop stands in the current segment until the stream has it."""
    spool = Spool(str(tmp_path), opening, segment_bytes=16 << 10, place=PLACE)
    spool.drop("too_large")
    spool.drop("too_large")
    first = spool.current
    assert losses.noted(first) == {"too_large": 2}
    spool.tell_losses()
    assert spool.current is not first
    assert losses.noted(spool.current) == {}
    spool.drop("refused")
    assert losses.noted(spool.current) == {"refused": 1}
    spool.tell_last_losses()
    assert losses.noted(spool.current) == {}
    told = payloads(spool.current, spool.reserved_end(spool.current))
    assert [each[4] for each in told if each[1] == wire.KIND_LOSS] == [{"too_large": 2}, {"refused": 1}]
    spool.close()
