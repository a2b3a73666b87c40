"""The database of one collector: one writer, some readers, answers on the event loop."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from pylogtap_collector.errors import Overloaded, ReadOnly
from pylogtap_collector.storage.connections import (
    SUSPECT,
    Deadline,
    FolderLock,
    checkpoint,
    is_damage,
    open_reader,
    open_writer,
)
from pylogtap_collector.storage.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")
_DAMAGED_S = 30.0  # before a client tries again: somebody has to do something first
_WORK_S = 3_600.0  # the deadline of queries is for people
_QUEUE_PER_READER = 32  # queries that wait; each ends at its deadline, so none waits for ever

_log = logging.getLogger("pylogtap.collector")


class Engine:
    """
    Runs jobs on the database, off the event loop.

    A database in memory has the one connection only, because SQLite shares none between connections that
    lets readers and a writer work side by side; there, reads take turns with the writes.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        readers: int = 2,
        query_timeout_s: float = 10.0,
        queue_max: int = 64,
        read_only: bool = False,
    ) -> None:
        """
        Describe the database; `open` opens it.

        Args:
            path: The file; None: in memory.
            readers: Queries that run at once.
            query_timeout_s: After this a query is ended.
            queue_max: Urgent jobs that may wait; more are refused.
            read_only: Change neither the file nor anything beside it; nobody else changes it either.
        """
        self.path = path
        self.read_only = read_only
        self._readers = readers
        self.query_timeout_s = query_timeout_s
        self._queue_max = queue_max
        self._reading = 0
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._lock: FolderLock | None = None
        self._writer: Writer | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._worker: ThreadPoolExecutor | None = None
        self._aside: ThreadPoolExecutor | None = None
        self._errands: set[Deadline] = set()
        self._is_open = False
        self._damage: str | None = None  # until the next start
        self._gone: str | None = None  # until the file is back
        self._file: tuple[int, int] | None = None

    async def open(self) -> None:
        """
        Open the database, and bring its schema up to this version.

        Raises:
            DataUnusable: The folder or the file cannot be used.
        """
        loop = asyncio.get_running_loop()
        if not self.read_only:
            connection = await asyncio.to_thread(self._open_writer)
            self._file = None if self.path is None else _identity(self.path)
            self._writer = Writer(connection, loop, self._trouble)
        if self.path is not None:
            self._pool = ThreadPoolExecutor(self._readers, thread_name_prefix="pylogtap-reader")
            self._worker = ThreadPoolExecutor(1, thread_name_prefix="pylogtap-worker")
            self._aside = ThreadPoolExecutor(1, thread_name_prefix="pylogtap-aside")
        self._is_open = True

    async def close(self) -> None:
        """Finish what is queued and close the database. Does nothing the second time."""
        if not self._is_open:
            return
        self._is_open = False
        for errand in self._errands:
            errand.cancelled = True
        pools = (self._pool, self._worker, self._aside)
        self._pool = self._worker = self._aside = None
        for pool in pools:
            if pool is not None:
                await asyncio.to_thread(pool.shutdown, wait=True, cancel_futures=True)
        for connection in self._opened:
            connection.close()
        writer, self._writer = self._writer, None
        if writer is not None:
            await asyncio.to_thread(writer.close)
        if self._lock is not None:
            self._lock.release()

    async def checkpoint(self) -> None:
        """Put what the journal holds into the file, and give its room back, where that is possible."""
        await self._writing().submit(checkpoint, urgent=True, plain=True)

    @property
    def full(self) -> bool:
        """Whether the last transaction failed because the disk is full."""
        return self._writer.full if self._writer else False

    @property
    def fault(self) -> str | None:
        """Why nothing can be stored; None when all is well."""
        if not self._is_open:
            return "the database is closed"
        if self._damage is not None or self._gone is not None:
            return self._damage or self._gone
        return self._writer.fault if self._writer else None

    @property
    def commits(self) -> int:
        """Transactions since the start."""
        return self._writer.commits if self._writer else 0

    async def write(self, job: Callable[[sqlite3.Connection], T], *, urgent: bool = False) -> T:
        """
        Do a job in a transaction, and return what it returned once that is on the disk.

        Args:
            job: Gets the connection. May run more than once only if it failed.
            urgent: Somebody waits for the answer: overtake the others, share the transaction.

        Raises:
            Overloaded: Too many urgent jobs wait, or the database cannot store.
            ReadOnly: This collector changes nothing.
        """
        self._check_open()
        writer = self._writing()
        if self._damage is not None:
            raise Overloaded(f"The collector stores nothing: {self._damage}.", _DAMAGED_S)
        if urgent and writer.waiting >= self._queue_max:
            raise Overloaded("More slices wait to be stored than the collector keeps in memory.")
        answer: T = await writer.submit(job, urgent=urgent)
        return answer

    async def read(self, job: Callable[[sqlite3.Connection], T], *, timeout_s: float | None = None) -> T:
        """
        Do a job that only reads, on one unchanging view of the database.

        Args:
            job: Gets a connection that cannot write.
            timeout_s: Instead of the engine's deadline.

        Raises:
            QueryTooSlow: The deadline has passed.
            Overloaded: Too many queries wait.
        """
        self._check_open()
        if self._reading >= self._readers * _QUEUE_PER_READER:
            raise Overloaded("Too many queries wait for their turn.")
        deadline = Deadline(self.query_timeout_s if timeout_s is None else timeout_s)
        self._reading += 1
        try:
            if self._pool is None:
                return await self._between_writes(job, deadline, urgent=True)
            return await asyncio.get_running_loop().run_in_executor(
                self._pool, lambda: _read(self._reader(), job, deadline)
            )
        except sqlite3.DatabaseError as error:
            self._refuse_damage(error)
            raise
        except asyncio.CancelledError:
            deadline.cancelled = True
            raise
        finally:
            self._reading -= 1

    async def work(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """
        Do a long job that only reads, beside the queries, on one unchanging view of the database.

        Args:
            job: Gets a connection that cannot write.
        """
        self._check_open()
        return await self._long(job, self._worker)

    async def aside(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """
        Do a job of minutes that only reads, beside everything else, on one unchanging view of the database.

        One after the other: each makes the disk busy. The job calls `check_deadline` now and then, and so
        ends when the collector stops or nobody waits for it.

        Args:
            job: Gets a connection that cannot write.
        """
        self._check_open()
        return await self._long(job, self._aside)

    async def _long(self, job: Callable[[sqlite3.Connection], T], pool: ThreadPoolExecutor | None) -> T:
        deadline = Deadline(_WORK_S)
        self._errands.add(deadline)
        try:
            if pool is None:
                return await self._between_writes(job, deadline, urgent=False)
            return await asyncio.get_running_loop().run_in_executor(
                pool, lambda: _read(self._reader(), job, deadline)
            )
        except sqlite3.DatabaseError as error:
            self._refuse_damage(error)
            raise
        except asyncio.CancelledError:
            deadline.cancelled = True
            raise
        finally:
            self._errands.discard(deadline)

    async def _between_writes(
        self, job: Callable[[sqlite3.Connection], T], deadline: Deadline, *, urgent: bool
    ) -> T:
        task = self._writing().submit(
            lambda own: _read_between_writes(own, job, deadline), urgent=urgent, plain=True
        )
        answer: T = await task
        return answer

    def _refuse_damage(self, error: sqlite3.DatabaseError) -> None:
        """
        Say what is wrong, where a query met damage: whoever asked made no mistake, and nor did we.

        Raises:
            Overloaded: It did.
        """
        trouble = self._trouble(error)
        if trouble is not None and is_damage(error):
            raise Overloaded(f"What this asks for cannot be read: {trouble}.", _DAMAGED_S) from error

    def _trouble(self, error: Exception | None) -> str | None:
        """
        Tell why nothing can be stored any more, until the collector is started again; None: it can.

        Asked before each transaction, and whenever one or a query has failed.
        """
        if self._damage is None and is_damage(error):
            self._damage = f"the database is damaged ({error}); start the collector again: it sets it aside"
            if self.path is not None and not self.read_only:
                with suppress(OSError):
                    self.path.with_name(SUSPECT).touch(mode=0o600)
            _log.error("%s", self._damage)
        if self._damage is not None or self.path is None or self._file is None:
            return self._damage
        gone = None
        if _identity(self.path) != self._file:
            gone = (
                f"the database {self.path} was removed or replaced while it is used; put it back, or start "
                f"the collector again to go on with what is there now"
            )
        if gone is not None and self._gone is None:
            _log.error("%s", gone)
        self._gone = gone
        return gone

    def _check_open(self) -> None:
        if not self._is_open:
            raise Overloaded("The collector is stopping.")

    def _writing(self) -> Writer:
        if self._writer is None:
            raise ReadOnly(
                f"This collector shows {self.path} and changes nothing; "
                "let programs deliver to one that is started by `pylogtap serve`."
            )
        return self._writer

    def _open_writer(self) -> sqlite3.Connection:
        if self.path is not None:
            self._lock = FolderLock(self.path.parent)
        try:
            connection = open_writer(self.path)
        except BaseException:
            if self._lock is not None:
                self._lock.release()
            raise
        return connection

    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            assert self.path is not None
            connection = open_reader(self.path, immutable=self.read_only)
            self._local.connection = connection
            self._opened.append(connection)
        return connection


def _identity(path: Path) -> tuple[int, int] | None:
    """Return which file a path leads to; None: none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _read(connection: sqlite3.Connection, job: Callable[[sqlite3.Connection], T], deadline: Deadline) -> T:
    with deadline.watch(connection):
        try:
            connection.execute("BEGIN")
            return job(connection)
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def _read_between_writes(
    connection: sqlite3.Connection, job: Callable[[sqlite3.Connection], T], deadline: Deadline
) -> T:
    connection.execute("PRAGMA query_only = ON")
    try:
        return _read(connection, job, deadline)
    finally:
        connection.execute("PRAGMA query_only = OFF")
