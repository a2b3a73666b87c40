"""The engine on a real database: group commit, isolation of jobs, deadlines, what a folder allows."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import sys
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.errors import DataUnusable, Overloaded, QueryTooSlow
from pylogtap_collector.storage import streams
from pylogtap_collector.storage.engine import Engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

ENDLESS = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c"


@asynccontextmanager
async def running_engine(path: Path | None, **options: float) -> AsyncIterator[Engine]:
    """Open an engine while this lasts."""
    engine = Engine(path, **options)  # type: ignore[arg-type]
    await engine.open()
    try:
        yield engine
    finally:
        await engine.close()


@pytest.fixture(params=["disk", "memory"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Engine]:
    """An open engine, of both kinds."""
    path = tmp_path / "data" / "logs.db" if request.param == "disk" else None
    async with running_engine(path, query_timeout_s=0.3, queue_max=20) as opened:
        yield opened


def put(name: str) -> Callable[[sqlite3.Connection], int]:
    """Return a job that stores a project of this name."""
    return lambda connection: (
        connection.execute(
            "INSERT INTO project (name, description, created) VALUES (?, '', 0)", (name,)
        ).rowcount
    )


async def names(engine: Engine) -> list[str]:
    """Return the names of all projects."""
    rows = await engine.read(
        lambda connection: connection.execute("SELECT name FROM project ORDER BY 1").fetchall()
    )
    return [name for (name,) in rows]


async def test_what_is_written_can_be_read(engine: Engine) -> None:
    """A job's answer comes back, and readers see what it did."""
    assert await engine.write(put("a"), urgent=True) == 1
    assert await engine.write(put("b")) == 1
    assert await names(engine) == ["a", "b"]


