"""The HTTP API: typed routes, their checks, their errors and their description."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING

from aiohttp import web

from pylogtap_collector.api import (
    containers,
    database,
    forwards,
    health,
    ingest,
    keys,
    logs,
    metrics,
    people,
    places,
    searches,
    settings,
    streams,
    taps,
    test_import,
    test_runs,
    tests,
)
from pylogtap_collector.api.access import access
from pylogtap_collector.api.bodies import BODIES, Bodies
from pylogtap_collector.api.openapi import describe
from pylogtap_collector.api.problems import problems
from pylogtap_collector.api.requests import handler_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pylogtap_collector.api.routing import Operation
    from pylogtap_collector.services import Services

GROUPS = (
    logs.routes,
    streams.routes,
    places.routes,
    people.routes,
    keys.routes,
    metrics.routes,
    containers.routes,
    test_runs.routes,
    test_import.routes,
    tests.routes,
    searches.routes,
    ingest.routes,
    forwards.routes,
    settings.routes,
    database.routes,
    health.routes,
    *taps.GROUPS,
)
OPENAPI = "/openapi.json"

__all__ = ["GROUPS", "OPENAPI", "setup"]


def setup(app: web.Application, services: Services, open_paths: Iterable[str] = ()) -> None:
    """
    Add the API to an application.

    Args:
        app: Not started yet.
        services: What the API calls.
        open_paths: Paths beyond the API that need no key.
    """
    app[BODIES] = Bodies(services.settings.bodies_max_bytes)
    operations = [operation for group in GROUPS for operation in group.operations]
    table = {(operation.method, operation.path): operation for operation in operations}
    app.middlewares.extend((problems(table), access(services, table, frozenset({OPENAPI, *open_paths}))))
    by_path: dict[str, web.Resource] = {}
    for operation in operations:
        resource = by_path.get(operation.path)
        if resource is None:
            resource = by_path[operation.path] = app.router.add_resource(_pattern(operation))
        handler = handler_of(operation, services)
        resource.add_route(operation.method, handler)
        if operation.method == "GET" and operation.result is not None:  # what has an end
            resource.add_route("HEAD", handler)
    _serve_description(app, services)


def _pattern(operation: Operation) -> str:
    """Return the path for the router: where a number is wanted, a word leads nowhere."""
    pattern = operation.path
    for name, field in operation.path_model.model_fields.items():
        if field.annotation is int:
            pattern = pattern.replace(f"{{{name}}}", f"{{{name}:-?[0-9]+}}")
    return pattern


@cache
def _document(guarded: bool) -> bytes:
    """Describe the API when somebody asks for it: that takes as long as all else that a start takes."""
    return describe(GROUPS, guarded=guarded)


def _serve_description(app: web.Application, services: Services) -> None:
    async def openapi(_: web.Request) -> web.Response:
        headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        document = await asyncio.to_thread(_document, not services.directory.is_open)
        return web.Response(body=document, content_type="application/json", headers=headers)

    app.router.add_get(OPENAPI, openapi)
