"""`pylogtap.testing`: what a block logs, as it would be stored, and whether it was what should have been."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
import structlog

import pylogtap
from pylogtap import client as clients
from pylogtap import logger as loggers
from pylogtap.handler import Handler
from pylogtap.structlog import Processor
from pylogtap.testing import Record, assert_logged, capture_logs
from pylogtap.writer import Writer
from tests.support.spooled import kept

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

std = logging.getLogger("shop.pay")


@pytest.fixture
def chain() -> Iterator[None]:
    """Configure structlog with our processor as the last, and as it was afterwards."""
    structlog.configure(
        processors=[structlog.processors.add_log_level, Processor("shop/stock/s-1", console="off")]
    )
    yield
    structlog.reset_defaults()


def test_stdlib() -> None:
    """A record of `logging` has message, template, fields, exception, place, and no secrets."""
    with capture_logs() as logs:
        std.warning("card %s", "declined", extra={"order": 7, "password": "x"})
        try:
            raise ValueError("no rate")
        except ValueError:
            std.exception("failed")
    first, second = logs
    assert (first.level, first.message, first.template) == ("warning", "card declined", "card %s")
    assert first["attributes"] == {"order": 7, "password": "[redacted]"}
    assert (first.logger, first["prefix"].count("/")) == ("shop.pay", 2)
    assert first.source["function"] == "test_stdlib"
    assert (second.exception["type"], second.exception["message"]) == ("ValueError", "no rate")
    assert "raise ValueError" in second.exception["stacktrace"]
    assert str(second).endswith("shop.pay: failed !ValueError: no rate")


def test_our_loggers() -> None:
    """Loggers that were made before are heard, also where everything is switched off, each once."""
    early = pylogtap.get_logger("shop/early/e-1", name="cart")
    off = pylogtap.get_logger("shop/off/o-1", disabled=True)
    with capture_logs() as logs:
        for _ in range(3):
            early.bind(user="ann").info("paid", cents=3)
        early.debug("below its level")
        off.error("lost %d", 3)
    early.info("after")
    assert logs.messages == ["paid"] * 3 + ["lost 3"]
    assert logs[0].attributes == {"user": "ann", "cents": 3}
    assert (logs[0].service, logs[0].logger, logs[0].source["function"]) == (
        "early", "cart", "test_our_loggers",
    )  # fmt: skip
    assert logs[3].template == "lost %d"


def test_structlog(chain: None) -> None:
    """Events that reach our processor are heard, with the place in the code."""
    with capture_logs() as logs:
        structlog.get_logger().warning("low", sku="a-1")
    (record,) = logs
    assert (record.level, record.message, record.service) == ("warning", "low", "stock")
    assert record.attributes == {"sku": "a-1"}
    assert record.source["function"] == "test_structlog"


def test_what_is_stored_is_what_is_heard() -> None:
    """A handler of ours goes on to keep what it gets; what is heard is the same, at the handler's place."""
    handler = Handler(prefix="shop/pay/p-1")
    std.addHandler(handler)
    try:
        with capture_logs() as logs:
            for number in range(3):
                std.error("failed %d", number, extra={"n": number})
    finally:
        std.removeHandler(handler)
    stored = kept(handler.client.spool)
    assert [(each.message, each.fields, each.prefix, each.level) for each in stored] == [
        (each.message, each.attributes, each["prefix"], each.level) for each in logs
    ]


def test_others_are_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    """Other handlers get what they got before, and afterwards everything is as it was."""
    root = logging.getLogger()
    before = (Handler.handle, loggers._write, Writer.write, list(root.handlers), root.level)
    with capture_logs() as outer:
        with capture_logs("DEBUG") as inner:
            std.debug("fine")
        std.error("gross")
    assert (Handler.handle, loggers._write, Writer.write, list(root.handlers), root.level) == before
    assert (outer.messages, inner.messages) == (["fine", "gross"], ["fine"])
    assert caplog.messages == ["fine", "gross"]