async def test_a_job_that_fails_harms_no_other(engine: Engine) -> None:
    """Jobs share a transaction; one that raises is undone alone, with all it did, and hears of its error."""

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO project (name, description, created) VALUES ('half', '', 0)")
        raise LookupError("mine")

    await engine.write(put("twice"))
    jobs = [put("a"), fail, put("twice"), put("b"), fail, put("c")]
    answers = await asyncio.gather(
        *(engine.write(job, urgent=True) for job in jobs),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [
        int, LookupError, sqlite3.IntegrityError, int, LookupError, int,
    ]  # fmt: skip
    assert await names(engine) == ["a", "b", "c", "twice"]
    assert engine.fault is None


async def test_urgent_jobs_share_transactions(engine: Engine) -> None:
    """Many that wait at once cost few commits, each of which is a wait for the disk."""
    before = engine.commits
    await asyncio.gather(*(engine.write(put(f"p{number}"), urgent=True) for number in range(15)))
    assert len(await names(engine)) == 15
    assert engine.commits - before < 15


async def test_too_many_urgent_jobs_are_refused(engine: Engine) -> None:
    """What waits is bounded; the refusal says how long to wait, and nothing of it is stored."""
    answers = await asyncio.gather(
        *(engine.write(put(f"p{number}"), urgent=True) for number in range(60)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, Overloaded)]
    assert refused
    assert all(answer.retry_after_s for answer in refused)
    assert len(await names(engine)) + len(refused) == 60


async def test_readers_cannot_write(engine: Engine) -> None:
    """Whatever statement a query became, it changes nothing."""
    with pytest.raises(sqlite3.OperationalError, match=r"readonly|read-only"):
        await engine.read(put("a"))
    await engine.write(put("b"))
    assert await names(engine) == ["b"]


async def test_a_query_ends_at_its_deadline(engine: Engine) -> None:
    """An endless query is ended, says so, and leaves its connection usable."""
    for _ in range(3):
        with pytest.raises(QueryTooSlow, match=r"0\.3 s"):
            await engine.read(lambda connection: connection.execute(ENDLESS).fetchall())
    await engine.write(put("a"))
    assert await names(engine) == ["a"]


async def test_a_query_that_nobody_waits_for_ends(tmp_path: Path) -> None:
    """When the one who asked goes away, the query stops instead of keeping a reader busy."""
    async with running_engine(tmp_path / "logs.db", readers=1, query_timeout_s=3600) as engine:
        task = asyncio.create_task(engine.read(lambda connection: connection.execute(ENDLESS).fetchall()))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await names(engine) == []


async def test_too_many_queries_are_refused(tmp_path: Path) -> None:
    """Queries that wait are bounded, too."""
    async with running_engine(tmp_path / "logs.db", readers=1, query_timeout_s=0.2) as engine:
        answers = await asyncio.gather(*(names(engine) for _ in range(200)), return_exceptions=True)
        kinds = {type(answer) for answer in answers}
        assert kinds == {list, Overloaded}


async def test_a_reader_sees_one_moment(engine: Engine) -> None:
    """All statements of one question see the same records, also while others are written."""
    loop = asyncio.get_running_loop()

    def look_twice(connection: sqlite3.Connection) -> tuple[int, int]:
        first = connection.execute("SELECT count(*) FROM project").fetchone()[0]
        if engine.path is not None:  # in memory, reads and writes take turns
            asyncio.run_coroutine_threadsafe(engine.write(put("a")), loop).result(10)
        return first, connection.execute("SELECT count(*) FROM project").fetchone()[0]

    assert await engine.read(look_twice, timeout_s=20) == (0, 0)


async def test_closing_finishes_what_is_queued(tmp_path: Path) -> None:
    """What was handed in before the end is stored; what comes later is refused; closing twice is fine."""
    path = tmp_path / "logs.db"
    engine = Engine(path)
    await engine.open()
    tasks = [asyncio.create_task(engine.write(put(f"p{number}"))) for number in range(10)]
    await asyncio.sleep(0)
    await engine.close()
    await engine.close()
    assert await asyncio.gather(*tasks) == [1] * 10
    with pytest.raises(Overloaded, match="stopping"):
        await engine.write(put("late"))
    async with running_engine(path) as again:
        assert len(await names(again)) == 10


async def test_one_collector_a_folder(tmp_path: Path) -> None:
    """A second collector on the same data is refused with a message that says why."""
    async with running_engine(tmp_path / "logs.db"):
        second = Engine(tmp_path / "logs.db")
        # The lock belongs to the process, so the second one has to be another.
        code = (
            "import sys, pathlib\n"
            "from pylogtap_collector.errors import DataUnusable\n"
            "from pylogtap_collector.storage.connections import FolderLock\n"
            "try:\n    FolderLock(pathlib.Path(sys.argv[1]))\n"
            "except DataUnusable as error:\n    print(error.detail)\n"
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, str(tmp_path), stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
    assert "another collector uses" in output.decode()
    assert second.fault == "the database is closed"


async def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """A file that is no database stops the start, and the message has the command that helps."""
    path = tmp_path / "logs.db"
    path.write_bytes(b"this is no database, but it is long enough to look like one" * 200)
    with pytest.raises(DataUnusable, match=r"mv .*logs\.db"):
        async with running_engine(path):
            pytest.fail("it opened")
    assert path.exists()


async def test_a_query_that_meets_damage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever asks is told that the database is damaged and what to do, not of a mistake that nobody made."""
    path = tmp_path / "logs.db"
    async with running_engine(path) as engine:
        for number in range(200):
            await engine.write(put(f"{number:0200}"))  # some pages of them
        assert len(await names(engine)) == 200
    with closing(sqlite3.connect(path)) as connection:
        try:
            rows = connection.execute(
                "SELECT pageno, pgsize FROM dbstat WHERE pagetype = 'leaf'"
                " AND name IN (SELECT name FROM sqlite_schema WHERE tbl_name = 'project')"
            ).fetchall()
        except sqlite3.OperationalError:
            pytest.skip("this SQLite does not tell what is in which page: SQLITE_ENABLE_DBSTAT_VTAB")
    with path.open("r+b") as file:
        for number, size in rows:
            file.seek((number - 1) * size)
            file.write(b"\xa5" * size)
    async with running_engine(path) as engine:
        with pytest.raises(Overloaded, match=r"cannot be read: the database is damaged .*start the "):
            await names(engine)
    assert "the database is damaged" in caplog.text


async def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """The message says which folder, and what else to do."""
    (tmp_path / "file").touch()
    with pytest.raises(DataUnusable, match="--data"):
        async with running_engine(tmp_path / "file" / "logs.db"):
            pytest.fail("it opened")


async def test_a_full_disk_is_told_and_recovered_from(tmp_path: Path) -> None:
    """When nothing more fits, writing is refused and the fault can be seen; with room again, all is well."""
    async with running_engine(tmp_path / "logs.db") as engine:

        def limit(connection: sqlite3.Connection, pages: int) -> None:
            connection.execute(f"PRAGMA max_page_count = {pages}")

        def fill(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO project VALUES ('big', ?, 0)", ("x" * 5_000_000,))

        await engine.write(put("before"))
        await engine.write(lambda connection: limit(connection, 60))
        answers = await asyncio.gather(
            engine.write(fill, urgent=True), engine.write(put("with"), urgent=True), return_exceptions=True
        )
        assert isinstance(answers[0], (Overloaded, sqlite3.OperationalError))
        assert engine.fault is not None
        assert "full" in engine.fault
        await engine.write(lambda connection: limit(connection, 1_000_000))
        await engine.write(fill, urgent=True)
        assert engine.fault is None
        assert {"before", "big"} <= set(await names(engine))


async def test_the_file_is_laid_out_as_meant(tmp_path: Path) -> None:
    """Durability and page size are properties that others rely on."""
    path = tmp_path / "logs.db"
    async with running_engine(path) as engine:

        def pragmas(connection: sqlite3.Connection) -> list[object]:
            kinds = ("page_size", "auto_vacuum", "journal_mode", "synchronous")
            return [connection.execute(f"PRAGMA {kind}").fetchone()[0] for kind in kinds]

        assert await engine.write(pragmas) == [8192, 2, "wal", 2]
        assert path.stat().st_mode & 0o077 == 0


def modes_in(folder: Path) -> dict[str, int]:
    """Return who may do what with the files of a folder, by name."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in sorted(folder.iterdir())}


async def test_nobody_else_reads_what_is_written(tmp_path: Path) -> None:
    """The database and all that SQLite makes beside it are for their owner alone, from the first moment."""
    engine = Engine(tmp_path / "pylogtap.db")
    await engine.open()
    await engine.write(streams.prove_writable)
    modes = modes_in(tmp_path)
    await engine.close()
    modes = {name: mode for name, mode in modes.items() if name.startswith("pylogtap.db")}
    assert modes == {"pylogtap.db": 0o600, "pylogtap.db-shm": 0o600, "pylogtap.db-wal": 0o600}
