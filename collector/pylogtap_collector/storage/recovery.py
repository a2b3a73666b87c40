"""From a damaged database to a sound one: what can be read is put into a new file, and from there back."""

from __future__ import annotations

from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pylogtap_collector.inflating import inflate
from pylogtap_collector.parts.joining import join
from pylogtap_collector.parts.sealing import numbers_named, seal
from pylogtap_collector.storage import checking, connections
from pylogtap_collector.storage.hot import Chunk
from pylogtap_collector.storage.salvage import Salvage, tables
from pylogtap_collector.storage.sealing import count_part
from pylogtap_collector.storage.shelf import blocks_behind, insert_block
from pylogtap_collector.storage.tiers import Tiers
from pylogtap_collector.wire import fitting_segment, scan

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from pylogtap_collector.parts.numbers import Ints
    from pylogtap_collector.parts.part import Part

_OF_RECORDS = frozenset(  # all other tables are small, and wanted at once
    {"hot", "block", "block_data", "gone", "recent", "annotation", "source", "form", "pattern", "progress"}
)
_MADE = frozenset({"recent", "progress"})  # from the others
_LEAP = 1 << 20  # slices that the newest readable one may be behind the newest that there was
_UNKNOWN = 1 << 32  # slices: more than there were, where nobody knows how many; below 2^53 as an id
_INFLATED = 64 << 20
_MOST_NUMBERS = 1 << 22  # of sources or forms: what names higher ones is damaged, and would fill the disk
_MOST_IN_A_SLICE = 1 << 16  # records: as many numbers has a slice
_LOST_FORM = (
    "INSERT INTO form (id, level, severity, logger, template, pattern, file, line, function, literals)"
    " VALUES (?, 'unknown', 0, '', NULL, 0, NULL, NULL, NULL, '[\"\"]')"
)
_LOST_SOURCE = "INSERT INTO source VALUES (?, 'unknown', 'unknown', 'unknown', NULL)"
_LOST_PATTERNS = (
    "INSERT OR IGNORE INTO pattern SELECT DISTINCT pattern, 'pattern ' || pattern || ' is lost' FROM form"
    " WHERE pattern NOT IN (SELECT id FROM pattern)"
)


class Recovered(NamedTuple):
    """
    What became of the records of a damaged database.

    Attributes:
        back: How many are back now.
        known: How many were there already.
        lost: How many are known to be lost; of those whose block is not even mentioned, nobody knows.
    """

    back: int
    known: int
    lost: int


def is_one(damaged: Path) -> bool:
    """Tell whether anything of a collector's database can be read in a file."""
    with closing(Salvage(damaged)) as salvage:
        return any(True for name in tables() for _ in salvage.rows(name))


def carry_over(damaged: Path, target: Path) -> None:
    """
    Make a database with everything that a damaged one has but its records.

    That is accounts, keys, how far each stream has come, metrics, test runs. Its own records will have higher
    numbers than any there.

    Args:
        damaged: The damaged one; it is only read.
        target: A file that is not there.
    """
    with closing(Salvage(damaged)) as salvage, closing(connections.open_writer(target)) as connection:
        connection.execute("BEGIN")
        for name in tables():
            if name not in _OF_RECORDS:
                _put(connection, name, salvage.rows(name))
        connection.execute("UPDATE instance SET records = 0")
        last = max(
            *(row["id"] for row in salvage.rows("hot")),
            *(row["last_id"] >> 16 for row in salvage.rows("block")),
            *(0, 0),
        )
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('hot', ?)", (last + _LEAP,))
        connection.execute("COMMIT")


def carry_nothing(target: Path) -> None:
    """
    Make an empty database, where a damaged one cannot be read at all; its records have high numbers, too.

    Args:
        target: A file that is not there.
    """
    with closing(connections.open_writer(target)) as connection:
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('hot', ?)", (_UNKNOWN,))


def rebuild(damaged: Path, target: Path) -> int:
    """
    Put every row that can be read of a damaged database into a new one.

    Args:
        damaged: The damaged one; it is only read.
        target: A file that is not there.

    Returns:
        How many records stood in slices that are left out, as a damaged page has run through them.
    """
    with closing(Salvage(damaged)) as salvage, closing(connections.open_writer(target)) as connection:
        connection.execute("PRAGMA synchronous = OFF")  # it is read once, and removed
        connection.execute("BEGIN")
        for name in tables():
            if name not in _MADE:  # of a torn slice it is known how many records it had
                _put(connection, name, salvage.rows(name, torn=name == "hot"))
        last_source, last_form = _last_numbers(connection)
        _fill(connection, "source", _LOST_SOURCE, last_source)
        _fill(connection, "form", _LOST_FORM, last_form)
        connection.execute(_LOST_PATTERNS)
        lost = _forget_torn_slices(connection)
        connection.execute("COMMIT")
    return lost