def test_level() -> None:
    """A level lets records from it on pass, and ignores those below it."""
    with capture_logs("ERROR") as logs:
        std.warning("no")
        std.error("yes")
    assert logs.messages == ["yes"]
    with pytest.raises(ValueError, match="level 'loud': say one of"), capture_logs("loud"):
        pass


def test_emitted() -> None:
    """Lines of other programs that are handed on are heard as well."""
    with capture_logs() as logs:
        pylogtap.emit("shop/cache/c-1", "ready", level="notice", severity=10, fields={"port": 1})
    (record,) = logs
    assert (record.level, record.message, record.attributes) == ("notice", "ready", {"port": 1})


def test_assert_logged() -> None:
    """Queries are those of the query language; the records that they find are returned."""
    log = pylogtap.get_logger("shop/checkout/c-1")
    with capture_logs() as logs:
        log.error("card declined", order=7)
        log.info("card accepted", order=8)
        assert_logged("service:checkout", count=2)
    (found,) = logs.assert_logged('level:error service:checkout "card declined" order:7')
    assert isinstance(found, Record)
    assert [record.attributes["order"] for record in logs.matching("order:>=7 card")] == [7, 8]
    logs.assert_logged("level:critical", count=0)
    logs.clear()
    with pytest.raises(AssertionError, match="nothing was logged"):
        logs.assert_logged("card")
    with pytest.raises(RuntimeError, match="with capture_logs"):
        assert_logged("card")


def test_what_a_failure_says() -> None:
    """The nearest records come first, each with the parts of the query that it fails."""
    log = pylogtap.get_logger("shop/checkout/c-1")
    with capture_logs() as logs:
        log.info("something else")
        log.error("card declined", order=7)
    with pytest.raises(AssertionError) as failed:
        logs.assert_logged('level:error "card declined" order:8')
    assert str(failed.value) == (
        "no records match 'level:error \"card declined\" order:8', where there had to be at least 1; "
        "2 records were logged, the nearest:\n"
        "  error    shop/checkout/c-1 card declined order=7\n"
        '      not order:"8"\n'
        "  info     shop/checkout/c-1 something else\n"
        '      not level:"error", not "card declined", not order:"8"'
    )
    with pytest.raises(AssertionError, match=r"1 record match .* exactly 0:\n  error .*card declined"):
        logs.assert_logged("card", count=0)


def test_within() -> None:
    """What another thread logs is waited for."""
    log = pylogtap.get_logger("shop/checkout/c-1")
    gate = threading.Event()

    def late() -> None:
        gate.wait()
        log.info("late")

    thread = threading.Thread(target=late)
    with capture_logs() as logs:
        thread.start()
        threading.Timer(0.05, gate.set).start()
        (record,) = logs.assert_logged("late", within=30)
        thread.join()
    assert record.process["thread"].startswith("Thread-")


@pytest.mark.parametrize("ask", ["logs.assert_logged('x')", "memory_collector().__enter__()"])
def test_without_the_collector(tmp_path: Path, ask: str) -> None:
    """Capturing needs no collector; what does says how to install it."""
    program = (
        "import sys\n"
        "class Blocker:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.startswith('pylogtap_collector'):\n"
        "            raise ModuleNotFoundError(f'No module {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Blocker())\n"
        "from pylogtap.testing import capture_logs, memory_collector, CollectorUnavailable\n"
        "import logging\n"
        "with capture_logs() as logs: logging.error('x')\n"
        "assert logs.messages == ['x']\n"
        f"try: {ask}\n"
        "except CollectorUnavailable as error: print(error)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ,
        check=True,
    )
    assert "pip install 'pylogtap[collector]'" in ended.stdout


def test_nothing_of_it_is_loaded_by_itself() -> None:
    """Programs that log do not load it, and it loads neither pytest nor the collector."""
    program = "import sys, pylogtap.testing; print(sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert not {"'pytest'", "'pylogtap_collector'", "'aiohttp'"} & set(loaded.strip("[]\n").split(", "))
    assert not clients.all_clients()
