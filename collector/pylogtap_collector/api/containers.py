"""What goes on with the containers of the collector's machine."""

from __future__ import annotations

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.parameters import Cursor, Limit, ProjectFilter
from pylogtap_collector.api.routing import Routes
from pylogtap_collector.errors import InvalidCursor
from pylogtap_collector.models import ContainerPage
from pylogtap_collector.services import Services

routes = Routes("containers", "Containers whose logs are read and whose use is measured.")


@routes.get("/api/v1/containers", right=Right.READ, errors=(InvalidCursor,))
async def list_containers(
    services: Services,
    visitor: Visitor,
    project: ProjectFilter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> ContainerPage:
    """
    List the containers that are followed, and how it goes with each.

    Their records are among the logs, their metrics among the metrics, under the same places. What cannot be
    measured is named with the reason.
    """
    return services.containers.page(visitor.where(Right.READ), project=project, limit=limit, cursor=cursor)
