"""Ingest on a real database: every frame is stored once, however it is sent."""

from __future__ import annotations

import asyncio
import gzip
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import zstandard

from pylogtap import wire
from pylogtap_collector.access.visitor import local
from pylogtap_collector.errors import DamagedSlice, Invalid, Overloaded, TooLarge
from tests.support.segments import SegmentBuilder, numbered_segment
from tests.support.stores import deliver, messages, running_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pylogtap_collector.assembly import Collector


@pytest.fixture(params=["disk", "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Collector]:
    """A running collector, of both kinds."""
    async with running_store(tmp_path if request.param == "disk" else None) as running:
        yield running


def numbers(count: int, first: int = 0) -> list[str]:
    """Return the messages of numbered records."""
    return [f"number {number}" for number in range(first, first + count)]


async def test_a_delivered_segment_is_found(store: Collector) -> None:
    """What was acknowledged is searchable at once, in its order."""
    segment = numbered_segment(50)
    assert await deliver(store, segment) == segment.end
    assert await messages(store) == numbers(50)


@pytest.mark.parametrize(
    ("encoding", "compress"), [(None, bytes), ("gzip", gzip.compress), ("zstd", zstandard.compress)]
)
async def test_compressed_slices(store: Collector, encoding: str | None, compress: object) -> None:
    """All encodings store the same records."""
    assert callable(compress)
    segment = numbered_segment(2000)
    answer = await store.services.ingest.accept(
        segment.identity, wire.HEADER_SIZE, compress(segment.slice()), encoding=encoding
    )
    assert answer.next == segment.end
    assert await messages(store) == numbers(2000)


async def test_sent_twice_is_stored_once(store: Collector) -> None:
    """A client that missed the answer sends the same again, and is told where to go on."""
    segment = numbered_segment(5)
    for _ in range(3):
        assert await deliver(store, segment) == segment.end
    assert await messages(store) == numbers(5)
    assert store.counters.repeated_bytes == 2 * len(segment.slice())


async def test_overlapping_slices_are_cut(store: Collector) -> None:
    """Whatever the cuts, frames that are there already are skipped, and the rest is stored."""
    segment = numbered_segment(30)
    for start, end in ((0, 10), (4, 20), (0, 20), (19, 33), (10, 33)):
        first, last = segment.offsets[start], segment.offsets[end]
        answer = await store.services.ingest.accept(
            segment.identity, first, zstandard.compress(segment.slice(first, last)), encoding="zstd"
        )
        assert answer.next == max(last, answer.next)
    assert await messages(store) == numbers(30)


async def test_an_unknown_stream_begins_at_its_beginning(store: Collector) -> None:
    """Without the definitions of its beginning, a slice means nothing: the client is sent back."""
    segment = numbered_segment(5)
    assert await deliver(store, segment, segment.offsets[4]) == wire.HEADER_SIZE
    assert await messages(store) == []
    assert await deliver(store, segment) == segment.end


async def test_a_gap_is_not_stored(store: Collector) -> None:
    """A slice from further on is answered by where the stored part ends."""
    segment = numbered_segment(10)
    end = segment.offsets[6]
    await store.services.ingest.accept(
        segment.identity, wire.HEADER_SIZE, segment.slice(wire.HEADER_SIZE, end), encoding=None
    )
    assert await deliver(store, segment, segment.offsets[8]) == end
    assert await messages(store) == numbers(3)
    assert store.counters.rewinds == 1


async def test_damage_stops_behind_the_sound_part(store: Collector) -> None:
    """What stands before a damaged frame is stored; set aside, it does not keep the rest from coming."""
    segment = numbered_segment(3)
    damaged = segment.put(b"whatever", damaged=True)
    following = segment.end
    segment.record(1, [3])
    with pytest.raises(DamagedSlice) as caught:
        await deliver(store, segment)
    assert caught.value.extra == {"frame": damaged, "next": following}
    answer = await store.services.ingest.accept(
        segment.identity, following, segment.slice(following), encoding=None, skipped_from=damaged
    )
    assert answer.next == segment.end
    assert await messages(store) == numbers(4)
    assert store.counters.damaged == 1


async def test_damage_that_is_behind_us_does_not_count(store: Collector) -> None:
    """A slice that is sent again from before a frame that was set aside goes on behind it."""
    segment = numbered_segment(3)
    damaged = segment.put(b"whatever", damaged=True)
    following = segment.end
    segment.record(1, [3])
    with pytest.raises(DamagedSlice):
        await deliver(store, segment)
    await store.services.ingest.accept(
        segment.identity, following, segment.slice(following), encoding=None, skipped_from=damaged
    )
    segment.record(1, [4])
    assert await deliver(store, segment) == segment.end
    assert await messages(store) == numbers(5)


async def test_an_empty_slice_moves_over_what_is_set_aside(store: Collector) -> None:
    """The last frame of a segment may be the one that is set aside."""
    segment = numbered_segment(2)
    damaged = segment.put(b"whatever", damaged=True)
    with pytest.raises(DamagedSlice):
        await deliver(store, segment)
    answer = await store.services.ingest.accept(
        segment.identity, segment.end, b"", encoding=None, skipped_from=damaged
    )
    assert answer.next == segment.end


async def test_set_aside_further_on_than_stored_is_a_gap(store: Collector) -> None:
    """Setting frames aside covers those frames only, not what was never sent before them."""
    segment = numbered_segment(10)
    first = segment.offsets[5]
    await store.services.ingest.accept(
        segment.identity, wire.HEADER_SIZE, segment.slice(wire.HEADER_SIZE, first), encoding=None
    )
    answer = await store.services.ingest.accept(
        segment.identity,
        segment.offsets[9],
        segment.slice(segment.offsets[9]),
        encoding=None,
        skipped_from=segment.offsets[8],
    )
    assert answer.next == first


async def test_unfinished_frames_are_left_for_later(store: Collector) -> None:
    """A frame that is being written, or cut, is neither stored nor passed over."""
    segment = numbered_segment(2)
    cut = segment.slice()[:-3]
    answer = await store.services.ingest.accept(segment.identity, wire.HEADER_SIZE, cut, encoding=None)
    assert answer.next == segment.offsets[-2]
    assert await messages(store) == numbers(1)
    assert await deliver(store, segment, answer.next) == segment.end
    assert await messages(store) == numbers(2)


async def test_a_frame_too_large_is_refused_alone(store: Collector) -> None:
    """What stands before it is stored first; the frame itself is for the client to set aside."""
    segment = numbered_segment(2)
    large = segment.put(bytes(wire.MAX_RECORD_BYTES + 1))
    following = segment.end
    segment.record(1, [2])
    assert await deliver(store, segment) == large
    with pytest.raises(TooLarge, match="256 KiB"):
        await deliver(store, segment, large)
    await store.services.ingest.accept(
        segment.identity, following, segment.slice(following), encoding=None, skipped_from=large
    )
    assert await messages(store) == numbers(3)


@pytest.mark.parametrize(
    ("stream", "offset", "skipped_from"),
    [
        (b"short", 4096, None),
        (bytes(16), 0, None),
        (bytes(16), 4100, None),
        (bytes(16), 1 << 40, None),
        (bytes(16), 4096, 8192),
        (bytes(16), 8192, 1),
    ],
)
async def test_nonsense_is_refused(
    store: Collector, stream: bytes, offset: int, skipped_from: int | None
) -> None:
    """Arguments that no client of ours sends get an error that says what they should be."""
    with pytest.raises(Invalid, match=r"segment"):
        await store.services.ingest.accept(stream, offset, b"", encoding=None, skipped_from=skipped_from)


async def test_a_full_backlog_is_refused(tmp_path: Path) -> None:
    """When sealing cannot follow for long, slices wait with their clients instead of filling the disk."""
    async with running_store(tmp_path, backlog_max_bytes=1000) as store:
        await store.tasks.stop()
        await deliver(store, numbered_segment(100))
        with pytest.raises(Overloaded, match="sealed") as caught:
            await deliver(store, numbered_segment(100))
        assert caught.value.retry_after_s
        assert store.counters.refused == 1
        page = await store.services.logs.page("")
        assert len(page.items) == 100


async def test_many_clients_at_once(store: Collector) -> None:
    """Streams that come side by side are stored completely, each in its order."""
    segments = [numbered_segment(200, prefix=f"shop/checkout/web-{number}") for number in range(12)]

    async def send(segment: SegmentBuilder) -> None:
        position = wire.HEADER_SIZE
        while position < segment.end:
            following = min(segment.end, position + 1000)
            answer = await store.services.ingest.accept(
                segment.identity, position, segment.slice(position, following), encoding=None
            )
            position = answer.next

    await asyncio.gather(*(send(segment) for segment in segments))
    for number in range(12):
        found = [
            log
            async for logs in store.services.logs.export(f"instance:web-{number}")
            for log in sorted(logs, key=lambda log: log.id)
        ]
        assert [log.message for log in found] == numbers(200)


async def test_clock_skew_is_kept(store: Collector) -> None:
    """How far a sender's clock is off can be seen among the metrics."""
    segment = numbered_segment(1)
    await store.services.ingest.accept(
        segment.identity,
        wire.HEADER_SIZE,
        segment.slice(),
        encoding=None,
        sent_ns=time.time_ns() - 90 * 10**9,
    )
    line = next(
        line
        for line in (await store.services.health.metrics()).splitlines()
        if line.startswith("pylogtap_collector_clock_skew_seconds ")
    )
    assert 90 <= float(line.split()[1]) < 120


async def test_ids_are_never_given_again(tmp_path: Path) -> None:
    """Also when the newest records are deleted and the collector starts anew, ids go on growing."""
    async with running_store(tmp_path) as store:
        await deliver(store, numbered_segment(3))
        before = max([log.id for log in (await store.services.logs.page("")).items])
        await store.services.logs.delete("", local())
    async with running_store(tmp_path) as store:
        await deliver(store, numbered_segment(3))
        assert min([log.id for log in (await store.services.logs.page("")).items]) > before


async def test_any_sqlite_tool_shows_the_logs(tmp_path: Path) -> None:
    """The file is readable without us: a table with a row for each record, times as text."""
    async with running_store(tmp_path) as store:
        await deliver(store, numbered_segment(2))
        await store.keeper.write_rows()
    with closing(sqlite3.connect(tmp_path / "pylogtap.db")) as database:
        rows = database.execute("SELECT time, level, prefix, message FROM log ORDER BY id").fetchall()
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert [row[1:] for row in rows] == [
        ("info", "shop/checkout/web-1", "number 0"),
        ("info", "shop/checkout/web-1", "number 1"),
    ]
    assert rows[0][0].startswith("20")
    assert rows[0][0].endswith("Z")
