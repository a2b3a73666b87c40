"""Look at a database before anybody relies on it: is it whole, is it ours, can every record be read."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from pylogtap_collector.errors import DataDamaged, DataUnusable
from pylogtap_collector.storage.connections import open_reader
from pylogtap_collector.storage.incident import about
from pylogtap_collector.storage.tiers import Tiers
from pylogtap_collector.storage.versions import STEPS, applied

if TYPE_CHECKING:
    from pathlib import Path

    from pylogtap_collector.parts.part import Part
    from pylogtap_collector.storage.shelf import Block

_COLUMNS = ("ids", "times", "source", "form", "shape", "pieces", "texts")


class Copied(NamedTuple):
    """
    What a copy holds, as its check has found it.

    Attributes:
        records: How many records; 0 where an earlier version wrote it in another way.
        bytes: Its size.
        sha256: Check sum of the file, hex digits.
    """

    records: int
    bytes: int
    sha256: str


def look_over(path: Path, *, thoroughly: bool = False) -> Copied:
    """
    Check a copy: that SQLite finds no damage, and that it is a collector's.

    Args:
        path: The copy.
        thoroughly: Compare indexes with tables as well.

    Raises:
        DataUnusable: It is damaged, no database, or of a later version.
    """
    check = "integrity_check" if thoroughly else "quick_check"
    try:
        with closing(open_reader(path, immutable=True)) as connection:
            found = [text for (text,) in connection.execute(f"PRAGMA {check}(3)")]
            if found != ["ok"]:
                raise _damaged(path, "; ".join(found))
            records = count_records(connection) if check_schema(connection, path) else 0
    except sqlite3.Error as error:
        raise _damaged(path, str(error)) from error
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Copied(records, path.stat().st_size, digest)


def look_through(path: Path) -> None:
    """
    Look for damage in a database that nobody uses, its write-ahead log included.

    Raises:
        DataDamaged: There is some, or it is no database.
    """
    try:
        with closing(open_reader(path)) as connection:
            found = [text for (text,) in connection.execute("PRAGMA quick_check(3)")]
    except sqlite3.Error as error:
        found = [str(error)]
    if found != ["ok"]:
        raise DataDamaged(f"the database {path} is damaged: {'; '.join(found)}")


def _damaged(path: Path, reason: str) -> DataUnusable:
    return DataUnusable(f"{path} is damaged, or no database of a collector: {reason}; take another copy")


def check_schema(connection: sqlite3.Connection, path: Path) -> bool:
    """
    Check that this version knows the schema of a database.

    Args:
        connection: Reads it.
        path: What it is called.

    Returns:
        Whether it is that of this version, not of an earlier one.

    Raises:
        DataUnusable: It is none of ours, or of a later version.
    """
    found, known = applied(connection), set(STEPS)
    if not found:
        raise DataUnusable(f"{path} is no database of a collector")
    if found - known:
        raise DataUnusable(f"{path} was written by a later version of pylogtap; upgrade this one first")
    return found == known


def count_records(connection: sqlite3.Connection) -> int:
    """Return how many records there are: sealed, or as they came and not deleted."""
    (count,) = connection.execute(
        "SELECT (SELECT coalesce(sum(records), 0) FROM block) + (SELECT coalesce(sum(records), 0) FROM hot)"
        " - (SELECT count(*) FROM gone)"
    ).fetchone()
    return int(count)


def is_current(path: Path) -> bool:
    """
    Tell whether a database has the schema of this version.

    Raises:
        DataUnusable: It is damaged, none of ours, or of a later version.
    """
    try:
        with closing(open_reader(path, immutable=True)) as connection:
            return check_schema(connection, path)
    except sqlite3.Error as error:
        raise _damaged(path, str(error)) from error


def describe(path: Path) -> tuple[int, dict[str, str]]:
    """Return how many records a database holds, and what it says of itself if it is an incident file."""
    with closing(open_reader(path, immutable=True)) as connection:
        return count_records(connection), about(connection)


def read_everything(path: Path) -> int:
    """
    Read every record of a database of this version's schema, and compare with what is noted about them.

    Args:
        path: The database; nobody uses it.

    Returns:
        How many there are.

    Raises:
        DataUnusable: A block cannot be read, or holds something else than is noted of it.
    """
    tiers = Tiers(0)
    with closing(open_reader(path)) as connection:
        connection.execute("BEGIN")
        tiers.load(connection)
        read = 0
        for tier in tiers.behind(connection, 0):
            try:
                part = tier.open()
                rows = decode(part)
            except Exception as error:  # whatever it is that damaged bytes lead to
                raise _damaged(path, f"records {tier.first_id} to {tier.last_id}: {error!r}") from error
            if tier.block is not None and not agrees(part, tier.block, rows):
                raise _damaged(path, f"block {tier.block.id} holds something else than is noted of it")
            read += rows
        if read != count_records(connection):
            raise _damaged(path, f"it holds {read} records, and notes {count_records(connection)}")
        return read


def decode(part: Part) -> int:
    """Read all columns, and return how many rows they have; raises where bytes are damaged."""
    for name in _COLUMNS:
        part.load(name)
    for name in part.names:
        part.column(name).values()
    return len(part.ids)


def agrees(part: Part, block: Block, rows: int) -> bool:
    """Tell whether a block holds what is noted of it."""
    ids, times = part.ids, part.times
    seen = (int(ids.min()), int(ids.max()), int(times.min()), int(times.max()), rows)
    return seen == (block.first_id, block.last_id, block.first_time, block.last_time, block.records)
