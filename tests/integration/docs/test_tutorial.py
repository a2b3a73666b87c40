"""The tutorial does what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.proofs.daemon import free_port
from tests.support.documents import DOCS, blocks
from tests.support.walkthrough import Walkthrough, name_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("page", "folder"), [("first-logs.md", "first-logs"), ("find-the-culprit.md", "three-services")]
)
def test_tutorial(page: str, folder: str, tmp_path: Path) -> None:
    """Who follows the page sees what the page shows."""
    with Walkthrough(tmp_path, free_port(), folder) as reader:
        for block in blocks(DOCS / "tutorial" / page, "python", "console", "text"):
            reader.follow(block)


def test_files_of_three_services() -> None:
    """The files beside the page are those that the page shows, all of them."""
    folder = DOCS / "tutorial" / "three-services"
    shown = {
        name_of(block): block.text for block in blocks(DOCS / "tutorial" / "find-the-culprit.md", "python")
    }
    assert shown == {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.py")}
