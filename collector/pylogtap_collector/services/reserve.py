"""
A file that only takes room, so that something can still be deleted when the disk is full.

SQLite needs room to delete, for its journal. While the file is given away nothing new is stored, or that
would take the room; it is made again as soon as there is enough.
"""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

RESERVE = "pylogtap.reserve"
_JOURNAL = 48 << 20  # bytes that have to be free beside it: what SQLite's journal and one block more may take

_log = logging.getLogger("pylogtap.collector")


class Reserve:
    """The file, and whether it is there."""

    def __init__(self, folder: Path | None, size: int) -> None:
        """
        Make nothing yet.

        Args:
            folder: Of the database; None: there is no disk.
            size: Bytes; 0: there is no such file.
        """
        self._path = folder / RESERVE if folder is not None and size else None
        self._size = size
        self.given = False

    def make(self) -> bool:
        """
        Make the file, if there is room. Blocks.

        Returns:
            Whether it is there, or there is none at all.
        """
        if self._path is None:
            return True
        if not self._path.exists() or self._path.stat().st_size != self._size:
            if shutil.disk_usage(self._path.parent).free < self._size + _JOURNAL:
                self.given = True
                return False
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
        if self.given:
            _log.info("there is room on the disk again: records are stored as before")
        self.given = False
        return True

    def give(self) -> None:
        """Give the room away: the disk is full. Blocks."""
        if self._path is not None and not self.given:
            _log.error(
                "the disk is full; nothing new is stored until %d MiB are free. Delete something, or set how "
                "much is kept: pylogtap retention --help",
                self._size + _JOURNAL >> 20,
            )
            with suppress(FileNotFoundError):
                self._path.unlink()
            self.given = True
