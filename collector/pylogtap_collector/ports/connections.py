"""TCP connections of programs that deliver: so many, none for ever half way, ended gracefully."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from typing import TYPE_CHECKING

from pylogtap_collector.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pylogtap_collector.ports.gate import Gate
    from pylogtap_collector.services.counters import Tally

MAX_CONNECTIONS = 1_000
MAX_WAITING = 32 << 20  # bytes of messages that are not stored, of all connections together
HALF_S = 30.0  # how long nothing may come in the middle of a message
WHOLE_S = 300.0  # how long a message may take
SHOW_S = 10.0  # how long somebody may take to show a key
_CHUNK = 16 << 10
_LAST_S = 0.05  # what has arrived when the collector stops is read still
_FAREWELL_S = 2.0

_log = logging.getLogger("pylogtap.collector")


class Hangup(Exception):
    """A connection is to be closed, for a reason that its log line gives."""


class Connection:
    """
    One connection, read until it ends or the collector stops.

    Attributes:
        address: Of the peer.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener: Listener
    ) -> None:
        """
        Take a connection.

        Args:
            reader: Its bytes.
            writer: For answers.
            listener: Knows when to stop, and how much may wait.
        """
        self.address = str((writer.get_extra_info("peername") or ("?",))[0])
        self._reader = reader
        self._writer = writer
        self._listener = listener
        self._held = 0
        self._half_since: float | None = None
        self._touched = self._opened = time.monotonic()
        self._reading: asyncio.Task[None] | None = None
        stream: socket.socket | None = writer.get_extra_info("socket")
        if stream is not None:  # else a peer that has gone without a word would be waited for for ever
            with contextlib.suppress(OSError):
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    async def read(self, waiting: int, within_s: float | None, *, known: bool) -> bytes | None:
        """
        Return what has come; None: nothing within the time; empty: that was all.

        Args:
            waiting: Bytes of a message that is not complete.
            within_s: How long to wait; None: as long as it takes.
            known: Whether the peer may deliver; who may not yet has little time.

        Raises:
            Hangup: The peer is too slow, or too much waits.
        """
        self._hold(waiting)
        await self._listener.turns.wait()  # what has arrived would be read without a wait
        if self._listener.stopping:
            return await self._wait(_LAST_S) or b""
        deadline = self._deadline(waiting, known=known)
        if deadline is not None:
            left = deadline - time.monotonic()
            within_s = max(0.0, left if within_s is None else min(within_s, left))
        data = await self._wait(within_s)
        if data is None and deadline is not None and time.monotonic() >= deadline:
            raise Hangup("it was too slow" if known else "it showed no key in time")
        if data:
            self._touched = time.monotonic()
        return data

    async def turn(self) -> None:
        """Let others have their turn, in the midst of work."""
        await self._listener.turns.wait()

    def keep(self, size: int) -> None:
        """
        Count what is held for it until it is read from again.

        Args:
            size: Bytes of a message that is complete, and not stored yet.
        """
        self._listener.waiting += size - self._held
        self._held = size

    async def send(self, data: bytes) -> None:
        """
        Send an answer; whoever does not read it is left.

        Args:
            data: The answer.

        Raises:
            Hangup: It is not read.
        """
        self._writer.write(data)
        try:
            async with asyncio.timeout(HALF_S):
                await self._writer.drain()
        except TimeoutError as error:
            raise Hangup("it does not read its answers") from error

    def stop(self) -> None:
        """Read no more than what has arrived."""
        if self._reading is not None:
            self._reading.cancel()

    async def close(self) -> None:
        """Close it, once answers are on their way."""
        self.keep(0)
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                await self._writer.wait_closed()
        self._writer.transport.abort()

    async def _wait(self, within_s: float | None) -> bytes | None:
        task = asyncio.current_task()
        self._reading = task
        try:
            async with asyncio.timeout(within_s):
                return await self._reader.read(_CHUNK)
        except TimeoutError:
            return None
        except asyncio.CancelledError:
            if task is None or not self._listener.stopping:
                raise
            task.uncancel()
            return None
        finally:
            self._reading = None

    def _deadline(self, waiting: int, *, known: bool) -> float | None:
        if not waiting:
            self._half_since = None
            return None if known else self._opened + SHOW_S
        if self._half_since is None:
            self._half_since = time.monotonic()
        deadline = min(self._touched + HALF_S, self._half_since + WHOLE_S)
        return deadline if known else min(deadline, self._opened + SHOW_S)

    def _hold(self, waiting: int) -> None:
        self.keep(waiting)
        if self._listener.waiting > MAX_WAITING and waiting > _CHUNK:
            raise Hangup("too many large messages come in at once")


class Listener:
    """
    Accepts connections, and hands each to whoever talks with it.

    Attributes:
        port: Where it listens.
        stopping: Whether connections come to their end.
        waiting: Bytes of messages that are not complete, or not stored, of all connections.
        turns: Of all connections.
    """

    def __init__(
        self,
        talk: Callable[[Connection], Awaitable[None]],
        gate: Gate,
        tally: Tally,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        """
        Bind what it needs.

        Args:
            talk: Talks with a peer, until it is done.
            gate: Tells of connections that failed.
            tally: Counts them.
            max_connections: At a time; more are closed at once.
        """
        self.port = 0
        self.stopping = False
        self.waiting = 0
        self.turns = Turns()
        self._talk = talk
        self._gate = gate
        self._tally = tally
        self._max = max_connections
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], Connection] = {}

    async def start(self, host: str, port: int) -> None:
        """
        Listen.

        Args:
            host: The address.
            port: The port; 0: any free one.

        Raises:
            OSError: The port is taken, or the address is not ours.
        """
        self._server = await asyncio.start_server(self._accept, host, port, limit=_CHUNK, backlog=256)
        self.port = self._server.sockets[0].getsockname()[1]

    async def pause(self) -> None:
        """Give the port back."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def abort(self) -> None:
        """Close all connections, whatever they are at."""
        for task in self._open:
            task.cancel()

    async def stop(self) -> None:
        """Accept no more, and let each connection store what has arrived."""
        if self._server is not None:
            self._server.close()
        self.stopping = True
        for connection in list(self._open.values()):
            connection.stop()
        if self._open:
            await asyncio.wait(list(self._open))

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self.stopping or len(self._open) >= self._max:
            self._tally.turned_away += 1
            self._gate.warn(f"closed a connection: {self._max} are open already, which is the limit")
            writer.transport.abort()
            return
        self._tally.connections += 1
        connection = self._open[task] = Connection(reader, writer, self)
        try:
            await self._talk(connection)
        except Hangup as reason:
            self._gate.warn(f"closed a connection from {connection.address} to port {self.port}: {reason}")
        except OSError:
            pass  # the peer has gone; nothing of it is left
        except Exception:  # noqa: BLE001 - one connection must not end the port
            _log.exception("a connection from %s to port %d failed", connection.address, self.port)
        finally:
            await connection.close()
            del self._open[task]
