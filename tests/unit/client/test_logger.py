"""Our own logger, the structlog processor, and the context they share."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import structlog

import pylogtap
from pylogtap import client as clients
from pylogtap import context, wire
from pylogtap.structlog import Processor
from tests.support.spooled import Kept, kept

if TYPE_CHECKING:
    from collections.abc import Iterator


def records() -> list[Kept]:
    """Return what this process has kept."""
    (client,) = clients.all_clients()
    return kept(client.spool)


@pytest.mark.parametrize("repeats", [1, 2, 20])
def test_event_and_fields(repeats: int) -> None:
    """The event is the template, the values are fields; every record of a call site arrives alike."""
    log = pylogtap.get_logger("shop/cart/c-1", name="cart")

    for number in range(repeats):
        log.info("paid", user="ann", cents=number, event_id="e")

    found = records()
    assert [each.fields for each in found] == [
        {"user": "ann", "cents": number, "event_id": "e"} for number in range(repeats)
    ]
    assert {(each.prefix, each.logger, each.template, each.level, each.function) for each in found} == {
        ("shop/cart/c-1", "cart", "paid", "info", "test_event_and_fields")
    }


def test_levels() -> None:
    """Each method logs at its level; those below the set one keep nothing."""
    log = pylogtap.get_logger("shop/cart/c-1", level="INFO")

    log.debug("no")
    for method in (log.info, log.warning, log.error, log.critical):
        method("yes")
    log.log(25, "between")

    assert [each.severity for each in records()] == [9, 13, 17, 21, 11]
    assert not log.is_enabled_for(10)


def test_bind() -> None:
    """Bound fields come with every record of the bound logger, and only of it; a call's own win."""
    log = pylogtap.get_logger("shop/cart/c-1")
    basket = ["apple"]
    bound = log.bind(user="ann", basket=basket)
    basket.append("pear")

    for _ in range(2):
        bound.info("paid", user="bob")
        bound.unbind("user").info("looked")
        bound.new(only=1).info("fresh")
        log.info("plain")

    assert [each.fields for each in records()] == [
        {"user": "bob", "basket": ["apple"]}, {"basket": ["apple"]}, {"only": 1}, {},
    ] * 2  # fmt: skip


def test_arguments_and_varying_events() -> None:
    """Positional arguments are put into the event; an event that varies travels itself."""
    log = pylogtap.get_logger("shop/cart/c-1")

    for number in range(3):
        log.info("paid %d cents", number)
        log.info(f"paid {number}")  # noqa: G004 - what people write

    assert [each.message for each in records()] == [
        "paid 0 cents", "paid 0", "paid 1 cents", "paid 1", "paid 2 cents", "paid 2",
    ]  # fmt: skip


def test_exception() -> None:
    """`exception` takes the exception being handled, `exc_info` any; neither is a field."""
    log = pylogtap.get_logger("shop/cart/c-1")

    for _ in range(2):
        try:
            raise ValueError("broken")
        except ValueError:
            log.exception("failed", order=1)
        log.error("failed too", exc_info=KeyError("k"))

    assert [(each.more[wire.MORE_EXCEPTION]["type"], each.fields) for each in records()] == [
        ("ValueError", {"order": 1}), ("KeyError", {}),
    ] * 2  # fmt: skip


@pytest.mark.parametrize("value", [{"token": "t"}, object(), 2**80, "\udc80", b"x", [1]])
def test_odd_values(value: Any) -> None:
    """Any value of a field arrives in some form, and secrets do not."""
    log = pylogtap.get_logger("shop/cart/c-1")

    for _ in range(2):
        log.info("odd", value=value, password="hunter2")

    found = records()
    assert len(found) == 2
    assert all(each.fields["password"] == "[redacted]" for each in found)
    assert "'t'" not in str([each.fields for each in found])


def test_in_a_thread() -> None:
    """Records of another thread name it."""
    log = pylogtap.get_logger("shop/cart/c-1")

    def work() -> None:
        for _ in range(3):
            log.info("working")

    thread = threading.Thread(target=work, name="worker")
    thread.start()
    thread.join()

    assert [each.thread for each in records()] == ["worker"] * 3


def test_bound_context_of_tasks() -> None:
    """Fields bound in one asyncio task are on its records, not on those of another."""
    log = pylogtap.get_logger("shop/cart/c-1")

    async def serve(request: int) -> None:
        pylogtap.bind(request=request, password="p")
        await asyncio.sleep(0)
        log.info("served")

    async def main() -> None:
        await asyncio.gather(serve(1), serve(2))

    asyncio.run(main())

    assert [each.fields for each in records()] == [
        {"request": 1, "password": "[redacted]"}, {"request": 2, "password": "[redacted]"},
    ]  # fmt: skip


