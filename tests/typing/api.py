"""
The public API as a typed program uses it. Never run: `mypy --strict` reads it with everything else.

What is assigned or asserted here is a promise to those whose programs are typed.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, assert_type

import httpx

import pylogtap
from pylogtap import correlation, testing
from pylogtap.context import current_case, within_case
from pylogtap.correlation import asgi
from pylogtap.correlation.httpx import instrument_client
from pylogtap.shipper import DrainReport

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from contextlib import AbstractContextManager


def switch_on() -> None:
    """`init` and `Handler` take a prefix in either form, and settings by name."""
    handler = pylogtap.init("shop/checkout/web-1", url="http://127.0.0.1:8270", level="DEBUG", capture=False)
    assert_type(handler, pylogtap.Handler)
    assert_type(handler.prefix, pylogtap.Prefix)
    as_usual: logging.Handler = pylogtap.Handler(logging.INFO, prefix=handler.prefix, key="a key of ours")
    logging.getLogger().addHandler(as_usual)
    try:
        pylogtap.init()
    except pylogtap.SettingsError as error:
        raise SystemExit(str(error)) from error
    pylogtap.init(prefix=pylogtap.Prefix("shop", "checkout", "web-1"), spool_dir=Path("spool"))


def log_by_our_own_logger() -> None:
    """A bound logger takes an event, what its template needs, and any fields."""
    log = pylogtap.get_logger("shop/mailer/worker-1", name="receipts")
    assert_type(log, pylogtap.Logger)
    assert_type(log.bind(order=1, tags=["new"]).unbind("order").new(queue="mail"), pylogtap.Logger)
    log.debug("sent %d of %d", 3, 7)
    log.info("sent", order=1042, to=None)
    log.warning("slow", seconds=1.5)
    log.error("failed", exc_info=ValueError("no address"))
    log.critical("gone")
    try:
        log.info("%d", 1 // 0)
    except ZeroDivisionError:
        log.exception("failed")
    log.log(25, "between info and warning")
    assert_type(log.is_enabled_for(logging.DEBUG), bool)


def log_by_structlog(event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """The processor is one to structlog's types."""
    return pylogtap.structlog_processor(None, "info", event)


def bind_to_the_context() -> None:
    """Fields of a context are bound for good or for a block."""
    pylogtap.bind(request="9f3c", attempt=2)
    pylogtap.unbind("attempt")
    block: AbstractContextManager[None] = pylogtap.bound_fields(user=42)
    with block:
        pylogtap.clear()


def carry_a_test_case(app: asgi.Application) -> asgi.Application:
    """Middlewares are applications, hooks hand back what they were given, headers are plain dicts."""
    correlation.instrument("requests", "urllib3")
    with within_case("a1b2" * 8):
        assert_type(correlation.outgoing_headers({"baggage": "user=ada"}), dict[str, str])
    assert_type(correlation.incoming_case({}), str | None)
    assert_type(current_case(), str | None)
    assert_type(instrument_client(httpx.AsyncClient()), httpx.AsyncClient)
    return asgi.CaseMiddleware(app, trust=False)


def deliver() -> None:
    """Delivery answers in types of our own."""
    assert_type(pylogtap.flush(timeout_s=0.5), bool)
    stats = pylogtap.stats()
    assert_type(stats, pylogtap.Stats)
    assert_type(stats.dropped, dict[str, int])
    assert_type(stats.last_error, str | None)
    assert_type(pylogtap.drain(), DrainReport)
    pylogtap.emit(stats.directory or "shop/checkout/web-1", "a line", level="warning", severity=13)
    pylogtap.shutdown()


def read_a_prefix(text: str) -> str:
    """A prefix is a tuple of names with other forms; errors have one base."""
    try:
        prefix = pylogtap.Prefix.parse(text, instance="web-1")
    except pylogtap.PrefixError as error:
        base: pylogtap.PylogtapError = error
        return str(base)
    project, service, instance = prefix
    assert_type((project, service, instance), tuple[str, str, str])
    assert_type(prefix.resource, dict[str, str])
    assert_type(pylogtap.__version__, str)
    return prefix.tag


def test_what_is_logged() -> None:
    """Captured records are a sequence of mappings; asserting returns those that were found."""
    with testing.capture_logs("DEBUG") as logs:
        assert_type(logs, testing.Captured)
    assert_type(logs.assert_logged("level:error", count=1, within=2), list[testing.Record])
    assert_type(testing.assert_logged("level:error", at_least=2), list[testing.Record])
    assert_type(logs.messages, list[str])
    with testing.memory_collector() as collector:
        assert_type(collector, testing.MemoryCollector)
        assert_type(collector.logs("service:checkout"), list[testing.Record])
