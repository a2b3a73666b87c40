"""The database is damaged, locked, gone or unwritable: the collector says so, and loses nothing."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap_collector.proofs.daemon import SERVE, CollectorProcess, running_daemon
from pylogtap_collector.services import damage
from pylogtap_collector.storage import checking
from pylogtap_collector.storage.connections import open_reader
from pylogtap_collector.storage.salvage import Salvage
from pylogtap_collector.storage.tiers import Tiers
from tests.faults.extent import often
from tests.support.delivering import deliver, numbers_of
from tests.support.segments import numbered_segment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.conftest import Saw

PAGE = 8192
SLICES, SLICE = 60, 700
DATABASE = "pylogtap.db"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder that a collector has filled: blocks, slices that are not sealed, a log."""
    folder = tmp_path_factory.mktemp("sound")
    collector = CollectorProcess(folder / "data", folder / "collector.log")
    collector.environment["PYLOGTAP_COLLECTOR_RECENT_RECORDS"] = "5000"
    collector.start()
    for number in range(SLICES):
        prefix = f"shop/service-{number % 5}/web-{number}"
        assert deliver(collector, numbered_segment(SLICE, first=number * SLICE, prefix=prefix)) == 200
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and metric(collector, "sealed_total") < 2 * 16_384:
        time.sleep(0.1)
    collector.kill()
    return collector.data


