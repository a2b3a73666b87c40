"""CRUD of saved searches."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.parameters import (
    Cursor,
    IfMatch,
    Limit,
    NamePart,
    Number,
    ProjectFilter,
    etag,
    expected_versions,
)
from pylogtap_collector.api.routing import Answer, Routes
from pylogtap_collector.errors import (
    Invalid,
    InvalidCursor,
    InvalidQuery,
    MissingRight,
    NotFound,
    StaleVersion,
)
from pylogtap_collector.models import SavedSearch, SavedSearchIn, SavedSearchPage, SavedSearchPatch
from pylogtap_collector.services import Services
from pylogtap_collector.services.versions import version_of

SEARCHES = "/api/v1/saved-searches"
SEARCH = f"{SEARCHES}/{{search_id}}"
_TAG = {"ETag": "Version; give it as If-Match when you change or delete it."}
_CREATED = {**_TAG, "Location": "Address of what was created."}
_REFUSED = (NotFound, MissingRight, InvalidQuery, Invalid)
SearchId = Annotated[int, Number, Field(description="The saved search's `id`.")]

# Readers keep private searches, so reading is all that the operations ask for; what belongs to a project is
# changed by whoever writes in it, which the service asks for.
routes = Routes("searches", "Searches that people save, for themselves or for all who read a project.")


@routes.get(SEARCHES, right=Right.READ, errors=(InvalidCursor,))
async def list_saved_searches(
    services: Services,
    visitor: Visitor,
    project: ProjectFilter = None,
    name: NamePart = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> SavedSearchPage:
    """
    List saved searches by name.

    One's own private ones, and those of projects that one may read.
    """
    return await services.searches.page(visitor, project=project, name=name, limit=limit, cursor=cursor)


@routes.post(SEARCHES, right=Right.READ, status=201, errors=_REFUSED, headers=_CREATED)
async def create_saved_search(
    services: Services, visitor: Visitor, new: SavedSearchIn
) -> Answer[SavedSearch]:
    """
    Save a search.

    Without a project it is private, and every user may keep such; a project takes the right to write in it.
    Keys have no private searches: without a project, theirs take the right to write everywhere.
    """
    made = await services.searches.create(new, visitor)
    return Answer(made, etag(version_of(made)) | {"Location": f"{SEARCHES}/{made.id}"})


@routes.get(SEARCH, right=Right.READ, errors=(NotFound,), headers=_TAG)
async def read_saved_search(services: Services, visitor: Visitor, search_id: SearchId) -> Answer[SavedSearch]:
    """Return a saved search."""
    found = await services.searches.one(search_id, visitor)
    return Answer(found, etag(version_of(found)))


@routes.patch(SEARCH, right=Right.READ, errors=(*_REFUSED, StaleVersion), headers=_TAG)
async def change_saved_search(
    services: Services,
    visitor: Visitor,
    search_id: SearchId,
    patch: SavedSearchPatch,
    if_match: IfMatch = None,
) -> Answer[SavedSearch]:
    """
    Change a saved search, by a merge patch (RFC 7396).

    One that belongs to a project takes the right to write in it. Giving it a project shares it.
    """
    expected = expected_versions(if_match)
    changed = await services.searches.change(search_id, patch, visitor, expected=expected)
    return Answer(changed, etag(version_of(changed)))


@routes.delete(SEARCH, right=Right.READ, errors=(NotFound, MissingRight, StaleVersion))
async def delete_saved_search(
    services: Services, visitor: Visitor, search_id: SearchId, if_match: IfMatch = None
) -> None:
    """
    Delete a saved search.

    One that belongs to a project takes the right to write in it.
    """
    await services.searches.delete(search_id, visitor, expected=expected_versions(if_match))
