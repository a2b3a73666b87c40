"""What stands behind ingest: sealing, rows for people, what survives a restart and a damaged disk."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from pylogtap import wire
from pylogtap_collector.access.visitor import local
from pylogtap_collector.storage import hot, sealing, streams
from tests.support.segments import SegmentBuilder, numbered_segment
from tests.support.stores import deliver, messages, running_store

if TYPE_CHECKING:
    from pathlib import Path

    from pylogtap_collector.assembly import Collector


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seal some records at a time instead of thousands."""
    monkeypatch.setattr(hot, "CHUNK", 4)
    monkeypatch.setattr(sealing, "BLOCK", 10)


async def tables(store: Collector, *names: str) -> list[int]:
    """Return how many rows tables have."""
    return await store.engine.read(
        lambda connection: [
            connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names
        ]
    )


async def test_what_was_acknowledged_is_there_after_a_restart(tmp_path: Path) -> None:
    """Slices that nobody has looked at are searchable when the collector is back."""
    segment = numbered_segment(5)
    async with running_store(tmp_path) as store:
        await store.tasks.stop()
        await deliver(store, segment)
    async with running_store(tmp_path) as store:
        assert await messages(store) == [f"number {number}" for number in range(5)]


async def test_everything_is_searchable_at_once(tmp_path: Path) -> None:
    """A query knows what was acknowledged before it, whatever the background task does."""
    async with running_store(tmp_path) as store:
        await store.tasks.stop()
        await deliver(store, numbered_segment(3))
        page = await store.services.logs.page("number")
        assert len(page.items) == 3
        assert (await store.services.catalog.project("shop")).records == 3


@pytest.mark.usefixtures("small_blocks")
async def test_the_newest_stay_and_the_others_are_sealed(tmp_path: Path) -> None:
    """Of many records the newest remain rows, all others move into blocks; each is found once."""
    async with running_store(tmp_path, recent_records=20) as store:
        await store.tasks.stop()
        for first in range(0, 100, 5):
            await deliver(store, numbered_segment(5, first=first, prefix=f"shop/s{first % 3}/i"))
        while await store.keeper.seal():
            pass
        await store.keeper.write_rows()
        blocks, recent, slices = await tables(store, "block", "recent", "hot")
        assert (blocks, recent) == (8, 20)
        assert slices * 5 == recent
        assert sorted(await messages(store)) == sorted(f"number {number}" for number in range(100))
        assert (await store.services.catalog.project("shop")).records == 100
        sealed = await store.services.logs.page("n:3")
        assert [log.attributes for log in sealed.items] == [{"n": 3}]
    async with running_store(tmp_path, recent_records=20) as store:
        assert sorted(await messages(store)) == sorted(f"number {number}" for number in range(100))


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("step", ["insert_block", "forget_slices", "count_part"])
async def test_a_seal_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A crash between any two steps leaves the slices or the block; the next try brings it to its end."""

    def fail(*_: object) -> None:
        raise RuntimeError("pretend that the power went away")

    async with running_store(tmp_path, recent_records=0) as store:
        await store.tasks.stop()
        await deliver(store, numbered_segment(30))
        with monkeypatch.context() as patch:
            patch.setattr(sealing, step, fail)
            with pytest.raises(RuntimeError, match="power"):
                await store.keeper.seal()
        assert await tables(store, "block", "hot") == [0, 1]
        assert len(await messages(store)) == 30
    async with running_store(tmp_path, recent_records=0) as store:
        while await store.keeper.seal():
            pass
        assert await tables(store, "hot", "recent") == [0, 0]
        assert await messages(store) == [f"number {number}" for number in range(30)]
        patterns = await store.services.logs.patterns("")
        assert [(pattern.template, pattern.count) for pattern in patterns.items] == [("number %d", 30)]


@pytest.mark.usefixtures("small_blocks")
async def test_deleted_records_stay_deleted(tmp_path: Path) -> None:
    """What is deleted before it is sealed, and after, is gone for good, with its words."""
    async with running_store(tmp_path, recent_records=100) as store:
        await store.tasks.stop()
        segment = SegmentBuilder()
        site = segment.site("user %s paid")
        for name in ["ann", "bob", "cid"] * 10:
            segment.record(site, [name])
        await deliver(store, segment)
        await store.keeper.write_rows()
        assert (await store.services.logs.delete("bob", local())).deleted == 10
        assert await tables(store, "recent", "gone") == [20, 10]
        while await store.keeper.seal(spare=0):
            pass
        assert await tables(store, "gone", "hot") == [0, 0]
        assert (await store.services.logs.delete("ann", local())).deleted == 10
        assert await messages(store) == ["user cid paid"] * 10
        assert (await store.services.catalog.project("shop")).records == 10
    with closing(sqlite3.connect(tmp_path / "pylogtap.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_rows_are_for_any_tool(tmp_path: Path) -> None:
    """Whoever opens the file sees the newest records as a table that can be read."""
    segment = SegmentBuilder()
    segment.record(segment.site("user %s paid"), ["ann"], {"order": 7}, when=1_700_000_000_000_000_000)
    async with running_store(tmp_path) as store:
        await deliver(store, segment)
        await store.keeper.write_rows()
    with closing(sqlite3.connect(tmp_path / "pylogtap.db")) as database:
        found = database.execute(
            "SELECT time, level, prefix, logger, message, attributes FROM log"
        ).fetchall()
    assert found == [
        (
            "2023-11-14T22:13:20.000000Z", "info", "shop/checkout/web-1", "pay", "user ann paid",
            '{"order":7}',
        )
    ]  # fmt: skip


async def test_definitions_survive_a_restart(tmp_path: Path) -> None:
    """Records that come later still have their template, place and thread."""
    segment = SegmentBuilder()
    site = segment.site("late %s")
    segment.thread(2, "worker")
    async with running_store(tmp_path) as store:
        await deliver(store, segment)
    for name in ("one", "two"):
        start = segment.record(site, [name], None, {wire.MORE_THREAD: 2})
        async with running_store(tmp_path) as store:
            assert await deliver(store, segment, start) == segment.end
            log = (await store.services.logs.page(f'"late {name}"')).items[0]
            assert (log.template, log.project, log.process.thread) == ("late %s", "shop", "worker")


async def test_a_slice_that_the_disk_damaged_is_seen(tmp_path: Path) -> None:
    """It becomes a record that says so and carries what is left; the slices behind it are read."""
    async with running_store(tmp_path) as store:
        await store.tasks.stop()
        for count in (3, 2):
            segment = numbered_segment(count)
            await store.services.ingest.accept(
                segment.identity, wire.HEADER_SIZE, segment.slice(), encoding=None
            )
    with closing(sqlite3.connect(tmp_path / "pylogtap.db")) as database:
        database.execute("UPDATE hot SET encoding = 'zstd' WHERE id = (SELECT min(id) FROM hot)")
        database.commit()
    async with running_store(tmp_path) as store:
        page = await store.services.logs.page("", order="asc")
        assert sorted(log.message.split(":")[0] for log in page.items) == [
            "a record could not be read",
            "number 0",
            "number 1",
        ]
        odd = next(log for log in page.items if "payload" in log.attributes)
        assert odd.attributes["payload"].keys() == {"bytes"}


async def test_streams_share_the_memory_for_definitions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More streams than are kept in memory work all the same: their definitions are read again."""
    monkeypatch.setattr(hot, "_READERS", 2)
    segments = [numbered_segment(1, prefix=f"p/s/i{number}") for number in range(6)]
    async with running_store(tmp_path) as store:
        for segment in segments:
            await deliver(store, segment)
        for segment in segments:
            start = segment.record(1, [1])
            await deliver(store, segment, start)
        assert sorted(await messages(store)) == ["number 0"] * 6 + ["number 1"] * 6


