"""Samples grow old: they are packed, become minutes and hours, and go; nothing is lost or counted twice."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.access.visitor import local
from pylogtap_collector.models import RetentionPatch
from pylogtap_collector.services import roller
from pylogtap_collector.storage import rolling, settling
from pylogtap_collector.storage.sample_state import set_old
from tests.support.points import DAY_NS, HOUR_NS, MAIL, START, WEB, counted, over, send
from tests.support.stores import running_store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pylogtap_collector.assembly import Collector


@pytest.fixture(params=["memory", "disk"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Collector]:
    """Return a collector with its database in memory, and one with a file."""
    async with running_store(tmp_path if request.param == "disk" else None) as collector:
        yield collector


async def test_points_are_stored_and_packed(store: Collector) -> None:
    """New points are rows, old ones are in chunks of an hour; each is found, and counted once."""
    values = {float(second): second % 7 / 4 for second in range(0, 8000, 10)}
    assert await send(store, "cpu", values) == 800
    await store.roller.roll(START + 8000 * 10**9)
    assert await counted(store, "SELECT count(*) FROM sample") == [(30,)]
    assert await counted(store, "SELECT samples FROM series") == [(770,)]
    chunks = await counted(store, "SELECT resolution, start, count, state FROM chunk ORDER BY 1, 2")
    assert chunks == [
        ("hour", START // (7 * DAY_NS) * 7 * DAY_NS, 720, 0),
        ("minute", START, 720, 0),
        ("raw", START, 360, 0),
        ("raw", START + HOUR_NS, 360, 0),
        ("raw", START + 2 * HOUR_NS, 50, 2),
    ]
    (metric,) = (await store.services.metrics.page()).items
    assert (metric.samples, metric.last_value) == (800, values[7990.0])
    found = await store.services.metrics.one(metric.id, limit=10_000)
    assert [point.value for point in found.points] == list(values.values())


async def test_rolling_again_changes_nothing(store: Collector) -> None:
    """What has been done is not done again, and chunks stay as they are."""
    await send(store, "cpu", {float(second): 1.5 * second for second in range(0, 9000, 60)})
    await store.roller.roll(START + 10_000 * 10**9)
    before = await counted(store, "SELECT * FROM chunk ORDER BY id")
    await store.roller.roll(START + 10_000 * 10**9)
    assert await counted(store, "SELECT * FROM chunk ORDER BY id") == before


async def test_late_samples_come_into_minutes_and_hours(store: Collector) -> None:
    """What comes hours late is added, what comes again replaces, also in what was made of it already."""
    await send(store, "cpu", {0.0: 1.0, 60.0: 2.0, 4000.0: 3.0})
    await store.roller.roll(START + 3 * HOUR_NS)
    await send(store, "cpu", {60.0: 8.0, 61.0: 4.0})
    for _ in range(2):
        cpu = (await over(store, 0, 3600, "1h"))["cpu"]
        assert cpu.points is not None
        (hour,) = cpu.points
        assert (hour.count, hour.min, hour.max, hour.last) == (3, 1.0, 8.0, 4.0)
        await store.roller.roll(START + 3 * HOUR_NS)
    assert (await over(store, 0, 3600, "1h"))["cpu"].samples == 4


async def test_a_counter_grows_over_chunks(store: Collector) -> None:
    """What a counter has grown between the last sample of an hour and the first of the next is not lost."""
    values = {float(second): 2.0 * second for second in range(0, 10_800, 50)}
    await send(store, "hits", values, kind="counter")
    for now in (4_000, 9_000, 20_000):
        await store.roller.roll(START + now * 10**9)
        hits = (await over(store, 0, 10_800, "1h"))["hits"]
        assert hits.points is not None
        assert [point.rate for point in hits.points] == [2.0, 2.0, 2.0]


async def test_everything_goes_when_it_is_old(store: Collector) -> None:
    """Samples are kept for two days, minutes for thirty, hours for two years; what there is is told."""
    await send(store, "cpu", {float(second): 5.0 for second in range(0, 7200, 10)})
    kinds = "SELECT DISTINCT resolution FROM chunk ORDER BY 1"
    for days, left in (
        (1, ["hour", "minute", "raw"]),
        (3, ["hour", "minute"]),
        (40, ["hour"]),
        (700, ["hour"]),
        (740, []),
    ):
        await store.roller.roll(START + days * DAY_NS)
        assert [kind for (kind,) in await counted(store, kinds)] == left
        cpu = (await over(store, 0, 7200, "1h"))["cpu"]
        assert cpu.points is not None
        assert [point.count for point in cpu.points] == ([360, 360] if left else [])
        assert cpu.samples == (720 if days == 1 else 0)


async def test_what_comes_when_its_samples_are_gone(store: Collector) -> None:
    """A sample of days ago is added to the minutes and hours that are kept, and takes no place of theirs."""
    await send(store, "cpu", {float(second): 5.0 for second in range(0, 3600, 10)})
    await store.roller.roll(START + 3 * DAY_NS)
    await send(store, "cpu", {100.5: 9.0})
    for _ in range(2):
        await store.roller.roll(START + 3 * DAY_NS)
        for step in ("1m", "1h"):
            cpu = (await over(store, 0, 3600, step))["cpu"]
            assert cpu.points is not None
            assert sum(point.count for point in cpu.points) == 361
            assert max(point.max or 0 for point in cpu.points) == 9.0
    assert await counted(store, "SELECT count(*) FROM chunk WHERE resolution = 'raw'") == [(0,)]
    assert (await over(store, 0, 3600, "1h"))["cpu"].samples == 0


async def test_projects_keep_metrics_as_they_keep_records(store: Collector) -> None:
    """A project that keeps its records for a day keeps its metrics no longer."""
    for place in (WEB, MAIL):
        await send(store, "cpu", {float(second): 5.0 for second in range(0, 3600, 10)}, place)
    await store.services.retention.change("bank", RetentionPatch(keep_days=1), local())
    await store.roller.roll(START + 9 * DAY_NS)
    left = "SELECT DISTINCT project FROM chunk JOIN series ON series.id = series"
    assert await counted(store, left) == [("shop",)]


async def test_metrics_leave_room_for_records() -> None:
    """Metrics take half of what the database may use: of what is beyond, the oldest samples go at first."""
    async with running_store(keep_bytes=20_000) as store:
        for hour in range(5):
            values = {hour * 3600.0 + second: (second * 7.7) ** 0.5 + hour for second in range(0, 3600, 6)}
            await send(store, "cpu", values)
        await store.roller.roll(START + 6 * HOUR_NS)
        kept = await counted(store, "SELECT start, count FROM chunk WHERE resolution = 'raw' ORDER BY start")
        assert 0 < len(kept) < 5
        assert kept == [(START + hour * HOUR_NS, 600) for hour in range(5 - len(kept), 5)]
        assert (await counted(store, "SELECT sum(length(data)) FROM chunk"))[0][0] <= 10_000
        cpu = (await over(store, 0, 5 * 3600, "1h"))["cpu"]
        assert cpu.samples == 600 * len(kept)
        assert cpu.points is not None
        assert [point.count for point in cpu.points] == [600] * 5


async def test_deleted_metrics_leave_no_chunks(store: Collector) -> None:
    """With a metric goes all that was packed of it."""
    await send(store, "cpu", {float(second): 5.0 for second in range(0, 7200, 10)})
    await store.roller.roll(START + DAY_NS)
    (metric,) = (await store.services.metrics.page()).items
    await store.services.metrics.delete(metric.id, local())
    assert await counted(store, "SELECT count(*) FROM chunk") == [(0,)]


async def test_the_task_goes_on(store: Collector) -> None:
    """The background task packs what is old by itself, again and again."""
    work = asyncio.create_task(store.roller.run(first_s=0.0, period_s=0.01))
    for second in (0.0, 1.0):
        await send(store, "cpu", {second: 1.0})
        rows = "SELECT count(*) FROM sample"
        while await counted(store, rows) != [(0,)]:  # noqa: ASYNC110 - the task tells nobody when it is done
            await asyncio.sleep(0.01)
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work


async def test_what_comes_while_samples_are_packed(store: Collector) -> None:
    """A sample that takes the place of an old one while that is being packed is not lost."""
    await send(store, "cpu", {0.0: 1.0, 60.0: 2.0})
    await store.engine.write(partial(set_old, time_ns=START + 10**9))
    packed = await store.engine.work(partial(rolling.pack, until_ns=START + 10**9))
    assert packed is not None
    await send(store, "cpu", {0.0: 8.0})
    assert not await store.engine.write(partial(rolling.store_packed, packed=packed))
    await store.roller.roll(START + 2 * HOUR_NS)
    (metric,) = (await store.services.metrics.page()).items
    assert [point.value for point in (await store.services.metrics.one(metric.id)).points] == [8.0, 2.0]


async def test_what_comes_while_minutes_are_made(store: Collector) -> None:
    """A sample that comes late while the minutes of its hour are being made is in them soon."""
    await send(store, "cpu", {0.0: 1.0, 60.0: 2.0})
    await store.roller.roll(START + HOUR_NS)
    settled = await store.engine.work(partial(settling.settle, until_ns=START + HOUR_NS))
    assert settled is not None
    await send(store, "cpu", {61.0: 3.0})
    assert not await store.engine.write(partial(settling.store_settled, settled=settled))
    await store.roller.roll(START + 2 * HOUR_NS)
    cpu = (await over(store, 0, 3600, "1h"))["cpu"]
    assert cpu.points is not None
    assert [point.count for point in cpu.points] == [3]


async def test_somebody_changes_old_samples_all_the_time(
    store: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When each attempt beside the writes is in vain, samples are packed between two of them."""
    await send(store, "cpu", {0.0: 1.0, 60.0: 2.0})
    attempt = rolling.pack

    def disturbed(connection: sqlite3.Connection, until_ns: int) -> rolling.Packed | None:
        packed = attempt(connection, until_ns)
        return packed and packed._replace(changes=-1)

    monkeypatch.setattr(rolling, "pack", disturbed)
    monkeypatch.setattr(roller, "pack_now", partial(roller.pack_now, pack=attempt))
    await store.roller.roll(START + HOUR_NS)
    assert await counted(store, "SELECT count(*) FROM sample") == [(0,)]
