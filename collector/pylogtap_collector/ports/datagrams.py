"""The same over UDP, where nobody can be told to wait: what there is no room for is dropped, and counted."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import deque
from typing import TYPE_CHECKING

from pylogtap_collector.errors import Undecodable
from pylogtap_collector.ports.delivery import BATCH, BATCH_S
from pylogtap_collector.ports.lines import BAD_KEY, NO_KEY, SERVICE
from pylogtap_collector.services.intake import LOCAL, default_place
from pylogtap_collector.taps.entries import Entry
from pylogtap_collector.taps.gelf import MAGIC, Assembler
from pylogtap_collector.taps.mixed import divide, entry_of_item, messages_of, shown_key
from pylogtap_collector.taps.parts import in_parts
from pylogtap_collector.taps.plain import entry_of_text
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.ports.delivery import Courier
    from pylogtap_collector.ports.gate import Gate
    from pylogtap_collector.services.counters import Tally

MAX_QUEUE = 32 << 20  # bytes of datagrams that wait
_OVERHEAD = 200  # bytes that each takes besides
_RECEIVE_BUFFER = 4 << 20  # bytes in the kernel, as far as it allows
_MAX_MESSAGE = 8 << 20  # bytes of one message, decompressed
_MAX_PARTS = 32 << 20  # bytes of parts that wait
_LOOK_S = 5.0  # for parts that are too old
_TURNS = 32
_WARNING = 13

_Groups = dict[tuple[str, str, int | None], tuple["Visitor", list[Entry]]]


class DatagramPort(asyncio.DatagramProtocol):
    """
    Receives datagrams, and stores what they say.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, courier: Courier, gate: Gate, tally: Tally, max_queue: int = MAX_QUEUE) -> None:
        """
        Bind what it needs.

        Args:
            courier: Delivers.
            gate: Knows who may deliver.
            tally: Counts.
            max_queue: Bytes of datagrams that wait.
        """
        self.port = 0
        self._courier = courier
        self._gate = gate
        self._tally = tally
        self._max = max_queue
        self._queue: deque[tuple[bytes, str]] = deque()
        self._size = 0
        self._dropped = 0
        self._there = asyncio.Event()
        self._stopping = False
        self._parts = Assembler(_MAX_PARTS)
        self._transport: asyncio.DatagramTransport | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> None:
        """
        Listen.

        Args:
            host: The address.
            port: The port; 0: any free one.

        Raises:
            OSError: The port is taken, or the address is not ours.
        """
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
        plug: socket.socket = self._transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        self.port = plug.getsockname()[1]
        self._task = loop.create_task(self._work())

    async def stop(self) -> None:
        """Receive no more, and store what has been received."""
        transport, self._transport = self._transport, None
        if transport is not None:
            self._drain(transport.get_extra_info("socket"))
            transport.close()
        self._stopping = True
        self._there.set()
        if self._task is not None:
            await self._task

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Queue a datagram, if there is room for it."""
        size = len(data) + _OVERHEAD
        if self._size + size > self._max:
            self._dropped += 1
            return
        self._queue.append((data, addr[0]))
        self._size += size
        self._there.set()

    def error_received(self, exc: Exception) -> None:
        """Leave what the network says of what we never sent."""

    def _drain(self, plug: socket.socket) -> None:
        """Take what the kernel has received already."""
        copy = plug.dup()
        with contextlib.suppress(OSError):
            while True:
                self.datagram_received(*copy.recvfrom(64 << 10, socket.MSG_DONTWAIT))
        copy.close()

    async def _work(self) -> None:
        while not self._stopping or self._queue:
            if not self._queue:
                self._there.clear()
                await self._wait()
                await asyncio.sleep(0 if self._stopping else BATCH_S)  # others share the commit
            groups: _Groups = {}
            for turn in range(min(BATCH, len(self._queue))):
                if not turn % _TURNS:  # to read entries is work; others have to come in between
                    await asyncio.sleep(0)
                data, address = self._queue.popleft()
                self._size -= len(data) + _OVERHEAD
                self._read(data, address, groups)
            for visitor, entries in groups.values():
                if not await self._courier.deliver(entries, visitor):
                    self._courier.lose(
                        len(entries), "the collector stopped while its disk could take no more"
                    )
            await self._tell_dropped()

    async def _wait(self) -> None:
        """Wait for a datagram, or until parts of one are too old."""
        try:
            async with asyncio.timeout(_LOOK_S if self._parts.waiting else None):
                await self._there.wait()
        except TimeoutError:
            self._parts.expire(time.monotonic_ns())

    def _read(self, data: bytes, address: str, groups: _Groups) -> None:
        """Add the entries of a datagram to those of whoever sent it."""
        known = self._gate.by_address(address)
        now_ns = time.time_ns()
        try:
            if data.startswith(MAGIC):
                whole = self._parts.take(data, address, time.monotonic_ns())
                if whole is None:
                    return
                data = whole
            messages = messages_of(data, _MAX_MESSAGE)
        except Undecodable as error:
            self._tally.skipped += 1
            self._gate.warn(f"a datagram from {address} could not be read: {error.detail}")
            return
        for message in messages:
            item = divide(message, now_ns)
            key = shown_key(item)
            visitor = known if key is None else self._gate.by_key(key, address)
            if visitor is None:
                self._tally.turned_away += 1
                self._gate.warn(f"dropped datagrams from {address}: {NO_KEY if key is None else BAD_KEY}")
                continue
            default = default_place(visitor, SERVICE, address)
            if isinstance(item, str):
                entry = entry_of_text(item, default, now_ns)
            else:
                entry = entry_of_item(item, default, now_ns)
            who = (visitor.kind, visitor.name, visitor.id)
            groups.setdefault(who, (visitor, []))[1].extend(in_parts(entry))

    async def _tell_dropped(self) -> None:
        """Store how many were lost, where whoever looks for them will find it."""
        lost = self._dropped + self._parts.dropped
        if not lost:
            return
        why = {"queue": self._dropped, "parts": self._parts.dropped}
        self._dropped = self._parts.dropped = 0
        self._courier.lose(lost, f"{lost} datagrams; UDP cannot be told to wait, TCP can")
        entry = Entry(
            Place(default_place(LOCAL, SERVICE, "udp").project, SERVICE, "udp"),
            f"{lost} datagrams were lost: more came than could be stored, or parts were missing",
            severity=_WARNING,
            level="warning",
            logger="pylogtap.collector",
            fields={"lost": {name: number for name, number in why.items() if number}},
        )
        await self._courier.deliver([entry], LOCAL)
