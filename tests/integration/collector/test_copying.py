"""Copies of databases that are not as they should be: of earlier versions, damaged, in memory."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlite_utils import Database

from pylogtap_collector.errors import DataUnusable, Overloaded
from pylogtap_collector.services.backup import restore
from pylogtap_collector.services.showing import showable
from pylogtap_collector.settings import DATABASE
from pylogtap_collector.storage import checking, copying
from pylogtap_collector.storage.migrations import migrations
from tests.support.segments import numbered_segment
from tests.support.stores import deliver, messages, running_store

if TYPE_CHECKING:
    from pathlib import Path


async def made_copy(folder: Path, count: int = 5) -> Path:
    """Return a backup of a collector that keeps everything in memory."""
    async with running_store() as store:
        await deliver(store, numbered_segment(count))
        async with store.services.backup.made() as ready:
            assert ready.copied.records == count
            copied = folder / "copy.db"
            shutil.copy(ready.path, copied)
        assert not ready.path.exists()
    return copied


async def test_from_memory_to_a_disk(tmp_path: Path) -> None:
    """What a collector has in memory can be backed up, and a collector on a disk goes on with it."""
    copied = await made_copy(tmp_path)
    assert restore(copied, tmp_path / "data") == (5, None)
    async with running_store(tmp_path / "data") as store:
        await deliver(store, numbered_segment(2, first=5))
        assert await messages(store) == [f"number {number}" for number in range(7)]


async def test_with_a_log_beside_it(tmp_path: Path) -> None:
    """Of a database that nobody closed, also what only its log has is restored."""
    async with running_store(tmp_path / "killed") as store:
        await store.tasks.stop()
        await deliver(store, numbered_segment(5))
        shutil.copytree(tmp_path / "killed", tmp_path / "left")
    assert copying.has_log(tmp_path / "left" / DATABASE)
    assert restore(tmp_path / "left" / DATABASE, tmp_path / "data") == (5, None)


async def test_of_an_earlier_version(tmp_path: Path) -> None:
    """A database of an earlier version is shown from a copy, and restored with the schema of this version."""
    old = tmp_path / "old.db"
    with closing(sqlite3.connect(old)) as connection:
        migrations.apply(Database(connection), stop_before="0005_blocks")
    before = old.read_bytes()
    with showable(old) as shown:
        assert shown.path != old
        assert checking.is_current(shown.path)
    assert not shown.path.exists()
    assert restore(old, tmp_path / "data") == (0, None)
    assert old.read_bytes() == before
    async with running_store(tmp_path / "data") as store:
        await deliver(store, numbered_segment(1))
        assert await messages(store) == ["number 0"]


async def test_in_place_of_a_damaged_one(tmp_path: Path) -> None:
    """A damaged database makes way for a backup, and is kept with its log, which never meets the new one."""
    copied = await made_copy(tmp_path)
    data = tmp_path / "data"
    data.mkdir()
    (data / DATABASE).write_bytes(b"damaged" * 2_000)
    (data / f"{DATABASE}-wal").write_bytes(b"and its log")
    records, before = restore(copied, data)
    assert (records, before is not None) == (5, True)
    assert before is not None
    assert before.read_bytes() == b"damaged" * 2_000
    assert before.with_name(f"{before.name}-wal").read_bytes() == b"and its log"
    async with running_store(data) as store:
        assert len(await messages(store)) == 5


def names(folder: Path) -> list[str]:
    """Return what stands in a data folder, but for locks and logs."""
    return sorted(
        path.name for path in folder.iterdir() if path.suffix not in {".lock", ".db-wal", ".db-shm"}
    )


def damage(path: Path) -> None:
    """Overwrite some pages of a database."""
    with path.open("r+b") as file:
        file.seek(8192 * 5)
        file.write(b"\xff" * 8192 * 3)


async def test_a_damaged_collector_gives_no_backup(tmp_path: Path) -> None:
    """A backup of a database that is damaged is refused, not handed out."""
    async with running_store(tmp_path, recent_records=0) as store:
        await store.tasks.stop()
        await deliver(store, numbered_segment(2_000))
    damage(tmp_path / DATABASE)
    async with running_store(tmp_path, recent_records=0) as store:
        await store.tasks.stop()
        with pytest.raises(DataUnusable, match="is damaged"):
            async with store.services.backup.made():
                pass
        assert names(tmp_path) == [DATABASE]


async def test_a_collector_that_stops_makes_no_backup(tmp_path: Path) -> None:
    """Once it stops, a collector begins no copy, and leaves none behind."""
    async with running_store(tmp_path) as store:
        pass
    with pytest.raises(Overloaded):
        async with store.services.backup.made():
            pass
    assert names(tmp_path) == [DATABASE]
