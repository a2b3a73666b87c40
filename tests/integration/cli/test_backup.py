"""Backup and restore, as people use them: beside a running collector, and after it has gone."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.proofs.daemon import CollectorProcess, running_daemon
from pylogtap_collector.storage.connections import FolderLock
from tests.support.deliveries import Feed, deliver_segment
from tests.support.segments import numbered_segment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.cli.conftest import Shell


@pytest.fixture
def feed(shell: Shell) -> Iterator[Feed]:
    """Records that come in all the time, from the test's beginning to its end."""
    running = Feed(shell.collector.url)
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[CollectorProcess]:
    """A collector of one test, that may be killed."""
    (tmp_path / "first").mkdir()
    with running_daemon(tmp_path / "first") as running:
        yield running


def check_sum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def numbers_in(collector: CollectorProcess) -> list[int]:
    """Return the numbers of all records that a feed has sent."""
    return sorted(log["attributes"]["n"] for log in collector.logs(""))


@pytest.mark.parametrize("way", ["--url", "--data"])
def test_drill(shell: Shell, feed: Feed, tmp_path: Path, way: str) -> None:
    """What was acknowledged before a backup began is there once, when the machine dies and it is restored."""
    feed.wait_for(2_000)
    before = feed.acknowledged
    where = shell.collector.url if way == "--url" else str(shell.collector.data)
    made = shell.run("backup", "monday.db", way, where)
    assert made.returncode == 0, made.stderr.decode()
    feed.stop()
    shell.collector.kill()
    restored = shell.run("restore", "monday.db", "--data", str(tmp_path / "second" / "data"))
    assert restored.returncode == 0, restored.stderr.decode()
    with running_daemon(tmp_path / "second") as second:
        found = numbers_in(second)
        assert found[:before] == list(range(before))
        assert len(found) == len(set(found))
        segment = numbered_segment(3, first=10**6)
        deliver_segment(second.url, segment)
        assert second.count() == len(found) + 3
    output = made.stdout.decode()
    assert f"{len(found):,} records" in output
    assert f"sha256 {check_sum(shell.folder / 'monday.db')}" in output


