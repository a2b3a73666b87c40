"""What tests log: sent with the case that was running, and nothing of the suite changes by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pylogtap import wire
from tests.support.told import XDIST

if TYPE_CHECKING:
    from tests.support.told import SuiteRun, Told


def cases_of(told: Told, text: str) -> list[str | None]:
    """Return which cases have logged a text, by name; None: no case."""
    names = {case: facts["name"] for case, facts in told.cases.items()}
    return [names.get(more.get(wire.MORE_TEST, "")) for more in told.logged(text)]


LOGGING = """
import logging, logging.config, threading, pytest
log = logging.getLogger("shop")
log.warning("at import")
@pytest.fixture
def order():
    log.warning("in setup")
    yield
    log.warning("in teardown")
def test_first(order):
    log.warning("in call")
    log.info("not enabled")
    thread = threading.Thread(target=log.warning, args=("in thread",))
    thread.start(); thread.join()
def test_cleared():
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, "root": {"level": "WARNING"}})
def test_after():
    log.warning("after")
def test_caplog(caplog):
    log.info("low"); log.warning("high")
    assert [r.message for r in caplog.records] == ["high"]
    with caplog.at_level("INFO"):
        log.info("lowered")
    assert len(caplog.records) == 2
def test_root():
    assert logging.getLogger().level == logging.WARNING
"""


@pytest.mark.parametrize("words", [(), (*XDIST, "-n1")], ids=["one", "n1"])
def test_records_carry_their_case(suite: SuiteRun, words: tuple[str, ...]) -> None:
    """What is logged in any phase and thread of a case carries its id; levels are as without us."""
    suite.write(test_logging=LOGGING)
    ran = suite.run(*words)
    assert ran.status == 0, ran.output
    for text in ("in setup", "in call", "in thread", "in teardown"):
        assert cases_of(ran.told, text) == ["test_first"], text
    assert cases_of(ran.told, "after") == ["test_after"]
    assert cases_of(ran.told, "lowered") == ["test_caplog"]
    assert cases_of(ran.told, "not enabled") == []
    assert cases_of(ran.told, "at import") == []
    assert ran.told.prefixes == {"suite/tests/" + next(iter(ran.told.prefixes)).rpartition("/")[2]}


def test_a_level_can_be_asked_for(suite: SuiteRun) -> None:
    """With --pylogtap-log-level, the root logger's level is lowered while a case runs, and only then."""
    suite.write(
        conftest="import logging\ndef pytest_runtest_logfinish(): logging.getLogger('x').info('between')\n",
        test_it="import logging\ndef test_it(): logging.getLogger('shop').debug('small')\n",
    )
    told = suite.run("--pylogtap-log-level=debug").told
    assert cases_of(told, "small") == ["test_it"]
    suite.write(
        test_it="import logging\ndef test_it(): assert logging.getLogger().level == logging.WARNING\n"
    )
    assert suite.run().status == 0


def test_code_that_logs_to_us_itself_is_not_kept_twice(suite: SuiteRun) -> None:
    """Where the code under test has a handler of ours for the same collector, that one alone keeps it."""
    suite.write(
        test_it="import logging, pylogtap\n"
        "def test_it():\n"
        "    handler = pylogtap.Handler(prefix='shop/checkout/web-1')\n"
        "    logging.getLogger().addHandler(handler)\n"
        "    logging.getLogger('shop').warning('once')\n"
        "    logging.getLogger().removeHandler(handler)\n"
        "    pylogtap.shutdown()\n"
        "def test_then():\n"
        "    logging.getLogger('shop').warning('then')\n"
    )
    told = suite.run().told
    assert cases_of(told, "once") == ["test_it"]
    assert cases_of(told, "then") == ["test_then"]
    assert set(told.done.values()) == {1}


def test_without_pytests_own_handlers_ours_is_none(suite: SuiteRun) -> None:
    """With `-p no:logging`, what has no handler is printed as ever."""
    suite.write(
        test_it="import logging\ndef test_it(capsys):\n"
        "    logging.getLogger('shop').warning('seen')\n    assert 'seen' in capsys.readouterr().err\n"
    )
    assert suite.run("-p", "no:logging").status == 0
