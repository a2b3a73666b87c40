"""
A damaged database: it is set aside, the collector begins anew, and what can be read of it is put back.

Whoever finds the damage while the collector runs leaves a mark beside the database, because SQLite finds it
only where it looks; the next start looks everywhere then.
"""

from __future__ import annotations

import logging
import os
import socket
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pylogtap_collector.errors import DataDamaged, DataUnusable, Overloaded
from pylogtap_collector.services.intake import LOCAL
from pylogtap_collector.settings import DATABASE
from pylogtap_collector.storage import checking, copying, recovery
from pylogtap_collector.storage.connections import SUSPECT, FolderLock
from pylogtap_collector.taps.entries import Entry, segment_name
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylogtap_collector.services.intake import Intake
    from pylogtap_collector.storage.recovery import Recovered

_DAMAGED = f"{DATABASE}.damaged-"
_BACK = ".put-back"  # a file beside a damaged one: `pylogtap recover` has been there
_BESIDE = ("-wal", "-shm")

_log = logging.getLogger("pylogtap.collector")


def examine(database: Path) -> None:
    """
    Look through a database that was found to be damaged while it was used.

    Args:
        database: The file; nobody uses it.

    Raises:
        DataDamaged: It is.
    """
    if not database.exists() and any(Path(f"{database}{each}").exists() for each in _BESIDE[:1]):
        raise DataDamaged(f"the database {database} is gone, and its write-ahead log is there")
    if database.exists() and not database.stat().st_size and copying.has_log(database):
        raise DataDamaged(f"the database {database} is empty, and its write-ahead log is not")
    if (mark := database.with_name(SUSPECT)).exists():
        checking.look_through(database)
        mark.unlink(missing_ok=True)


def set_aside(database: Path, reason: str) -> Path:
    """
    Give a damaged database another name, and put one in its place that has all but the records.

    Args:
        database: The damaged one.
        reason: What is wrong with it.

    Returns:
        Where it is now.

    Raises:
        DataUnusable: A collector uses the folder, or nothing can be written there.
    """
    lock = FolderLock(database.parent)
    try:
        aside = _free_name(database)
        try:
            with copying.appearing(database) as fresh:
                _carry_over(database, fresh)
                _move(database, aside)
        except OSError as error:
            raise DataUnusable(f"the damaged {database} cannot be set aside: {error.strerror}") from error
        for each in database.parent.glob(f"{DATABASE}-being-made-*"):
            each.unlink(missing_ok=True)
        database.with_name(SUSPECT).unlink(missing_ok=True)
    finally:
        lock.release()
    _log.error(
        "%s; it is set aside as %s, and the collector begins with an empty one. To put back what can be read "
        "of it, stop the collector and call: pylogtap recover --data %s",
        reason.partition("; move it aside")[0],
        aside,
        database.parent,
    )
    return aside


def _carry_over(database: Path, fresh: Path) -> None:
    try:
        if database.exists():
            recovery.carry_over(database, fresh)
            return
    except Exception:  # noqa: BLE001 - whatever damaged bytes lead to
        _log.exception("nothing can be carried over from the damaged database")
        for each in ("", *_BESIDE):
            Path(f"{fresh}{each}").unlink(missing_ok=True)
    recovery.carry_nothing(fresh)


def _move(database: Path, aside: Path) -> None:
    """Keep it under another name; under the first it is there until the new one takes its place."""
    if database.exists():
        aside.hardlink_to(database)
    for each in _BESIDE:
        with suppress(FileNotFoundError):
            Path(f"{database}{each}").rename(f"{aside}{each}")


def _free_name(database: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    aside, number = database.with_name(f"{_DAMAGED}{stamp}"), 1
    while aside.exists():
        number += 1
        aside = database.with_name(f"{_DAMAGED}{stamp}-{number}")
    return aside


async def tell(aside: Path, intake: Intake) -> None:
    """
    Let a record say that a damaged database was set aside, where people look for records.

    Args:
        aside: Where it is.
        intake: Stores it.
    """
    place = Place("pylogtap", "collector", segment_name(socket.gethostname()))
    text = f"the database was damaged, and is set aside as {aside.name}"
    fields = {"recover": f"pylogtap recover --data {aside.parent}"}
    with suppress(Overloaded):  # it is told in other places, too
        await intake.take(
            [Entry(place, text, severity=21, level="critical", logger="pylogtap.collector", fields=fields)],
            LOCAL,
        )


def notices(folder: Path | None) -> list[str]:
    """Return what people should do about damaged databases of a folder, a sentence each."""
    return [
        f"{each.name} was damaged and is set aside; stop the collector and call `pylogtap recover` to put "
        f"back what can be read of it, or remove it."
        for each in (waiting(folder) if folder is not None else [])
    ]


def waiting(folder: Path) -> list[Path]:
    """Return the damaged databases of a data folder that nobody has put back yet, oldest first."""
    found = [each for each in folder.glob(f"{_DAMAGED}*") if not each.name.endswith((*_BESIDE, _BACK))]
    return sorted(each for each in found if not Path(f"{each}{_BACK}").exists())


def put_back(file: Path, data: Path, *, tell: Callable[[int], None] = lambda _: None) -> Recovered:
    """
    Put what can be read of a damaged database into that of a data folder; again, nothing comes twice.

    Args:
        file: The damaged one; it stays as it is.
        data: The folder.
        tell: Hears how many records are back, now and then.

    Raises:
        DataUnusable: There is no such file, nothing of a database is in it, or a collector uses the folder.
        OSError: The folder cannot be written.
    """
    database = data / DATABASE
    if not file.is_file():
        raise DataUnusable(f"there is no file {file}")
    if file.parent != data and not recovery.is_one(file):
        raise DataUnusable(f"{file} holds nothing that a collector's database has; it stays as it is")
    if database.exists() and file.samefile(database):
        raise DataUnusable(f"{file} is in use; start the collector: it sets a damaged database aside")
    lock = FolderLock(data)
    try:
        if not database.exists():
            with copying.appearing(database) as fresh:
                _carry_over(file, fresh)
        with tempfile.TemporaryDirectory(dir=data, prefix="recovery-") as folder:
            rebuilt = Path(folder) / DATABASE
            torn = recovery.rebuild(file, rebuilt)
            found = recovery.put_back(rebuilt, database, tell)
        if file.parent == data:
            os.close(os.open(f"{file}{_BACK}", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        return found._replace(lost=found.lost + torn)
    finally:
        lock.release()
