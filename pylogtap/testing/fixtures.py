"""
Fixtures for pytest: ``pytest_plugins = ["pylogtap.testing.fixtures"]`` in the topmost `conftest.py`.

They are not there by themselves, so that a suite that does not use them does not load them.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from pylogtap.testing.asserting import CollectorUnavailable
from pylogtap.testing.capturing import Captured, capture_logs
from pylogtap.testing.memory import MemoryCollector, memory_collector, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def captured_logs() -> Iterator[Captured]:
    """Return what the test logs, as it would be stored; see :func:`pylogtap.testing.capture_logs`."""
    with capture_logs() as captured:
        yield captured


@pytest.fixture(scope="session")
def pylogtap_collector_url() -> Iterator[str]:
    """Run one collector in memory for all tests that ask for it; without the collector they are skipped."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(serving())
        except CollectorUnavailable as error:
            pytest.skip(str(error))
        yield url


@pytest.fixture
def pylogtap_collector(pylogtap_collector_url: str) -> Iterator[MemoryCollector]:
    """Let the test, and the processes that it starts, deliver to a collector in memory, and return that."""
    with memory_collector(pylogtap_collector_url) as collector:
        yield collector
