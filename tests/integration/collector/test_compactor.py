"""Compaction: fewer and smaller blocks, the same answers, whatever ends it in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pylogtap_collector.access.visitor import local
from pylogtap_collector.models import LogPatch
from pylogtap_collector.storage import compacting, hot, sealing
from tests.support.segments import SegmentBuilder, numbered_segment
from tests.support.stores import deliver, messages, running_store

if TYPE_CHECKING:
    from pathlib import Path

    from pylogtap_collector.assembly import Collector
    from pylogtap_collector.models import Compaction

QUERIES = ("", "number 7", "n:<30 service:s1", "label.cause:disk", "-n:>=50", 'logger:pay "number 12"')


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seal some records at a time instead of thousands, and join them to a few more."""
    monkeypatch.setattr(hot, "CHUNK", 4)
    monkeypatch.setattr(sealing, "BLOCK", 10)
    monkeypatch.setattr(compacting, "LARGE", 40)
    monkeypatch.setattr(compacting, "MOST", 50)
    monkeypatch.setattr(compacting, "_WINDOW", 3)


async def fill(store: Collector, count: int = 150) -> None:
    """Store records in many small blocks, and label one of them."""
    await store.tasks.stop()
    for first in range(0, count, 5):
        await deliver(store, numbered_segment(5, first=first, prefix=f"shop/s{first % 3}/i"))
    while await store.keeper.seal():
        pass
    some = (await store.services.logs.page("n:12")).items[0]
    await store.services.notes.annotate(some.id, LogPatch(labels={"cause": "disk"}, note="seen"), local())


async def answers(store: Collector) -> list[Any]:
    """Return what people get to see of everything, in every way."""
    logs, found = store.services.logs, list[Any]()
    for q in QUERIES:
        found.append([log async for page in logs.export(q) for log in page])
        found.append(await logs.patterns(q))
        found.append(await logs.facets(q, fields=["service", "n", "level", "label.cause"], limit=200))
        found.append(await logs.histogram(q, since="2020-01-01T00:00:00Z", until="2100-01-01T00:00:00Z"))
    found.append(await logs.one(found[0][3].id, context=4))
    found.append(await store.services.catalog.project("shop"))
    return found


async def compacted(store: Collector) -> Compaction:
    """Compact, and return how it stands at the end."""
    return [step async for step in store.services.compactor.run()][-1]


async def test_the_same_answers(tmp_path: Path) -> None:
    """Every answer is what it was, at once and after a restart; there are fewer blocks, of fewer bytes."""
    async with running_store(tmp_path, recent_records=20) as store:
        await fill(store)
        before = await answers(store)
        end = await compacted(store)
        assert end.done
        assert (end.blocks_before, end.blocks) == (13, 4)
        assert end.block_bytes < end.block_bytes_before
        assert end.file_bytes < end.file_bytes_before
        assert await answers(store) == before
    async with running_store(tmp_path, recent_records=20) as store:
        await store.tasks.stop()
        assert await answers(store) == before


async def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    """Whoever leaves off in the middle loses nothing, and the next run does only what is left."""
    async with running_store(tmp_path, recent_records=0) as store:
        await fill(store)
        steps = store.services.compactor.run()
        await anext(steps)
        middle = await anext(steps)
        await steps.aclose()
    async with running_store(tmp_path, recent_records=0) as store:
        await store.tasks.stop()
        end = await compacted(store)
        assert end.blocks_before == middle.blocks
        assert end.blocks < middle.blocks < middle.blocks_before
        assert sorted(await messages(store)) == sorted(f"number {number}" for number in range(150))
        again = await compacted(store)
        assert (again.blocks, again.block_bytes) == (end.blocks, end.block_bytes)


@pytest.mark.parametrize("step", ["delete_block", "insert_block"])
async def test_an_exchange_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A crash between any two steps leaves the old blocks; the next run brings it to its end."""

    def fail(*_: object) -> None:
        raise RuntimeError("pretend that the power went away")

    async with running_store(tmp_path, recent_records=0) as store:
        await fill(store)
        with monkeypatch.context() as broken:
            broken.setattr(compacting, step, fail)
            with pytest.raises(RuntimeError, match="power"):
                await compacted(store)
        assert len(await messages(store)) == 150
        end = await compacted(store)
        assert end.blocks < end.blocks_before == 15
        assert len(await messages(store)) == 150


async def test_beside_everything_else(tmp_path: Path) -> None:
    """Records that come, are sealed and are deleted while it runs are treated as at any other time."""
    async with running_store(tmp_path, recent_records=0) as store:
        await fill(store, 100)
        steps = store.services.compactor.run()
        await anext(steps)
        await anext(steps)
        await deliver(store, numbered_segment(30, first=100))
        await store.keeper.seal()
        assert (await store.services.logs.delete("n:<40", local())).deleted == 40
        async for _ in steps:
            pass
        assert sorted(await messages(store)) == sorted(f"number {number}" for number in range(40, 130))


async def test_nothing_to_do(tmp_path: Path) -> None:
    """An empty database, and one in memory, are compacted without ado."""
    async with running_store(tmp_path) as store:
        assert (await compacted(store)).blocks == 0
    async with running_store(recent_records=0) as store:
        await fill(store, 60)
        before = await answers(store)
        assert (await compacted(store)).blocks < 6
        assert await answers(store) == before


async def test_records_of_every_kind(tmp_path: Path) -> None:
    """Different templates, attributes and gaps in them survive being joined."""
    async with running_store(tmp_path, recent_records=0) as store:
        await store.tasks.stop()
        for number in range(30):
            segment = SegmentBuilder(f"shop/s{number % 4}/i")
            plain, filled = segment.site("plain"), segment.site(f"kind {number % 5} of %s took %d")
            segment.record(
                plain, None, {"x": [1, {"y": number}], "big": 2**63 + number} if number % 2 else None
            )
            segment.record(filled, [f"v{number}", number], {f"only{number % 3}": None, "é": "ü\n\0"})
            await deliver(store, segment)
        while await store.keeper.seal(spare=0):
            pass
        before = await answers(store)
        assert len(before[0]) == 60
        assert (await compacted(store)).blocks <= 2
        assert await answers(store) == before
