"""The page about the database is true: tables, columns, queries, and the format of a block."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from pylogtap import wire
from pylogtap_collector.access.visitor import local
from pylogtap_collector.models import LogPatch
from pylogtap_collector.parts.columns import ANY, FLOAT, SCALED, TEXT, WHOLE
from pylogtap_collector.storage import sealing
from pylogtap_collector.storage.connections import open_writer
from tests.support.documents import DOCS, blocks, code, rows
from tests.support.segments import SegmentBuilder
from tests.support.stores import deliver, running_store
from tests.support.told_suites import Suite, failure

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

PAGE = DOCS / "reference" / "schema.md"
QUERIES = blocks(PAGE, "sql")
READER = blocks(PAGE, "python")[0]
SHELL = shutil.which("sqlite3")
_TABLE = re.compile(r"^### `(\w+)`$(.*?)(?=^##)", re.MULTILINE | re.DOTALL)
_COLUMN = re.compile(r"^\| `(\w+)` \| `(\w+)`( or null)? \|", re.MULTILINE)


def described() -> dict[str, list[tuple[str, str, bool]]]:
    """Return what the page says: for each table the name and type of each column, and if it may be null."""
    return {
        name: [(column, kind, bool(null)) for column, kind, null in _COLUMN.findall(text)]
        for name, text in _TABLE.findall(PAGE.read_text(encoding="utf-8"))
    }


def real() -> dict[str, list[tuple[str, str, bool]]]:
    """Return the same of a new database."""
    with closing(open_writer(None)) as connection:
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
        ).fetchall()
        return {
            name: [
                (column, kind, not (needed or key))
                for _, column, kind, needed, _, key in connection.execute(f"PRAGMA table_info({name})")
            ]
            for (name,) in names
            if not name.startswith("sqlite_")
        }


def test_tables_and_columns() -> None:
    """Every table, view and column of a new database is described, in its order, and nothing else is."""
    said, found = described(), real()
    for tables in (said, found):  # SQLite does not tell of a view what its columns hold
        tables["log"] = [(column, "", True) for column, _, _ in tables["log"]]
    assert said == found


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with records of all kinds: sealed ones, and rows."""
    folder = tmp_path_factory.mktemp("schema")
    asyncio.run(fill(folder))
    return folder / "pylogtap.db"


async def fill(folder: Path) -> None:
    """Store records, seal some of them, and put a label on one of those that have rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealing, "BLOCK", 10)
        async with running_store(folder, recent_records=20) as store:
            await store.tasks.stop()
            for prefix in ("shop/checkout/web-1", "shop/stock/a"):
                await deliver(store, odd_segment(prefix))
            assert await store.keeper.seal(spare=0)
            suite = Suite()
            suite.case("test_a.py::test_b", "failed", duration=0.5, failure=failure())
            await deliver(store, suite)
            await deliver(store, odd_segment("shop/mail/b"))
            await store.keeper.write_rows()
            (log,) = (await store.services.logs.page("service:mail", limit=1)).items
            await store.services.notes.annotate(log.id, LogPatch(labels={"team": "pay"}), local())


def odd_segment(prefix: str) -> SegmentBuilder:
    """Return records whose columns are of all kinds."""
    segment = SegmentBuilder(prefix)
    segment.thread(2, "worker")
    paid = segment.site("user %s paid %d cents", level="warning", severity=13)
    free = segment.site(None)
    for number in range(6):
        fields: dict[str, Any] = {"order": number - 3, "eur": number / 4, "ratio": 1 / (number + 1)}
        fields |= {"mixed": [number, None, "x"][number % 3], "large": 2**62 - number}
        failure = {"type": "E", "message": "m\n", "stacktrace": "s", "arguments": {"a": "1"}}
        more = {wire.MORE_EXCEPTION: failure, wire.MORE_TEST: "t::x"} if number % 2 else {wire.MORE_THREAD: 2}
        segment.record(paid, [f"ann\x01\x02{number:x}", number], fields, more)
        segment.record(free, f"id {number:03}deadbeef00c0ffee0 at\nline \x02n é {10**18 + number}")
    return segment


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_queries(database: Path, query: Any) -> None:
    """Every query of the page finds something."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        found = connection.execute(query.text).fetchall()
    assert found
    assert all(None not in row[:2] for row in found)


@pytest.mark.skipif(SHELL is None, reason="the sqlite3 shell is not installed")
@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_queries_in_the_shell(database: Path, query: Any) -> None:
    """The shell understands each of them, and changes nothing."""
    before = database.read_bytes()
    assert SHELL is not None
    done = subprocess.run(
        [SHELL, "-readonly", str(database)], input=query.text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
    assert database.read_bytes() == before


def test_another_program_reads_blocks(database: Path, tmp_path: Path) -> None:
    """The program on the page, which knows nothing but the page, reads what the API shows."""
    program = tmp_path / "reader.py"
    program.write_text(READER.text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", str(program), str(database)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = sorted((json.loads(line) for line in done.stdout.splitlines()), key=lambda record: record["id"])
    assert found == asyncio.run(sealed_records(database))


async def sealed_records(database: Path) -> list[dict[str, Any]]:
    """Return the sealed records as the page's program shows them."""
    async with running_store(database.parent) as store:
        shown = []
        async for logs in store.services.logs.export("-service:mail"):
            for log in logs:
                record: dict[str, Any] = {"id": log.id, "message": log.message}
                record |= {f"a.{name}": value for name, value in log.attributes.items()}
                if log.exception is not None:
                    record["x.exception"] = list(log.exception.model_dump().values())
                if log.test_id is not None:
                    record["x.test"] = log.test_id
                if log.process.thread != "MainThread":
                    record["x.thread"] = log.process.thread
                shown.append(record)
    assert len(shown) == 24
    return sorted(shown, key=lambda record: record["id"])


def test_kinds_of_columns() -> None:
    """The page names every kind of column that the code writes."""
    assert {code(row[0]) for row in rows(PAGE, "kind")} == {TEXT, WHOLE, SCALED, FLOAT, ANY}
