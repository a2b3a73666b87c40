"""Reads the documentation: blocks of code, tables, links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<language>[\w{}-]*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_ROW = re.compile(r"\|(.+)\|$")
_CELL = re.compile(r"(?<!\\)\|")


class Block(NamedTuple):
    """A fenced block of code."""

    document: str  # path from the top of the repository
    line: int
    language: str
    text: str
    before: str  # the paragraph in front of it

    @property
    def name(self) -> str:
        """What a failing test shows."""
        return f"{self.document}:{self.line}"


def documents(pattern: str) -> list[Path]:
    """Return the documents whose paths from the top match a pattern."""
    return sorted(ROOT.glob(pattern))


def blocks(document: Path, *languages: str) -> list[Block]:
    """Return a document's blocks in these languages."""
    text = document.read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        if match["language"] not in languages:
            continue
        width = len(match["indent"])
        lines = [line[width:] for line in match["text"].splitlines()]
        found.append(
            Block(
                str(document.relative_to(ROOT)),
                text.count("\n", 0, match.start()) + 1,
                match["language"],
                "\n".join(lines) + "\n",
                text[: match.start()].rstrip().rpartition("\n\n")[2],
            )
        )
    return found


def rows(document: Path, *heading: str) -> list[list[str]]:
    """Return the rows of all tables whose header begins with these cells, without header and rule."""
    found: list[list[str]] = []
    inside = False
    for line in document.read_text(encoding="utf-8").splitlines():
        match = _ROW.match(line)
        cells = [cell.strip().replace("\\|", "|") for cell in _CELL.split(match[1])] if match else []
        if not cells:
            inside = False
        elif tuple(cells[: len(heading)]) == heading:
            inside = True
        elif inside and not set(cells[0]) <= set("-:"):
            found.append(cells)
    return found


def code(cell: str) -> str:
    """Return what stands in a cell's first backticks."""
    match = re.search(r"`([^`]+)`", cell)
    if match is None:
        raise ValueError(f"there is no code in the cell {cell!r}")
    return match[1]