@pytest.mark.usefixtures("small_blocks")
async def test_old_streams_are_forgotten(tmp_path: Path) -> None:
    """What has sent nothing for long costs no room any more; what waits to be sealed stays."""
    async with running_store(tmp_path) as store:
        await store.tasks.stop()
        await deliver(store, numbered_segment(20))
        assert await store.keeper.seal(spare=0)
        waiting = numbered_segment(1)
        await deliver(store, waiting)
        forgotten = await store.engine.write(lambda connection: streams.forget_streams(connection, 1 << 62))
        assert forgotten == 1
        left = await store.engine.read(
            lambda connection: connection.execute("SELECT segment FROM stream").fetchall()
        )
        assert left == [(waiting.identity,)]
        assert await store.engine.read(
            lambda connection: connection.execute("SELECT count(*) FROM definition").fetchone()
        ) == (1,)


@pytest.mark.usefixtures("small_blocks")
async def test_free_pages_are_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a large deletion the file gets smaller."""
    monkeypatch.setattr(streams, "_SPARE_PAGES", 10)
    async with running_store(tmp_path) as store:
        segment = SegmentBuilder()
        site = segment.site("x")
        for _ in range(60):
            segment.record(site, None, {"filling": "x" * 10_000})
        await deliver(store, segment)
        assert await store.keeper.seal(spare=0)
        await store.services.logs.delete("", local())

        def pages(connection: sqlite3.Connection) -> int:
            return int(connection.execute("PRAGMA page_count").fetchone()[0])

        before = await store.engine.read(pages)
        while await store.engine.write(streams.release_pages):
            pass
        assert await store.engine.read(pages) < before - 30
