"""Real collectors and a browser for what strangers may send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.proofs.daemon import CollectorProcess, running_daemon
from tests.e2e.conftest import Visit
from tests.integration.cli.conftest import Shell
from tests.support.api import Caller, calling
from tests.support.browser import running_browser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser


@pytest.fixture
async def call() -> AsyncIterator[Caller]:
    """A collector without records."""
    async with calling() as caller:
        yield caller


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    """A collector of one module, in a process of its own; its log is the file beside its data folder."""
    with running_daemon(tmp_path_factory.mktemp("collector")) as running:
        yield running


@pytest.fixture
def shell(collector: CollectorProcess, tmp_path: Path, request: pytest.FixtureRequest) -> Shell:
    """A shell whose project is named after the test."""
    name = "".join(each if each.isalnum() else "-" for each in request.node.name)
    return Shell(collector, tmp_path, f"t{name}"[:60])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser; of one module, as nothing else may run an event loop in this thread meanwhile."""
    with running_browser() as running:
        yield running


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Opens pages; at the end, nothing may have gone wrong in any of them: no script, no foreign request."""
    visiting = Visit(browser)
    yield visiting
    visiting.close()
    assert visiting.faults() == []
