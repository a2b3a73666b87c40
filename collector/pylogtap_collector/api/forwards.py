"""CRUD of what is delivered to other systems."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.parameters import Cursor, IfMatch, Limit, Number, etag, expected_versions
from pylogtap_collector.api.routing import Answer, Routes
from pylogtap_collector.errors import InvalidCursor, InvalidQuery, NotFound, StaleVersion, UrlRefused
from pylogtap_collector.models import Forward, ForwardIn, ForwardPage, ForwardPatch
from pylogtap_collector.services import Services
from pylogtap_collector.services.versions import version_of

FORWARDS = "/api/v1/forwards"
FORWARD = f"{FORWARDS}/{{forward_id}}"
_TAG = {"ETag": "Version; give it as If-Match when you change or delete it."}
_CREATED = {**_TAG, "Location": "Address of what was created."}
ForwardId = Annotated[int, Number, Field(description="The forward's `id`.")]

routes = Routes("forwards", "Records that are delivered to other systems by OTLP, at least once each.")


@routes.get(FORWARDS, right=Right.ADMINISTER, errors=(InvalidCursor,))
async def list_forwards(services: Services, limit: Limit = 100, cursor: Cursor = None) -> ForwardPage:
    """List what is delivered elsewhere, with how far it has come."""
    return await services.forwards.page(limit=limit, cursor=cursor)


@routes.post(
    FORWARDS, right=Right.ADMINISTER, status=201, errors=(UrlRefused, InvalidQuery), headers=_CREATED
)
async def create_forward(services: Services, visitor: Visitor, new: ForwardIn) -> Answer[Forward]:
    """
    Deliver records to another system from now on.

    It has to take OTLP over HTTP. Where it does not answer, records wait here; a record can arrive there
    twice, with the same `pylogtap.id`, when a connection breaks at the wrong moment.
    """
    made = await services.forwards.create(new, visitor)
    return Answer(made, etag(version_of(made)) | {"Location": f"{FORWARDS}/{made.id}"})


@routes.get(FORWARD, right=Right.ADMINISTER, errors=(NotFound,), headers=_TAG)
async def read_forward(services: Services, forward_id: ForwardId) -> Answer[Forward]:
    """Return what is delivered, and how far it has come."""
    found = await services.forwards.one(forward_id)
    return Answer(found, etag(version_of(found)))


@routes.patch(
    FORWARD, right=Right.ADMINISTER, errors=(NotFound, StaleVersion, UrlRefused, InvalidQuery), headers=_TAG
)
async def change_forward(
    services: Services, visitor: Visitor, forward_id: ForwardId, patch: ForwardPatch, if_match: IfMatch = None
) -> Answer[Forward]:
    """Change it, by a merge patch (RFC 7396); it goes on from where it stands."""
    expected = expected_versions(if_match)
    changed = await services.forwards.change(forward_id, patch, visitor, expected=expected)
    return Answer(changed, etag(version_of(changed)))


@routes.delete(FORWARD, right=Right.ADMINISTER, errors=(NotFound, StaleVersion))
async def delete_forward(
    services: Services, visitor: Visitor, forward_id: ForwardId, if_match: IfMatch = None
) -> None:
    """Deliver it no longer; what was delivered stays where it is."""
    await services.forwards.delete(forward_id, visitor, expected=expected_versions(if_match))
