"""
Copies of a database, made while it is used.

A copy is one file that needs nothing beside it: no write-ahead log, and the same bytes wherever it is opened
to be read.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from pylogtap_collector.errors import DataUnusable
from pylogtap_collector.storage.connections import check_deadline, open_reader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_STEP_PAGES = 64  # of 8 KiB, between two looks at whether anybody still waits
_SYNC_BYTES = 4 << 20  # written at once: a commit that comes meanwhile waits for no more
_REST = 1.0  # pauses for as long as the writing took: half of the disk stays for what comes in
_MARK = "-being-made"


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """
    Yield a name to write to; the target appears, complete and on the disk, when that has gone well.

    Args:
        target: A file; what stands there is replaced.
    """
    part = target.with_name(f"{target.name}{_MARK}-{os.getpid()}")
    try:
        yield part
        sync(part)
        part.replace(target)
        sync(target.parent)
    finally:
        part.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file or a folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def has_log(path: Path) -> bool:
    """Tell whether a write-ahead log stands beside a database: then the file alone is not all of it."""
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def has_header(path: Path) -> bool:
    """Tell whether a file begins as databases do (https://sqlite.org/fileformat2.html, 1.3)."""
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def copy(connection: sqlite3.Connection, target: Path) -> None:
    """
    Copy the database as a transaction sees it, a little at a time.

    Within a transaction that has begun to read, SQLite copies the pages of that moment, whatever is committed
    meanwhile (https://sqlite.org/backup.html); without one it would begin again after each commit.

    Args:
        connection: In a transaction.
        target: A file that is not there.

    Raises:
        QueryTooSlow: Nobody waits any more.
    """
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # the transaction begins to read
    with closing(sqlite3.connect(target, isolation_level=None, check_same_thread=False)) as copied:
        target.chmod(0o600)
        copied.execute("PRAGMA synchronous = OFF")  # `pace` syncs what has been written
        copied.execute("PRAGMA cache_size = -1000")
        pace = _Pace(target)
        connection.backup(copied, pages=_STEP_PAGES, progress=lambda *_: pace.step())
        copied.execute("PRAGMA journal_mode = DELETE").fetchall()


def copy_file(source: Path, target: Path) -> None:
    """
    Copy a database that another process may be using.

    Args:
        source: The database.
        target: A file that is not there.

    Raises:
        DataUnusable: It cannot be read.
    """
    try:
        with closing(open_reader(source)) as connection:
            connection.execute("BEGIN")
            copy(connection, target)
    except sqlite3.Error as error:
        raise DataUnusable(f"the database {source} cannot be copied: {error}") from error


class _Pace:
    """Writes a copy out in small pieces, and rests in between."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._synced = 0
        self._began = time.monotonic()

    def step(self) -> None:
        check_deadline()
        size = self._target.stat().st_size
        if size - self._synced < _SYNC_BYTES:
            return
        sync(self._target)
        self._synced = size
        time.sleep((time.monotonic() - self._began) * _REST)
        self._began = time.monotonic()