def test_bound_fields_end_with_their_block() -> None:
    """`bound_fields` holds within its block only."""
    log = pylogtap.get_logger("shop/cart/c-1")

    with pylogtap.bound_fields(order=1):
        log.info("inside")
        pylogtap.bind(more=2)
        pylogtap.unbind("order")
        log.info("inside")
    log.info("outside")

    assert [each.fields for each in records()] == [{"order": 1}, {"more": 2}, {}]


def test_context_goes_into_threads_and_executors() -> None:
    """With `propagate`, threads and executor jobs have the context of the code that started them."""
    value: contextvars.ContextVar[int] = contextvars.ContextVar("value", default=0)
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit
    seen: list[int] = []
    try:
        context.propagate()
        context.propagate()
        value.set(7)
        thread = threading.Thread(target=lambda: seen.append(value.get()))
        thread.start()
        thread.join()
        with ThreadPoolExecutor(1) as pool:
            seen.append(pool.submit(value.get).result())
            value.set(8)
            seen.append(pool.submit(value.get).result())
    finally:
        threading.Thread.start = start  # type: ignore[method-assign]
        ThreadPoolExecutor.submit = submit  # type: ignore[method-assign]

    assert seen == [7, 7, 8]


@pytest.fixture
def chain() -> Iterator[Any]:
    """Configure structlog with our processor in its chain."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            Processor("shop/stock/s-1"),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    yield structlog.get_logger()
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_structlog(chain: Any) -> None:
    """What reaches the end of a structlog chain is kept, and still rendered by what follows."""
    structlog.contextvars.bind_contextvars(request="r1")

    rendered = [chain.bind(shelf=4).warning("low stock", left=number) for number in range(3)]

    assert rendered[2] == '{"shelf": 4, "left": 2, "event": "low stock", "request": "r1", "level": "warning"}'
    found = records()
    assert [each.fields for each in found] == [{"shelf": 4, "left": n, "request": "r1"} for n in range(3)]
    assert {(each.prefix, each.template, each.level, each.severity, each.file) for each in found} == {
        ("shop/stock/s-1", "low stock", "warning", 13, __file__)
    }


@pytest.mark.parametrize("factory", [structlog.PrintLoggerFactory(), structlog.stdlib.LoggerFactory()])
def test_structlog_with_nothing_behind(factory: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """As the last processor it ships the event, and no logger chokes on what it cannot print."""
    structlog.configure(
        processors=[structlog.processors.add_log_level, Processor("shop/stock/s-1", console="on")],
        logger_factory=factory,
    )
    try:
        structlog.get_logger().bind(shelf=4).error("low stock", left=2)
    finally:
        structlog.reset_defaults()

    (each,) = records()
    assert (each.template, each.fields, each.level) == ("low stock", {"shelf": 4, "left": 2}, "error")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("low stock") == 1
    assert "shelf=4" in shown.err


def test_structlog_exception(chain: Any) -> None:
    """An exception in the event dict arrives as one."""
    try:
        raise ValueError("broken")
    except ValueError:
        chain.exception("failed")

    (each,) = records()
    assert each.level == "error"
    assert each.more[wire.MORE_EXCEPTION]["message"] == "broken"


def test_structlog_contextvars_reach_other_loggers() -> None:
    """What structlog has bound to the context also comes with our own logger's records."""
    log = pylogtap.get_logger("shop/cart/c-1")
    structlog.contextvars.bind_contextvars(request="r1")
    try:
        for _ in range(2):
            log.info("paid")
    finally:
        structlog.contextvars.clear_contextvars()
        context.sources.clear()

    assert [each.fields for each in records()] == [{"request": "r1"}] * 2


def test_open_telemetry_trace(log: Any) -> None:
    """Within an OpenTelemetry span, records carry its trace and span id."""
    from opentelemetry.sdk.trace import TracerProvider

    handler = pylogtap.Handler(prefix="a/b/c")
    log.addHandler(handler)
    try:
        with TracerProvider().get_tracer("t").start_as_current_span("s") as span:
            for _ in range(2):
                log.info("traced")
        log.info("not traced")
        expected = (f"{span.get_span_context().trace_id:032x}", f"{span.get_span_context().span_id:016x}")
    finally:
        context.sources.clear()

    found = records()
    assert [(each.more.get("t"), each.more.get("s")) for each in found] == [expected, expected, (None, None)]
