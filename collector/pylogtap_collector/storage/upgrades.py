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

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger("pylogtap.collector")
_APPLIED = "_sqlite_migrations"
_ROOM = 16 << 20  # bytes beside the copy: what the upgrade writes before it gives room back
_PAGES = 4_096  # of one step of the copy: 32 MiB


def refuse_newer(path: Path) -> None:
    """
    Look whether this version knows the database, before anything in it is touched.

    Args:
        path: The file; it may be missing.

    Raises:
        DataUnusable: A newer version has changed it.
        sqlite3.Error: It is no database.
    """
    if not path.exists() or not path.stat().st_size:
        return
    unknown = _applied_in(path) - set(_all_steps())
    if unknown:
        raise DataUnusable(
            f"the database {path} is of a newer version of pylogtap-collector (it has {min(unknown)}, which "
            f"this one does not know); install the newer version again, or put a copy from before the "
            f"upgrade in its place: {path}.before-…"
        )


def upgrade(connection: sqlite3.Connection, path: Path | None) -> None:
    """
    Bring a database up to this version; one that holds something is copied first.

    Args:
        connection: The one that writes, outside of any transaction.
        path: The file; None: in memory.

    Raises:
        DataUnusable: There is no room for the copy, or the copy is not sound; nothing was changed.
        sqlite3.Error: It cannot be read or written.
    """
    database = Database(connection)
    if not migrations.pending(database) and not old_rows.waits(connection):
        return
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
    return path.with_name(f"{path.name}.before-{_all_steps()[-1]}")


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
    now = {migration.name for migration in migrations.applied(Database(connection))}
    with suppress(sqlite3.Error):  # something else of that name: it is written anew
        if copy.exists() and _applied_in(copy) < now:
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


def _all_steps() -> list[str]:
    """Return the names of all migrations of this version, in their order."""
    with closing(sqlite3.connect(":memory:")) as empty:
        return [migration.name for migration in migrations.pending(Database(empty))]


def _applied_in(path: Path) -> set[str]:
    """Return the names of the migrations that a file has, without changing it."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (_APPLIED,)).fetchone()
        if found is None:
            return set()
        return {
            name
            for (name,) in connection.execute(
                f"SELECT name FROM {_APPLIED} WHERE migration_set = ?", (migrations.name,)
            )
        }


def _holds_anything(connection: sqlite3.Connection) -> bool:
    """Tell whether any table but that of the migrations has a row; those of a text index always have."""
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL %'"
    ).fetchall()
    return any(
        connection.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone() is not None
        for (name,) in tables
        if not name.startswith((_APPLIED, "sqlite_", "recent_words"))
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