def _put(connection: sqlite3.Connection, name: str, rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        names = ", ".join(f'"{column}"' for column in row)
        marks = ", ".join("?" * len(row))
        connection.execute(f'INSERT OR IGNORE INTO "{name}" ({names}) VALUES ({marks})', [*row.values()])


def _last_numbers(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return the highest numbers of a source and of a form that blocks name; -1: none."""
    sources, forms = [-1], [-1]
    for (summary,) in connection.execute("SELECT summary FROM block"):
        with suppress(ValueError):
            named = numbers_named(summary)
            for known, more in zip((sources, forms), named, strict=True):
                known.extend(number for number in more if number < _MOST_NUMBERS)
    return max(sources), max(forms)


def _fill(connection: sqlite3.Connection, name: str, sql: str, last: int) -> None:
    """Fill gaps in the numbers of a table, up to the last one that is named: they are places in a list."""
    connection.execute(f"DELETE FROM {name} WHERE id NOT BETWEEN 0 AND {_MOST_NUMBERS}")
    known = {number for (number,) in connection.execute(f"SELECT id FROM {name}")}
    wanted = range(max(last, *known, -1) + 1)
    connection.executemany(sql, [(number,) for number in wanted if number not in known])


def _forget_torn_slices(connection: sqlite3.Connection) -> int:
    """Forget slices that stand in a block already, and torn ones; return how many records the latter had."""
    lost = 0
    connection.execute(
        "DELETE FROM hot WHERE EXISTS (SELECT 1 FROM block WHERE hot.id << 16 BETWEEN first_id AND last_id)"
    )
    rows = connection.execute(
        "SELECT hot.id, segment, offset, records, encoding, body"
        " FROM hot LEFT JOIN stream ON stream.id = stream"
    ).fetchall()
    for number, segment, offset, records, encoding, body in rows:
        try:
            data = inflate(body, encoding, _INFLATED)
            found = scan(data, offset, segment or fitting_segment(data, offset))
            torn = found.damage is not None or found.records != records
        except Exception:  # noqa: BLE001 - whatever damaged bytes lead to
            torn = True
        if torn:
            lost += max(0, min(records, _MOST_IN_A_SLICE))  # this number may be damaged, too
            connection.execute("DELETE FROM hot WHERE id = ?", (number,))
    return lost


def put_back(rebuilt: Path, database: Path, tell: Callable[[int], None] = lambda _: None) -> Recovered:
    """
    Put the records of one database into another, all that it does not have.

    Args:
        rebuilt: From :func:`rebuild`.
        database: Of the collector; nobody uses it.
        tell: Hears how many are back, now and then.
    """
    back = known = lost = 0
    old, new = Tiers(0), Tiers(0)
    with (
        closing(connections.open_reader(rebuilt)) as source,
        closing(connections.open_writer(database)) as target,
    ):
        source.execute("BEGIN")
        old.load(source)
        new.load(target)
        for part, records in _parts(old, source):
            if part is None:
                lost += records
                continue
            there = _ids_between(new, target, part.head.first_id, part.head.last_id)
            rows = np.flatnonzero(~np.isin(part.ids, there))
            known += part.head.rows - len(rows)
            if len(rows):
                _insert(new, target, join([(part, rows)]), source)
                back += len(rows)
                tell(back)
    return Recovered(back, known, lost)


def _parts(tiers: Tiers, connection: sqlite3.Connection) -> Iterator[tuple[Part | None, int]]:
    """Yield parts, and how many records each has; None for one that cannot be read."""
    for block in blocks_behind(connection, 0):
        part = _readable(partial(tiers.shelf.open, connection, block))
        yield (
            part if part is not None and checking.agrees(part, block, part.head.rows) else None,
            block.records,
        )
    for chunk in tiers.hot.chunks(connection):
        part = _readable(partial(tiers.hot.part, connection, chunk))
        if part is not None:
            yield part, chunk.records
            continue
        slices = connection.execute(
            "SELECT id, id, records FROM hot WHERE id BETWEEN ? AND ?", (chunk.first, chunk.last)
        ).fetchall()
        for each in map(Chunk._make, slices):
            yield _readable(partial(tiers.hot.part, connection, each)), each.records


def _readable(open_: Callable[[], Part | None]) -> Part | None:
    """Return a part all of which can be read; None where it cannot."""
    try:
        part = open_()
        if part is not None:
            checking.decode(part)
    except Exception:  # noqa: BLE001 - whatever damaged bytes lead to
        return None
    return part


def _ids_between(tiers: Tiers, connection: sqlite3.Connection, first: int, last: int) -> Ints:
    """Return the ids of records there are already."""
    found = [np.empty(0, np.int64)]
    for tier in tiers.behind(connection, first - 1):
        if tier.first_id > last:
            break
        found.append(tier.open().ids)
    return np.concatenate(found)


def _insert(tiers: Tiers, connection: sqlite3.Connection, part: Part, source: sqlite3.Connection) -> None:
    sealed = seal(part, tiers.dictionary)
    connection.execute("BEGIN IMMEDIATE")
    counts = tiers.dictionary.store(connection)
    insert_block(connection, part, sealed)
    count_part(connection, part)
    rows = source.execute(
        "SELECT log_id, labels, note, changed FROM annotation WHERE log_id BETWEEN ? AND ?",
        (part.head.first_id, part.head.last_id),
    ).fetchall()
    ids = set(part.ids.tolist())
    connection.executemany(
        "INSERT OR IGNORE INTO annotation (log_id, labels, note, changed) VALUES (?, ?, ?, ?)",
        [row for row in rows if row[0] in ids],
    )
    connection.execute("COMMIT")
    tiers.dictionary.stored(counts)
