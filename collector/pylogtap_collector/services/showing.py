"""Get a file ready to be shown without being changed."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pylogtap_collector.errors import DataUnusable
from pylogtap_collector.settings import DATABASE
from pylogtap_collector.storage import checking, copying
from pylogtap_collector.storage.connections import open_writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Shown(NamedTuple):
    """
    A database that can be shown.

    Attributes:
        path: The file itself, or a copy of it where the file cannot be shown as it is.
        records: How many it holds.
        about: What an incident file says of itself.
    """

    path: Path
    records: int
    about: Mapping[str, str]


@contextmanager
def showable(file: Path) -> Iterator[Shown]:
    """
    Yield what can be shown of a file.

    That is the file itself. Where an earlier version wrote it, or a write-ahead log stands beside it, it is a
    copy that has been brought up to date, and is removed at the end.

    Args:
        file: A backup, an incident file or the database of a collector.

    Raises:
        DataUnusable: It is damaged, or no database of a collector.
    """
    if not file.is_file():
        raise DataUnusable(f"there is no file {file}")
    if not copying.has_log(file) and checking.is_current(file):
        yield Shown(file, *checking.describe(file))
        return
    with tempfile.TemporaryDirectory(prefix="pylogtap-open-") as folder:
        copied = Path(folder) / DATABASE
        copying.copy_file(file, copied)
        open_writer(copied).close()
        yield Shown(copied, *checking.describe(copied))
