"""The port for syslog, GELF, JSON lines and text, over TCP; the first byte of a message tells which it is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pylogtap_collector.ports.connections import Connection, Hangup
from pylogtap_collector.ports.delivery import BATCH_S, Batch
from pylogtap_collector.services.intake import default_place
from pylogtap_collector.taps.frames import FrameCutter
from pylogtap_collector.taps.joining import FLUSH_NS, Joiner, Line
from pylogtap_collector.taps.mixed import FrameReader, divide, shown_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.ports.delivery import Courier
    from pylogtap_collector.ports.gate import Gate
    from pylogtap_collector.services.counters import Tally
    from pylogtap_collector.taps.entries import Entry
    from pylogtap_collector.taps.frames import Frame

SERVICE = "lines"  # of messages that do not say theirs
NO_KEY = (
    "it may not deliver: it has to show a key that may (pylogtap_key in JSON, _pylogtap_key in GELF, "
    '[pylogtap@32473 key="…"] in syslog), or to be within PYLOGTAP_COLLECTOR_TAP_NETWORKS'
)
BAD_KEY = "the key that it shows is not good for delivering"
_LOOK_S = 0.25  # how often to look for records that no further line has come for


class LinesPort:
    """Talks with senders, who are told nothing but why they are sent away."""

    def __init__(self, courier: Courier, gate: Gate, tally: Tally) -> None:
        """
        Bind what it needs.

        Args:
            courier: Delivers.
            gate: Knows who may deliver.
            tally: Counts.
        """
        self._courier = courier
        self._gate = gate
        self._tally = tally

    async def talk(self, connection: Connection) -> None:
        """
        Take what a sender says until it is done.

        Args:
            connection: The connection.
        """
        try:
            await _Conversation(self._courier, self._gate, connection).run()
        except _Refused as reason:
            self._tally.turned_away += 1
            await connection.send(f"pylogtap closed this connection: {reason}\n".encode())
            raise


class _Refused(Hangup):
    """The sender may not deliver."""


class _Conversation:
    """One connection."""

    def __init__(self, courier: Courier, gate: Gate, connection: Connection) -> None:
        self._gate = gate
        self._connection = connection
        self._visitor: Visitor | None = gate.by_address(connection.address)
        self._key = ""
        self._cutter = FrameCutter()
        self._reader = FrameReader()
        self._joiner = Joiner()
        self._batch = Batch(courier)

    async def run(self) -> None:
        try:
            await self._read_all()
        except _Refused:
            raise
        except (Hangup, OSError):  # it was cut; what came of it counts
            await self._take(self._cutter.flush())
            raise
        finally:
            await self._add(self._joiner.flush())
            await self._batch.flush()

    async def _read_all(self) -> None:
        idle = True
        while True:
            data = await self._connection.read(
                self._cutter.waiting, self._patience(idle=idle), known=self._visitor is not None
            )
            if data:
                await self._take(self._cutter.feed(data))
                idle = False
            elif data is not None:
                await self._take(self._cutter.flush())
                return
            else:
                await self._take(self._cutter.release())
                await self._add(self._joiner.flush_older_than(time.time_ns() - FLUSH_NS))
                idle = True
            await self._batch.flush_due()

    def _patience(self, *, idle: bool) -> float | None:
        """Return the seconds after which there is something to do although nothing comes."""
        due_s = self._batch.due_s
        if due_s is not None:
            return due_s
        if not idle:
            return BATCH_S  # a line of syslog may wait for what follows
        return _LOOK_S if self._joiner.waiting else None

    async def _take(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            now_ns = time.time_ns()
            item = divide(frame.data, now_ns)
            visitor = self._judge(shown_key(item))
            default = default_place(visitor, SERVICE, self._connection.address)
            found = self._reader.read(frame, item, default, now_ns)
            entries = self._joiner.take(found, now_ns) if isinstance(found, Line) else [found]
            await self._batch.add(entries, visitor, len(frame.data))

    async def _add(self, entries: Iterable[Entry]) -> None:
        if self._visitor is not None:
            await self._batch.add(entries, self._visitor)

    def _judge(self, key: str | None) -> Visitor:
        """
        Return who the sender is.

        Args:
            key: What he shows; a key counts until the end of the connection.

        Raises:
            _Refused: He may not deliver.
        """
        if key is not None and key != self._key:
            self._visitor, self._key = self._gate.by_key(key, self._connection.address), key
            if self._visitor is None:
                raise _Refused(BAD_KEY)
        if self._visitor is None or not self._gate.knows(self._visitor):
            raise _Refused(NO_KEY)
        return self._visitor
