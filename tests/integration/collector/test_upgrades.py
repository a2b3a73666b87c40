"""Databases of other versions: earlier ones are copied and upgraded, newer ones refused."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlite_utils import Database

from pylogtap_collector.access.visitor import local
from pylogtap_collector.errors import DataUnusable
from pylogtap_collector.storage import old_rows, sealing, upgrades, versions
from pylogtap_collector.storage.connections import open_writer
from pylogtap_collector.storage.migrations import migrations
from tests.support.old_databases import (
    RECEIVED,
    STEPS,
    fill_old_database,
    names_in,
    old_database,
    part_of_slices,
    store_old_rows,
    stored_logs,
)
from tests.support.segments import SegmentBuilder, numbered_segment
from tests.support.stores import deliver, messages, running_store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a collector's database is."""
    return tmp_path / "pylogtap.db"


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seal some records at a time instead of thousands."""
    monkeypatch.setattr(sealing, "BLOCK", 10)


def content(path: Path) -> bytes:
    """Return a database behind its header, in which looking at it counts."""
    return path.read_bytes()[100:]


@pytest.mark.usefixtures("small_blocks")
async def test_old_records_stay_what_they_were(path: Path) -> None:
    """After the upgrade all records are found under their ids, with labels, counts and patterns; once."""
    logs = fill_old_database(path)
    async with running_store(path.parent) as store:
        assert sorted(await messages(store)) == sorted(log.message for log in logs)
        for log in (logs[0], logs[-1]):
            again = await store.services.logs.one(log.id)
            assert again.model_dump(exclude={"before", "after"}) == log.model_dump()
        assert [log.note for log in (await store.services.logs.page("label.team:pay")).items] == ["look"]
        assert [log.attributes for log in (await store.services.logs.page("n:17")).items] == [{"n": 17}]
        patterns = await store.services.logs.patterns("")
        assert [(pattern.template, pattern.count) for pattern in patterns.items] == [("number %d", len(logs))]
        assert (await store.services.catalog.project("shop")).records == len(logs)
        assert (await store.services.logs.delete("service:s1", local())).deleted == 18
        assert (await store.services.catalog.project("shop")).records == len(logs) - 18
        await deliver(store, numbered_segment(1, first=99))
        await store.keeper.write_rows()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert not versions.has_old_rows(database)
        assert database.execute("SELECT count(*) FROM recent JOIN hot ON hot.id = recent.id >> 16").fetchone()
        rows = database.execute("SELECT message FROM log ORDER BY id DESC LIMIT 1").fetchone()
        assert rows == ("number 99",)


async def test_what_was_deleted_stays_deleted(path: Path) -> None:
    """A record that was deleted while the rest of its slice had no rows yet does not come back."""
    logs = fill_old_database(path)
    deleted = {f"number {number}" for number in range(50)} - {log.message for log in logs}
    async with running_store(path.parent) as store:
        assert deleted.isdisjoint(await messages(store))
    assert len(deleted) == 3


@pytest.mark.usefixtures("small_blocks")
async def test_rows_need_the_memory_of_one_block(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old rows are sealed some at a time: so many as a block has, and fewer where they are very long."""
    segment = SegmentBuilder()
    site = segment.site(None)
    for number in range(25):
        segment.record(site, "x" * (20_000 if number < 5 else 5))
    database = old_database(path)
    with closing(database.conn):
        store_old_rows(database, part_of_slices([segment], [1]))
    monkeypatch.setattr(old_rows, "_MOST_CHARACTERS", 30_000)
    async with running_store(path.parent) as store:
        assert len(await messages(store)) == 25
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT records FROM block ORDER BY first_id").fetchall()
    assert [records for (records,) in found] == [2, 2, 10, 10, 1]


