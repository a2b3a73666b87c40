"""Serve a collector until a signal says stop, and end gracefully."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web

from pylogtap_collector import memory, query
from pylogtap_collector.app import COLLECTOR, build
from pylogtap_collector.errors import DataDamaged, PortUnusable, Unguarded
from pylogtap_collector.ports import Ports
from pylogtap_collector.services import damage
from pylogtap_collector.site import LINE_MAX, GuardedSite
from pylogtap_collector.tls import RENEWAL_S, certificate_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from pylogtap_collector.assembly import Collector
    from pylogtap_collector.services.directory import Directory
    from pylogtap_collector.settings import Settings

_KEEPALIVE_S = 75.0
_SWITCH_S = 0.0005  # how long a thread that seals or searches keeps requests waiting: they need several turns
_LINGERING_S = 2.0  # how long the rest of a refused body is taken, so that its sender reads the refusal

_log = logging.getLogger("pylogtap.collector")


class Served(NamedTuple):
    """
    A collector that answers.

    Attributes:
        url: Its address.
        directory: Who may come in.
        ports: Where other protocols are taken.
    """

    url: str
    directory: Directory
    ports: Ports


@asynccontextmanager
async def serving(
    settings: Settings, shown: Path | None = None, *, renewal_s: float = RENEWAL_S
) -> AsyncIterator[str]:
    """
    Serve a collector while this lasts, and yield its address; see :func:`served`.

    Args:
        settings: What the collector is told.
        shown: A database to show and not to change; None: that of the settings, to work with.
        renewal_s: How often to look for a renewed certificate, at most.
    """
    async with served(settings, shown, renewal_s=renewal_s) as running:
        yield running.url


@asynccontextmanager
async def served(
    settings: Settings, shown: Path | None = None, *, renewal_s: float = RENEWAL_S
) -> AsyncIterator[Served]:
    """
    Serve a collector while this lasts; then finish what has begun, and close the database.

    Args:
        settings: What the collector is told.
        shown: A database to show and not to change; None: that of the settings, to work with.
        renewal_s: How often to look for a renewed certificate, at most.

    Yields:
        Where it answers, and whom.

    Raises:
        TlsUnusable: The certificate's files cannot be used.
        DataUnusable: The data folder or the database cannot be used.
        Unguarded: Other machines would reach it, and there is neither account nor key.
        PortUnusable: A port for another protocol cannot be opened.
        OSError: It cannot listen there.
    """
    certificate = certificate_of(settings, period_s=renewal_s)  # first: nothing is touched if it is wrong
    runner, collector, aside = await _set_up(settings, shown)
    ports = Ports(settings, collector.services.intake, collector.directory, collector.counters.ports)
    try:
        _check_guard(settings, collector.directory)
        site = GuardedSite(runner, settings, certificate)
        await site.start()
        if shown is None:
            await _open(ports, settings)
        if aside is not None:
            await damage.tell(aside, collector.services.intake)
        collector.reach_out(site.port)
        asyncio.get_running_loop().run_in_executor(None, query.prepare)
        yield Served(site.name, collector.directory, ports)
    finally:
        await ports.stop()
        await runner.cleanup()


async def _set_up(settings: Settings, shown: Path | None) -> tuple[web.AppRunner, Collector, Path | None]:
    """Open the database; one that is damaged is set aside, see there, and an empty one taken in its place."""
    try:
        if shown is None and not settings.memory:
            await asyncio.to_thread(damage.examine, settings.database)
        return *await _run_app(settings, shown), None
    except DataDamaged as error:
        if shown is not None or settings.memory:
            raise
        aside = await asyncio.to_thread(damage.set_aside, settings.database, error.detail)
    return *await _run_app(settings, shown), aside


async def _run_app(settings: Settings, shown: Path | None) -> tuple[web.AppRunner, Collector]:
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
    return runner, app[COLLECTOR]


async def _open(ports: Ports, settings: Settings) -> None:
    try:
        await ports.start()
    except OSError as error:
        wanted = ", ".join(str(port) for port in (settings.forward_port, settings.lines_port) if port)
        raise PortUnusable(
            f"The ports for other protocols ({wanted}) cannot be opened on {settings.tap_host}: "
            f"{error.strerror or error}. Choose others by --forward-port and --lines-port, or leave them out."
        ) from error


def _check_guard(settings: Settings, directory: Directory) -> None:
    """Let no other machine reach what anybody may use, and tell what can be read on its way."""
    if not settings.wide:
        return
    if not directory.is_guarded:
        raise Unguarded(
            f"on {settings.host} other machines reach the collector, and it has neither account nor key: "
            "make one first"
        )
    if settings.tls_certificate is None and not settings.proxies:
        _log.warning(
            "passwords and keys travel unencrypted to %s: see docs/how-to/serve-over-tls.md", settings.host
        )


def run(
    settings: Settings,
    *,
    started: Callable[[Served], None] | None = None,
    shown: Path | None = None,
) -> None:
    """
    Serve until SIGINT or SIGTERM.

    Args:
        settings: What the collector is told.
        started: Called once it answers.
        shown: A database to show and not to change; None: that of the settings, to work with.

    Raises:
        DataUnusable: The data folder or the database cannot be used.
        Unguarded: Other machines would reach it, and there is neither account nor key.
        PortUnusable: A port for another protocol cannot be opened.
        OSError: It cannot listen there.
    """
    memory.settle()
    sys.setswitchinterval(_SWITCH_S)
    asyncio.run(_run(settings, started, shown))


async def _run(settings: Settings, started: Callable[[Served], None] | None, shown: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with served(settings, shown) as running:
        _log.info("serving %s", running.url)
        if started is not None:
            started(running)
        giving = asyncio.create_task(memory.give_back())
        with suppress(asyncio.CancelledError):
            await stop.wait()
        giving.cancel()
        _log.info("stopping")
