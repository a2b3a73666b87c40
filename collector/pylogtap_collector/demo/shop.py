"""Run the shop: its services as processes of their own, and customers that order."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

import aiohttp

from pylogtap_collector.demo.service import REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SERVICES = ("inventory", "payments", "checkout")  # checkout calls the others
_OPENING_S = 20.0
_CLOSING_S = 6.0
_PAUSE_S, _LONGER_PAUSE_S = 0.5, 3.0  # before a service is started again; where that failed
_FIRST_ORDERS = 60  # at once, so that there is something to see
_RUSH_PER_S = 40.0


class Shop:
    """The services of the demo, kept running."""

    def __init__(self, environment: Mapping[str, str], tell: Callable[[str], None]) -> None:
        """
        Prepare; :meth:`open` starts.

        Args:
            environment: Of the services: where the collector is, above all.
            tell: Gets a sentence when something happens that people should know.
        """
        self._environment = dict(environment)
        self._tell = tell
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._watchers: list[asyncio.Task[None]] = []
        self._checkout = ""

    async def open(self) -> None:
        """
        Start the services.

        Raises:
            RuntimeError: One does not start.
        """
        for name in SERVICES:
            await self._start(name)
            self._watchers.append(asyncio.create_task(self._watch(name)))

    async def close(self) -> None:
        """Ask the services to end, and wait until they have delivered what they logged."""
        for watcher in self._watchers:
            watcher.cancel()
        for name in reversed(SERVICES):
            process = self._processes.get(name)
            if process is not None and process.returncode is None:
                process.terminate()
        await asyncio.gather(*(self._wait(process) for process in self._processes.values()))

    async def receive_customers(self, orders_per_s: float) -> None:
        """
        Send orders for ever, more of them in the beginning.

        Args:
            orders_per_s: How many a second, on average.
        """
        running: set[asyncio.Task[None]] = set()
        async with aiohttp.ClientSession() as session:
            number = 0
            while True:
                pace = _RUSH_PER_S if number < _FIRST_ORDERS else orders_per_s
                await asyncio.sleep(random.expovariate(pace))
                number += 1
                order = asyncio.create_task(self._order(session))
                running.add(order)
                order.add_done_callback(running.discard)

    async def _order(self, session: aiohttp.ClientSession) -> None:
        with suppress(aiohttp.ClientError, TimeoutError):  # the services log what goes wrong
            await session.post(
                f"{self._checkout}/orders",
                params={"customer": str(random.randint(1, 400))},
                headers={REQUEST: uuid.uuid4().hex[:12]},
                timeout=aiohttp.ClientTimeout(total=10),
            )

    async def _start(self, name: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"pylogtap_collector.demo.{name}"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **self._environment},
            start_new_session=True,  # Ctrl-C is for us; we end the services in their order
        )
        self._processes[name] = process
        assert process.stdout is not None
        try:
            line = await asyncio.wait_for(process.stdout.readline(), _OPENING_S)
        except TimeoutError:
            line = b""
        if not line.strip().isdigit():
            with suppress(ProcessLookupError):
                process.kill()  # it may hang
            raise RuntimeError(f"the service {name} does not start; what it said stands above")
        url = f"http://127.0.0.1:{int(line)}"
        self._environment[f"SHOP_{name.upper()}"] = url
        if name == "checkout":
            self._checkout = url

    async def _watch(self, name: str) -> None:
        """Start a service again when it ends, and the checkout with it, which has to know its address."""
        while True:
            code = await self._processes[name].wait()
            self._tell(f"{name} ended ({_reason(code)}); it is started again")
            await asyncio.sleep(_PAUSE_S)
            try:
                await self._start(name)
            except (RuntimeError, OSError) as error:
                self._tell(str(error))
                await asyncio.sleep(_LONGER_PAUSE_S)
                continue
            checkout = self._processes["checkout"]
            if name != "checkout" and checkout.returncode is None:
                checkout.terminate()

    @staticmethod
    async def _wait(process: asyncio.subprocess.Process) -> None:
        try:
            await asyncio.wait_for(process.wait(), _CLOSING_S)
        except TimeoutError:
            process.kill()
            await process.wait()


def _reason(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
