"""How long records are kept: the rules of projects, and which blocks are beyond them. Times are ns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pylogtap_collector.storage.places import get_place
from pylogtap_collector.storage.shelf import blocks

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from pylogtap_collector.storage.shelf import Block
    from pylogtap_collector.storage.tiers import Tiers


class Rule(NamedTuple):
    """
    How long records are kept; None: as the collector's settings say.

    Attributes:
        keep_days: Days since the record's time.
        keep_bytes: Bytes that blocks take for the project's records.
    """

    keep_days: float | None = None
    keep_bytes: int | None = None


def read_rules(connection: sqlite3.Connection) -> dict[str, Rule]:
    """Return the rules of all projects that have one of their own."""
    rows = connection.execute("SELECT project, keep_days, keep_bytes FROM retention")
    return {project: Rule(*rule) for project, *rule in rows}


def set_rule(connection: sqlite3.Connection, project: str, rule: Rule) -> None:
    """
    Give a project a rule of its own.

    Args:
        connection: In a transaction.
        project: Its name.
        rule: The rule.

    Raises:
        NotFound: There is no such project.
    """
    get_place(connection, {}, (project,))
    connection.execute("DELETE FROM retention WHERE project = ?", (project,))
    if any(limit is not None for limit in rule):
        connection.execute("INSERT INTO retention VALUES (?, ?, ?)", (project, *rule))


def project_names(connection: sqlite3.Connection) -> list[str]:
    """Return the names of all projects."""
    return [name for (name,) in connection.execute("SELECT name FROM project ORDER BY name")]


def has_older(tiers: Tiers, connection: sqlite3.Connection, project: str, until_ns: int) -> bool:
    """
    Tell whether a project may have records that are older than a time.

    Args:
        tiers: Where records are.
        connection: In a transaction.
        project: Its name.
        until_ns: The time.
    """
    return any(
        any(source.project == project for source in tier.head.sources)
        for tier in tiers.all(connection, until_ns=until_ns)
    )


def share_of(tiers: Tiers, connection: sqlite3.Connection, block: Block, project: str) -> int:
    """Return about how many of a block's bytes are a project's: by its share of the records."""
    head = tiers.shelf.summary(connection, block)[0].head
    counts = zip(head.sources, head.source_counts.tolist(), strict=True)
    mine = sum(count for source, count in counts if source.project == project)
    share: int = block.bytes * mine // head.rows
    return share


def project_bytes(tiers: Tiers, connection: sqlite3.Connection, project: str) -> int:
    """Return about how many bytes blocks take for a project's records."""
    return sum(share_of(tiers, connection, block, project) for block in blocks(connection))


def beyond_project(
    tiers: Tiers, connection: sqlite3.Connection, project: str, keep_bytes: int
) -> list[Block]:
    """
    Return the blocks whose records of a project are too many, the oldest first.

    Args:
        tiers: Where blocks are.
        connection: In a transaction.
        project: Its name.
        keep_bytes: What the newer ones may take.
    """
    found: list[Block] = []
    total = 0
    for block in blocks(connection):  # the newest first
        mine = share_of(tiers, connection, block, project)
        total += mine
        if mine and total > keep_bytes:
            found.append(block)
    return found[::-1]


def beyond_all(connection: sqlite3.Connection, keep_bytes: int) -> list[Block]:
    """
    Return the oldest blocks that have to go so that the used pages of the database take no more than a limit.

    Args:
        connection: In a transaction.
        keep_bytes: The limit.
    """
    return list(_first_ones(connection, used_bytes(connection) - keep_bytes))


def _first_ones(connection: sqlite3.Connection, excess: int) -> Iterator[Block]:
    if excess > 0:
        for block in blocks(connection, by="last_time"):
            yield block
            excess -= block.bytes
            if excess <= 0:
                return


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return how many bytes of the database are in use."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)
