"""Metrics that come with records: stored once, with them or not at all; records are none the wiser."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap import wire
from pylogtap.record import samples_payload
from pylogtap_collector.access.visitor import local
from pylogtap_collector.errors import MissingRight, Overloaded, TooLarge
from pylogtap_collector.storage.samples import store_points
from pylogtap_collector.storage.series import Filter
from tests.support.segments import HERE, SegmentBuilder, numbered_segment
from tests.support.stores import deliver, messages, running_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pylogtap_collector.assembly import Collector

NOW_NS = 1_700_000_000_000_000_000


@pytest.fixture(params=["disk", "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Collector]:
    """A running collector, of both kinds."""
    async with running_store(tmp_path if request.param == "disk" else None) as running:
        yield running


def measure(segment: SegmentBuilder, value: float, second: int = 0, place: str = HERE, **facts: Any) -> int:
    """Append a sample of `queue.length` to a segment."""
    sample = ("queue.length", value, facts.get("unit"), facts.get("kind", "gauge"), facts.get("labels"))
    return segment.put(samples_payload(NOW_NS + second * 10**9, place, [sample]))


async def values(store: Collector, name: str = "queue.length") -> list[float]:
    """Return all values of a metric, oldest first."""
    page = await store.services.metrics.page(Filter(name=name))
    found: list[float] = []
    for item in page.items:
        found += [each.value for each in (await store.services.metrics.one(item.id)).points]
    return found


async def rows(store: Collector, table: str) -> int:
    """Return how many rows a table has."""

    def count(connection: sqlite3.Connection) -> int:
        number: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return number

    return await store.engine.read(count)


async def test_they_arrive_with_records(store: Collector) -> None:
    """Records are found as ever, and the values stand in the metric of the place."""
    segment = numbered_segment(2)
    measure(segment, 3, 0)
    segment.record(1, [2], {"n": 2})
    measure(segment, 4, 1, unit="jobs")
    assert await deliver(store, segment) == segment.end
    assert await messages(store) == ["number 0", "number 1", "number 2"]
    assert await values(store) == [3, 4]
    assert store.counters.records == 3
    assert store.counters.points == 2


async def test_sent_twice_is_stored_once(store: Collector) -> None:
    """Whatever is repeated or cut anew, each value counts once: a counter of what came says so."""
    segment = numbered_segment(1)
    for second in range(6):
        measure(segment, second, second)
    for start, end in ((0, 5), (3, 7), (0, 7), (5, None)):
        stop = None if end is None else segment.offsets[end]
        part = segment.slice(segment.offsets[start], stop)
        await store.services.ingest.accept(segment.identity, segment.offsets[start], part, encoding=None)
    assert await values(store) == [0, 1, 2, 3, 4, 5]
    assert store.counters.points == 6


async def test_a_slice_of_them_alone_leaves_nothing_to_seal(store: Collector) -> None:
    """Where no records are, no slice is kept: nothing would ever seal it."""
    segment = SegmentBuilder()
    measure(segment, 1)
    assert await deliver(store, segment) == segment.end
    start = segment.end
    measure(segment, 2, 1)
    assert await deliver(store, segment, start) == segment.end
    assert await rows(store, "hot") == 0
    assert store.keeper.unsealed_bytes == 0
    start = segment.end
    segment.record(segment.site("number %d"), [7])  # what came before still defines its place
    assert await deliver(store, segment, start) == segment.end
    assert await messages(store, "project:shop service:checkout") == ["number 7"]


async def test_sealing_passes_over_them(store: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records between which values came are sealed, counted and found like others."""
    from pylogtap_collector.storage import hot, sealing

    monkeypatch.setattr(sealing, "BLOCK", 10)
    monkeypatch.setattr(hot, "CHUNK", 4)
    segment = numbered_segment(0)
    for number in range(20):
        measure(segment, number, number)
        start = segment.record(1, [number], {"n": number})
        if number % 3 == 0:
            await deliver(store, segment, wire.HEADER_SIZE)
        assert start
    await deliver(store, segment)
    assert await store.keeper.seal(spare=0)
    assert await messages(store) == [f"number {number}" for number in range(20)]
    assert await values(store) == list(range(20))


