"""What can be read of a damaged database: rows of its tables, whichever pages around them are broken."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from pylogtap_collector.storage import connections
from pylogtap_collector.storage.pages import (
    INTERIOR_INDEX,
    INTERIOR_TABLE,
    LEAF_INDEX,
    LEAF_TABLE,
    Pages,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_TYPES: dict[str, tuple[type, ...]] = {
    "INTEGER": (int,), "REAL": (float, int), "TEXT": (str,), "BLOB": (bytes,),
}  # fmt: skip
_ADDED = {"stream": 2, "test_case": 2, "test_standing": 1}  # columns that the oldest rows do not have
_DEEPEST = 20


class Table(NamedTuple):
    """
    A table of this version's schema.

    Attributes:
        name: Its name.
        columns: Name, types and whether it may be missing, of each column in the order they are stored.
        key: Which of them is the row's number, and not stored; -1: none.
        is_index: It is stored as an index is.
        least: How many columns a row has at least: those that were added later may be missing.
    """

    name: str
    columns: Sequence[tuple[str, tuple[type, ...], bool]]
    key: int
    is_index: bool
    least: int

    def fits(self, values: Sequence[Any]) -> bool:
        """Tell whether a record can be one of this table."""
        if not self.least <= len(values) <= len(self.columns):
            return False
        return all(
            (value is None and (optional or number == self.key))
            or (value is not None and number != self.key and type(value) in types)
            for number, ((_, types, optional), value) in enumerate(zip(self.columns, values, strict=False))
        )


def tables() -> dict[str, Table]:
    """Return the tables of this version's schema, by name."""
    with closing(connections.open_writer(None)) as connection:
        found = connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%STRICT%'"
        ).fetchall()
        return {name: _table(connection, name, sql) for name, sql in found}


def _table(connection: sqlite3.Connection, name: str, sql: str) -> Table:
    is_index = "WITHOUT ROWID" in sql
    columns = connection.execute(f'PRAGMA table_info("{name}")').fetchall()
    if is_index:  # its key stands first
        columns = sorted(columns, key=lambda column: (not column[5], column[5] or column[0]))
    keys = [place for place, column in enumerate(columns) if column[5] and column[2] == "INTEGER"]
    number = keys[0] if len(keys) == 1 and not is_index and _count_keys(columns) == 1 else -1
    return Table(
        name,
        [(column[1], _TYPES[column[2]], not column[3] and not column[5]) for column in columns],
        number,
        is_index,
        len(columns) - _ADDED.get(name, 0),
    )


def _count_keys(columns: Sequence[Any]) -> int:
    return sum(1 for column in columns if column[5])


class Salvage:
    """
    A damaged database.

    Attributes:
        pages: Its pages.
        unreadable: Entries of trees that could not be read, and pages that should be there and are not.
    """

    def __init__(self, path: Path) -> None:
        """
        Find out which page belongs to which table.

        Args:
            path: The database.
        """
        self.unreadable = 0
        self.pages = Pages(path)
        self._tables = tables()
        self._leaves: defaultdict[str, list[int]] = defaultdict(list)
        self._seen: set[int] = set()
        roots = self._roots()
        for name, root in roots.items():
            self._walk(name, root, 0)
        self._adopt_orphans()

    def close(self) -> None:
        """Close the files."""
        self.pages.__exit__()

    def rows(self, name: str, *, torn: bool = False) -> Iterator[dict[str, Any]]:
        """
        Yield what can be read of a table, each row once; what is said twice is taken as it was said first.

        Args:
            name: Of the table.
            torn: Also rows whose end cannot be found; zeros stand for it.
        """
        table = self._tables[name]
        known: set[Any] = set()
        for number in self._leaves[name]:
            for cell in self.pages.cells(number, torn=torn):
                if cell is None or not table.fits(cell.values):
                    self.unreadable += 1
                    continue
                identity = tuple(cell.values) if table.is_index else cell.rowid
                if identity in known:
                    continue
                known.add(identity)
                names = [column[0] for column in table.columns]
                row = dict(zip(names, cell.values, strict=False))
                if table.key >= 0:
                    row[names[table.key]] = cell.rowid
                yield row

    def _roots(self) -> dict[str, int]:
        """Return where the tree of each table begins, as far as the schema can be read."""
        found: dict[str, int] = {}
        self._walk("", 1, 0)
        for number in self._leaves.pop("", []):
            for cell in self.pages.cells(number):
                if cell is None or len(cell.values) != 5:
                    continue
                kind, name, _, root, _ = cell.values
                if kind in {"table", "index"} and isinstance(root, int):
                    found[str(name)] = root
        return found

    def _walk(self, name: str, number: int, depth: int) -> None:
        """Take up the pages of a tree; of one that is no table of ours, too, so that nobody else does."""
        if number in self._seen or depth > _DEEPEST:
            return
        kind = self.pages.kind(number)
        if kind not in {INTERIOR_INDEX, INTERIOR_TABLE, LEAF_INDEX, LEAF_TABLE}:
            self.unreadable += 1
            return
        self._seen.add(number)
        if kind != INTERIOR_TABLE:
            self._leaves[name].append(number)
        if kind in {INTERIOR_TABLE, INTERIOR_INDEX}:
            try:
                below = self.pages.children(number)
            except ValueError:
                self.unreadable += 1
                return
            for each in below:
                self._walk(name, each, depth + 1)

    def _adopt_orphans(self) -> None:
        """Find the table of each leaf whose way from the root is broken, by what its rows look like."""
        for number in range(2, self.pages.count + 1):
            if number in self._seen or self.pages.kind(number) != LEAF_TABLE:
                continue
            if not self.pages.may_be_tree(number):
                continue
            with suppress(ValueError):
                cells = [cell for cell in self.pages.cells(number) if cell is not None]
                for name, table in self._tables.items():
                    if cells and not table.is_index and all(table.fits(cell.values) for cell in cells):
                        self._leaves[name].append(number)
                        break
