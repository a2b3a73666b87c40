"""Records that are logged while a test case is active carry it, whatever logs them, and others do not."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import pytest
import structlog

import pylogtap
from pylogtap import context, wire
from pylogtap.console import LineFormatter
from pylogtap.context import current_case, set_process_case, within_case
from pylogtap.structlog import Processor
from tests.support.spooled import kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.spooled import Kept

A, B = "a1" * 16, "b2" * 16
WAYS = ["handler", "logger", "structlog", "emit"]


@pytest.fixture(autouse=True)
def no_case_left() -> Iterator[None]:
    """Begin and leave without a case of the process; a run that is told of has one."""
    before = current_case()
    set_process_case(None)
    yield
    set_process_case(before)


@pytest.fixture
def handler(log: logging.Logger) -> pylogtap.Handler:
    """Attach a handler to the logger under test."""
    handler = pylogtap.Handler(prefix="shop/checkout/web-1")
    log.addHandler(handler)
    return handler


def way_of(name: str, log: logging.Logger) -> Callable[[str], None]:
    """Return one of the ways to log a text that is always the same, and has no exception."""
    own = pylogtap.get_logger("shop/checkout/web-1")
    processor = Processor("shop/checkout/web-1")
    chain: Any = structlog.wrap_logger(structlog.PrintLogger(), processors=[processor])
    return {
        "handler": lambda text: log.info("%s", text, extra={"order": 7}),
        "logger": lambda text: own.info(text, order=7),
        "structlog": lambda text: chain.info(text, order=7),
        "emit": lambda text: pylogtap.emit("shop/checkout/web-1", text, fields={"order": 7}),
    }[name]


def cases(records: list[Kept]) -> list[str | None]:
    """Return the case that each record carries."""
    return [each.more.get(wire.MORE_TEST) for each in records]


@pytest.mark.parametrize("bound", [{}, {"request": "9f3c"}], ids=["nothing bound", "a field bound"])
@pytest.mark.parametrize("name", WAYS)
def test_within_case(name: str, bound: dict[str, str], log: logging.Logger, handler: Any) -> None:
    """What is logged within a case carries it: the first record of a call site and later ones alike."""
    say = way_of(name, log)
    with pylogtap.bound_fields(**bound):
        for case in (None, A, A, None, B, None):
            with within_case(case):
                say("paid")
    found = kept(handler.client.spool)
    assert cases(found) == [None, A, A, None, B, None]
    assert [each.fields for each in found] == [{"order": 7, **bound}] * 6
    assert {each.message for each in found} == {"paid"}


@pytest.mark.parametrize("name", WAYS)
def test_case_of_the_process(name: str, log: logging.Logger, handler: Any) -> None:
    """What has no case of its own carries the process's; one of its own counts more."""
    say = way_of(name, log)
    for case in (None, A, B, B, None):
        set_process_case(case)
        say("paid")
    set_process_case(A)
    with within_case(B):
        say("paid")
    say("paid")
    assert cases(kept(handler.client.spool)) == [None, A, B, B, None, B, A]


def test_nothing_is_left_behind(log: logging.Logger, handler: Any) -> None:
    """After a case, records go the fast way again: nothing is bound, and no source is asked."""
    before = list(context.sources)
    with within_case(A):
        assert context.bound.get() is not None
    set_process_case(A)
    set_process_case(A)
    assert len(context.sources) == len(before) + 1
    set_process_case(None)
    set_process_case(None)
    assert (context.bound.get(), context.sources, current_case()) == (None, before, None)


def test_fields_come_and_go_within_a_case(log: logging.Logger, handler: Any) -> None:
    """Binding, unbinding and clearing fields within a case leaves the case as it is."""
    with within_case(A):
        pylogtap.bind(one=1, two=2)
        log.info("both")
        pylogtap.unbind("one")
        log.info("two")
        pylogtap.clear()
        log.info("none")
        log.info("none")
    log.info("out")
    found = kept(handler.client.spool)
    assert [each.fields for each in found] == [{"one": 1, "two": 2}, {"two": 2}, {}, {}, {}]
    assert cases(found) == [A, A, A, A, None]


def test_cases_within_cases(log: logging.Logger, handler: Any) -> None:
    """The innermost case counts; none within one changes nothing."""
    with within_case(A):
        with within_case(B):
            log.info("inner")
        with within_case(None):
            log.info("outer")
    assert cases(kept(handler.client.spool)) == [B, A]


def test_threads_and_executors(log: logging.Logger, handler: Any) -> None:
    """With `propagate`, a thread and a job run for the case that started them, others for none."""
    context.propagate()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(log.info, "before").result()
        with within_case(A):
            thread = threading.Thread(target=log.info, args=("thread",))
            thread.start()
            job = pool.submit(log.info, "job")
        thread.join()
        job.result()
        pool.submit(log.info, "after").result()
    found = {each.message: each.more.get(wire.MORE_TEST) for each in kept(handler.client.spool)}
    assert found == {"before": None, "thread": A, "job": A, "after": None}


