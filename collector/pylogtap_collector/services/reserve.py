"""
A file that only takes room, so that something can still be deleted when the disk is full.

SQLite needs room to delete, for its journal, and to put into the database what the journal holds already,
which may be much while somebody reads for long. So the disk counts as full as soon as the file would not be
enough for that. While it is given away nothing new is stored, or that would take the room; it is made again
as soon as there is enough.
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
_LEAST = 24 << 20  # bytes to delete with, beside what the journal holds
_LOOK = 1 << 20  # bytes that are stored between two looks at the disk

_log = logging.getLogger("pylogtap.collector")


class Reserve:
    """
    The file, and whether it is there.

    Attributes:
        given: It is not, so that something can be deleted.
        needed: There is hardly more room than deleting needs.
    """

    def __init__(self, database: Path | None, size: int) -> None:
        """
        Make nothing yet.

        Args:
            database: The file beside which it is; None: there is no disk.
            size: Bytes; 0: there is no such file.
        """
        self._path = database.with_name(RESERVE) if database is not None and size else None
        self._journal = database.with_name(f"{database.name}-wal") if database is not None else None
        self._size = size
        self._stored = 0  # bytes since the last look
        self.given = False
        self.needed = False

    def notice(self, size: int) -> None:
        """
        Hear of bytes that were stored, and look whether there is room for more.

        Args:
            size: How many.
        """
        self._stored += size
        if self._path is not None and self._stored >= _LOOK and not self.needed:
            self._stored = 0
            room = shutil.disk_usage(self._path.parent).free + _size_of(self._path)
            self.needed = room < _size_of(self._journal) + _LEAST

    def make(self) -> bool:
        """
        Make the file, if there is room. Blocks.

        Returns:
            Whether it is there, or there is none at all.
        """
        if self._path is None:
            return True
        if not self._path.exists() or self._path.stat().st_size != self._size:
            free = shutil.disk_usage(self._path.parent).free
            if free < self._size + _size_of(self._journal) + _JOURNAL:
                self.given = True
                return False
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
        if self.given:
            _log.info("there is room on the disk again: records are stored as before")
        self.given = self.needed = False
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


def _size_of(path: Path | None) -> int:
    try:
        return path.stat().st_size if path is not None else 0
    except FileNotFoundError:
        return 0
