"""Points that taps have measured are stored where that is possible, and nobody waits for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.access.visitor import local
from pylogtap_collector.services import points
from pylogtap_collector.storage.series import Filter
from pylogtap_collector.taps.entries import Point
from tests.support.points import DAY_NS, MAIL, START, WEB, send
from tests.support.stores import running_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pylogtap_collector.assembly import Collector


@pytest.fixture(params=["memory", "disk"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Collector]:
    """Return a collector with its database in memory, and one with a file."""
    async with running_store(tmp_path if request.param == "disk" else None) as collector:
        yield collector


async def test_points_of_the_wrong_kind_are_left_out(store: Collector) -> None:
    """A gauge takes no samples of a counter: these are refused with a reason, the others are stored."""
    await send(store, "cpu", {0.0: 1.0})
    measured = [
        Point(WEB, "cpu", 2.0, START + 10**9, kind="counter"),
        Point(WEB, "cpu", float("nan"), START + 10**9),
        Point(WEB, "cpu", 3.0, -1),
        Point(WEB, "load", 3.0, START + 10**9),
        Point(MAIL, "load", 3.0, START + 10**9),
    ]
    taken = await store.services.metrics.take(measured, frozenset({"shop"}))
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


async def test_a_full_disk_drops_points(store: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing can be stored, points are dropped and counted, and whoever measures goes on."""
    writer = store.engine._writer
    assert writer is not None
    monkeypatch.setattr(writer, "full", True)
    assert await send(store, "cpu", {0.0: 1.0}) == 0
    assert store.counters.points_dropped == 1
    monkeypatch.undo()
    assert await send(store, "cpu", {0.0: 1.0}) == 1


async def test_points_do_not_pile_up(store: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing is stored, so many points wait and no more; the others are dropped and counted."""
    monkeypatch.setattr(points, "_MOST_WAITING", 3)
    sent = [send(store, "cpu", {float(2 * number): 1.0, 2.0 * number + 1: 2.0}) for number in range(5)]
    stored = await asyncio.gather(*sent)
    assert stored == [2, 0, 0, 0, 0]
    assert (store.counters.points, store.counters.points_dropped) == (2, 8)
    assert await send(store, "cpu", {50.0: 1.0}) == 1


async def test_the_newest_values_outlive_the_collector(tmp_path: Path) -> None:
    """After a start the newest values are those of before, packed or not, with the rates of counters."""
    async with running_store(tmp_path) as store:
        await send(
            store, "hits", {float(second): 4.0 * second for second in range(0, 100, 2)}, kind="counter"
        )
        await send(store, "cpu", {5.0: 1.0})
        before = (await store.services.metrics.latest.values(Filter(), stale=True)).items
    async with running_store(tmp_path) as store:
        again = (await store.services.metrics.latest.values(Filter(), stale=True)).items
        await store.roller.roll(START + DAY_NS)
        assert [(each.name, each.value, each.rate) for each in again] == [
            ("hits", 392.0, 4.0), ("cpu", 1.0, None),
        ]  # fmt: skip
    ages = [{**each.model_dump(), "age_s": 0} for each in before]
    assert ages == [{**each.model_dump(), "age_s": 0} for each in again]
    async with running_store(tmp_path) as store:
        packed = (await store.services.metrics.latest.values(Filter(), stale=True)).items
        assert [(each.value, each.time) for each in packed] == [(each.value, each.time) for each in before]
