"""Copies of the whole database: made of a collector that runs or rests, and put in its place again."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pylogtap_collector.errors import DataUnusable
from pylogtap_collector.settings import DATABASE
from pylogtap_collector.storage import checking, copying
from pylogtap_collector.storage.connections import FolderLock, open_writer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from pylogtap_collector.storage.checking import Copied
    from pylogtap_collector.storage.engine import Engine

_UNFINISHED = "copy-being-made-"


class Ready(NamedTuple):
    """
    A file that was made and checked.

    Attributes:
        path: Where it is, for a while.
        copied: What it holds.
    """

    path: Path
    copied: Copied


class Backup:
    """Makes files of what a running collector holds."""

    def __init__(self, engine: Engine) -> None:
        """
        Bind the database.

        Args:
            engine: The database; also one that is in memory.
        """
        self._engine = engine

    def forget_unfinished(self) -> None:
        """Remove what a collector left in its folder that was killed while it made a copy."""
        if self._engine.path is not None and not self._engine.read_only:
            for folder in self._engine.path.parent.glob(f"{_UNFINISHED}*"):
                shutil.rmtree(folder, ignore_errors=True)

    @asynccontextmanager
    async def made(self) -> AsyncIterator[Ready]:
        """
        Copy the database as it is now, while others write, and check the copy.

        Yields:
            The copy, which is removed at the end.

        Raises:
            DataUnusable: The copy is damaged: so is the database.
            Overloaded: The collector is stopping.
        """
        async with self.place() as path:
            await self._engine.aside(partial(copying.copy, target=path))
            yield Ready(path, await self._look_over(path))

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Path]:
        """Yield a name for a file that is made beside the database; it is removed at the end."""
        beside = None if self._engine.path is None or self._engine.read_only else self._engine.path.parent
        with tempfile.TemporaryDirectory(dir=beside, prefix=_UNFINISHED) as folder:
            yield Path(folder) / DATABASE

    async def _look_over(self, path: Path) -> Copied:
        return await self._engine.aside(lambda _: checking.look_over(path))


def back_up_folder(data: Path, target: Path) -> Copied:
    """
    Copy the database in a data folder, whether a collector uses it or not, and check the copy.

    Args:
        data: The folder.
        target: Where the copy appears once it is complete and sound.

    Raises:
        DataUnusable: There is no database, or it is damaged.
        OSError: The target cannot be written.
    """
    source = data / DATABASE
    if not source.exists():
        raise DataUnusable(f"there is no database in {data}; give the collector's data folder by --data")
    with copying.appearing(target) as part:
        copying.copy_file(source, part)
        return checking.look_over(part)


def check_file(path: Path) -> Copied:
    """
    Check a copy that was fetched.

    Args:
        path: The copy.

    Raises:
        DataUnusable: It is damaged, or no database of a collector.
    """
    return checking.look_over(path)


def restore(
    source: Path, data: Path, *, tell: Callable[[str], None] = lambda _: None
) -> tuple[int, Path | None]:
    """
    Put a copy in the place of the database of a folder, once every record of it has been read.

    Args:
        source: The copy; it stays as it is.
        data: The folder; made when it is missing.
        tell: Hears what is done, for people.

    Returns:
        How many records there are now, and where the database is that was there before; None: there was none.

    Raises:
        DataUnusable: A collector uses the folder, or the copy is damaged. The folder is as it was.
        OSError: The folder cannot be written.
    """
    if not source.is_file():
        raise DataUnusable(f"there is no file {source}")
    lock = FolderLock(data)
    try:
        database = data / DATABASE
        with copying.appearing(database) as part:
            tell(f"checking {source}")
            if copying.has_log(source):
                copying.copy_file(source, part)
            else:
                shutil.copyfile(source, part)
            part.chmod(0o600)
            checking.look_over(part, thoroughly=True)
            open_writer(part).close()  # brings the schema of an earlier version up to this one's
            tell("reading every record")
            records = checking.read_everything(part)
            open_writer(part).close()  # leaves nothing beside it
            before = _set_aside(database)
        return records, before
    finally:
        for rest in data.glob(f"{DATABASE}-being-made-*"):
            rest.unlink(missing_ok=True)
        lock.release()


def _set_aside(database: Path) -> Path | None:
    """Give a database a second name: it is there under the first until another takes its place."""
    if not database.exists():
        return None
    if copying.has_header(database):  # else what SQLite takes for a log without a database would be removed
        with suppress(DataUnusable):  # a damaged one is kept as it is
            open_writer(database).close()  # folds its write-ahead log in
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    before = database.with_name(f"{DATABASE}.before-restore-{stamp}")
    number = 1
    while before.exists():
        number += 1
        before = database.with_name(f"{DATABASE}.before-restore-{stamp}-{number}")
    for suffix in ("-wal", "-shm"):  # of a damaged one; a log must never meet another database
        log = Path(f"{database}{suffix}")
        if log.exists():
            log.rename(f"{before}{suffix}")
    before.hardlink_to(database)
    return before