def test_threads_of_the_process(log: logging.Logger, handler: Any) -> None:
    """A thread that was there before runs for the process's case, whichever it is."""
    go, done = threading.Event(), threading.Event()

    def work() -> None:
        for _ in range(2):
            go.wait()
            go.clear()
            log.info("work")
            done.set()

    thread = threading.Thread(target=work)
    thread.start()
    for case in (A, None):
        set_process_case(case)
        go.set()
        done.wait()
        done.clear()
    thread.join()
    assert cases(kept(handler.client.spool)) == [A, None]


async def test_tasks(log: logging.Logger, handler: Any) -> None:
    """Each of many tasks has its own case, also one that outlives the block that started it."""
    late = asyncio.Event()

    async def work(case: str | None) -> None:
        with within_case(case):
            await asyncio.sleep(0)
            log.info("work", extra={"own": case})

    async def linger() -> None:
        await late.wait()
        log.info("late", extra={"own": A})

    await asyncio.gather(*(work(case) for case in (A, B, None) * 5))
    with within_case(A):
        task = asyncio.ensure_future(linger())
    log.info("out", extra={"own": None})
    late.set()
    await task
    found = kept(handler.client.spool)
    assert len(found) == 17
    assert cases(found) == [each.fields["own"] for each in found]


async def test_executor_of_the_loop(log: logging.Logger, handler: Any) -> None:
    """What a task hands to a thread runs for the task's case."""
    with within_case(A):
        await asyncio.to_thread(log.info, "thread")
    assert cases(kept(handler.client.spool)) == [A]


def test_exceptions_and_own_parts_stay(log: logging.Logger, handler: Any) -> None:
    """A case comes beside the other rare parts of a record."""
    with within_case(A):
        try:
            raise ValueError("bad")
        except ValueError:
            log.exception("failed", stack_info=True)
    (record,) = kept(handler.client.spool)
    assert {wire.MORE_TEST, wire.MORE_EXCEPTION, wire.MORE_STACK} <= set(record.more)


def test_a_fault_of_another_process_is_of_no_case(handler: Any) -> None:
    """What a process left that died of a signal is told as it is, whatever runs here."""
    set_process_case(A)
    with within_case(B), pylogtap.bound_fields(request=1):
        handler.client.report_fault("shop/old/web-1 4711\nFatal Python error: Segmentation fault\n")
    (record,) = kept(handler.client.spool)
    assert (record.prefix, record.fields) == ("shop/old/web-1", {"pid": 4711})
    assert wire.MORE_TEST not in record.more


def test_many_threads_change_the_case_of_the_process(log: logging.Logger, handler: Any) -> None:
    """However threads race, each record carries a case that was set, and none is lost."""

    def work(case: str) -> None:
        for _ in range(200):
            set_process_case(case)
            log.info("work")
            set_process_case(None)

    threads = [threading.Thread(target=copy_context().run, args=(work, case)) for case in (A, B)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = cases(kept(handler.client.spool))
    assert len(found) == 400
    assert set(found) <= {A, B, None}
    assert context._process not in context.sources


def test_readable_lines_show_no_case() -> None:
    """On a console, a record within a case looks as it always does."""
    record = logging.makeLogRecord(
        {"name": "pay", "msg": "card declined", "levelno": 30, "levelname": "WARNING"}
    )
    shown = []
    for case in (None, A):
        with within_case(case), pylogtap.bound_fields(request=7):
            shown.append(LineFormatter(color=False).format(record))
    assert shown[0] == shown[1]
    assert "request" in shown[0]


def test_exceptions_take_their_case_along(log: logging.Logger, handler: Any) -> None:
    """What is logged of an exception behind a case's block, as servers do it, carries the case."""
    own = pylogtap.get_logger("shop/checkout/web-1")
    for case, wrapped in ((A, False), (None, False), (B, True)):
        try:
            try:
                with within_case(case):
                    raise KeyError("order")
            except KeyError as error:
                if wrapped:
                    raise RuntimeError("no answer") from error
                raise
        except (KeyError, RuntimeError):
            log.exception("failed")
            own.error("failed", exc_info=True)
            with within_case(B):
                log.exception("told")
    assert cases(kept(handler.client.spool)) == [A, A, B, None, None, B, B, B, B]


def test_what_ends_a_thread(log: logging.Logger, handler: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hook that records what ends a thread knows the fields and the case of who started it."""
    context.propagate()
    monkeypatch.setattr(threading, "excepthook", lambda args: log.error("ended", exc_info=args.exc_value))
    with within_case(A), pylogtap.bound_fields(request=7):
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
    thread.join()
    (record,) = kept(handler.client.spool)
    assert (cases([record]), record.fields) == ([A], {"request": 7})
