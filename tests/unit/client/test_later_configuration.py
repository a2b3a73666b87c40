"""A program that configures logging after `init` goes on being recorded, each line once."""

from __future__ import annotations

import logging
import logging.config
from typing import TYPE_CHECKING, Any

import pytest

import pylogtap
from pylogtap import capture
from pylogtap.client import all_clients
from tests.support.spooled import DEAD_URL, kept

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN: dict[str, Any] = {
    "version": 1,
    "handlers": {"shown": {"class": "logging.StreamHandler"}},
    "root": {"level": "INFO", "handlers": ["shown"]},
}
OURS: dict[str, Any] = {
    "version": 1,
    "handlers": {"kept": {"class": "pylogtap.Handler", "prefix": "shop/cart/c-1", "url": DEAD_URL}},
    "root": {"level": "INFO", "handlers": ["kept"]},
}


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger; it and all others are left as they were found."""
    logger = logging.getLogger()
    handlers, level = logger.handlers.copy(), logger.level
    loggers = [each for each in logger.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    disabled = [each.disabled for each in loggers]  # `dictConfig` disables those that others made
    yield logger
    for each, was in zip(loggers, disabled, strict=True):
        each.disabled = was
    for name in ("addHandler", "removeHandler"):
        logger.__dict__.pop(name, None)
    logger.handlers[:] = handlers
    logger.setLevel(level)


def messages() -> list[tuple[str, str]]:
    """Return place and message of everything that was kept."""
    return [(each.prefix, each.message) for client in all_clients() for each in kept(client.spool)]


@pytest.mark.parametrize("configure", ["dictConfig", "force"])
def test_what_clears_the_handlers(root: logging.Logger, configure: str) -> None:
    """A configuration of the program's own removes others' handlers, not ours; its own ones work."""
    pylogtap.init("shop/pay/p-1", url=DEAD_URL, console="off")
    if configure == "dictConfig":
        logging.config.dictConfig(OWN)
    else:
        logging.basicConfig(force=True, level="INFO")
    root.info("still kept")
    assert messages() == [("shop/pay/p-1", "still kept")]
    assert sum(type(each) is logging.StreamHandler for each in root.handlers) == 1


def test_a_configuration_with_a_handler_of_ours(root: logging.Logger) -> None:
    """A configuration that brings a handler of ours takes the place of what `init` attached."""
    pylogtap.init("shop/pay/p-1", url=DEAD_URL, console="off")
    logging.config.dictConfig(OURS)
    root.info("once")
    assert messages() == [("shop/cart/c-1", "once")]
    assert sum(isinstance(each, pylogtap.Handler) for each in root.handlers) == 1


def test_who_means_it_removes_it(root: logging.Logger) -> None:
    """The program itself can take our handler away."""
    handler = pylogtap.init("shop/pay/p-1", url=DEAD_URL, console="off")
    root.removeHandler(handler)
    root.warning("not kept")
    assert messages() == []


def test_failures_are_recorded_although_all_loggers_are_disabled(
    root: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`dictConfig` disables loggers that it does not name: ours for failures is not harmed by that."""
    del root
    pylogtap.init("shop/pay/p-1", url=DEAD_URL, console="off")
    logging.config.dictConfig({**OWN, "disable_existing_loggers": True})
    monkeypatch.setattr(capture._log, "disabled", True)
    try:
        raise ValueError("broken")
    except ValueError as error:
        capture._record("uncaught exception", (ValueError, error, error.__traceback__), logging.CRITICAL)
    assert messages() == [("shop/pay/p-1", "uncaught exception")]


def test_a_handler_that_is_told_to_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `init`, a handler sees to failures of the process where it is told to."""
    asked: list[object] = []
    monkeypatch.setattr(capture, "install", asked.append)
    pylogtap.Handler(url=DEAD_URL)
    assert asked == []
    handler = pylogtap.Handler(url=DEAD_URL, capture=True)
    assert asked == [handler.client]