async def test_the_tail_does_not_see_them(store: Collector) -> None:
    """A follower gets the records, in their order, and does not stumble over what came in between."""
    tail = store.services.logs.tail("")
    try:
        for number in range(3):
            only = SegmentBuilder()
            measure(only, number, number)
            await deliver(store, only)
            await deliver(store, numbered_segment(1, first=number))
        async with asyncio.timeout(20):
            seen = [json.loads((await anext(tail)).json)["message"] for _ in range(3)]
    finally:
        await tail.aclose()
    assert seen == ["number 0", "number 1", "number 2"]


async def test_rights(store: Collector) -> None:
    """A key of one project delivers no values of another: neither they nor what is beside them is stored."""
    segment = numbered_segment(1)
    measure(segment, 1)
    measure(segment, 1, place="bank/till/1")
    with pytest.raises(MissingRight, match="bank"):
        await store.services.ingest.accept(
            segment.identity, wire.HEADER_SIZE, segment.slice(), encoding=None, projects=frozenset({"shop"})
        )
    assert (await values(store), await messages(store)) == ([], [])
    answer = await store.services.ingest.accept(
        segment.identity,
        wire.HEADER_SIZE,
        segment.slice(wire.HEADER_SIZE, segment.offsets[-2]),
        encoding=None,
        projects=frozenset({"shop"}),
    )
    assert answer.next == segment.offsets[-2]
    assert await values(store) == [1]


async def test_a_stream_is_remembered_by_its_metrics(store: Collector) -> None:
    """Whoever may deliver to one project cannot go on with a stream that measured another."""
    segment = SegmentBuilder("shop/a/b")
    measure(segment, 1, place="bank/till/1")
    await deliver(store, segment)
    start = segment.end
    measure(segment, 2, place="shop/a/b")
    with pytest.raises(MissingRight, match="bank"):
        await store.services.ingest.accept(
            segment.identity, start, segment.slice(start), encoding=None, projects=frozenset({"shop"})
        )


async def test_the_wrong_kind_is_passed_over(store: Collector) -> None:
    """A value whose metric is of another kind holds up neither the stream nor its neighbours."""
    segment = numbered_segment(1)
    measure(segment, 1, 0)
    measure(segment, 2, 1, kind="counter")
    measure(segment, 3, 2)
    assert await deliver(store, segment) == segment.end
    assert await values(store) == [1, 3]
    assert await messages(store) == ["number 0"]
    assert (store.counters.points, store.counters.points_dropped) == (2, 1)


async def test_together_or_not_at_all(store: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the transaction fails, neither values nor records nor the stream's progress stay; then all do."""

    def store_and_fail(*args: Any) -> None:
        store_points(*args)
        raise Overloaded("Now and then.")

    segment = numbered_segment(1)
    measure(segment, 1)
    with monkeypatch.context() as patch:
        patch.setattr("pylogtap_collector.storage.streams.store_points", store_and_fail)
        with pytest.raises(Overloaded):
            await deliver(store, segment)
    assert (await values(store), await rows(store, "stream")) == ([], 0)
    assert await deliver(store, segment) == segment.end
    assert (await values(store), await messages(store)) == ([1], ["number 0"])


async def test_a_series_that_was_deleted_begins_again(store: Collector) -> None:
    """Values that come after somebody has deleted their metric make it anew."""
    segment = SegmentBuilder()
    measure(segment, 1)
    await deliver(store, segment)
    (metric,) = (await store.services.metrics.page()).items
    await store.services.metrics.delete(metric.id, local())
    start = segment.end
    measure(segment, 2, 1)
    await deliver(store, segment, start)
    assert await values(store) == [2]


async def test_an_oversized_frame_behind_them(store: Collector) -> None:
    """What stands before a frame that is too large is taken; the frame itself is refused then."""
    segment = SegmentBuilder()
    measure(segment, 1)
    end = segment.put(bytes(wire.MAX_RECORD_BYTES + 1))
    assert await deliver(store, segment) == end
    with pytest.raises(TooLarge):
        await deliver(store, segment, end)
    assert await values(store) == [1]


async def test_after_a_restart(tmp_path: Path) -> None:
    """Values outlive the collector, and a repetition after its restart is still none."""
    segment = numbered_segment(1)
    measure(segment, 5)
    async with running_store(tmp_path) as store:
        await deliver(store, segment)
    async with running_store(tmp_path) as store:
        await deliver(store, segment)
        assert await values(store) == [5]
    with closing(sqlite3.connect(tmp_path / "pylogtap.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
