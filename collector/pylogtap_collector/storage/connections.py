"""Open the database: who may use the folder, how the file is laid out, how a connection behaves."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pylogtap_collector.errors import DataDamaged, DataUnusable, QueryTooSlow
from pylogtap_collector.storage.versions import is_current, refuse_newer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BUSY_MS = 3_000  # another program may hold the lock for a moment; clients are told to come again after it
_CHECK_EVERY = 10_000  # virtual machine steps between two looks at the clock, about 1 ms
_WAL_PAGES = 4_000  # 32 MiB until a checkpoint: seldom enough for bursts, small enough to be copied quickly
_LAYOUT = (
    "PRAGMA page_size = 8192",
    "PRAGMA auto_vacuum = INCREMENTAL",  # both take effect only while the file is empty
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # NORMAL loses acknowledged records in a power cut
    "PRAGMA secure_delete = FAST",  # Debian's build would overwrite each slice that has been sealed
    f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}",
    f"PRAGMA journal_size_limit = {2 * _WAL_PAGES * 8192}",
    "PRAGMA cache_size = -32000",
    "PRAGMA temp_store = MEMORY",
)


SUSPECT = "pylogtap.db.suspect"  # a mark beside a database: it was found to be damaged
_current = threading.local()


class FolderLock:
    """Says that one collector uses a folder, until it is released or its process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        """
        Take the folder; make it when it is missing.

        Args:
            folder: The data folder.

        Raises:
            DataUnusable: Another collector uses it, or it cannot be written.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = os.open(folder / "collector.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataUnusable(
                f"the data folder {folder} cannot be written: {error.strerror}; choose another by --data"
            ) from error
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            raise DataUnusable(
                f"another collector uses {folder}; stop it, or choose another folder by --data"
            ) from error

    def release(self) -> None:
        """Let others have the folder."""
        os.close(self._fd)


class Deadline:
    """
    Ends a query: when its time is over, or when nobody waits for it any more.

    Attributes:
        seconds: How long the query may take, from when it begins.
        cancelled: Nobody waits for the answer.
    """

    def __init__(self, seconds: float) -> None:
        """
        Set the time that a query will have.

        Args:
            seconds: How long it may take.
        """
        self.seconds = seconds
        self.cancelled = False
        self._end: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the query has to end."""
        return self.cancelled or (self._end is not None and time.monotonic() > self._end)

    @contextmanager
    def watch(self, connection: sqlite3.Connection) -> Iterator[None]:
        """
        Interrupt the connection's statements once the deadline has passed.

        Raises:
            QueryTooSlow: It has.
        """
        self._end = time.monotonic() + self.seconds  # from here: waiting for its turn is not its fault
        _current.deadline = self
        connection.set_progress_handler(lambda: self.passed, _CHECK_EVERY)
        try:
            yield
        except sqlite3.OperationalError as error:
            if self.passed:
                raise self.error() from error
            raise
        finally:
            _current.deadline = None
            connection.set_progress_handler(None, 0)

    def error(self) -> QueryTooSlow:
        """Return what to raise once it has passed."""
        return QueryTooSlow(
            f"The query took longer than {self.seconds:g} s; narrow it by a time range or a field."
        )


def check_deadline() -> None:
    """
    Give up a job that runs under :meth:`Deadline.watch` in this thread, and does not ask SQLite for long.

    Raises:
        QueryTooSlow: Its deadline has passed.
    """
    deadline: Deadline | None = getattr(_current, "deadline", None)
    if deadline is not None and deadline.passed:
        raise deadline.error()


def open_writer(path: Path | None) -> sqlite3.Connection:
    """
    Open the one connection that writes, with the schema of this version in place.

    A write-ahead log that a killed collector left is folded in here, not by the first record's commit.

    Args:
        path: The file; None: in memory.

    Raises:
        DataUnusable: The file is no database, is damaged, is of a newer version, or cannot be written; or
            there is no room to copy it before it is upgraded.
    """
    try:
        if path is not None:
            refuse_newer(path)
            _make_private(path)
        connection = _connect(str(path) if path else ":memory:")
        try:
            for pragma in _LAYOUT:
                connection.execute(pragma)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            if not is_current(connection):
                # What makes tables takes a fifth of a start to load, and most starts need none of it.
                from pylogtap_collector.storage.upgrades import upgrade  # noqa: PLC0415

                upgrade(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise (DataDamaged if is_damage(error) else DataUnusable)(
            f"the database {path} cannot be used: {error}; move it aside to start with an empty one: "
            f"mv {path} {path}.damaged"
        ) from error
    return connection


def is_damage(error: BaseException | None) -> bool:
    """Tell whether an error says that the database is damaged, or none at all."""
    if not isinstance(error, sqlite3.Error):
        return False
    code: int = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB} or "decode to UTF-8" in str(error)


def _make_private(path: Path) -> None:
    """Let nobody else read the file; what SQLite makes beside it, with records in it, is made likewise."""
    with suppress(OSError):  # SQLite says better why it cannot be used
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        for file in (path, *path.parent.glob(f"{path.name}-*")):
            file.chmod(0o600)


def open_reader(path: Path, *, immutable: bool = False) -> sqlite3.Connection:
    """
    Open a connection that cannot change anything, whatever statement it is given.

    Args:
        path: The file.
        immutable: Nobody changes it: make no files beside it, and take no locks.
    """
    connection = _connect(f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if immutable else ''}")
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA cache_size = -16000")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def _connect(target: str) -> sqlite3.Connection:
    return sqlite3.connect(
        target,
        uri=target.startswith("file:"),
        isolation_level=None,  # transactions begin where the code says so
        check_same_thread=False,
        timeout=_BUSY_MS / 1000,
        cached_statements=256,
    )


def checkpoint(connection: sqlite3.Connection) -> None:
    """
    Put what the journal holds into the file, and make the journal empty.

    It stays as it is while somebody reads, and where the disk has no room for what it holds: deleting is
    what helps then, and that is written to the journal, too.

    Args:
        connection: The writer's, in no transaction.
    """
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_FULL:
            raise
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience}")
