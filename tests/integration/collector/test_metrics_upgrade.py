"""Metrics of an earlier version are what they were."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from pylogtap_collector.storage.connections import open_writer
from tests.support.old_databases import old_database
from tests.support.points import START
from tests.support.stores import running_store

if TYPE_CHECKING:
    from pathlib import Path


def test_samples_of_an_earlier_version(tmp_path: Path) -> None:
    """A database whose samples lie by series is copied and upgraded: each of them is there, and counted."""
    path = tmp_path / "pylogtap.db"
    database = old_database(path, before="0010_chunks")
    with closing(database.conn) as connection:
        for number in (1, 2):
            connection.execute(
                "INSERT INTO series VALUES (?, 'shop', 'web', 'all', ?, NULL, 'gauge', '{}', 'said', 1, 50)",
                (number, f"m{number}"),
            )
            connection.executemany(
                "INSERT INTO sample VALUES (?, ?, ?)",
                [(number, START + each, each / 4) for each in range(50)],
            )
    with closing(open_writer(path)) as connection:
        assert connection.execute("SELECT count(*), sum(value) FROM sample").fetchone() == (100, 612.5)
        assert connection.execute("SELECT DISTINCT samples, description FROM series").fetchall() == [
            (0, "said")
        ]
        plan = connection.execute("EXPLAIN QUERY PLAN SELECT * FROM sample WHERE time < 5").fetchall()
        assert "PRIMARY KEY (time<?)" in plan[0][3]
    (copy,) = [entry for entry in tmp_path.iterdir() if ".before-" in entry.name]
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT count(*) FROM series WHERE samples = 50").fetchone() == (2,)


async def test_upgraded_metrics_are_what_they_were(tmp_path: Path) -> None:
    """After the upgrade metrics say what they said, before and after their samples are packed."""
    test_samples_of_an_earlier_version(tmp_path)
    async with running_store(tmp_path) as store:
        for _ in range(2):
            first, second = (await store.services.metrics.page()).items
            assert (first.samples, second.samples) == (50, 50)
            assert first.last_value == 12.25
            await store.roller.roll(START + 10**12)