def test_a_stopped_collector_is_backed_up(shell: Shell) -> None:
    """A data folder is enough; what only the write-ahead log has is in the backup, and the file is alone."""
    deliver_segment(shell.collector.url, numbered_segment(50))
    shell.collector.kill()
    made = shell.run("backup", "b.db", "--data", str(shell.collector.data))
    assert made.returncode == 0, made.stderr.decode()
    assert "50 records" in made.stdout.decode()
    assert sorted(path.name for path in shell.folder.glob("b.db*")) == ["b.db"]
    with closing(sqlite3.connect(shell.folder / "b.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_nothing_is_replaced_unasked(shell: Shell) -> None:
    """A file that is there stays, unless --force says that it may go."""
    (shell.folder / "b.db").write_text("precious")
    refused = shell.run("backup", "b.db")
    assert refused.returncode == 1
    assert b"is there already" in refused.stderr
    assert (shell.folder / "b.db").read_text() == "precious"
    assert shell.run("backup", "b.db", "--force").returncode == 0
    assert (shell.folder / "b.db").read_bytes().startswith(b"SQLite format 3")


def test_a_backup_that_fails_leaves_nothing(shell: Shell, tmp_path: Path) -> None:
    """Where there is no collector and no database, it says so, and no file looks like a backup."""
    for arguments in (["--url", "http://127.0.0.1:9"], ["--data", str(tmp_path / "nowhere")]):
        ended = shell.run("backup", "b.db", *arguments)
        assert ended.returncode == 1
        assert b"Traceback" not in ended.stderr
    assert list(shell.folder.glob("b.db*")) == []
    assert not (tmp_path / "nowhere").exists()
    assert shell.run("backup", "b.db", "--url", "http://127.0.0.1:9", "--data", "x").returncode == 2


def test_restore_beside_a_running_collector(shell: Shell) -> None:
    """A folder in use is refused, and its collector notices nothing."""
    assert shell.run("backup", "b.db").returncode == 0
    refused = shell.run("restore", "b.db", "--data", str(shell.collector.data))
    assert refused.returncode == 1
    assert b"another collector uses" in refused.stderr
    deliver_segment(shell.collector.url, numbered_segment(5))
    assert shell.collector.count() == 5


def test_what_was_there_is_kept(shell: Shell) -> None:
    """The database that a backup replaces stays beside it, whole."""
    deliver_segment(shell.collector.url, numbered_segment(5))
    assert shell.run("backup", "b.db").returncode == 0
    deliver_segment(shell.collector.url, numbered_segment(7, first=5))
    shell.collector.kill()
    ended = shell.run("restore", "b.db", "--data", str(shell.collector.data))
    assert ended.returncode == 0, ended.stderr.decode()
    (kept,) = shell.collector.data.glob("pylogtap.db.before-restore-*")
    assert str(kept) in ended.stdout.decode()
    shell.collector.start()
    assert shell.collector.count() == 5
    shell.collector.kill()
    assert shell.run("restore", str(kept), "--data", str(shell.collector.data)).returncode == 0
    shell.collector.start()
    assert shell.collector.count() == 12


def damage_block(path: Path) -> None:
    """Change bytes of a block, so that SQLite itself sees nothing wrong."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE block_data SET data = zeroblob(length(data))")
        connection.commit()


def miscount_block(path: Path) -> None:
    """Note one record less than a block has."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE block SET records = records - 1")
        connection.commit()


def come_from_later(path: Path) -> None:
    """Note a step of the schema that nobody knows yet."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('pylogtap', '9', '')"
        )
        connection.commit()


def cut(path: Path) -> None:
    """Lose the second half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def be_another(path: Path) -> None:
    """Be a database of another program."""
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE something (else_ INTEGER)")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (damage_block, "is damaged"),
        (miscount_block, "holds something else than is noted"),
        (cut, "is damaged"),
        (come_from_later, "a later version"),
        (be_another, "no database of a collector"),
        (lambda path: path.write_text("no database at all" * 999), "is damaged"),
        (lambda path: path.unlink(), "there is no file"),
    ],
)
def test_a_bad_backup_is_refused(shell: Shell, harm: object, said: str) -> None:
    """A backup that cannot be relied on is refused in a sentence, and the folder stays as it was."""
    deliver_segment(shell.collector.url, numbered_segment(5))
    incident = shell.run("export", "--format", "incident", "--output", "b.db")
    assert incident.returncode == 0, incident.stderr.decode()
    shell.collector.stop()
    data = shell.collector.data
    harm(shell.folder / "b.db")  # type: ignore[operator]
    was = {path.name: check_sum(path) for path in data.iterdir()}
    refused = shell.run("restore", "b.db", "--data", str(data))
    assert refused.returncode == 1
    assert said in refused.stderr.decode()
    assert "Traceback" not in refused.stderr.decode()
    assert {path.name: check_sum(path) for path in data.iterdir()} == was


def test_the_lock_is_given_back(shell: Shell, tmp_path: Path) -> None:
    """After a restore that went wrong, a collector can use the folder."""
    (tmp_path / "bad.db").write_text("x" * 100)
    assert shell.run("restore", str(tmp_path / "bad.db"), "--data", str(tmp_path / "d")).returncode == 1
    FolderLock(tmp_path / "d").release()


def test_a_copy_that_was_cut_off_is_removed(shell: Shell) -> None:
    """What a collector left that was killed while it made a copy goes at its next start."""
    shell.collector.kill()
    left = shell.collector.data / "copy-being-made-abc"
    left.mkdir()
    (left / "pylogtap.db").write_text("half")
    shell.collector.start()
    assert not left.exists()


def test_two_at_once(shell: Shell) -> None:
    """Backups that are asked for together come one after the other, each whole."""
    deliver_segment(shell.collector.url, numbered_segment(9))
    ended: list[int] = []
    threads = [
        threading.Thread(target=lambda n=number: ended.append(shell.run("backup", f"{n}.db").returncode))
        for number in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == [0, 0, 0]
    for number in range(3):
        with closing(sqlite3.connect(shell.folder / f"{number}.db")) as connection:
            assert connection.execute("SELECT sum(records) FROM hot").fetchone() == (9,)
