"""Entries on their way to the disk: in batches, again where there was no room, and counted."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

from pylogtap_collector.errors import Overloaded
from pylogtap_collector.taps.parts import in_parts
from pylogtap_collector.turns import Allowance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.ports.gate import Gate
    from pylogtap_collector.services.counters import Tally
    from pylogtap_collector.services.intake import Taken
    from pylogtap_collector.taps.entries import Entry

BATCH = 500  # entries
BATCH_BYTES = 256 << 10  # likewise, of what they were read from
BATCH_S = 0.05  # how long an entry waits for others
_TURNS = 32
_UNDERWAY = 8 << 20  # bytes that one port stores at once; what comes after them waits, and so do senders
_WAITS_S = (0.05, 5.0)  # before the next attempt: at first, and at most


class Intake(Protocol):
    """Where entries go: :class:`pylogtap_collector.services.intake.Intake`."""

    async def take(
        self,
        entries: Sequence[Entry],
        visitor: Visitor,
        *,
        identity: bytes | None = None,
        marks: Mapping[str, str] | None = None,
    ) -> Taken:
        """Store entries, and marks with them; when this returns, they are on the disk."""

    async def marks(self, beginning: str) -> Mapping[str, str]:
        """Return the marks whose names begin so."""


class Courier:
    """Delivers what one port receives."""

    def __init__(self, intake: Intake, gate: Gate, tally: Tally) -> None:
        """
        Bind what it needs.

        Args:
            intake: Stores.
            gate: Tells of what was refused.
            tally: Counts.
        """
        self._intake = intake
        self._gate = gate
        self._tally = tally
        self._ended = asyncio.Event()
        self._underway = Allowance(_UNDERWAY)

    def end(self) -> None:
        """Try no longer where there is no room: the time to stop is over."""
        self._ended.set()

    async def deliver(
        self,
        entries: Sequence[Entry],
        visitor: Visitor,
        identity: bytes | None = None,
        marks: Mapping[str, str] | None = None,
        *,
        size: int = 0,
    ) -> bool:
        """
        Store entries, however long it takes; whoever waits for this reads no more meanwhile.

        Args:
            entries: In their order.
            visitor: Who delivers them.
            identity: What tells this delivery from all others; see the intake.
            marks: What is stored with them, by name.
            size: Bytes of what they were read from.

        Returns:
            Whether they are on the disk, or refused for good; else the collector ends.
        """
        async with self._underway.take(size):
            return await self._store(entries, visitor, identity, marks)

    async def _store(
        self,
        entries: Sequence[Entry],
        visitor: Visitor,
        identity: bytes | None,
        marks: Mapping[str, str] | None,
    ) -> bool:
        wait_s, most_s = _WAITS_S
        while True:
            try:
                taken = await self._intake.take(entries, visitor, identity=identity, marks=marks)
            except Overloaded as error:
                if self._ended.is_set():
                    return False
                self._gate.warn(f"what other programs send has to wait: {error.detail}")
                wait_s = min(max(2 * wait_s, error.retry_after_s or 0), most_s)
                await self._rest(wait_s)
                continue
            self._tally.stored += taken.stored
            self._tally.refused += len(taken.refused)
            if taken.refused:
                self._gate.warn(f"entries from {visitor.address} are refused: {taken.refused[0].reason}")
            return True

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            pass

    def lose(self, count: int, why: str) -> None:
        """
        Count what is lost, and say so.

        Args:
            count: Entries or datagrams.
            why: The cause.
        """
        self._tally.lost += count
        self._gate.warn(f"lost what other programs sent: {why}")


class Batch:
    """Entries of one connection that wait for each other, so that they share a commit."""

    def __init__(self, courier: Courier) -> None:
        """
        Begin.

        Args:
            courier: Delivers.
        """
        self._courier = courier
        self._entries: list[Entry] = []
        self._visitor: Visitor | None = None
        self._size = 0
        self._due = 0.0
        self._turns = 0

    @property
    def due_s(self) -> float | None:
        """Seconds until it should be delivered; None: it is empty."""
        return max(0.0, self._due - time.monotonic()) if self._entries else None

    async def add(self, entries: Iterable[Entry], visitor: Visitor, size: int = 0) -> None:
        """
        Add entries; deliver when there are enough.

        Args:
            entries: In their order.
            visitor: Who delivers them.
            size: Bytes that were read meanwhile.
        """
        if self._visitor is not None and visitor != self._visitor:
            await self.flush()
        self._turns += 1
        if not self._turns % _TURNS:  # to read entries is work; others have to come in between
            await asyncio.sleep(0)
        for entry in (part for each in entries for part in in_parts(each)):
            if not self._entries:
                self._visitor, self._due = visitor, time.monotonic() + BATCH_S
            self._entries.append(entry)
            if len(self._entries) >= BATCH:
                await self.flush()
        self._size += size
        if self._size >= BATCH_BYTES:
            await self.flush()

    async def flush_due(self) -> None:
        """Deliver what has waited long enough."""
        if self._entries and time.monotonic() >= self._due:
            await self.flush()

    async def flush(self) -> None:
        """Deliver all there is."""
        size, self._size = self._size, 0
        if self._entries and self._visitor is not None:
            entries, self._entries = self._entries, []
            if not await self._courier.deliver(entries, self._visitor, size=size):
                self._courier.lose(len(entries), "the collector stopped while its disk could take no more")
