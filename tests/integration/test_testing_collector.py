"""The collector in memory that tests of other programs get: a real one, and for this test alone."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import structlog

import pylogtap
from pylogtap import client as clients
from pylogtap import settings
from pylogtap.handler import Handler
from pylogtap.structlog import Processor
from pylogtap.testing import MemoryCollector, capture_logs
from tests.support.runners import plain_environment

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["pylogtap.testing.fixtures"]
CHILD = (
    "import logging, pylogtap; pylogtap.init('shop/child/c-1', console='off'); logging.error('from a child')"
)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not redirected must not leave this test."""
    monkeypatch.setenv("PYLOGTAP_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("PYLOGTAP_SPOOL_DIR", str(tmp_path / "spool"))
    monkeypatch.setenv("PYLOGTAP_EXIT_TIMEOUT_S", "0")


@pytest.fixture
def early(elsewhere: None) -> pylogtap.Logger:
    """A logger that was made before the collector was there."""
    return pylogtap.get_logger("shop/early/e-1", name="early", console="off")


def test_everything_arrives(early: pylogtap.Logger, pylogtap_collector: MemoryCollector) -> None:
    """Loggers and handlers of before, new ones, structlog, and processes that are started deliver there."""
    early.bind(user="ann").info("from before", cents=3)
    logging.getLogger("shop").error("by the standard library", extra={"order": 7})
    pylogtap.get_logger("shop/late/l-1", console="off").info("from now")
    structlog.configure(processors=[Processor("shop/stock/s-1", console="off")])
    structlog.get_logger().info("by structlog", sku="a")
    structlog.reset_defaults()
    subprocess.run([sys.executable, "-c", CHILD], check=True)
    (record,) = pylogtap_collector.assert_logged("service:early cents:3", count=1)
    assert record.attributes == {"user": "ann", "cents": 3}
    pylogtap_collector.assert_logged("level:error order:7 logger:shop", count=1)
    pylogtap_collector.assert_logged("service:late", count=1)
    pylogtap_collector.assert_logged("service:stock sku:a", count=1)
    pylogtap_collector.assert_logged('service:child "from a child"', count=1)
    assert len(pylogtap_collector.logs("service:early OR service:late")) == 2
    with capture_logs() as logs:
        early.info("both")
    assert logs.messages == ["both"]
    pylogtap_collector.assert_logged("both", count=1)


def test_each_test_sees_its_own(early: pylogtap.Logger, pylogtap_collector: MemoryCollector) -> None:
    """What other tests have logged is not there; what is missing is said with what came instead."""
    assert pylogtap_collector.logs() == []
    assert pylogtap_collector.cases() == []
    early.info("paid", cents=3)
    with pytest.raises(
        AssertionError, match=r"1 record were logged, the nearest:\n  info     shop/early/e-1 early: paid"
    ):
        pylogtap_collector.assert_logged("cents:4", within=0)


def test_all_is_put_back(early: pylogtap.Logger, pylogtap_collector_url: str) -> None:
    """Afterwards the process delivers where it did before."""
    from pylogtap.testing import memory_collector

    root = logging.getLogger()
    before = (
        dict(os.environ),
        dict(settings._process),
        dict(clients._clients),
        list(root.handlers),
        root.level,
    )
    with memory_collector(pylogtap_collector_url) as collector:
        assert settings.load().url == collector.url
        early.info("there")
    after = (
        dict(os.environ),
        dict(settings._process),
        dict(clients._clients),
        list(root.handlers),
        root.level,
    )
    assert after == before
    early.info("here")
    assert collector.logs("service:early")
    assert collector.logs("here") == []
    client = early._origin.client
    assert client in clients.all_clients()
    assert client.spool.unsent_records() == 1


def test_a_handler_of_before(pylogtap_collector_url: str) -> None:
    """It stays attached, keeps its place, and is not doubled by one of ours."""
    from pylogtap.testing import memory_collector

    handler = Handler(prefix="shop/pay/p-1")
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        with memory_collector(pylogtap_collector_url) as collector:
            logging.getLogger("pay").error("declined")
            collector.assert_logged("service:pay declined", count=1)
            assert len(collector.logs("declined")) == 1
    finally:
        root.removeHandler(handler)


def test_a_suite_that_uses_it(tmp_path: Path) -> None:
    """The fixtures are there by `pytest_plugins`; cases of runs that are told are seen as well."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["pylogtap.testing.fixtures"]\n')
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_shop.py").write_text(
        "import logging, subprocess, sys, time\n"
        "def test_capture(captured_logs):\n"
        "    logging.error('declined')\n"
        "    captured_logs.assert_logged('level:error declined')\n"
        "def test_collector(pylogtap_collector, tmp_path):\n"
        "    (tmp_path / 'test_inner.py').write_text('def test_a(): pass')\n"
        "    main = 'import sys; from pylogtap.cli import main; sys.exit(main())'\n"
        "    subprocess.run([sys.executable, '-c', main, 'run', '--', sys.executable, '-m', 'pytest', '-v'],"
        " cwd=tmp_path, check=True)\n"
        "    (case,) = pylogtap_collector.cases()\n"
        "    assert (case['node'], case['state']) == ('test_inner.py::test_a', 'passed')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=tmp_path, text=True,
        env=plain_environment(), capture_output=True, timeout=100, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout
