"""The `logging` handler: what it keeps of a record, on the fast way and on the slow one."""

from __future__ import annotations

import logging
import logging.config
import threading
from typing import Any

import pytest

import pylogtap
from pylogtap import wire
from pylogtap.errors import PrefixError, SettingsError
from tests.support.spooled import Kept, kept


def handler_on(log: logging.Logger, **settings: Any) -> pylogtap.Handler:
    """Attach a handler."""
    handler = pylogtap.Handler(prefix="shop/checkout/web-1", **settings)
    log.addHandler(handler)
    return handler


def records(handler: pylogtap.Handler) -> list[Kept]:
    """Return what a handler has kept."""
    return kept(handler.client.spool)


@pytest.mark.parametrize("repeats", [1, 2, 30])
def test_call_site_and_values(log: logging.Logger, repeats: int) -> None:
    """The first record of a call site and later ones arrive alike: template, arguments and fields."""
    handler = handler_on(log)

    for number in range(repeats):
        log.info("user %s paid %d cents", "ann", number, extra={"order": number, "vip": True})

    found = records(handler)
    assert [each.args for each in found] == [["ann", number] for number in range(repeats)]
    assert [each.fields for each in found] == [{"order": n, "vip": True} for n in range(repeats)]
    assert {each.template for each in found} == {"user %s paid %d cents"}
    assert {(each.prefix, each.logger, each.severity, each.level) for each in found} == {
        ("shop/checkout/web-1", "shop.pay", 9, "info")
    }
    assert {each.function for each in found} == {"test_call_site_and_values"}
    assert found[-1].message == f"user ann paid {repeats - 1} cents"


def test_varying_text(log: logging.Logger) -> None:
    """A line of code whose text varies does not become one template a text."""
    handler = handler_on(log)

    for number in range(50):
        log.info(f"user {number} came")  # noqa: G004 - what people write

    found = records(handler)
    assert [each.message for each in found] == [f"user {number} came" for number in range(50)]
    assert len({each.template for each in found}) == 2


def test_level_and_logger_tell_call_sites_apart(log: logging.Logger) -> None:
    """One line of code that logs at two levels for two loggers makes records of each."""
    handler = handler_on(log)
    child = logging.Logger("shop.pay.child", logging.DEBUG)  # noqa: LOG001 - as the fixture's
    child.addHandler(handler)

    for logger in (log, child):
        for level in (logging.INFO, logging.ERROR, 35):
            logger.log(level, "same text")

    assert [(each.logger, each.level, each.severity) for each in records(handler)] == [
        ("shop.pay", "info", 9), ("shop.pay", "error", 17), ("shop.pay", "level 35", 15),
        ("shop.pay.child", "info", 9), ("shop.pay.child", "error", 17), ("shop.pay.child", "level 35", 15),
    ]  # fmt: skip


def test_exception(log: logging.Logger) -> None:
    """An exception comes with type, message and stack, its cause among it."""
    handler = handler_on(log)

    def fail(amount: int) -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError(f"bad amount {amount}") from error

    try:
        fail(7)
    except ValueError:
        log.exception("failed")

    exception = records(handler)[0].more[wire.MORE_EXCEPTION]
    assert exception["type"] == "ValueError"
    assert exception["message"] == "bad amount 7"
    assert "KeyError: 'inner'" in exception["stacktrace"]
    assert "direct cause" in exception["stacktrace"]
    assert "arguments" not in exception


def test_arguments_of_the_innermost_frame(log: logging.Logger) -> None:
    """Behind a setting, the arguments of the frame that raised come as short texts; secrets do not."""
    handler = pylogtap.Handler(prefix="a/b/c", url="http://127.0.0.1:10", arguments=True)
    log.addHandler(handler)

    def charge(amount: int, *names: str, password: str, **rest: int) -> None:
        local = 1
        raise ValueError(amount, local)

    try:
        charge(7, "x", password="hunter2", more=3)
    except ValueError:
        log.exception("failed")

    assert records(handler)[0].more[wire.MORE_EXCEPTION]["arguments"] == {
        "amount": "7", "names": "['x']", "password": "[redacted]", "rest": "{'more': 3}",
    }  # fmt: skip


def test_stack_info(log: logging.Logger) -> None:
    """`stack_info` arrives as text."""
    handler = handler_on(log)

    log.info("where", stack_info=True)

    assert "test_stack_info" in records(handler)[0].more[wire.MORE_STACK]


def test_thread(log: logging.Logger) -> None:
    """A record of another thread names it, the first one and later ones."""
    handler = handler_on(log)

    def work() -> None:
        for _ in range(3):
            log.info("working")

    log.info("in main")
    thread = threading.Thread(target=work, name="worker-7")
    thread.start()
    thread.join()

    assert [each.thread for each in records(handler)] == [None, "worker-7", "worker-7", "worker-7"]


