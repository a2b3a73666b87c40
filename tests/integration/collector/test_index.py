"""The index: it goes on where it stopped, never twice, never blocked by what it cannot read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from pylogtap import wire
from pylogtap_collector.services import index
from pylogtap_collector.storage import recent, streams
from tests.support.segments import SegmentBuilder, numbered_segment
from tests.support.stores import deliver, messages, running_store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

    from pylogtap_collector.storage.rows import Row


async def test_what_is_left_is_indexed_after_a_restart(tmp_path: Path) -> None:
    """Slices that were acknowledged but not indexed are searchable when the collector is back."""
    segment = numbered_segment(5)
    async with running_store(tmp_path) as store:
        await store.tasks.stop()
        await deliver(store, segment)
        assert (await store.services.logs.page("")).pending == 5
    async with running_store(tmp_path) as store:
        assert await messages(store) == [f"number {number}" for number in range(5)]


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


async def test_a_slice_half_done_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash in the middle of a slice leaves some of its rows; the others come, and none twice."""
    monkeypatch.setattr(index, "_STRIDE", 10)
    monkeypatch.setattr(index, "_STEP", 10)
    insert = recent.insert_rows
    seen: list[int] = []

    def fail_later(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        if len(seen) == 2:
            raise RuntimeError("pretend that the power went away")
        seen.append(len(rows))
        insert(connection, rows)

    segment = numbered_segment(50)
    monkeypatch.setattr(recent, "insert_rows", fail_later)
    async with running_store(tmp_path, index_wait_s=0.5) as store:
        await deliver(store, segment)
        page = await store.services.logs.page("", limit=100)
        assert (len(page.items), page.pending) == (20, 50)
        states = {state.name: state for state in store.tasks.states()}
        assert states["index"].last_error == "RuntimeError: pretend that the power went away"
    monkeypatch.setattr(recent, "insert_rows", insert)
    async with running_store(tmp_path) as store:
        page = await store.services.logs.page("", order="asc", limit=100)
        assert [log.message for log in page.items] == [f"number {number}" for number in range(50)]
        assert (await store.services.catalog.project("shop")).records == 50


async def test_the_index_tries_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that passes, a full disk for instance, costs time but no record and no pattern."""
    finish, failures = streams.finish_slices, [1, 1]

    def fail_twice(connection: sqlite3.Connection, number: int, log_id: int) -> None:
        finish(connection, number, log_id)
        if failures:
            failures.pop()
            raise OSError("a moment, please")

    monkeypatch.setattr(streams, "finish_slices", fail_twice)
    async with running_store(tmp_path, index_wait_s=10) as store:
        await deliver(store, numbered_segment(5))
        assert await messages(store) == [f"number {number}" for number in range(5)]
        patterns = await store.services.logs.patterns("")
        assert [(pattern.template, pattern.count) for pattern in patterns.items] == [("number %d", 5)]
        assert not failures


async def test_a_slice_that_the_disk_damaged_is_seen(tmp_path: Path) -> None:
    """It becomes a record that says so and carries what is left; the slices behind it are indexed."""
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
    monkeypatch.setattr(index, "_STREAMS", 2)
    segments = [numbered_segment(1, prefix=f"p/s/i{number}") for number in range(6)]
    async with running_store(tmp_path) as store:
        for segment in segments:
            await deliver(store, segment)
        await store.index.caught_up(10)
        for segment in segments:
            start = segment.record(1, [1])
            await deliver(store, segment, start)
        assert sorted(await messages(store)) == ["number 0"] * 6 + ["number 1"] * 6


async def test_old_streams_are_forgotten(tmp_path: Path) -> None:
    """What has sent nothing for long costs no room any more; what waits to be indexed stays."""
    async with running_store(tmp_path) as store:
        await deliver(store, numbered_segment(1))
        await store.index.caught_up(10)
        await store.tasks.stop()
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
        ) == (3,)


async def test_free_pages_are_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a large deletion the file gets smaller."""
    monkeypatch.setattr(streams, "_SPARE_PAGES", 10)
    async with running_store(tmp_path) as store:
        segment = SegmentBuilder()
        site = segment.site("x")
        for _ in range(60):
            segment.record(site, None, {"filling": "x" * 10_000})
        await deliver(store, segment)
        await store.services.logs.delete("")

        def pages(connection: sqlite3.Connection) -> int:
            return int(connection.execute("PRAGMA page_count").fetchone()[0])

        before = await store.engine.read(pages)
        while await store.engine.write(streams.release_pages):
            pass
        assert await store.engine.read(pages) < before - 30
