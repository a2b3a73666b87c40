"""
From the database of an earlier version to that of this one: refused, copied, changed step by step.

Whoever kills it leaves a database that the next start goes on with: each migration is one transaction, and
so is each block of :mod:`pylogtap_collector.storage.old_rows`. A copy of how it was stands beside it, named
by the newest migration of this version; only the last one is kept.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from sqlite_utils import Database

from pylogtap_collector.errors import DataDamaged, DataUnusable
from pylogtap_collector.storage import old_rows
from pylogtap_collector.storage.migrations import migrations
from pylogtap_collector.storage.versions import APPLIED, STEPS, applied, applied_in

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger("pylogtap.collector")
_ROOM = 16 << 20  # bytes beside the copy: what the upgrade writes before it gives room back
_PAGES = 4_096  # of one step of the copy: 32 MiB


def upgrade(connection: sqlite3.Connection, path: Path | None) -> None:
    """
    Bring a database of an earlier version up to this one; one that holds something is copied first.

    Args:
        connection: The one that writes, outside of any transaction.
        path: The file; None: in memory.

    Raises:
        DataUnusable: There is no room for the copy, or the copy is not sound; nothing was changed.
        sqlite3.Error: It cannot be read or written.
    """
    database = Database(connection)
    if path is not None and _holds_anything(connection):
        _log.info("the database %s is of an earlier version: it is copied, then upgraded", path)
        keep_copy(connection, path)
    migrations.apply(database)
    sealed = old_rows.seal_old_rows(connection)
    if sealed:
        _log.info("the upgrade has sealed %d records", sealed)


def copy_path(path: Path) -> Path:
    """
    Return where the copy of a database goes before it is upgraded to this version.

    Args:
        path: The database.
    """
    return path.with_name(f"{path.name}.before-{STEPS[-1]}")


def keep_copy(connection: sqlite3.Connection, path: Path) -> None:
    """
    Copy a database beside itself, and remove copies from before earlier upgrades.

    An upgrade that was interrupted has its copy already: that stays, because it is from before all of it.

    Args:
        connection: To the database.
        path: Of it.

    Raises:
        DataUnusable: There is no room for it, or it is not sound.
        sqlite3.Error: It cannot be read or written.
    """
    copy = copy_path(path)
    now = applied(connection)
    with suppress(sqlite3.Error):  # something else of that name: it is written anew
        if copy.exists() and applied_in(copy) < now:
            return
    partial = copy.with_name(f"{copy.name}.partial")
    _remove(path.parent, f"{partial.name}*")  # with the journal that a copy may have that was killed
    _demand_room(connection, path)
    try:
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        _copy(connection, partial, path)
        partial.replace(copy)
    except BaseException:
        _remove(path.parent, f"{partial.name}*")
        raise
    _sync_folder(path.parent)
    _remove(path.parent, f"{path.name}.before-*", but=copy)


def _copy(connection: sqlite3.Connection, target: Path, path: Path) -> None:
    """Copy page by page, and read all of the copy."""
    with closing(sqlite3.connect(target, isolation_level=None)) as copy:
        connection.backup(copy, pages=_PAGES)
        copy.execute("PRAGMA journal_mode = DELETE").fetchall()  # one file, without a log beside it
        found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise DataDamaged(
            f"the database {path} is damaged ({found}) and was not upgraded; move it aside to start with an "
            f"empty one: mv {path} {path}.damaged"
        )


def _demand_room(connection: sqlite3.Connection, path: Path) -> None:
    pages: int = connection.execute("PRAGMA page_count").fetchone()[0]
    size: int = connection.execute("PRAGMA page_size").fetchone()[0]
    needed, free = pages * size + _ROOM, shutil.disk_usage(path.parent).free
    if free < needed:
        raise DataUnusable(
            f"the database {path} has to be upgraded, and is copied before; that needs {needed >> 20} MiB, "
            f"and {free >> 20} MiB are free: make room (copies from before earlier upgrades may go: "
            f"{path}.before-*), or move {path.parent} to a larger disk and name it by --data. Nothing was "
            f"changed"
        )


def _holds_anything(connection: sqlite3.Connection) -> bool:
    """Tell whether any table but that of the migrations has a row; those of a text index always have."""
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL %'"
    ).fetchall()
    return any(
        connection.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone() is not None
        for (name,) in tables
        if not name.startswith((APPLIED, "sqlite_", "recent_words"))
    )


def _remove(folder: Path, pattern: str, but: Path | None = None) -> None:
    for found in folder.glob(pattern):
        if found != but:
            found.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Have the new name on the disk before anything is changed."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
