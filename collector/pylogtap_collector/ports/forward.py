"""The port for Fluent Forward: Docker's `fluentd` driver, Fluentd, Fluent Bit, fluent-logger."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from itertools import chain, count
from typing import TYPE_CHECKING

from pylogtap_collector.errors import Undecodable
from pylogtap_collector.ports.connections import Connection, Hangup
from pylogtap_collector.ports.delivery import BATCH, Batch
from pylogtap_collector.services.intake import default_place
from pylogtap_collector.taps.forward import MAX_MESSAGE, ForwardDecoder, Message, acknowledge, pack
from pylogtap_collector.taps.handshake import Handshake
from pylogtap_collector.taps.joining import FLUSH_NS, Joiner, Line
from pylogtap_collector.taps.parts import in_parts
from pylogtap_collector.taps.shipped import read_event, take_shown_key

if TYPE_CHECKING:
    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.ports.delivery import Courier
    from pylogtap_collector.ports.gate import Gate
    from pylogtap_collector.ports.holding import Holding
    from pylogtap_collector.services.counters import Tally
    from pylogtap_collector.settings import Settings
    from pylogtap_collector.taps.entries import Entry
    from pylogtap_collector.taps.forward import Event

SERVICE = "forward"  # of events that do not say theirs
_SLICE = 10 * BATCH  # entries of one message that are stored at once
_SLICE_BYTES = 2 << 20  # likewise, of its events
_UNKNOWN_MAX = 1 << 20  # bytes of a message of somebody who has not shown yet that he may deliver
_TURNS = 32
_PIECE = 8 << 10  # bytes that are cut into messages at once: some milliseconds at the worst
_LATER = "the collector stops, and its disk could take no more; it will be sent again"
_LARGE = 256 << 10  # bytes of a message, decompressed, beside which no other large one is in memory
_SMALL = 4 << 10  # bytes of a message that is read at once
_LOOK_S = 0.25  # how often to look for records that no further line has come for


class ForwardPort:
    """Talks with senders. An acknowledged message is on the disk, whole."""

    def __init__(
        self, settings: Settings, courier: Courier, gate: Gate, tally: Tally, holding: Holding
    ) -> None:
        """
        Bind what it needs.

        Args:
            settings: The shared key, and the largest message.
            courier: Delivers.
            gate: Knows who may deliver.
            tally: Counts.
            holding: Holds lines that are acknowledged one by one.
        """
        self._holding = holding
        self._settings = settings
        self._courier = courier
        self._gate = gate
        self._tally = tally
        self._opening = asyncio.Lock()  # one large message at a time is decompressed, and stored

    async def talk(self, connection: Connection) -> None:
        """
        Talk with a sender until it is done.

        Args:
            connection: The connection.
        """
        conversation = _Conversation(
            self._settings, self._courier, self._gate, self._tally, self._holding, connection, self._opening
        )
        await conversation.run()


class _Conversation:
    """One connection."""

    def __init__(
        self,
        settings: Settings,
        courier: Courier,
        gate: Gate,
        tally: Tally,
        holding: Holding,
        connection: Connection,
        opening: asyncio.Lock,
    ) -> None:
        self._courier = courier
        self._opening = opening
        self._holding = holding
        self._gate = gate
        self._tally = tally
        self._connection = connection
        self._joiner = Joiner()  # of messages that are not acknowledged
        self._batch = Batch(courier)
        self._key = ""
        self._visitor: Visitor | None = None
        self._handshake: Handshake | None = None
        if settings.forward_shared_key is not None:
            self._handshake = Handshake(settings.forward_shared_key.get_secret_value(), socket.gethostname())
        else:
            self._visitor = gate.by_address(connection.address)
        self._decoder = ForwardDecoder(
            settings.tap_max_bytes, MAX_MESSAGE if self._visitor is not None else _UNKNOWN_MAX
        )

    async def run(self) -> None:
        if self._handshake is not None:
            await self._connection.send(pack(self._handshake.helo, as_json=False))
        joining = False
        try:
            while True:
                within_s = self._batch.due_s
                if joining:
                    within_s = _LOOK_S if within_s is None else min(within_s, _LOOK_S)
                data = await self._connection.read(
                    self._decoder.waiting, within_s, known=self._visitor is not None
                )
                if data:
                    await self._take(data)
                    joining = True
                elif data is not None:
                    return
                else:
                    now_ns = time.time_ns()
                    late = self._joiner.flush_older_than(now_ns - FLUSH_NS)
                    await self._add(late)
                    joining = self._joiner.waiting
                await self._batch.flush_due()
        finally:
            await self._add(self._joiner.flush())
            await self._batch.flush()

    async def _take(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE):
            if start:  # what has come already is read without a wait: others have to come in between
                await self._connection.turn()
            await self._take_piece(data[start : start + _PIECE])

    async def _take_piece(self, data: bytes) -> None:
        try:
            values = self._decoder.values(data)
        except Undecodable as error:
            self._tally.skipped += 1
            raise Hangup(error.detail) from error
        for value in values:
            if self._handshake is not None:
                await self._shake(self._handshake, value)
            else:
                await self._take_message(value)

    async def _take_message(self, value: bytes) -> None:
        """Store a message. What may inflate to much does so in a thread, one after the other."""
        if len(value) <= _SMALL:
            message = self._decoder.message(value)
        else:
            self._connection.keep(len(value))
            async with self._opening:
                message = await asyncio.to_thread(self._decoder.message, value)
                if message is not None and message.size > _LARGE:
                    await self._store(message)
        if message is None:
            return
        if message.size <= _LARGE:
            await self._store(message)
        if message.chunk is not None:
            await self._connection.send(acknowledge(message.chunk, as_json=self._decoder.is_json))

    async def _shake(self, handshake: Handshake, value: bytes) -> None:
        answer = handshake.answer(value)
        pong = pack(answer.pong, as_json=self._decoder.is_json)
        if answer.refusal is not None:
            self._tally.turned_away += 1
            with contextlib.suppress(OSError):  # who sends and leaves reads no answer: the log has to tell
                await self._connection.send(pong)
            raise Hangup(answer.refusal)
        await self._connection.send(pong)
        self._handshake = None
        self._visitor = self._gate.by_shared_key(self._connection.address)
        self._decoder.admit(MAX_MESSAGE)

    async def _store(self, message: Message) -> None:
        if message.chunk is None:
            await self._store_each(message)
        else:
            await self._batch.flush()
            await self._store_whole(message, message.chunk)
        self._tally.skipped += message.skipped
        if message.skipped:
            self._gate.warn(f"events of {message.tag!r} could not be read, and are left out")

    async def _store_each(self, message: Message) -> None:
        """Store a message that nobody waits for the acknowledgement of: its events may wait for others."""
        for turn, event in enumerate(message.events(), 1):
            if not turn % _TURNS:
                await self._connection.turn()
            self._judge(event)
            await self._add(self._entries(self._read(message, event), self._joiner), event.size)

    async def _store_whole(self, message: Message, chunk: bytes) -> None:
        """Store a message that will be acknowledged: none of it may wait in memory."""
        joiner, numbers = Joiner(), count()
        entries: list[Entry] = []
        size = 0
        events = message.events()
        first, second = next(events, None), next(events, None)
        if first is not None and second is None:
            self._judge(first)
            found = self._read(message, first)
            if isinstance(found, Line) and found.of_container and self._holding.has_room:
                await self._hold(found, chunk)
                return
            entries, size = self._entries(found, joiner), first.size
            first = None
        for turn, event in enumerate(chain(filter(None, (first, second)), events), 1):
            self._judge(event)
            if not turn % _TURNS:  # to read entries is work; others have to come in between
                await self._connection.turn()
            entries += self._entries(self._read(message, event), joiner)
            size += event.size
            if len(entries) >= _SLICE or size >= _SLICE_BYTES:
                await self._commit(entries, b"%b#%d" % (chunk, next(numbers)), size)
                entries, size = [], 0
        entries += joiner.flush()  # what is acknowledged must not wait for another line in memory
        await self._commit(entries, b"%b#%d" % (chunk, next(numbers)), size)

    def _read(self, message: Message, event: Event) -> Entry | Line:
        assert self._visitor is not None
        default = default_place(self._visitor, SERVICE, self._connection.address)
        return read_event(message.tag, event, default, time.time_ns())

    @staticmethod
    def _entries(found: Entry | Line, joiner: Joiner) -> list[Entry]:
        return joiner.take(found, time.time_ns()) if isinstance(found, Line) else [found]

    async def _hold(self, line: Line, chunk: bytes) -> None:
        assert self._visitor is not None
        if not await self._holding.take(line, chunk, self._visitor):
            raise Hangup(_LATER)

    async def _add(self, entries: list[Entry], size: int = 0) -> None:
        if self._visitor is not None:
            await self._batch.add(entries, self._visitor, size)

    async def _commit(self, entries: list[Entry], identity: bytes, size: int) -> None:
        if not entries or self._visitor is None:
            return
        parts = [part for entry in entries for part in in_parts(entry)]
        if not await self._courier.deliver(parts, self._visitor, identity, size=size):
            raise Hangup(_LATER)

    def _judge(self, event: Event) -> None:
        """
        Make sure that the sender may deliver.

        Raises:
            Hangup: He may not.
        """
        key = take_shown_key(event)
        if key is not None and key != self._key:
            self._visitor, self._key = self._gate.by_key(key, self._connection.address), key
            if self._visitor is None:
                self._tally.turned_away += 1
                raise Hangup("the pylogtap_key that it shows is not good for delivering")
            self._decoder.admit(MAX_MESSAGE)
        if self._visitor is None or not self._gate.knows(self._visitor):
            self._tally.turned_away += 1
            raise Hangup(
                "it may not deliver: it needs a field pylogtap_key with a key that may, an address within "
                "PYLOGTAP_COLLECTOR_TAP_NETWORKS, or the shared key of PYLOGTAP_COLLECTOR_FORWARD_SHARED_KEY"
            )