@pytest.mark.parametrize("key", ["password", "api_key", "Authorization", "sessionToken", "X-Api-Key"])
def test_secrets_are_left_out(log: logging.Logger, key: str) -> None:
    """What stands under a secret key is not written: in fields, in nested ones, in arguments."""
    handler = handler_on(log)

    for _ in range(3):
        log.info(
            "sign in %s", {key: "hunter2"}, extra={key: "hunter2", "nested": {"deep": [{key: "hunter2"}]}}
        )
        log.info("%(name)s", {"name": "ann", key: "hunter2"})

    directory = handler.client.spool.current
    assert b"hunter2" not in directory.memory[:]
    assert records(handler)[0].fields == {key: "[redacted]", "nested": {"deep": [{key: "[redacted]"}]}}


def test_harmless_keys_stay(log: logging.Logger) -> None:
    """Counting tokens or naming an author is no secret."""
    handler = handler_on(log)

    log.info("done", extra={"tokens": 5, "author": "ann", "session": "s1"})

    assert records(handler)[0].fields == {"tokens": 5, "author": "ann", "session": "s1"}


def test_other_handlers_formatting_does_not_leak_in(log: logging.Logger) -> None:
    """A formatter that ran before leaves no `message` or `asctime` among the fields."""
    formatter = logging.StreamHandler(open("/dev/null", "w"))  # noqa: PTH123, SIM115 - closed below
    formatter.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(formatter)
    handler = handler_on(log)

    for number in range(3):
        log.info("hello %s", number, extra={"order": number})
    formatter.stream.close()

    assert [each.fields for each in records(handler)] == [{"order": 0}, {"order": 1}, {"order": 2}]


def test_filters_and_level(log: logging.Logger) -> None:
    """A handler's level and filters hold; a filter's additions arrive."""
    handler = handler_on(log)
    handler.setLevel(logging.WARNING)

    def add(record: logging.LogRecord) -> bool:
        record.added = 1
        return "skip" not in record.msg

    handler.addFilter(add)
    log.info("too low")
    log.warning("skip me")
    log.warning("kept")

    assert [(each.message, each.fields) for each in records(handler)] == [("kept", {"added": 1})]


def test_dict_config() -> None:
    """The handler is set up by `logging.config.dictConfig`."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"tap": {"class": "pylogtap.Handler", "prefix": "shop/cart/c-1", "level": "INFO"}},
            "loggers": {"shop.cart": {"handlers": ["tap"], "level": "DEBUG", "propagate": False}},
        }
    )
    log = logging.getLogger("shop.cart")

    log.info("configured")
    log.debug("too low")

    handler = log.handlers.pop()
    assert isinstance(handler, pylogtap.Handler)
    assert [(each.prefix, each.message) for each in records(handler)] == [("shop/cart/c-1", "configured")]


def test_two_handlers_keep_their_places(log: logging.Logger) -> None:
    """Two handlers of one process and one collector share a spool and mix nothing up."""
    first = handler_on(log)
    other = logging.getLogger("shop.other")
    other.propagate = False
    other.setLevel(logging.INFO)
    second = pylogtap.Handler(prefix="shop/other/o-1")
    other.addHandler(second)

    for _ in range(2):
        for logger in (log, other):
            logger.info("same text")
    other.handlers.clear()

    assert first.client is second.client
    assert [each.prefix for each in records(first)] == ["shop/checkout/web-1", "shop/other/o-1"] * 2


def test_own_record_factory(log: logging.Logger) -> None:
    """A record factory that adds attributes of its own, before or after the standard ones, loses none."""
    before = logging.getLogRecordFactory()

    class Early(logging.LogRecord):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.early = 1
            super().__init__(*args, **kwargs)
            self.late = 2

    handler = handler_on(log)
    log.info("plain")
    logging.setLogRecordFactory(Early)
    try:
        for _ in range(3):
            log.info("special", extra={"order": 5})
    finally:
        logging.setLogRecordFactory(before)

    assert [each.fields for each in records(handler)] == [{}, *[{"early": 1, "late": 2, "order": 5}] * 3]


def test_disabled(log: logging.Logger) -> None:
    """Switched off, a handler opens no spool and keeps nothing."""
    handler = handler_on(log, disabled=True)

    log.info("nobody hears")

    assert not hasattr(handler, "client")


def test_wrong_set_up_is_told() -> None:
    """A wrong prefix or setting is an error where it is set up, with a text that says what is right."""
    with pytest.raises(PrefixError, match="project/service/instance"):
        pylogtap.Handler(prefix="a/b/c/d")
    with pytest.raises(PrefixError, match="letters, digits"):
        pylogtap.Handler(prefix="a b/c")
    with pytest.raises(SettingsError, match="http://"):
        pylogtap.Handler(url="localhost:8270")
    with pytest.raises(SettingsError, match="there are: url"):
        pylogtap.Handler(colour="red")
