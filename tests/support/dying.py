"""A process that opens a database and kills itself on the way, to be run beside a test."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from pylogtap_collector.storage import connections, sealing

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

_CHANGES = ("os.", "sqlite3.connect")  # events of the interpreter that stand for something on the disk
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__])


def open_and_die(path: Path, *, step: int = 0, instructions: int = 0) -> bool:
    """
    Open a database in another process, which ends by SIGKILL.

    Args:
        path: The file.
        step: Before which statement or change of files it is killed, counted from 1; 0: none.
        instructions: After how many steps of SQLite's machine it is killed, within one statement; 0: never.

    Returns:
        Whether it was killed: it was not when it had fewer steps.
    """
    process = _processes.Process(target=_open, args=(path, step, instructions))
    process.start()
    process.join()
    if process.exitcode not in {0, -signal.SIGKILL}:
        raise RuntimeError(f"the process that upgrades has ended by {process.exitcode}")
    return process.exitcode != 0


def _open(path: Path, step: int, instructions: int) -> None:
    sealing.BLOCK = 10
    left = step

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def connect(target: str) -> sqlite3.Connection:
        connection = plain(target)
        connection.set_trace_callback(count)
        if instructions:
            connection.set_progress_handler(_die, instructions)
        return connection

    plain = connections._connect
    connections._connect = connect
    sys.addaudithook(lambda event, _: count() if event.startswith(_CHANGES) else None)
    connections.open_writer(path)


def _die() -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 1
