"""
The one thread that writes.

Jobs come from the event loop and wait in two queues. All urgent jobs that wait are done in one transaction,
so that many clients share one ``fsync`` (group commit); the others get a transaction each, when nothing
urgent waits or when they have waited long enough.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pylogtap_collector.errors import Overloaded

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    Job = Callable[[sqlite3.Connection], Any]

GROUP = 64  # jobs of one transaction: bounds how long the first of them waits
PATIENCE_S = 0.25  # how long a job that is not urgent can be overtaken
_RETRY_S = 5.0
_FAULTS = {  # primary result codes that mean: the database cannot store. https://sqlite.org/rescode.html
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED,
}  # fmt: skip


@dataclass(slots=True)
class _Task:
    job: Job
    future: asyncio.Future[Any]
    plain: bool = False  # reads: no transaction around it
    queued: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class _Outcome:
    value: Any = None
    error: Exception | None = None


class Writer:
    """
    Owns the connection that writes.

    Attributes:
        fault: Why the last transaction could not be stored; None when it could.
        commits: Transactions so far.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        loop: asyncio.AbstractEventLoop,
        trouble: Callable[[Exception | None], str | None] = lambda _: None,
    ) -> None:
        """
        Start the thread.

        Args:
            connection: The thread's own from now on.
            loop: Where the answers are awaited.
            trouble: Asked before a transaction why it would be in vain; hears of one that failed.
        """
        self._trouble = trouble
        self.fault: str | None = None
        self.full = False
        self.commits = 0
        self._connection = connection
        self._loop = loop
        self._urgent: deque[_Task] = deque()
        self._calm: deque[_Task] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="pylogtap-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Urgent jobs that nobody has begun."""
        return len(self._urgent)

    def submit(self, job: Job, *, urgent: bool = True, plain: bool = False) -> asyncio.Future[Any]:
        """
        Queue a job.

        Args:
            job: Gets the connection; what it returns is the answer, once it is on the disk.
            urgent: Do it in the next transaction, together with others.
            plain: Do it outside of any transaction; for what only reads.
        """
        future = self._loop.create_future()
        with self._wake:
            if self._closing:
                raise Overloaded("The collector is stopping.", _RETRY_S)
            (self._urgent if urgent else self._calm).append(_Task(job, future, plain))
            self._wake.notify()
        return future

    def close(self) -> None:
        """Do what is queued, then end. Blocks."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while tasks := self._take():
            outcomes = [self._do_plain(tasks[0])] if tasks[0].plain else self._do_group(tasks)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(_answer, tasks, outcomes)
        self._connection.close()

    def _take(self) -> list[_Task]:
        with self._wake:
            while not (self._urgent or self._calm or self._closing):
                self._wake.wait()
            late = self._calm and time.monotonic() - self._calm[0].queued > PATIENCE_S
            if self._calm and (late or not self._urgent):
                return [self._calm.popleft()]
            group: list[_Task] = []
            while self._urgent and len(group) < GROUP and not (group and self._urgent[0].plain):
                group.append(self._urgent.popleft())
                if group[0].plain:
                    break
            return group

    def _do_plain(self, task: _Task) -> _Outcome:
        try:
            return _Outcome(task.job(self._connection))
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the one who asked
            return _Outcome(error=error)

    def _do_group(self, tasks: Sequence[_Task]) -> list[_Outcome]:
        """Do jobs in one transaction; one that fails is undone alone."""
        if (why := self._trouble(None)) is not None:
            return [
                _Outcome(error=Overloaded(f"The collector stores nothing: {why}.", _RETRY_S)) for _ in tasks
            ]
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            outcomes = [self._attempt(task) for task in tasks]
            self._connection.execute("COMMIT")
            if (why := self._trouble(None)) is not None:  # it was removed meanwhile: this is not kept
                raise sqlite3.OperationalError(why)
        except sqlite3.Error as error:
            self._trouble(error)
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self.fault, self.full = f"the database cannot store: {error}", _is_full(error)
            refusal = Overloaded(f"The collector cannot store just now: {error}.", _RETRY_S)
            refusal.__cause__ = error
            return [_Outcome(error=refusal) for _ in tasks]
        self.commits += 1
        if not any(_is_fault(outcome.error) for outcome in outcomes):
            self.fault, self.full = None, False
        return outcomes

    def _attempt(self, task: _Task) -> _Outcome:
        self._connection.execute("SAVEPOINT job")
        try:
            outcome = _Outcome(task.job(self._connection))
        except Exception as error:
            if not self._connection.in_transaction:  # it took the whole transaction with it, see FULL, IOERR
                raise
            self._connection.execute("ROLLBACK TO job")
            outcome = _Outcome(error=error)
            if _is_fault(error):
                self._trouble(error)
                self.fault, self.full = f"the database cannot store: {error}", _is_full(error)
        self._connection.execute("RELEASE job")
        return outcome


def _is_full(error: BaseException) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL


def _is_fault(error: BaseException | None) -> bool:
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _FAULTS


def _answer(tasks: Sequence[_Task], outcomes: Sequence[_Outcome]) -> None:
    for task, outcome in zip(tasks, outcomes, strict=True):
        if task.future.done():  # cancelled: whoever asked has gone
            continue
        if outcome.error is not None:
            task.future.set_exception(outcome.error)
        else:
            task.future.set_result(outcome.value)
