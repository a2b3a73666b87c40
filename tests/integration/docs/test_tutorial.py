"""The tutorial does what it says."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.support.documents import DOCS, blocks
from tests.support.walkthrough import Walkthrough

if TYPE_CHECKING:
    from pathlib import Path


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("page", ["first-logs.md"])
def test_tutorial(page: str, tmp_path: Path) -> None:
    """Who follows the page sees what the page shows."""
    with Walkthrough(tmp_path, free_port()) as reader:
        for block in blocks(DOCS / "tutorial" / page, "python", "console", "text"):
            reader.follow(block)
