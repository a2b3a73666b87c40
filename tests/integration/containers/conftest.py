"""Real engines, containers and compose projects; see tests/support/engine.py."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support.engine import Compose, Containers, private_process, shared_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.engine import EngineProcess


@pytest.fixture(scope="session")
def engine() -> str:
    """Return the address of an engine that has the images; all tests share it."""
    return shared_address()


@pytest.fixture
def private_engine() -> Iterator[Callable[..., EngineProcess]]:
    """Start engines of this test's own, which it may stop, kill and restart; arguments are dockerd's."""
    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(private_process(*options))


@pytest.fixture
def containers(engine: str) -> Iterator[Containers]:
    """Start containers on the shared engine; they are removed at the end."""
    started = Containers(engine)
    try:
        yield started
    finally:
        started.close()


@pytest.fixture
def compose(engine: str, tmp_path: Path) -> Iterator[Compose]:
    """Make compose projects on the shared engine; they are taken down at the end."""
    projects = Compose(engine, tmp_path)
    try:
        yield projects
    finally:
        projects.close()