async def test_what_another_program_wrote_into_rows_is_kept(path: Path) -> None:
    """A row whose JSON was broken by hand becomes a record that carries it, and stops no upgrade."""
    fill_old_database(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE recent SET attributes = '{broken', arguments = '[1]' WHERE id = 65536")
        connection.execute("UPDATE recent SET exception_type = 'Odd' WHERE id = 65536")
    async with running_store(path.parent) as store:
        log = await store.services.logs.one(65536)
        assert log.attributes == {"attributes": "{broken", "pylogtap.degraded": ["attributes"]}
        assert log.exception is not None
        assert log.exception.arguments == {"arguments": "[1]"}


async def test_the_database_is_copied_before(path: Path) -> None:
    """Beside an upgraded database stands one file as it was; copies from before earlier upgrades go."""
    logs = fill_old_database(path)
    copy = upgrades.copy_path(path)
    # One of an earlier upgrade, and what a copy has left that was killed.
    for name in ("pylogtap.db.before-0003_logs", f"{copy.name}.partial", f"{copy.name}.partial-journal"):
        path.with_name(name).write_bytes(b"odd" * 1000)
    async with running_store(path.parent):
        pass
    assert [entry for entry in path.parent.iterdir() if ".before-" in entry.name] == [copy]
    assert copy.stat().st_mode & 0o077 == 0
    assert names_in(copy) == list(STEPS[:4])
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("SELECT count(*) FROM recent").fetchone() == (32,)
    before = copy.stat().st_mtime_ns
    async with running_store(path.parent):
        assert copy.stat().st_mtime_ns == before
    copy.replace(path)  # go back, and forth again
    async with running_store(path.parent) as store:
        assert len(await messages(store)) == len(logs)
    assert names_in(copy) == list(STEPS[:4])


async def test_a_new_database_needs_no_copy(path: Path) -> None:
    """Where nothing was stored yet, nothing is copied."""
    with closing(old_database(path).conn):
        pass
    async with running_store(path.parent):
        assert not [entry for entry in path.parent.iterdir() if ".before-" in entry.name]


def test_without_room_for_the_copy_nothing_is_changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start is refused, says how much room is missing, and leaves the database as it was."""
    fill_old_database(path)
    monkeypatch.setattr(upgrades, "_ROOM", 1 << 62)
    before = content(path)
    with pytest.raises(DataUnusable, match=r"needs \d+ MiB, and \d+ MiB are free: make room"):
        open_writer(path)
    assert content(path) == before
    assert not [entry for entry in path.parent.iterdir() if ".before-" in entry.name]
    monkeypatch.undo()
    with closing(open_writer(path)) as connection:
        assert len(stored_logs(connection)) == 47


def test_a_damaged_database_is_not_upgraded(path: Path) -> None:
    """A page that the disk has spoiled stops the upgrade before it begins; the file stays as it was."""
    fill_old_database(path)
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'recent'").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * 8192)
        file.write(b"\xff" * 4096)
    before = content(path)
    with pytest.raises(DataUnusable, match="damaged"):
        open_writer(path)
    assert content(path) == before


def test_a_newer_database_is_refused(path: Path) -> None:
    """What a newer version has changed is not touched, also where its last run was killed."""
    with closing(open_writer(path)):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('pylogtap', '9999_new', '')"
        )
        log = path.with_name("pylogtap.db-wal")
        before = [path.read_bytes(), log.read_bytes()]
        with pytest.raises(DataUnusable, match=r"newer version of pylogtap-collector \(it has 9999_new"):
            open_writer(path)
        assert [path.read_bytes(), log.read_bytes()] == before
    assert before[1]


async def test_times_of_old_records_are_kept(path: Path) -> None:
    """When a record was logged and when it came stay apart, to the nanosecond."""
    segment = SegmentBuilder()
    segment.record(segment.site("one"), when=RECEIVED - 12_345_678_901)
    database = old_database(path)
    with closing(database.conn):
        (log,) = store_old_rows(database, part_of_slices([segment], [7]))
    async with running_store(path.parent) as store:
        again = (await store.services.logs.page("one")).items[0]
        assert (again.id, again.time, again.received) == (7 << 16, log.time, log.received)
        assert log.time < log.received


def test_the_steps_are_known_without_loading_them() -> None:
    """What each start compares a database with names all migrations, in their order."""
    with closing(sqlite3.connect(":memory:")) as empty:
        names = [migration.name for migration in migrations.pending(Database(empty))]
    assert tuple(names) == versions.STEPS
    assert migrations.name == versions.SET


def test_a_start_loads_nothing_that_makes_tables(path: Path) -> None:
    """A database of this version is opened without the package that upgrades others."""
    open_writer(path).close()
    program = (
        "import sys, pathlib; from pylogtap_collector.storage.connections import open_writer; "
        "import pylogtap_collector.daemon; "
        "open_writer(pathlib.Path(sys.argv[1])).close(); print('sqlite_utils' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"
