"""Serve a collector until a signal says stop, and end gracefully."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from aiohttp import web

from pylogtap_collector import memory
from pylogtap_collector.app import COLLECTOR, build
from pylogtap_collector.site import LINE_MAX, GuardedSite

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from pylogtap_collector.settings import Settings

_KEEPALIVE_S = 75.0
_SWITCH_S = 0.002  # how long a thread that seals or searches can keep requests waiting
_LINGERING_S = 2.0  # how long the rest of a refused body is taken, so that its sender reads the refusal

_log = logging.getLogger("pylogtap.collector")


@asynccontextmanager
async def serving(settings: Settings, shown: Path | None = None) -> AsyncIterator[str]:
    """
    Serve a collector while this lasts; then finish what has begun, and close the database.

    Args:
        settings: What the collector is told.
        shown: A database to show and not to change; None: that of the settings, to work with.

    Yields:
        Its address.

    Raises:
        DataUnusable: The data folder or the database cannot be used.
        OSError: It cannot listen there.
    """
    app = build(settings, shown)
    runner = web.AppRunner(
        app,
        access_log=None,
        auto_decompress=False,  # aiohttp would inflate without bounds, on the event loop
        handle_signals=False,
        keepalive_timeout=_KEEPALIVE_S,
        lingering_time=_LINGERING_S,
        max_line_size=LINE_MAX,
        max_field_size=LINE_MAX,
        shutdown_timeout=settings.stop_timeout_s,
    )
    await runner.setup()
    try:
        site = GuardedSite(runner, settings)
        await site.start()
        app[COLLECTOR].adopt(site.port)
        yield site.name
    finally:
        await runner.cleanup()


def run(
    settings: Settings, *, started: Callable[[str], None] | None = None, shown: Path | None = None
) -> None:
    """
    Serve until SIGINT or SIGTERM.

    Args:
        settings: What the collector is told.
        started: Called with the address once it answers.
        shown: A database to show and not to change; None: that of the settings, to work with.

    Raises:
        DataUnusable: The data folder or the database cannot be used.
        OSError: It cannot listen there.
    """
    memory.settle()
    sys.setswitchinterval(_SWITCH_S)
    asyncio.run(_run(settings, started, shown))


async def _run(settings: Settings, started: Callable[[str], None] | None, shown: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serving(settings, shown) as url:
        _log.info("serving %s", url)
        if started is not None:
            started(url)
        with suppress(asyncio.CancelledError):
            await stop.wait()
        _log.info("stopping")
