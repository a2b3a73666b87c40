"""Samples grow old: they are packed, become minutes and hours, and go; nothing is lost or counted twice."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap_collector.access.visitor import local
from pylogtap_collector.models import RetentionPatch
from pylogtap_collector.services import roller
from pylogtap_collector.services.measures import Over
from pylogtap_collector.storage import rolling, settling
from pylogtap_collector.storage.connections import open_writer
from pylogtap_collector.storage.sample_state import set_old
from pylogtap_collector.storage.series import Filter
from pylogtap_collector.taps.entries import Point
from pylogtap_collector.wire import Place
from tests.support.old_databases import old_database
from tests.support.stores import running_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pylogtap_collector.app import Collector
    from pylogtap_collector.models import MetricWithSteps

HOUR_NS = 3_600 * 10**9
DAY_NS = 24 * HOUR_NS
START = 1_760_000_000 * 10**9 // DAY_NS * DAY_NS
WEB, MAIL = Place("shop", "web", "web-1"), Place("bank", "mail", "mail-1")


@pytest.fixture(params=["memory", "disk"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Collector]:
    """Return a collector with its database in memory, and one with a file."""
    async with running_store(tmp_path if request.param == "disk" else None) as collector:
        yield collector


async def send(
    store: Collector, name: str, values: dict[float, float], place: Place = WEB, **facts: Any
) -> int:
    """Store points of a metric, by seconds since the start, and return how many were stored."""
    points = [
        Point(place, name, value, START + int(second * 10**9), **facts) for second, value in values.items()
    ]
    return (await store.services.metrics.take(points)).stored


async def counted(store: Collector, query: str) -> Any:
    """Return the rows that a query finds."""
    return await store.engine.read(lambda connection: connection.execute(query).fetchall())


async def over(store: Collector, since: int, until: int, step: str) -> dict[str, MetricWithSteps]:
    """Return what metrics have been between two seconds since the start."""
    first, end = (str(START // 10**9 + second) for second in (since, until))
    page = await store.services.metrics.page(Filter(), Over(first, end, step))
    return {item.name: item for item in page.items}


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


async def test_points_of_the_wrong_kind_are_left_out(store: Collector) -> None:
    """A gauge takes no samples of a counter: these are refused with a reason, the others are stored."""
    await send(store, "cpu", {0.0: 1.0})
    points = [
        Point(WEB, "cpu", 2.0, START + 10**9, kind="counter"),
        Point(WEB, "cpu", float("nan"), START + 10**9),
        Point(WEB, "cpu", 3.0, -1),
        Point(WEB, "load", 3.0, START + 10**9),
        Point(MAIL, "load", 3.0, START + 10**9),
    ]
    taken = await store.services.metrics.take(points, frozenset({"shop"}))
    assert (taken.stored, len(taken.refused)) == (1, 3)
    assert "is a gauge, not a counter; send it as such" in " ".join(taken.refused)
    assert (store.counters.points, store.counters.points_dropped) == (2, 4)


async def test_points_find_series_that_were_deleted(store: Collector) -> None:
    """Who deletes a metric, a place or a project between two ticks gets a new one with the next."""
    metrics, catalog = store.services.metrics, store.services.catalog
    await send(store, "cpu", {0.0: 1.0})
    (first,) = (await metrics.page()).items
    await metrics.delete(first.id, local())
    await send(store, "cpu", {1.0: 1.0})
    (second,) = (await metrics.page()).items
    await catalog.delete_project("shop", local())
    await send(store, "cpu", {2.0: 1.0})
    (third,) = (await metrics.page()).items
    assert first.id < second.id < third.id
    assert third.samples == 1
    assert (await catalog.instance("shop", "web", "web-1")).name == "web-1"


async def test_deleted_metrics_leave_no_chunks(store: Collector) -> None:
    """With a metric goes all that was packed of it."""
    await send(store, "cpu", {float(second): 5.0 for second in range(0, 7200, 10)})
    await store.roller.roll(START + DAY_NS)
    (metric,) = (await store.services.metrics.page()).items
    await store.services.metrics.delete(metric.id, local())
    assert await counted(store, "SELECT count(*) FROM chunk") == [(0,)]


async def test_a_full_disk_drops_points(store: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing can be stored, points are dropped and counted, and whoever measures goes on."""
    writer = store.engine._writer
    assert writer is not None
    monkeypatch.setattr(writer, "full", True)
    assert await send(store, "cpu", {0.0: 1.0}) == 0
    assert store.counters.points_dropped == 1
    monkeypatch.undo()
    assert await send(store, "cpu", {0.0: 1.0}) == 1


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


def test_samples_of_an_earlier_version(tmp_path: Path) -> None:
    """A database whose samples lie by series is copied and upgraded: each of them is there, and counted."""
    path = tmp_path / "pylogtap.db"
    database = old_database(path, before="0010_chunks")
    with closing(database.conn) as connection:
        for number in (1, 2):
            connection.execute(
                "INSERT INTO series VALUES (?, 'shop', 'web', 'all', ?, NULL, 'gauge', '{}', 'said', 1, 50)",
                (number, f"m{number}"),
            )
            connection.executemany(
                "INSERT INTO sample VALUES (?, ?, ?)",
                [(number, START + each, each / 4) for each in range(50)],
            )
    with closing(open_writer(path)) as connection:
        assert connection.execute("SELECT count(*), sum(value) FROM sample").fetchone() == (100, 612.5)
        assert connection.execute("SELECT DISTINCT samples, description FROM series").fetchall() == [
            (0, "said")
        ]
        plan = connection.execute("EXPLAIN QUERY PLAN SELECT * FROM sample WHERE time < 5").fetchall()
        assert "PRIMARY KEY (time<?)" in plan[0][3]
    (copy,) = [entry for entry in tmp_path.iterdir() if ".before-" in entry.name]
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT count(*) FROM series WHERE samples = 50").fetchone() == (2,)


async def test_upgraded_metrics_are_what_they_were(tmp_path: Path) -> None:
    """After the upgrade metrics say what they said, before and after their samples are packed."""
    test_samples_of_an_earlier_version(tmp_path)
    async with running_store(tmp_path) as store:
        for _ in range(2):
            first, second = (await store.services.metrics.page()).items
            assert (first.samples, second.samples) == (50, 50)
            assert first.last_value == 12.25
            await store.roller.roll(START + 10**12)
