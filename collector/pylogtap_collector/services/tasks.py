"""Background tasks that neither die silently nor take the collector down."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING

from pylogtap_collector.errors import CollectorError
from pylogtap_collector.models import TaskState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

FIRST_WAIT_S = 0.2  # before a task that failed is started again; doubles each time
LONGEST_WAIT_S = 30.0
SOUND_AFTER_S = 60.0  # a task that ran that long failed for a new reason
_CANCEL_AGAIN_S = 0.5

_log = logging.getLogger("pylogtap.collector")


class _Task:
    def __init__(self, name: str) -> None:
        self.name = name
        self.running = False
        self.restarts = 0
        self.last_error: str | None = None
        self.handle: asyncio.Task[None] | None = None


class Tasks:
    """Runs tasks for ever: one that fails is logged, shown by `states`, and started again after a while."""

    def __init__(self, *, first_wait_s: float = FIRST_WAIT_S) -> None:
        """
        Begin with none.

        Args:
            first_wait_s: How long to wait after a task's first failure.
        """
        self._first_wait_s = first_wait_s
        self._tasks: list[_Task] = []

    def supervise(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """
        Start a task.

        Args:
            name: What people see.
            work: Runs until cancelled; that it returns is a failure, too.
        """
        task = _Task(name)
        task.handle = asyncio.create_task(self._run(task, work), name=name)
        self._tasks.append(task)

    def states(self) -> list[TaskState]:
        """Return how each task is doing."""
        return [
            TaskState(
                name=task.name, running=task.running, restarts=task.restarts, last_error=task.last_error
            )
            for task in self._tasks
        ]

    async def stop(self) -> None:
        """Cancel all tasks and wait until they have ended."""
        left = {task.handle for task in self._tasks if task.handle is not None}
        while left:  # one that was busy with ending something of its own may have missed being cancelled
            for handle in left:
                handle.cancel()
            _, left = await asyncio.wait(left, timeout=_CANCEL_AGAIN_S)
        self._tasks.clear()

    async def _run(self, task: _Task, work: Callable[[], Awaitable[None]]) -> None:
        wait_s = self._first_wait_s
        while True:
            began = time.monotonic()
            task.running = True
            try:
                await work()
                task.last_error = "it ended"
                _log.error("task %s ended; it is started again", task.name)
            except CollectorError as error:
                task.last_error = error.detail
                _log.error("task %s failed, and is started again: %s", task.name, error.detail)
            except Exception as error:  # noqa: BLE001 - it is logged, shown, and tried again
                task.last_error = f"{type(error).__name__}: {error}"
                _log.exception("task %s failed; it is started again", task.name)
            finally:
                task.running = False
            if time.monotonic() - began > SOUND_AFTER_S:
                wait_s = self._first_wait_s
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, hides nothing
            wait_s = min(LONGEST_WAIT_S, wait_s * 2)
            task.restarts += 1
