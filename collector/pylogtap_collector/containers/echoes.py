"""
Lines that a container's process has also shipped itself, by our client: they are not stored twice.

A client in a container prints warnings and worse, or all, or the program has a handler of its own that prints
the same records; under `pylogtap run` each line is shipped. But not all that is printed is shipped: a plain
print, a crash before the client was set up, or records that died with the container's spool. So a line is
left out only where a record that it echoes is in the store.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pylogtap_collector.containers.model import Container
    from pylogtap_collector.taps.entries import Entry

GRACE_S = 3.0  # so long a client may take to deliver; lines of its container wait for that
EARLY_NS = 2_000_000_000  # a record is made before its line is written; clocks of two machines may differ
LATE_NS = 5_000_000_000  # a busy program writes its line long after the record was made
_SURE = 8  # characters of a message that are enough to know it within a line


class Shipped(NamedTuple):
    """
    A record that a client has shipped.

    Attributes:
        time_ns: When it was made, ns since the epoch.
        message: What it says.
        exception: Type and message of its exception, as Python's last line has them; empty: none.
    """

    time_ns: int
    message: str
    exception: str = ""


class ShippedRecords(Protocol):
    """Knows what clients have shipped."""

    async def shipped(self, container: Container, since_ns: int, until_ns: int) -> Sequence[Shipped] | None:
        """
        Return the records that processes of a container have shipped.

        These are of the container's place, or of a process whose host has the container's name for itself.

        Args:
            container: Which.
            since_ns: From when on, ns since the epoch.
            until_ns: Until when.

        Returns:
            In their order; None: no process of it has ever shipped anything.
        """


class Written(NamedTuple):
    """
    A line that a container has written.

    Attributes:
        entry: As it was understood.
        time_ns: When it was written, ns since the epoch, as the engine says.
    """

    entry: Entry
    time_ns: int


def without_echoes(written: Iterable[Written], shipped: Iterable[Shipped]) -> list[Entry]:
    """
    Return the entries that no record tells already.

    A line echoes a record of about its time if it says the same, or has its message at the end, or before
    fields, or in the midst where that is long enough to be no chance; or if it tells the same exception.
    Each record accounts for one line, so that what is printed more often than it was shipped is kept.

    Args:
        written: Lines of one container, in their order.
        shipped: Records of the same container.
    """
    left: dict[int, list[Shipped]] = defaultdict(list)
    for record in shipped:
        left[record.time_ns // LATE_NS].append(record)
    kept: list[Entry] = []
    for entry, time_ns in written:
        near = range((time_ns - LATE_NS) // LATE_NS, (time_ns + EARLY_NS) // LATE_NS + 1)
        found = next(
            (
                (slot, record)
                for slot in near
                for record in left.get(slot, ())
                if time_ns - LATE_NS <= record.time_ns <= time_ns + EARLY_NS and echoes(entry, record)
            ),
            None,
        )
        if found is None:
            kept.append(entry)
        else:
            left[found[0]].remove(found[1])
    return kept


def echoes(entry: Entry, record: Shipped) -> bool:
    """
    Tell whether a line says what a record says; times are the caller's.

    Args:
        entry: The line, or a traceback.
        record: The record.
    """
    if entry.exception is not None and record.exception:
        kind, text = entry.exception.get("type", ""), entry.exception.get("message", "")
        return record.exception == (f"{kind}: {text}" if text else kind)
    said, message = entry.message.strip(), record.message.strip()
    if not message or not said:
        return said == message
    if said == message or said.endswith(f" {message}") or said.startswith(f"{message} "):
        return True
    return len(message) >= _SURE and message in said