def metric(collector: CollectorProcess, name: str) -> float:
    """Return one of the collector's own counts."""
    with urllib.request.urlopen(f"{collector.url}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    return float(text.split(f"\npylogtap_collector_{name} ")[1].split()[0])


def recover(data: Path, *arguments: str) -> str:
    """Call `pylogtap recover`; return what it prints."""
    command = [sys.executable, *SERVE, "recover", *arguments, "--data", str(data)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


def pages_of(database: Path) -> list[tuple[str, int, str, int]]:
    """Return what SQLite itself says of each page of a sound database: table, number, kind, entries."""
    with closing(sqlite3.connect(database)) as connection:
        try:
            return connection.execute("SELECT name, pageno, pagetype, ncell FROM dbstat").fetchall()
        except sqlite3.OperationalError:
            pytest.skip(
                "this SQLite does not tell what is in which page: take one with SQLITE_ENABLE_DBSTAT_VTAB"
            )


def rows_of(database: Path, table: str) -> dict[int, tuple[Any, ...]]:
    """Return the rows of a sound database's table by their number."""
    with closing(sqlite3.connect(database)) as connection:
        return {row[0]: row for row in connection.execute(f"SELECT rowid, * FROM {table}")}


def numbers_in(database: Path) -> list[int]:
    """Return the attribute `n` of all records of a sound database, in order."""
    checking.look_over(database, thoroughly=True)
    checking.read_everything(database)
    tiers, found = Tiers(0), list[int]()
    with closing(open_reader(database)) as connection:
        connection.execute("BEGIN")
        tiers.load(connection)
        for tier in tiers.behind(connection, 0):
            found += [int(value) for value in tier.open().column("a.n").values()]
    return sorted(found)


class Victim:
    """A sound database in one file, and what SQLite says of its pages."""

    def __init__(self, sound: Path, folder: Path) -> None:
        """Copy it."""
        self._path = folder / "sound.db"
        for each in sound.glob(f"{DATABASE}*"):
            shutil.copy(each, folder / each.name.replace(DATABASE, "sound.db"))
        with closing(sqlite3.connect(self._path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        self._pages = pages_of(self._path)
        self._hot = {number: row[4] for number, row in rows_of(self._path, "hot").items()}
        self._blocks = {number: (row[2], row[3]) for number, row in rows_of(self._path, "block").items()}
        self._stored = {name: rows_of(self._path, name) for name in ("hot", "block", "block_data", "stream")}
        self.numbers = numbers_in(self._path)
        self.size = self._path.stat().st_size

    def pages(self, table: str, kind: str) -> list[int]:
        """Return the numbers of pages of a table: `leaf`, `internal` or `overflow`."""
        return [number for name, number, each, _ in self._pages if name == table and each == kind]

    def damaged(
        self,
        folder: Path,
        pages: set[int],
        rng: random.Random,
        length: int | None = None,
        size: int | None = None,
    ) -> Path:
        """Return a copy in which pages, or some bytes of them, are overwritten, and which may be cut."""
        path = folder / "damaged.db"
        shutil.copy(self._path, path)
        with path.open("r+b") as file:
            for number in pages:
                many = size or (PAGE if rng.random() < 0.7 else rng.randint(16, PAGE))
                file.seek((number - 1) * PAGE + rng.randint(0, PAGE - many))
                file.write(rng.choice((rng.randbytes, bytes))(many))
            if length is not None:
                file.truncate(length)
        return path

    def must_be_back(self, damaged: Path, pages: set[int]) -> set[int]:
        """
        Return the numbers of the records that no damaged page holds.

        Checks that no more rows are lost than SQLite says that there were in the damaged pages.
        """
        found: dict[str, set[int]] = {}
        with closing(Salvage(damaged)) as salvage:
            for name, rows in self._stored.items():
                key = "id"
                read = {row[key]: row for row in salvage.rows(name)}
                found[name] = {
                    number for number, row in read.items() if tuple(row.values()) == rows.get(number, ())[1:]
                }
                lost = len(rows) - len(found[name])
                held = [page for page in self._pages if page[0] == name and page[1] in pages]
                allowed = sum(
                    entries if kind == "leaf" else kind == "overflow" for _, _, kind, entries in held
                )
                assert lost <= allowed, (name, lost, held)
        touched = {name for name, number, kind, _ in self._pages if number in pages and kind != "internal"}
        slices = set[int]()
        if "definition" not in touched and "stream" not in touched:
            slices |= found["hot"]
        if "form" not in touched:
            for number in found["block"] & found["block_data"]:
                first, last = self._blocks[number]
                slices |= set(range(first >> 16, (last >> 16) + 1))
        return {number for each in slices for number in range((each - 1) * SLICE, each * SLICE)}


@often(4, 60)
def test_all_that_no_damaged_page_holds_comes_back(
    sound: Path, tmp_path: Path, seed: int, times: int, saw: Saw
) -> None:
    """
    Pages are overwritten at random, the first one among them, or the file is cut; nothing comes twice.

    What a damaged page held is known from SQLite, before it is damaged. Putting back is done twice.
    """
    rng = random.Random(seed)
    victim = Victim(sound, tmp_path)
    count = victim.size // PAGE
    lost = back = 0
    for number in range(times):
        folder = tmp_path / str(number)
        folder.mkdir()
        length = rng.randrange(PAGE, victim.size) if number % 4 == 3 else None
        pages = {rng.randint(1, count) for _ in range(rng.randint(1, 6))} | (
            {1} if number % 4 == 1 else set()
        )
        file = victim.damaged(folder, pages, rng, length)
        if length is not None:
            pages |= set(range(length // PAGE + 1, count + 1))
        first = damage.put_back(file, folder / "data")
        again = damage.put_back(file, folder / "data")
        found = numbers_in(folder / "data" / DATABASE)
        assert again.back == 0
        assert len(found) == len(set(found)), "something is there twice"
        assert set(found) <= set(victim.numbers)
        assert first.back == len(found)
        assert first.lost <= len(victim.numbers) - len(found)
        assert victim.must_be_back(file, pages) <= set(found)
        lost, back = lost + len(victim.numbers) - len(found), back + len(found)
        shutil.rmtree(folder)
    told = f"{times} damaged databases: {back:,} records back, {lost:,} were in damaged pages, 0 twice"
    saw("database-recovered", told, kept=True)


def test_losses_of_slices_are_counted(sound: Path, tmp_path: Path) -> None:
    """A slice that a damaged page runs through is lost, and said to be, as long as its row can be read."""
    victim = Victim(sound, tmp_path)
    torn = victim.pages("hot", "overflow")
    file = victim.damaged(tmp_path, {torn[0], torn[-1]}, random.Random(1), size=PAGE)
    first = damage.put_back(file, tmp_path / "data")
    found = numbers_in(tmp_path / "data" / DATABASE)
    assert first.lost == len(victim.numbers) - len(found)
    assert first.lost in {SLICE, 2 * SLICE}


@pytest.mark.parametrize("table", ["source", "form"])
def test_a_lost_name_costs_no_record(sound: Path, tmp_path: Path, table: str) -> None:
    """Where nothing is left of the names of places, or of what was logged, records are back as unknown."""
    victim = Victim(sound, tmp_path)
    names = set(victim.pages(table, "leaf"))
    file = victim.damaged(tmp_path, names, random.Random(2), size=PAGE)
    assert damage.put_back(file, tmp_path / "data").lost == 0
    assert numbers_in(tmp_path / "data" / DATABASE) == victim.numbers


def test_an_altered_slice_of_a_lost_stream_does_not_come_back(sound: Path, tmp_path: Path) -> None:
    """Where it is lost what a slice is checked by, damage within is noticed still, though it can be read."""
    victim = Victim(sound, tmp_path)
    file = victim.damaged(tmp_path, set(victim.pages("stream", "leaf")), random.Random(3), size=PAGE)
    page = victim.pages("hot", "overflow")[5]
    whole = bytearray(file.read_bytes())
    there = whole.index(b"\x81\xa1n\xcd", (page - 1) * PAGE, page * PAGE)  # {"n": a number of two bytes}
    whole[there + 2] = ord("m")
    file.write_bytes(whole)
    first = damage.put_back(file, tmp_path / "data")
    assert first.lost == SLICE
    assert first.back == len(numbers_in(tmp_path / "data" / DATABASE)) == len(victim.numbers) - SLICE


def test_what_is_no_database_is_not_put_back(tmp_path: Path) -> None:
    """Somebody names the wrong file or folder: it is said, and nothing is made."""
    file, data = tmp_path / "app.py", tmp_path / "data"
    file.write_text("print('hello')\n" * 1000, encoding="utf-8")
    for arguments, words in ((["recover", str(file)], "holds nothing"), (["recover"], "there is no folder")):
        command = [sys.executable, *SERVE, *arguments, "--data", str(data)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        assert words in done.stderr
        assert not data.exists()


def overwrite(database: Path, begin: int, data: bytes) -> None:
    """Overwrite bytes of a file."""
    with database.open("r+b") as file:
        file.seek(begin)
        file.write(data)


def cut(database: Path) -> None:
    """Cut a file in the middle."""
    with database.open("r+b") as file:
        file.truncate(database.stat().st_size // 2 // PAGE * PAGE + 100)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "first page": lambda path: overwrite(path, 0, b"\xa5" * PAGE),
    "schema": lambda path: overwrite(path, 100, b"\xa5" * 4000),
    "cut": cut,
    "no database": lambda path: path.write_bytes(b"this is no database\n" * 1000),
}


@pytest.mark.parametrize(
    "how",
    [pytest.param(each, marks=[pytest.mark.slow] * (each in {"schema", "cut"})) for each in DAMAGES],
)
def test_a_damaged_database_is_set_aside(sound: Path, tmp_path: Path, how: str, saw: Saw) -> None:
    """
    The collector starts all the same, says what has happened in four places, and takes what comes.

    `pylogtap recover` puts back what can be read; what came meanwhile stays.
    """
    data = tmp_path / "data"
    shutil.copytree(sound, data)
    with closing(sqlite3.connect(data / DATABASE)) as connection:  # else the log mends the first page
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    DAMAGES[how](data / DATABASE)
    collector = CollectorProcess(data, tmp_path / "collector.log")
    began = time.monotonic()
    try:
        collector.start()
        started_s = time.monotonic() - began
        (aside,) = damage.waiting(data)
        ready = collector.get("/readyz")
        assert ready["status"] == "ok"
        assert aside.name in ready["notices"][0]
        assert aside.name in (tmp_path / "collector.log").read_text()
        (told,) = collector.logs("project:pylogtap level:critical")
        assert aside.name in told["message"]
        assert deliver(collector, numbered_segment(10, first=10**6)) == 200
        assert collector.stop() == 0
        printed = recover(data)
        assert recover(data) != printed
        collector.start()
        found = numbers_of(collector, "project:shop")
        assert collector.get("/readyz")["notices"] == []
    finally:
        collector.kill()
    assert len(found) == len(set(found))
    assert set(range(10**6, 10**6 + 10)) <= set(found)
    assert how in {"no database", "cut"} or len(found) == SLICE * SLICES + 10
    figure = (
        f"{how}: started in {started_s:.1f} s, {len(found) - 10:,} of {SLICE * SLICES:,} records put back"
    )
    saw("database-set-aside", figure, kept=True)


def readiness(collector: CollectorProcess) -> tuple[int, dict[str, Any]]:
    """Return status and document of /readyz."""
    try:
        with urllib.request.urlopen(f"{collector.url}/readyz", timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_the_database_goes_while_it_is_used(tmp_path: Path, how: str, saw: Saw) -> None:
    """From then on nothing is acknowledged that would be lost; once it is back, all of it is there."""
    with running_daemon(tmp_path) as collector:
        segment = numbered_segment(100)
        assert deliver(collector, segment) == 200
        database, away = collector.data / DATABASE, tmp_path / "away.db"
        database.rename(away)
        if how == "replaced":
            shutil.copy(away, database)
        later = numbered_segment(100, first=100)
        statuses = {deliver(collector, later) for _ in range(3)}
        status, document = readiness(collector)
        assert statuses == {503}
        assert status == 503
        assert "removed or replaced" in str(document)
        away.replace(database)
        assert deliver(collector, later) == 200
        deadline = time.monotonic() + 30
        while readiness(collector)[0] != 200:  # background tasks begin again after a while
            assert time.monotonic() < deadline, readiness(collector)
            time.sleep(0.2)
        collector.kill()
        collector.start()
        assert numbers_of(collector) == list(range(200))
    saw("database-gone", f"{how}: 503 and words on /readyz; put back, 0 acknowledged records lost", kept=True)


def test_the_database_is_locked(tmp_path: Path, saw: Saw) -> None:
    """Another program holds the lock: 503 until it lets go, searches go on; nothing acknowledged is lost."""
    with running_daemon(tmp_path) as collector:
        assert deliver(collector, numbered_segment(100)) == 200
        later = numbered_segment(100, first=100)
        other = sqlite3.connect(collector.data / DATABASE, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        statuses: list[int] = []
        asking = threading.Thread(target=lambda: statuses.append(deliver(collector, later)))
        began = time.monotonic()
        asking.start()
        assert numbers_of(collector) == list(range(100))
        asking.join()
        refused_s = time.monotonic() - began
        status, document = readiness(collector)
        assert statuses == [503]
        assert status == 503
        assert "locked" in str(document)
        other.execute("ROLLBACK")
        other.close()
        assert deliver(collector, later) == 200
        assert numbers_of(collector) == list(range(200))
    saw("database-locked", f"503 after {refused_s:.1f} s, taken once it is free, 0 lost", kept=True)


def test_damage_that_is_found_while_it_runs(sound: Path, tmp_path: Path, saw: Saw) -> None:
    """Nothing is stored any more from when it is found; the next start sets it aside."""
    data = tmp_path / "data"
    shutil.copytree(sound, data)
    collector = CollectorProcess(data, tmp_path / "collector.log")
    try:
        collector.start()
        assert collector.stop() == 0
        roots = [
            number
            for name, number, kind, _ in pages_of(data / DATABASE)
            if name == "stream" and kind == "leaf"
        ]
        for number in roots:
            overwrite(data / DATABASE, (number - 1) * PAGE, b"\xa5" * PAGE)
        collector.start(path="/healthz")
        acknowledged = {
            number
            for number in range(5)
            if deliver(collector, numbered_segment(10, first=10**6 + 10 * number)) == 200
        }
        status, document = readiness(collector)
        assert status == 503
        assert "damaged" in str(document)
        collector.kill()
        collector.start()
        assert len(damage.waiting(data)) == 1
        assert collector.stop() == 0
        recover(data)
        collector.start()
        found = numbers_of(collector, "project:shop")
    finally:
        collector.kill()
    assert len(found) == len(set(found))
    assert {10**6 + 10 * number for number in acknowledged} <= set(found)
    assert len(found) >= SLICES * SLICE * 0.9
    saw(
        "database-set-aside",
        f"found while it runs: 503, then set aside, {len(found):,} records put back",
        kept=True,
    )


def test_an_unwritable_data_folder(tmp_path: Path, saw: Saw) -> None:
    """It does not start, and says why and what to do; nothing is changed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m,ro", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here; run the tests as root, or in a container that may mount")
    collector = CollectorProcess(folder / "data", tmp_path / "collector.log")
    try:
        with pytest.raises(
            RuntimeError, match="cannot be written: Read-only file system; choose another by --data"
        ):
            collector.start()
    finally:
        collector.kill()
        subprocess.run(["umount", str(folder)], check=True)
    saw("database-read-only", "ends at once: cannot be written, choose another by --data", kept=True)
