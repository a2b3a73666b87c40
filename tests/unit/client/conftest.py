"""A client of its own for each test: a spool in a temporary directory, and no collector."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from pylogtap import client as clients
from pylogtap import context, settings
from tests.support.spooled import DEAD_URL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def own_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Point the client at a directory and an address of the test's, and leave nothing behind."""
    for name in [name for name in __import__("os").environ if name.startswith(("PYLOGTAP_", "OTEL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYLOGTAP_SPOOL_DIR", str(tmp_path / "spool"))
    monkeypatch.setenv("PYLOGTAP_URL", DEAD_URL)
    monkeypatch.setenv("PYLOGTAP_EXIT_TIMEOUT_S", "0")
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    clients.shutdown()  # a test elsewhere, that ran in this process before, may have left some
    yield
    clients.shutdown()
    context.clear()
    settings._process.clear()
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """Return a logger that hands its records to nobody but the handler under test."""
    logger = logging.Logger("shop.pay", logging.DEBUG)  # noqa: LOG001 - no test runner adds handlers to it
    yield logger
    logger.handlers.clear()
