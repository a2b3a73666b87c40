"""What tests of correlation share: a logger whose records are read back, and libraries left as they were."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

import pylogtap
from pylogtap import client as clients
from pylogtap import context, correlation
from tests.support.carried import telling, wsgi_server
from tests.support.spooled import DEAD_URL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Take no settings from where the tests run, and leave neither case nor hook behind."""
    for name in [name for name in __import__("os").environ if name.startswith("PYLOGTAP_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    yield
    context.set_process_case(None)
    correlation.uninstrument()


@pytest.fixture
def telling_url() -> Iterator[str]:
    """Run a server that answers with the headers that it got; return its address."""
    with wsgi_server(telling) as url:
        yield url


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """Return a logger with no handler but ours."""
    logger = logging.Logger("service", logging.DEBUG)  # noqa: LOG001 - no test runner adds handlers to it
    yield logger
    logger.handlers.clear()


@pytest.fixture
def handler(log: logging.Logger, tmp_path: Path) -> Iterator[pylogtap.Handler]:
    """Keep what the logger gets in a spool of the test's own."""
    handler = pylogtap.Handler(
        prefix="shop/service/a", url=DEAD_URL, spool_dir=tmp_path / "spool", exit_timeout_s=0
    )
    log.addHandler(handler)
    yield handler
    clients.shutdown()
