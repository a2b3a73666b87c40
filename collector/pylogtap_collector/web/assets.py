"""
The files that pages load, under an address that names their content.

`/static/<digest>/app/main.js`: the digest is that of all files together, so a browser may keep each for ever,
modules import each other by relative paths, and a new version never meets files of an old one.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDERS = ("app", "vendor")
_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".toml": "text/plain",
}
_TEXT = frozenset({".js", ".css", ".svg", ".toml", ""})


@dataclass(frozen=True)
class Asset:
    """
    One file, ready to be sent.

    Attributes:
        body: Its bytes.
        content_type: Its media type, with the charset where it is text.
        packs: Whether compressing it is worth while.
    """

    body: bytes
    content_type: str
    packs: bool

    @cached_property
    def packed(self) -> bytes:
        """The bytes compressed by gzip; the same for the same bytes."""
        return gzip.compress(self.body, compresslevel=9, mtime=0)


class Assets:
    """
    All files of some folders, read once.

    What is not in the table is not served, so no path leads out of the folders.
    """

    def __init__(self, root: Path) -> None:
        """
        Read the files.

        Args:
            root: Folder that holds `FOLDERS`.
        """
        self._files = {path.relative_to(root).as_posix(): _read(path) for path in _paths(root)}
        digest = hashlib.sha256()
        for name, asset in sorted(self._files.items()):
            digest.update(name.encode() + b"\0" + hashlib.sha256(asset.body).digest())
        self.digest = digest.hexdigest()[:16]

    @property
    def names(self) -> list[str]:
        """The names of the files, relative to the root."""
        return sorted(self._files)

    def find(self, name: str) -> Asset | None:
        """Return a file by its name relative to the root."""
        return self._files.get(name)


def _paths(root: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        yield from (path for path in (root / folder).rglob("*") if path.is_file())


def _read(path: Path) -> Asset:
    # The platform's table of types may be anything; ours come first.
    content_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
    text = path.suffix in _TEXT
    return Asset(path.read_bytes(), f"{content_type}; charset=utf-8" if text else content_type, text)
