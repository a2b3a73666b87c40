"""What guides about the command line tell at their end, to verify that it worked, works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.proofs.daemon import running_daemon
from tests.support.documents import DOCS, blocks
from tests.support.walkthrough import Walkthrough

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("page", ["find-what-is-wrong.md", "give-access.md", "watch-logs-in-the-terminal.md"])
def test_how_to_verify(page: str, tmp_path: Path) -> None:
    """Whoever types the commands of the last block sees what it shows."""
    (tmp_path / "pyproject.toml").write_text('[tool.pylogtap]\nprefix = "shop/checkout/web-1"\n')
    last = blocks(DOCS / "how-to" / page, "console")[-1]
    with running_daemon(tmp_path) as collector, Walkthrough(tmp_path, collector.port) as reader:
        reader.follow(last)
