"""What the guides about tests tell at their end, to verify that it worked, works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.proofs.daemon import running_daemon
from tests.support.documents import DOCS, blocks
from tests.support.walkthrough import Walkthrough

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("page", ["parse-test-output.md", "test-your-logging.md"])
def test_how_to_verify(page: str, tmp_path: Path) -> None:
    """Whoever types what stands at the end sees what it shows."""
    shown = blocks(DOCS / "how-to" / page, "console", "python")
    steps = [shown[-1]] if page == "parse-test-output.md" else shown[-2:]
    with running_daemon(tmp_path) as collector, Walkthrough(tmp_path, collector.port) as reader:
        for step in steps:
            reader.follow(step)
