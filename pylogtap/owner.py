"""The kernel lock that tells other processes whether the one that wrote some segments lives."""

from __future__ import annotations

import fcntl
import os
from _thread import RLock
from contextlib import suppress

OWNER_SUFFIX = ".own"


class Owner:
    """
    The lock of one spool.

    It is in the spool's folder, under the stem of the segments' names; a fork does not inherit it.

    Attributes:
        fd: Of the locked file; -1: it is not held.
    """

    def __init__(self) -> None:
        self.fd = -1
        self._stem = ""
        self._turn = RLock()  # two threads may want it at once: a call that needs a segment, and the shipper

    def is_seen(self, stem: str) -> bool:
        """
        Tell whether it is held, and its file is there for others to see.

        Args:
            stem: Of the segments that it is wanted for.
        """
        with self._turn:
            return self.fd >= 0 and self._stem == stem and bool(os.fstat(self.fd).st_nlink)

    def take(self, directory: str, stem: str) -> None:
        """
        Take the lock, unless it is held there; it is held before it is seen.

        Args:
            directory: Of the spool.
            stem: Of the names of its segments.

        Raises:
            OSError: The directory cannot be written.
        """
        with self._turn:
            if not self._stands_in(directory, stem):
                self._make(directory, stem)

    def _stands_in(self, directory: str, stem: str) -> bool:
        """Tell whether the file that is held is the one that others find."""
        if self.fd < 0:
            return False
        with suppress(OSError):
            return os.path.samestat(
                os.stat(os.path.join(directory, f"{stem}{OWNER_SUFFIX}")), os.fstat(self.fd)
            )
        return False

    def _make(self, directory: str, stem: str) -> None:
        draft = os.path.join(directory, f".{stem}{OWNER_SUFFIX}.tmp")
        owner = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)  # unlike flock, not inherited by a fork
            os.rename(draft, os.path.join(directory, f"{stem}{OWNER_SUFFIX}"))
        except BaseException:
            os.close(owner)
            with suppress(OSError):
                os.unlink(draft)
            raise
        previous, self.fd, self._stem = self.fd, owner, stem
        if previous >= 0:  # of another file, which somebody has removed
            os.close(previous)

    def release(self, directory: str | None, stem: str, *, left: bool) -> None:
        """
        Give the lock up.

        Args:
            directory: Of the spool; None: it has none.
            stem: Of the names of its segments.
            left: Whether segments stay that others are to deliver; the file stays with them.
        """
        with self._turn:
            owner, self.fd = self.fd, -1
            if owner < 0:
                return
            if directory is not None and not left:
                with suppress(OSError):
                    os.unlink(os.path.join(directory, f"{stem}{OWNER_SUFFIX}"))
            os.close(owner)
