"""How late event loops are, found on the stacks of threads, and asked from outside."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap.process.loops import LoopWatch, running_loops

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = Callable[[Callable[[asyncio.AbstractEventLoop], Any]], None]


async def _serve(use: Callable[[asyncio.AbstractEventLoop], Any]) -> None:
    await use(asyncio.get_running_loop())


def by_run(use: Callable[[asyncio.AbstractEventLoop], Any]) -> None:
    """Run as most programs do."""
    asyncio.run(_serve(use))


def by_runner(use: Callable[[asyncio.AbstractEventLoop], Any]) -> None:
    """Run by a runner."""
    with asyncio.Runner() as runner:
        runner.run(_serve(use))


def until_complete(use: Callable[[asyncio.AbstractEventLoop], Any]) -> None:
    """Run by the loop itself."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(_serve(use))
    loop.close()


def for_ever(use: Callable[[asyncio.AbstractEventLoop], Any]) -> None:
    """Run until stopped."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(_serve(use))
    task.add_done_callback(lambda _: loop.stop())
    loop.run_forever()
    loop.close()


def by_uvloop(use: Callable[[asyncio.AbstractEventLoop], Any]) -> None:
    """Run uvloop's loop, which has no frames in Python."""
    uvloop = pytest.importorskip("uvloop")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(use))


@contextmanager
def running(run: Run) -> Iterator[asyncio.AbstractEventLoop]:
    """Run a loop in a thread while this lasts."""
    began: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    ready = threading.Event()

    async def use(loop: asyncio.AbstractEventLoop) -> None:
        over = asyncio.Event()
        began.append((loop, over))
        ready.set()
        await over.wait()

    thread = threading.Thread(target=run, args=(use,))
    thread.start()
    assert ready.wait(10)
    ((loop, over),) = began
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


@pytest.mark.parametrize("run", [by_run, by_runner, until_complete, for_ever, by_uvloop])
def test_found(run: Run) -> None:
    """A loop of another thread is found however it is run, and not any more when it has ended."""
    if run is by_uvloop:
        pytest.importorskip("uvloop")
    with running(run) as loop:
        assert loop in running_loops()
    assert loop not in running_loops()


def test_several() -> None:
    """Each thread's loop is found."""
    with running(by_run) as first, running(by_runner) as second:
        assert {id(first), id(second)} <= {id(loop) for loop in running_loops()}


async def test_not_our_own() -> None:
    """The thread that looks is no thread to look at: it could not wait for itself."""
    assert asyncio.get_running_loop() not in running_loops()


def wait_for(watch: LoopWatch, enough: Callable[[], bool]) -> None:
    """Wait until what a loop was asked has been done."""
    deadline = time.monotonic() + 10
    while not enough() and time.monotonic() < deadline:
        time.sleep(0.005)


def test_lag_of_a_free_loop() -> None:
    """A call that was due half a second ago, and runs now, is that late; mean and greatest differ."""
    watch = LoopWatch()
    with running(by_run) as loop:
        watch.look()
        (call,) = [each for each in watch._waiting.values() if each[0] is loop]
        watch._waiting = {id(loop): (loop, 0.0, None)}  # others of this process are of no interest here
        for late_s in (0.5, 0.0):
            watch.ask(time.monotonic() - late_s)
            (call,) = watch._waiting.values()
            wait_for(watch, lambda call=call: call[2] is not None and call[2].ran is not None)  # type: ignore[misc]
        lag = watch.take()
    assert lag is not None
    assert 0.5 <= lag.longest_s < 5
    assert 0.25 <= lag.mean_s < lag.longest_s
    assert watch.take() is None  # each counts once


def test_lag_of_a_blocked_loop() -> None:
    """A loop that does not answer counts with the time it has been asked, and is not asked twice."""
    watch, blocked = LoopWatch(), threading.Event()
    with running(by_run) as loop:
        loop.call_soon_threadsafe(blocked.wait)
        watch._waiting = {id(loop): (loop, 0.0, None)}
        watch.ask(time.monotonic())
        (first,) = watch._waiting.values()
        time.sleep(0.05)
        watch.ask(time.monotonic())
        assert list(watch._waiting.values()) == [first]
        lag = watch.take()
        blocked.set()
    assert lag is not None
    assert lag.longest_s >= 0.05
    assert lag.mean_s == lag.longest_s


def test_ended_loops_are_forgotten() -> None:
    """A loop that has ended is neither asked nor held."""
    watch = LoopWatch()
    with running(by_run) as loop:
        watch.look()
    watch.ask(time.monotonic())
    assert all(each[0] is not loop for each in watch._waiting.values())
