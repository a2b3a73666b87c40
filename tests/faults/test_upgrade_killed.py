"""`kill -9` in the middle of an upgrade: whatever was there before is there after the next start."""

from __future__ import annotations

import random
import shutil
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.storage import connections, upgrades
from tests.support.dying import open_and_die
from tests.support.old_databases import STEPS, fill_old_database, names_in, stored_logs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pylogtap_collector.models import Log
    from tests.faults.conftest import Saw

SEED = 20
WHOLE = "all records and counts there, file sound"
EARLIER = range(len(STEPS))  # how many migrations the database has that is upgraded; 0: there is none


class Victim:
    """
    An old database, and copies of it to be upgraded by processes that do not live.

    Attributes:
        steps: How many migrations it has.
        kills: How many processes died so far, and left all that was there.
    """

    def __init__(self, folder: Path, steps: int) -> None:
        self._folder = folder
        self.steps = steps
        self._old = folder / "old.db"
        self._logs: list[Log] = fill_old_database(self._old, steps) if steps else []
        self._runs = self.kills = 0

    def try_once(self, **when: int) -> bool:
        """Upgrade, be killed, start again and look; return whether it was killed."""
        self._runs += 1
        path = self._folder / str(self._runs) / "pylogtap.db"
        path.parent.mkdir()
        if self.steps:
            shutil.copy(self._old, path)
        killed = open_and_die(path, **when)
        with closing(connections.open_writer(path)) as connection:
            assert [repr(log) for log in stored_logs(connection)] == [repr(log) for log in self._logs]
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            counted = connection.execute("SELECT coalesce(sum(records), 0) FROM instance").fetchone()[0]
            sealed = connection.execute("SELECT coalesce(sum(records), 0) FROM block").fetchone()[0]
            assert counted == sealed
        copies = [entry.name for entry in path.parent.iterdir() if ".before-" in entry.name]
        if self.steps:
            assert copies == [upgrades.copy_path(path).name]
            assert names_in(upgrades.copy_path(path)) == list(STEPS[: self.steps])
        else:
            assert not copies
        shutil.rmtree(path.parent)
        self.kills += killed
        return killed


@pytest.fixture
def victim(tmp_path: Path) -> Callable[[int], Victim]:
    """Return what makes an old database with so many migrations."""
    return lambda steps: Victim(tmp_path, steps)


def note(saw: Saw, old: Victim, every: int) -> None:
    """Note how often an old database was upgraded by a process that died; :class:`Victim` has compared."""
    assert old.kills * every > 100
    saw(
        "upgrade-killed",
        f"{old.kills} kills between statements, {old.steps} migrations done: {WHOLE}",
        kept=True,
    )


@pytest.mark.parametrize("steps", EARLIER)
def test_killed_at_some_statements(victim: Callable[[int], Victim], steps: int, saw: Saw) -> None:
    """A start after a kill before any statement, of any migration, finds all records, counts and the copy."""
    old = victim(steps)
    step = 1 + steps
    while old.try_once(step=step):
        step += 11
    note(saw, old, every=11)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("steps", EARLIER)
def test_killed_at_every_statement(victim: Callable[[int], Victim], steps: int, saw: Saw) -> None:
    """The same for every single statement and every change of files."""
    old = victim(steps)
    step = 1
    while old.try_once(step=step):
        step += 1
    note(saw, old, every=1)


@pytest.mark.parametrize("runs", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_killed_within_statements(victim: Callable[[int], Victim], runs: int, saw: Saw) -> None:
    """The same at random points within statements."""
    chance = random.Random(SEED)
    old = victim(4)
    killed = sum(old.try_once(instructions=round(2 ** chance.uniform(0, 12))) for _ in range(runs))
    assert killed > runs // 2
    saw("upgrade-killed", f"{killed} kills within statements: {WHOLE}", kept=True)
