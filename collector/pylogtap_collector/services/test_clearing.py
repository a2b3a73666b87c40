"""Removing many test runs: a little at a time, because others write in between."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pylogtap_collector.storage.test_removal import shrink_run

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from pylogtap_collector.storage.engine import Engine

RUNS = 50  # that are looked for at once
_CASES = 500  # of one transaction


async def clear_runs(engine: Engine, find: Callable[[sqlite3.Connection], list[int]]) -> int:
    """
    Remove test runs until there are none to remove.

    Args:
        engine: The database.
        find: Returns the numbers of the rows of some that are to go.

    Returns:
        How many those were.
    """
    removed = 0
    while rows := await engine.work(find):
        for row in rows:
            while await engine.write(partial(shrink_run, row=row, most=_CASES)):
                pass
        removed += len(rows)
    return removed
