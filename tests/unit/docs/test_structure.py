"""The documents hold together: guides end with a check, links lead somewhere, named paths are there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.documents import ROOT, documents

if TYPE_CHECKING:
    from pathlib import Path

TOP = documents("*.md")
ALL = [*TOP, *documents("docs/**/*.md"), *documents("benchmarks/*.md")]
GUIDES = [path for path in documents("docs/how-to/*.md") if path.name != "index.md"]

_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
_PATH = re.compile(r"(?<![\w~/.-])((?:[\w.-]+/)+[\w.*-]*|[\w-]+\.(?:py|toml|md))(?![\w/])")
_HOMES = (ROOT, ROOT / "pylogtap", ROOT / "collector" / "pylogtap_collector")
_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def name_of(path: Path) -> str:
    """Return a path from the top, as a test's name."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("guide", GUIDES, ids=name_of)
def test_guides_end_with_a_check(guide: Path) -> None:
    """Every how-to guide tells, at its end, how to see that it worked."""
    headings = re.findall(r"^## (.*)$", _BLOCK.sub("", guide.read_text(encoding="utf-8")), re.MULTILINE)
    assert headings[-1] == "How to verify"


@pytest.mark.parametrize("document", ALL, ids=name_of)
def test_links(document: Path) -> None:
    """Links to other files lead to files."""
    text = _BLOCK.sub("", document.read_text(encoding="utf-8"))
    assert [link for link in _LINK.findall(text) if not (document.parent / link).exists()] == []


def test_map_is_true() -> None:
    """Files and folders that the map of the architecture names are there."""
    named = _PATH.findall((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    assert len(named) > 50
    assert [path for path in named if not any(list(home.glob(path.rstrip("/"))) for home in _HOMES)] == []


@pytest.mark.parametrize("package", _HOMES[1:], ids=name_of)
def test_map_is_complete(package: Path) -> None:
    """Every module and folder of code of both packages is on the map."""
    named = {
        path.rstrip("/") for path in _PATH.findall((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    }
    modules = {each.name for each in package.glob("*.py") if not each.name.startswith("__")} - {"version.py"}
    folders = {each.parent.name for each in package.glob("*/__init__.py")}
    assert modules | folders <= {path.rpartition("/")[2] for path in named}
