"""
What those tell each other who write samples and those who pack them: `sample_state`, a number for each name.

Packing reads what is old beside the writes, and then stores it. If somebody has changed what is old
meanwhile, he has counted that in `changes`, and it is read again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3


class SampleState(NamedTuple):
    """
    The numbers.

    Attributes:
        directory: Counts what makes known numbers of series wrong: some were deleted, or described.
        old: Samples before this time, ns, are being packed or were.
        changes: Counts changes of these.
    """

    directory: int = 0
    old: int = 0
    changes: int = 0


def read_state(connection: sqlite3.Connection) -> SampleState:
    """Return the numbers; those that nobody has written are 0."""
    return SampleState(**dict(connection.execute("SELECT name, value FROM sample_state")))


def set_old(connection: sqlite3.Connection, time_ns: int) -> None:
    """
    Say which samples are about to be packed.

    Args:
        connection: In a transaction.
        time_ns: Those before.
    """
    connection.execute("INSERT OR REPLACE INTO sample_state VALUES ('old', ?)", (time_ns,))


def note_change(connection: sqlite3.Connection, *, directory: bool = False) -> None:
    """
    Say that old samples have changed.

    Args:
        connection: In a transaction.
        directory: Whether known numbers of series may be wrong, too.
    """
    names = ("changes", "directory") if directory else ("changes",)
    connection.executemany(
        "INSERT INTO sample_state VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1",
        [(name,) for name in names],
    )
