"""
Records of a database from before there were blocks: one row each, to be sealed like all others.

Migration `0005_blocks` sets these rows aside as `old_recent`. They become blocks one transaction at a time,
each of which takes its rows out of `old_recent`: so this needs the memory of one block, and goes on where it
was when it is interrupted. It comes behind all migrations, because it writes as the store does today.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pylogtap import wire
from pylogtap_collector.parts.building import build_told
from pylogtap_collector.parts.faces import Source
from pylogtap_collector.parts.part import EXCEPTION, MAIN_THREAD, SPAN, TEST, THREAD, TRACE
from pylogtap_collector.parts.sealing import read_summary, seal
from pylogtap_collector.parts.sites import CallSites, Patterns
from pylogtap_collector.parts.telling import DEGRADED, Told
from pylogtap_collector.storage import sealing
from pylogtap_collector.storage.dictionary import Numbered
from pylogtap_collector.storage.places import count_records, ensure_places
from pylogtap_collector.storage.shelf import insert_block
from pylogtap_collector.storage.versions import OLD_ROWS, has_old_rows
from pylogtap_collector.wire import Site

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

_SLICE_BITS = 16  # of an id: the record's place in its slice
_MOST_CHARACTERS = 32 << 20  # of the rows of one block: bounds the memory that very long records take
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode
_decode_texts = msgspec.json.Decoder(dict[str, str]).decode


class OldRow(NamedTuple):
    """A row of `recent` as migration `0003_logs` made it, without its words."""

    id: int
    time: int
    received: int
    level: str
    severity: int
    project: str
    service: str
    instance: str
    logger: str
    message: str
    template: str | None
    attributes: str | None
    exception_type: str | None
    exception_message: str | None
    stacktrace: str | None
    arguments: str | None
    trace_id: str | None
    span_id: str | None
    file: str | None
    line: int | None
    function: str | None
    pid: int | None
    thread: str | None
    test_id: str | None


_SELECT = f"SELECT {', '.join(OldRow._fields)} FROM {OLD_ROWS} ORDER BY id LIMIT ?"


def seal_old_rows(connection: sqlite3.Connection) -> int:
    """
    Seal all old rows, and forget their table. May be killed at any point, and called again.

    Args:
        connection: Outside of any transaction.

    Returns:
        How many records were sealed.
    """
    if not has_old_rows(connection):
        return 0
    dictionary = Numbered()
    dictionary.load(connection)
    sites, sealed = CallSites(Patterns(dictionary.patterns())), 0
    while rows := _next_rows(connection):
        with _transaction(connection):
            _seal_rows(connection, dictionary, sites, rows)
        sealed += len(rows)
    with _transaction(connection):
        _count_again(connection, dictionary)
        connection.execute(f"DROP TABLE {OLD_ROWS}")
    return sealed


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _next_rows(connection: sqlite3.Connection) -> list[OldRow]:
    rows: list[OldRow] = []
    characters = 0
    cursor = connection.execute(_SELECT, (sealing.BLOCK,))
    for row in map(OldRow._make, cursor):
        rows.append(row)
        characters += sum(len(value) for value in row if isinstance(value, str))
        if characters > _MOST_CHARACTERS:
            break
    cursor.close()
    return rows


def _seal_rows(
    connection: sqlite3.Connection, dictionary: Numbered, sites: CallSites, rows: list[OldRow]
) -> None:
    received = {row.id >> _SLICE_BITS: row.received for row in rows}
    part = build_told([(row.id, told_of(row, sites)) for row in rows], received)
    sealed = seal(part, dictionary)
    dictionary.stored(dictionary.store(connection))
    insert_block(connection, part, sealed)
    ensure_places(connection, part.head.sources, int(part.head.received.max()))
    connection.execute(f"DELETE FROM {OLD_ROWS} WHERE id <= ?", (rows[-1].id,))


def _count_again(connection: sqlite3.Connection, dictionary: Numbered) -> None:
    """Count the sealed records of all places: the old counts had those that are read from slices now, too."""
    connection.execute("UPDATE instance SET records = 0")
    for (summary,) in connection.execute("SELECT summary FROM block"):
        head = read_summary(summary, dictionary).head
        for source, count in zip(head.sources, head.source_counts.tolist(), strict=True):
            count_records(connection, source[:3], count, None)


def told_of(row: OldRow, sites: CallSites) -> Told:
    """
    Return an old row in the form of a part's rows.

    Args:
        row: The row.
        sites: Call sites that are known.
    """
    style = wire.STYLE_TEXT if row.template is None else wire.STYLE_PERCENT
    face = (row.logger, row.severity, row.level, row.template)
    # The first four are numbers of a segment, which tell nothing here.
    site = sites.of(Site(0, wire.KIND_SITE, 0, 0, *face, row.file, row.line, row.function, style))
    form, pieces = site.rendered(row.message)
    source = Source(row.project, row.service, row.instance, row.pid)
    return Told(source, form, pieces, row.time, _fields(row.attributes), _extras(row))


def _fields(attributes: str | None) -> dict[str, Any]:
    if attributes is None:
        return {}
    try:
        return _decode_object(attributes)
    except (msgspec.MsgspecError, RecursionError):  # another program has written it
        return {"attributes": attributes, DEGRADED: ["attributes"]}


def _extras(row: OldRow) -> dict[str, Any]:
    """Return what only some records have."""
    extras: dict[str, Any] = {}
    if row.thread != MAIN_THREAD:
        extras[THREAD] = row.thread
    if row.exception_type is not None:
        texts = (row.exception_type, row.exception_message or "", row.stacktrace or "")
        extras[EXCEPTION] = [*texts, _arguments(row.arguments)]
    ids = {TRACE: row.trace_id, SPAN: row.span_id, TEST: row.test_id}
    return {**extras, **{name: value for name, value in ids.items() if value is not None}}


def _arguments(arguments: str | None) -> dict[str, str] | None:
    try:
        return None if arguments is None else _decode_texts(arguments)
    except msgspec.MsgspecError:
        return {"arguments": arguments or ""}
