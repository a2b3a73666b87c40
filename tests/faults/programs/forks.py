"""
Come to further processes in one of the ways there are, and log in each.

::

    python -m tests.faults.programs.forks PREFIX WAY FIRST_WRITER

Tells `{writer: [records, process number]}`.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from tests.faults.programs.lines import Lines, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COUNT = 40  # records of each writer
TASKS = 6
Logged = dict[int, tuple[int, int]]
_of_this_process: list[Lines] = []  # at most one


def begin(prefix: str) -> None:
    """Set logging up in this process, where that has not been done or inherited."""
    if not _of_this_process:
        _of_this_process.append(Lines(prefix))


def work(writer: int) -> tuple[int, tuple[int, int]]:
    """Log as one writer."""
    _of_this_process[0].log_some(writer, COUNT)
    return writer, (COUNT, os.getpid())


def _pool(method: str, prefix: str, writers: Iterator[int]) -> Logged:
    with multiprocessing.get_context(method).Pool(2, begin, (prefix,)) as pool:
        return dict(pool.map(work, itertools.islice(writers, TASKS), chunksize=1))  # then it is terminated


def pool_spawn(prefix: str, writers: Iterator[int]) -> Logged:
    """A pool whose processes start anew."""
    return _pool("spawn", prefix, writers)


def pool_fork(prefix: str, writers: Iterator[int]) -> Logged:
    """A pool that is forked while threads log."""
    with _threads_that_log(writers) as logged:
        found = _pool("fork", prefix, writers)
    return found | logged


class _threads_that_log:  # noqa: N801 - a context, used like a function
    def __init__(self, writers: Iterator[int]) -> None:
        self._logged: Logged = {}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._log, args=(next(writers),)) for _ in range(2)]

    def _log(self, writer: int) -> None:
        for number in itertools.count(1):
            _of_this_process[0].log(writer, number)
            self._logged[writer] = (number, os.getpid())
            if self._stop.wait(0.0005):
                return

    def __enter__(self) -> Logged:
        for each in self._threads:
            each.start()
        return self._logged

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for each in self._threads:
            each.join()


def _fork(live: Callable[[], object]) -> int:
    """Run something in a child that ends without a word, and return its number."""
    child = os.fork()
    if not child:
        try:
            live()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    return child


def exits(_: str, writers: Iterator[int]) -> Logged:
    """Children that end by `os._exit`, while threads of the parent log."""
    found: Logged = {}
    with _threads_that_log(writers) as logged:
        for writer in itertools.islice(writers, TASKS):
            found[writer] = (COUNT, _fork(lambda writer=writer: work(writer)))  # type: ignore[misc]
    return found | logged


def in_a_thread(_: str, writers: Iterator[int]) -> Logged:
    """A thread forks while others log; in the child several threads log at once."""
    found: Logged = {}

    def child(own: list[int]) -> None:
        threads = [threading.Thread(target=work, args=(writer,)) for writer in own]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

    def fork_some() -> None:
        for _ in range(TASKS):
            own = [next(writers) for _ in range(3)]
            number = _fork(lambda own=own: child(own))  # type: ignore[misc]
            found.update(dict.fromkeys(own, (COUNT, number)))

    with _threads_that_log(writers) as logged:
        thread = threading.Thread(target=fork_some)
        thread.start()
        thread.join()
    return found | logged


def before_the_first(_: str, writers: Iterator[int]) -> Logged:
    """Children that are forked behind `init`, and before there was any record; they fork again."""
    found: Logged = {}
    reader, pipe = os.pipe()
    outer, inner, own = next(writers), next(writers), next(writers)

    def child() -> None:
        os.write(pipe, str(_fork(lambda: work(inner))).encode())
        work(outer)

    found[outer] = (COUNT, _fork(child))
    found[inner] = (COUNT, int(os.read(reader, 20)))
    found[own] = work(own)[1]
    return found


def killed(_: str, writers: Iterator[int]) -> Logged:
    """Children that are killed as soon as their calls have returned."""
    found: Logged = {}

    def child(writer: int) -> None:
        work(writer)
        os.kill(os.getpid(), signal.SIGKILL)

    for writer in itertools.islice(writers, TASKS):
        found[writer] = (COUNT, _fork(lambda writer=writer: child(writer)))  # type: ignore[misc]
    return found


def program(prefix: str, writers: Iterator[int]) -> Logged:
    """Other programs that inherit the environment, and end in order."""
    found: Logged = {}
    for writer in itertools.islice(writers, 2):
        command = [sys.executable, "-m", "tests.faults.programs.forks", prefix, "alone", str(writer)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        found[writer] = (COUNT, process.pid)
        process.wait()
    return found


def alone(_: str, writers: Iterator[int]) -> Logged:
    """No further process."""
    return dict([work(next(writers))])


WAYS = (pool_spawn, pool_fork, exits, in_a_thread, before_the_first, killed, program)


def main() -> None:
    """Go one way."""
    prefix, name, first = sys.argv[1:]
    way = next(each for each in (*WAYS, alone) if each.__name__ == name)
    begin(prefix)
    writers = itertools.count(int(first))
    logged = way(prefix, writers)
    if way not in {before_the_first, alone}:
        own = next(writers)
        logged[own] = work(own)[1]
    tell(logged)


if __name__ == "__main__":
    main()
