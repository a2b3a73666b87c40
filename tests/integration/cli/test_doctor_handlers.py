"""`pylogtap doctor` finds a second handler that stores lines twice, and takes nothing else for one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.visits import LOGGING, log, own_collector, visit

if TYPE_CHECKING:
    from tests.integration.cli.conftest import Shell


@pytest.fixture
def shell(shell: Shell) -> Shell:
    """A shell whose programs have a prefix."""
    shell.environment["PYLOGTAP_PREFIX"] = f"{shell.project}/checkout/web-1"
    return shell


@pytest.mark.parametrize(
    ("second", "loggers", "copies", "advice"),
    [
        ('logging.getLogger("shop").addHandler(pylogtap.Handler())', "shop.cart", "twice", "of shop.cart"),
        (
            'logging.getLogger("shop.cart").addHandler(pylogtap.Handler(prefix="elsewhere/x/y"))',
            "shop.cart",
            "twice",
            "of shop.cart",
        ),
        (
            "logging.getLogger().addHandler(pylogtap.Handler())",
            "other, shop.cart",
            "twice",
            "by pylogtap.init()",
        ),
        (
            'for name in ("", "shop"): logging.getLogger(name).addHandler(pylogtap.Handler())',
            "other, shop.cart",
            "3 times",
            "by pylogtap.init()",
        ),
    ],
    ids=["child", "child with a prefix of its own", "root", "both"],
)
def test_a_second_handler(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, second: str, loggers: str, copies: str, advice: str
) -> None:
    """A second handler stores lines twice: told with the loggers; once mended, it is no longer told."""
    with own_collector(shell, monkeypatch):
        log(shell, LOGGING.replace("pylogtap.init()", f"pylogtap.init()\n{second}"))
        seen = visit(shell)
        log(shell)
        mended = visit(shell)
    assert (seen.code, seen.states()) == (1, {"handlers": "problem"})
    assert f"stores each call {copies}, of the logger" in seen.found("handlers")["seen"]
    assert seen.found("handlers")["seen"].endswith(f" {loggers}")
    assert advice in seen.found("handlers")["remedies"][0]
    assert mended.states() == {}


def test_equal_lines_are_no_second_handler(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many threads that log the same line as fast as they can are not mistaken for one."""
    program = """
import logging, threading, pylogtap
pylogtap.init()
def work():
    for _ in range(2000):
        logging.getLogger("busy").info("again")
threads = [threading.Thread(target=work) for _ in range(4)]
[each.start() for each in threads]; [each.join() for each in threads]
"""
    with own_collector(shell, monkeypatch) as collector:
        log(shell, program)
        seen = visit(shell)
        assert collector.count("logger:busy") == 8000
    assert seen.states() == {}


def test_under_run(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that switches us on itself, and is run by us, too, stores nothing twice."""
    with own_collector(shell, monkeypatch) as collector:
        shell.run("run", "--", sys.executable, shell.program(LOGGING))
        seen = visit(shell)
        assert collector.count("logger:shop.cart") == 20
    assert seen.states() == {}
