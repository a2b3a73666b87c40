"""Ports for what other programs speak: Fluent Forward; syslog, GELF and JSON lines."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pylogtap_collector.ports.connections import MAX_CONNECTIONS, Listener
from pylogtap_collector.ports.datagrams import DatagramPort
from pylogtap_collector.ports.delivery import Courier, Intake
from pylogtap_collector.ports.forward import ForwardPort
from pylogtap_collector.ports.gate import Gate, Guard
from pylogtap_collector.ports.holding import Holding
from pylogtap_collector.ports.lines import LinesPort

if TYPE_CHECKING:
    from pylogtap_collector.services.counters import Tally
    from pylogtap_collector.settings import Settings

__all__ = ["Guard", "Intake", "Ports"]

_LAST_S = 1.0  # for those that were told that there is no more time
_ATTEMPTS = 10  # to find a port that is free for TCP and for UDP


class Ports:
    """
    Opens the ports that the settings ask for.

    Attributes:
        tally: What they count.
        forward_port: Where Fluent Forward is taken; None: it is not open.
        lines_port: Where syslog, GELF and JSON lines are taken, over TCP and UDP; None: it is not open.
    """

    def __init__(
        self,
        settings: Settings,
        intake: Intake,
        directory: Guard,
        tally: Tally,
        *,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        """
        Bind what it needs; :meth:`start` listens.

        Args:
            settings: Ports, their address, and who may deliver.
            intake: Stores entries.
            directory: Knows who shows a key.
            tally: Counts.
            max_connections: That each port has open at a time.
        """
        self.tally = tally
        self.forward_port: int | None = None
        self.lines_port: int | None = None
        self._settings = settings
        gate = Gate(settings, directory)
        self._courier = Courier(intake, gate, self.tally)
        self._holding = Holding(self._courier, intake)
        forward = ForwardPort(settings, self._courier, gate, self.tally, self._holding)
        lines = LinesPort(self._courier, gate, self.tally)
        self._forward = Listener(forward.talk, gate, self.tally, max_connections)
        self._lines = Listener(lines.talk, gate, self.tally, max_connections)
        self._datagrams = DatagramPort(self._courier, gate, self.tally)

    async def start(self) -> None:
        """
        Listen.

        Raises:
            OSError: A port is taken, or the address is not ours.
        """
        host = self._settings.tap_host
        try:
            if self._settings.forward_port is not None:
                await self._holding.start()
                await self._forward.start(host, self._settings.forward_port)
                self.forward_port = self._forward.port
            if self._settings.lines_port is not None:
                await self._start_lines(host, self._settings.lines_port)
                self.lines_port = self._lines.port
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Accept no more; store what was read, as far as it can be within the time that a stop may take."""
        stopping = asyncio.gather(self._forward.stop(), self._lines.stop(), self._datagrams.stop())
        done, _ = await asyncio.wait([stopping], timeout=self._settings.stop_timeout_s)
        if not done:
            self._courier.end()
            done, _ = await asyncio.wait([stopping], timeout=_LAST_S)
        if not done:
            self._forward.abort()
            self._lines.abort()
        await stopping
        self._courier.end()  # what is held is on the disk already
        await self._holding.stop()
        self.forward_port = self.lines_port = None

    async def _start_lines(self, host: str, port: int) -> None:
        """Listen on one number for TCP and UDP."""
        for attempt in range(_ATTEMPTS):
            await self._lines.start(host, port)
            try:
                await self._datagrams.start(host, self._lines.port)
                return
            except OSError:
                if port or attempt == _ATTEMPTS - 1:
                    raise
                await self._lines.pause()
