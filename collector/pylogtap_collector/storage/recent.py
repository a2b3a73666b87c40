"""
The newest records as ordinary rows, for people with any SQLite tool: `recent`, and the view `log` over it.

Nothing here is asked by the collector: it reads parts. So rows may come late while much comes in.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from pylogtap_collector.parts.part import EXCEPTION, EXTRA, FIELD, MAIN_THREAD, SPAN, TEST, THREAD, TRACE
from pylogtap_collector.parts.rows import messages_of, values_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from pylogtap_collector.parts.part import Part
    from pylogtap_collector.storage.dictionary import Numbered

COLUMNS = (
    "id", "time", "received", "source", "form", "message", "attributes", "exception_type",
    "exception_message", "stacktrace", "arguments", "trace_id", "span_id", "thread", "test_id",
)  # fmt: skip
_INSERT = f"INSERT OR IGNORE INTO recent ({', '.join(COLUMNS)}) VALUES "
_ROW = f"({', '.join('?' * len(COLUMNS))})"
_AT_ONCE = 50  # rows of one statement: between two of them others may have the interpreter, for 5 ms each
_NO_EXCEPTION = (None, None, None, None)


def rows_of(part: Part, behind: int, dictionary: Numbered) -> list[tuple[Any, ...]]:
    """
    Make rows of the records of a part.

    Args:
        part: The part.
        behind: Id of the record behind which to begin.
        dictionary: Numbers sources and forms; it is to be stored together with the rows.
    """
    wanted = np.flatnonzero(part.ids > behind)
    wanted = wanted[np.argsort(part.ids[wanted])]
    sources, forms = dictionary.source_ids(part.head.sources), dictionary.form_ids(part.head.forms)
    return [
        (log_id, time, received, sources[source], forms[form], message, *_values(found))
        for log_id, time, received, source, form, message, found in zip(
            part.ids[wanted].tolist(),
            part.times[wanted].tolist(),
            part.received(wanted).tolist(),
            part.source[wanted].tolist(),
            part.form[wanted].tolist(),
            messages_of(part, wanted),
            values_of(part, wanted),
            strict=True,
        )
    ]


def _values(found: dict[str, Any]) -> tuple[Any, ...]:
    attributes = {name[len(FIELD) :]: value for name, value in found.items() if name.startswith(FIELD)}
    exception: Sequence[Any] = found.get(f"{EXTRA}{EXCEPTION}") or _NO_EXCEPTION
    kind, message, stack, arguments = exception
    return (
        msgspec.json.encode(attributes).decode() if attributes else None,
        kind,
        message,
        stack,
        None if arguments is None else msgspec.json.encode(arguments).decode(),
        found.get(f"{EXTRA}{TRACE}"),
        found.get(f"{EXTRA}{SPAN}"),
        found.get(f"{EXTRA}{THREAD}", MAIN_THREAD),
        found.get(f"{EXTRA}{TEST}"),
    )


def insert_rows(connection: sqlite3.Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    """
    Store rows.

    Args:
        connection: In a transaction.
        rows: From :func:`rows_of`; those that are there already stay.
    """
    left = iter(rows)
    while some := list(islice(left, _AT_ONCE)):
        connection.execute(_INSERT + ", ".join([_ROW] * len(some)), list(chain.from_iterable(some)))


def last_row(connection: sqlite3.Connection) -> int:
    """Return the id of the newest row; 0 where there is none."""
    return int(connection.execute("SELECT coalesce(max(id), 0) FROM recent").fetchone()[0])


def forget_rows(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    """
    Remove rows of records that are deleted.

    Args:
        connection: In a transaction.
        ids: The records.
    """
    connection.executemany("DELETE FROM recent WHERE id = ?", [(log_id,) for log_id in ids])
