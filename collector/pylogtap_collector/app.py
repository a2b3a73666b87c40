"""The web application: settings in, a complete one out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from pylogtap_collector import api
from pylogtap_collector.assembly import Collector
from pylogtap_collector.web import Pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pylogtap_collector.settings import Settings

COLLECTOR = web.AppKey("collector", Collector)


def build(settings: Settings, shown: Path | None = None) -> web.Application:
    """
    Make the web application of a collector. The collector runs from its start to its end.

    Args:
        settings: What the collector is told.
        shown: A database to show and not to change; None: that of the settings, to work with.
    """
    collector = Collector(settings, shown)

    async def run(_: web.Application) -> AsyncIterator[None]:
        async with collector.running():
            yield

    async def end_tails(_: web.Application) -> None:
        collector.bus.close()

    app = web.Application(client_max_size=settings.body_max_bytes)
    app[COLLECTOR] = collector
    app.cleanup_ctx.append(run)
    app.on_shutdown.append(end_tails)
    pages = Pages()
    api.setup(app, collector.services, pages.open_paths)
    pages.setup(app)
    return app
