"""What those ask who watch over the collector."""

from __future__ import annotations

from aiohttp import web

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.routing import Answer, Routes
from pylogtap_collector.models import Health
from pylogtap_collector.services import Services
from pylogtap_collector.services.health import OWN

_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"

routes = Routes("health", "Whether the collector lives, can store, and what it has counted.")


@routes.get("/healthz", right=Right.OPEN, anonymous=True)
async def read_liveness(services: Services) -> Health:
    """
    Tell that the collector is alive.

    Restart it when this does not answer.
    """
    return await services.health.alive()


@routes.get(
    "/readyz", right=Right.OPEN, anonymous=True, also={503: "Records cannot be stored now; it says why."}
)
async def read_readiness(services: Services) -> Answer[Health]:
    """
    Tell whether records can be stored, by storing something.

    The answer has status 503, and says why, when they cannot.
    """
    report = await services.health.ready()
    return Answer(report, status=None if report.status == "ok" else 503)


@routes.get("/metrics", right=Right.READ, content={"text/plain": "Prometheus' text format, version 0.0.4."})
async def read_metrics(services: Services, visitor: Visitor) -> web.Response:
    """
    Return the newest values of metrics, for Prometheus.

    They are those of the projects that one may read. Whoever may watch the collector gets its own, too. What
    containers use has the names that cAdvisor gives it.
    """
    own = await services.health.metrics() if visitor.may(Right.WATCH) else ""
    text = own + await services.metrics.expose(visitor.where(Right.READ), reserved=OWN)
    return web.Response(
        body=text.encode(), headers={"Content-Type": _PROMETHEUS, "Cache-Control": "no-store"}
    )
