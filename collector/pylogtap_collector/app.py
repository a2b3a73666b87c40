"""The composition root: settings in, a complete web application out. Everything is made and wired here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from pylogtap_collector import api
from pylogtap_collector import web as pages
from pylogtap_collector.services import Services
from pylogtap_collector.services.bus import Bus
from pylogtap_collector.services.catalog import Catalog
from pylogtap_collector.services.counters import Counters
from pylogtap_collector.services.health import Health
from pylogtap_collector.services.index import Index
from pylogtap_collector.services.ingest import Ingest
from pylogtap_collector.services.logs import Logs
from pylogtap_collector.services.tasks import Tasks
from pylogtap_collector.services.tidy import tidy
from pylogtap_collector.storage.engine import Engine
from pylogtap_collector.storage.predicates import register

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pylogtap_collector.settings import Settings


def build(settings: Settings) -> web.Application:
    """
    Make a collector.

    The database is opened, and the background tasks begin, when the application starts; both end with it.

    Args:
        settings: What it is told.
    """
    engine = Engine(
        None if settings.memory else settings.database,
        functions=register,
        readers=settings.readers,
        query_timeout_s=settings.query_timeout_s,
        queue_max=settings.queue_max_slices,
    )
    bus, counters, tasks = Bus(), Counters(), Tasks()
    index = Index(engine, bus, counters)

    async def live(_: web.Application) -> AsyncIterator[None]:
        await engine.open()
        try:
            await index.recover()
            tasks.supervise("index", index.run)
            tasks.supervise("tidy", lambda: tidy(engine, settings.stream_days))
            yield
            await tasks.stop()
        finally:
            await engine.close()

    async def end_tails(_: web.Application) -> None:
        bus.close()

    services = Services(
        settings=settings,
        ingest=Ingest(engine, index, counters, settings),
        logs=Logs(engine, index, bus, settings),
        catalog=Catalog(engine, index, settings),
        health=Health(engine, index, bus, tasks, counters),
    )
    app = web.Application(client_max_size=settings.body_max_bytes)
    app.cleanup_ctx.append(live)
    app.on_shutdown.append(end_tails)
    api.setup(app, services)
    pages.setup(app)
    return app
