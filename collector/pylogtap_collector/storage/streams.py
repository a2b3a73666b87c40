"""Streams, and their slices that are not sealed yet: `stream`, `definition`, `hot`, `progress`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pylogtap.wire import HEADER_SIZE
from pylogtap_collector.errors import MissingRight
from pylogtap_collector.storage.hot import SLICE_BITS
from pylogtap_collector.storage.places import ensure_places
from pylogtap_collector.storage.samples import store_points
from pylogtap_collector.storage.test_runs import apply_events
from pylogtap_collector.taps.shipped_samples import points_of
from pylogtap_collector.taps.test_events import read_test_events
from pylogtap_collector.wire import Scan, pack_definitions, places_in, projects_in, scan, unpack_definitions

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from pylogtap_collector.access.visitor import Projects
    from pylogtap_collector.storage.samples import SeriesIndex, StoredPoints
    from pylogtap_collector.storage.test_runs import Applied
    from pylogtap_collector.taps.entries import Point

_RELEASE_PAGES = 500  # of 8 KiB: some milliseconds
_SPARE_PAGES = 256  # 2 MiB that the next slices will take


@dataclass(slots=True)
class Slice:
    """
    A slice as it came, and what a scan of it has found.

    Attributes:
        segment: The id of its segment.
        offset: Where it begins in the segment.
        data: Its frames, decompressed.
        found: The scan.
        body: As it was sent.
        encoding: What `body` is compressed with; empty: nothing.
        skipped_from: Where the bytes begin that the client has set aside, right before it.
        received: When it came, ns since the epoch.
        projects: Those that may be delivered to; None: all.
        skew_ns: Our clock minus the client's; None where the client did not tell its time.
        made: It was made here, and is all that there is of its segment.
    """

    segment: bytes
    offset: int
    data: bytes
    found: Scan
    body: bytes
    encoding: str
    received: int
    skipped_from: int | None = None
    projects: Projects = None
    skew_ns: int | None = None
    made: bool = False


@dataclass(slots=True)
class Stored:
    """
    What became of a slice.

    Attributes:
        next: Offset from which the client is to go on.
        slice: The number it got; 0 where it has no new record.
        found: What stands in the part that was new.
        repeated: Bytes of it that had been stored before.
        bytes: Bytes that were stored.
        size: The same, decompressed.
        samples: The values of metrics in it.
        points: What became of these.
        tests: What became of what it tells of test runs.
    """

    next: int
    slice: int = 0
    found: Scan | None = None
    repeated: int = 0
    bytes: int = 0
    size: int = 0
    samples: Sequence[Point] = ()
    points: StoredPoints | None = None
    tests: Applied | None = None


class Waiting(NamedTuple):
    """
    A slice that is not sealed.

    Attributes:
        number: Its number.
        records: How many it holds.
        bytes: As it is stored.
        size: The same, decompressed.
    """

    number: int
    records: int
    bytes: int
    size: int


def store_slice(connection: sqlite3.Connection, part: Slice, index: SeriesIndex) -> Stored:
    """
    Store what is new of a slice, with the definitions in it and how far its stream has come.

    Values of metrics go to theirs, and what happens in test runs is applied to these. A slice without any
    record is not kept: nothing would ever seal it.

    A stream that nobody knows begins behind the header of its segment. A slice from further on is answered by
    where to begin instead, and one from further back by skipping what is there already: so a slice may be
    sent again, cut anew, or go on by another process, and every frame is stored once.

    Args:
        connection: In a transaction: all of it counts or nothing.
        part: The slice.
        index: Known series.

    Raises:
        MissingRight: It has records, metrics or test runs of a project that may not be delivered to.
    """
    known = connection.execute(
        "SELECT id, next_offset, projects FROM stream WHERE segment = ?", (part.segment,)
    ).fetchone()
    stream, following, before = known or (0, HEADER_SIZE, "[]")
    named = projects_in(part.found)
    if part.projects is not None:
        _check_projects(part, named | _named_before(connection, stream, before))
    if part.skipped_from is not None and part.skipped_from <= following < part.offset:
        following = part.offset
    if part.offset > following:
        return Stored(following)
    data, found, body, encoding = part.data, part.found, part.body, part.encoding
    repeated = min(following, part.offset + len(data)) - part.offset
    if repeated:
        if found.end <= following and found.damage is None:
            return Stored(following, repeated=repeated)
        data = body = data[repeated:]
        encoding, found = "", scan(data, following, part.segment)
    taken = found.end - following
    if taken < len(data):
        body, encoding = data[:taken], ""
    stream = _advance(connection, stream, found.end, part)
    _remember_projects(connection, stream, before, named)
    stored = Stored(found.end, found=found, repeated=repeated)
    if taken:
        _store_definitions(connection, stream, following, part.received, found)
    _store_others(connection, stored, found, part.received, index)
    if found.records:
        row = (stream, following, found.records, part.received, taken, encoding, body)
        columns = "stream, offset, records, received, size, encoding, body"
        cursor = connection.execute(f"INSERT INTO hot ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        stored.slice, stored.bytes, stored.size = cursor.lastrowid or 0, len(body), taken
    return stored


def _store_others(
    connection: sqlite3.Connection, stored: Stored, found: Scan, now_ns: int, index: SeriesIndex
) -> None:
    """Store what is no record."""
    if found.samples:
        stored.samples = points_of(found.samples)
        stored.points = store_points(connection, stored.samples, now_ns, index)
    if found.tests:
        stored.tests = apply_events(connection, read_test_events(found.tests), now_ns)


def _store_definitions(
    connection: sqlite3.Connection, stream: int, offset: int, now_ns: int, found: Scan
) -> None:
    if not found.definitions:
        return
    payloads = [payload for _, payload in found.definitions]
    connection.execute(
        "INSERT OR REPLACE INTO definition (stream, offset, payloads) VALUES (?, ?, ?)",
        (stream, offset, pack_definitions(payloads)),
    )
    ensure_places(connection, places_in(payloads), now_ns)


def _check_projects(part: Slice, named: set[str]) -> None:
    """Let nobody write into a project that is not his: neither by this slice, nor by what others began."""
    assert part.projects is not None
    if foreign := sorted(named - part.projects):
        own = ", ".join(sorted(part.projects)) or "none"
        raise MissingRight(
            f"The slice has records, metrics or test runs of {', '.join(foreign[:3])}, and the key is good "
            f"for {own} alone; take a key for all projects, or let each project have a process and a key of "
            "its own."
        )
    if part.found.records and not named:
        raise MissingRight("The slice has records, but its segment names no place; name one before them.")


def _named_before(connection: sqlite3.Connection, stream: int, kept: str | None) -> set[str]:
    """Return the projects that earlier slices of a stream have named."""
    if kept is not None:
        return set(msgspec.json.decode(kept, type=list[str]))
    rows = connection.execute("SELECT payloads FROM definition WHERE stream = ?", (stream,)).fetchall()
    places = (place for (stored,) in rows for place in places_in(unpack_definitions(stored)))
    return {place.project for place in places}


def _remember_projects(
    connection: sqlite3.Connection, stream: int, before: str | None, named: set[str]
) -> None:
    if not named:
        return
    known = _named_before(connection, stream, before)
    if before is None or not named <= known:
        text = msgspec.json.encode(sorted(known | named)).decode()
        connection.execute("UPDATE stream SET projects = ? WHERE id = ?", (text, stream))


def _advance(connection: sqlite3.Connection, stream: int, following: int, part: Slice) -> int:
    """Remember how far a stream has come, and return its number."""
    if stream:
        connection.execute(
            "UPDATE stream SET next_offset = ?, last_seen = ?, skew_ns = coalesce(?, skew_ns) WHERE id = ?",
            (following, part.received, part.skew_ns, stream),
        )
        return stream
    cursor = connection.execute(
        "INSERT INTO stream (segment, next_offset, first_seen, last_seen, skew_ns, made)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (part.segment, following, part.received, part.received, part.skew_ns, part.made),
    )
    return cursor.lastrowid or 0


def definitions_of_clients(connection: sqlite3.Connection) -> list[list[bytes]]:
    """
    Return the definitions that clients have delivered, of one slice after another.

    Args:
        connection: Reads.
    """
    rows = connection.execute(
        "SELECT payloads FROM definition WHERE stream IN (SELECT id FROM stream WHERE NOT made)"
    )
    return [unpack_definitions(stored) for (stored,) in rows]


def backlog(connection: sqlite3.Connection) -> list[Waiting]:
    """Return what is known of each slice that is not sealed, in their order."""
    # The length of a blob stands in its row's header: no body is read for this.
    rows = connection.execute("SELECT id, records, length(body), size FROM hot ORDER BY id")
    return list(map(Waiting._make, rows))


def forget_slices(connection: sqlite3.Connection, number: int) -> None:
    """
    Remove slices that are sealed, with what was noted about their records.

    Args:
        connection: In the transaction that stores the blocks.
        number: The last of them.
    """
    last = (number + 1 << SLICE_BITS) - 1
    connection.execute("DELETE FROM hot WHERE id <= ?", (number,))
    connection.execute("DELETE FROM gone WHERE log_id <= ?", (last,))
    connection.execute("DELETE FROM recent WHERE id <= ?", (last,))


def forget_streams(connection: sqlite3.Connection, before_ns: int) -> int:
    """
    Forget streams that have sent nothing for long, with their definitions.

    Args:
        connection: In a transaction.
        before_ns: Streams that sent nothing since then.

    Returns:
        How many those were.
    """
    old = "SELECT id FROM stream WHERE last_seen < ? AND id NOT IN (SELECT stream FROM hot)"
    connection.execute(f"DELETE FROM definition WHERE stream IN ({old})", (before_ns,))
    return connection.execute(f"DELETE FROM stream WHERE id IN ({old})", (before_ns,)).rowcount


def forget_made(connection: sqlite3.Connection, before_ns: int) -> int:
    """
    Forget streams that were made here: nothing follows in them, but they may be sent once more.

    Their definitions go as soon as their one slice is sealed.

    Args:
        connection: In a transaction.
        before_ns: Streams that came before then.

    Returns:
        How many those were.
    """
    sealed = "SELECT id FROM stream WHERE made AND id NOT IN (SELECT stream FROM hot)"
    connection.execute(f"DELETE FROM definition WHERE stream IN ({sealed})")
    return connection.execute(
        f"DELETE FROM stream WHERE id IN ({sealed}) AND last_seen < ?", (before_ns,)
    ).rowcount


def last_seen(connection: sqlite3.Connection) -> int | None:
    """
    Return when something was stored of the stream that began last, ns since the epoch of our clock.

    None where nothing was stored yet. It is not the greatest of all: the clock may have been wrong before.
    """
    row = connection.execute("SELECT last_seen FROM stream ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else int(row[0])


def clock_skews(connection: sqlite3.Connection, since_ns: int) -> list[int]:
    """
    Return our clock minus the sender's, for each stream.

    Args:
        connection: Reads.
        since_ns: Only streams that sent something since then.
    """
    rows = connection.execute(
        "SELECT skew_ns FROM stream WHERE last_seen >= ? AND skew_ns IS NOT NULL", (since_ns,)
    )
    return [skew for (skew,) in rows]


def prove_writable(connection: sqlite3.Connection) -> None:
    """
    Change something, so that a disk that cannot take it says so.

    Args:
        connection: In a transaction.
    """
    connection.execute("INSERT OR REPLACE INTO progress (task, log_id) VALUES ('probe', 0)")


def release_pages(connection: sqlite3.Connection, spare: int | None = None) -> bool:
    """
    Give some free pages back to the disk, if there are more than are to stay.

    Args:
        connection: In a transaction.
        spare: Free pages that stay; default: as many as the next slices will take.

    Returns:
        Whether there were.
    """
    free: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    if free <= (_SPARE_PAGES if spare is None else spare):
        return False
    connection.execute(f"PRAGMA incremental_vacuum({_RELEASE_PAGES})").fetchall()
    return True
