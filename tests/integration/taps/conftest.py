"""A collector for all tests of a file, ports that are open, and a real container engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.proofs.daemon import running_daemon
from tests.support.engine import Containers, shared_address
from tests.support.ports import opened_ports

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.support.ports import Opened


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    """Run a collector in a process of its own; each test has a project of its own in it."""
    with running_daemon(tmp_path_factory.mktemp("collector")) as running:
        yield running


@pytest.fixture
async def opened() -> AsyncIterator[Opened]:
    """Ports of a collector that asks nobody on this machine for a key."""
    async with opened_ports() as ports:
        yield ports


@pytest.fixture(scope="session")
def engine() -> str:
    """Return the address of an engine that has the images; all tests share it."""
    return shared_address()


@pytest.fixture
def containers(engine: str) -> Iterator[Containers]:
    """Start containers on the shared engine; they are removed at the end."""
    started = Containers(engine)
    try:
        yield started
    finally:
        started.close()
