"""Keys of programs, members of projects, and the audit log."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.parameters import (
    Cursor,
    IfMatch,
    Limit,
    Number,
    PlaceName,
    ProjectFilter,
    Since,
    Text,
    Until,
    etag,
    expected_versions,
)
from pylogtap_collector.api.routing import Answer, Routes
from pylogtap_collector.errors import (
    Conflict,
    Invalid,
    InvalidCursor,
    MissingRight,
    NotFound,
    StaleVersion,
)
from pylogtap_collector.models import (
    AuditEntry,
    AuditPage,
    Key,
    KeyIn,
    KeyPage,
    KeyPatch,
    Member,
    MemberIn,
    MemberPage,
    MemberPatch,
    NewKey,
)
from pylogtap_collector.services import Services
from pylogtap_collector.services.versions import version_of

KEYS = "/api/v1/keys"
MEMBERS = "/api/v1/projects/{project}/members"
_TAG = {"ETag": "Version; give it as If-Match when you change or delete it."}
_CREATED = {**_TAG, "Location": "Address of what was created."}
KeyId = Annotated[int, Number, Field(description="The key's `id`.")]
MemberName = Annotated[Text, Field(max_length=63, description="The user's name.", examples=["ada"])]

routes = Routes("access", "Keys of programs, members of projects, and the audit log.")


@routes.get(KEYS, right=Right.MANAGE, errors=(InvalidCursor,))
async def list_keys(
    services: Services,
    visitor: Visitor,
    project: ProjectFilter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> KeyPage:
    """List the keys of projects that one manages, in the order in which they were made."""
    return services.keys.page(visitor, project=project, limit=limit, cursor=cursor)


@routes.post(KEYS, right=Right.MANAGE, status=201, errors=(NotFound, MissingRight, Invalid), headers=_CREATED)
async def create_key(services: Services, visitor: Visitor, new: KeyIn) -> Answer[NewKey]:
    """
    Make a key.

    Its secret is in the answer, and shown this once. The project need not be there yet.
    """
    made = await services.keys.create(new, visitor)
    known = Key.model_validate(made.model_dump(exclude={"secret"}))
    return Answer(made, etag(version_of(known)) | {"Location": f"{KEYS}/{made.id}"})


@routes.get(f"{KEYS}/{{key_id}}", right=Right.MANAGE, errors=(NotFound,), headers=_TAG)
async def read_key(services: Services, visitor: Visitor, key_id: KeyId) -> Answer[Key]:
    """Return a key, without its secret."""
    found = services.keys.one(key_id, visitor)
    return Answer(found, etag(version_of(found)))


@routes.patch(
    f"{KEYS}/{{key_id}}", right=Right.MANAGE, errors=(NotFound, StaleVersion, Invalid), headers=_TAG
)
async def change_key(
    services: Services, visitor: Visitor, key_id: KeyId, patch: KeyPatch, if_match: IfMatch = None
) -> Answer[Key]:
    """
    Change a key's name or end, or revoke it, by a merge patch (RFC 7396).

    A key that is revoked ends at once, and stays listed.
    """
    changed = await services.keys.change(key_id, patch, visitor, expected=expected_versions(if_match))
    return Answer(changed, etag(version_of(changed)))


@routes.delete(f"{KEYS}/{{key_id}}", right=Right.MANAGE, errors=(NotFound, StaleVersion))
async def delete_key(services: Services, visitor: Visitor, key_id: KeyId, if_match: IfMatch = None) -> None:
    """
    Delete a key.

    It ends at once. What was delivered by it stays, and so does what the audit log says of it.
    """
    await services.keys.delete(key_id, visitor, expected=expected_versions(if_match))


@routes.get(MEMBERS, right=Right.MANAGE, errors=(InvalidCursor, NotFound))
async def list_members(
    services: Services, project: PlaceName, limit: Limit = 100, cursor: Cursor = None
) -> MemberPage:
    """List the members of a project by name."""
    await services.catalog.project(project)
    return services.members.page(project, limit=limit, cursor=cursor)


@routes.post(MEMBERS, right=Right.MANAGE, status=201, errors=(NotFound, Conflict), headers=_CREATED)
async def add_member(
    services: Services, visitor: Visitor, project: PlaceName, new: MemberIn
) -> Answer[Member]:
    """Give a user a role in a project."""
    made = await services.members.add(project, new, visitor)
    location = f"/api/v1/projects/{project}/members/{made.user}"
    return Answer(made, etag(version_of(made)) | {"Location": location})


@routes.get(f"{MEMBERS}/{{user}}", right=Right.MANAGE, errors=(NotFound,), headers=_TAG)
async def read_member(services: Services, project: PlaceName, user: MemberName) -> Answer[Member]:
    """Return a member."""
    found = services.members.one(project, user)
    return Answer(found, etag(version_of(found)))


@routes.patch(f"{MEMBERS}/{{user}}", right=Right.MANAGE, errors=(NotFound, StaleVersion), headers=_TAG)
async def change_member(
    services: Services,
    visitor: Visitor,
    project: PlaceName,
    user: MemberName,
    patch: MemberPatch,
    if_match: IfMatch = None,
) -> Answer[Member]:
    """Change a member's role, by a merge patch (RFC 7396)."""
    expected = expected_versions(if_match)
    changed = await services.members.change(project, user, patch, visitor, expected=expected)
    return Answer(changed, etag(version_of(changed)))


@routes.delete(f"{MEMBERS}/{{user}}", right=Right.MANAGE, errors=(NotFound, StaleVersion))
async def remove_member(
    services: Services,
    visitor: Visitor,
    project: PlaceName,
    user: MemberName,
    if_match: IfMatch = None,
) -> None:
    """Take a user's role in a project away; the user stays."""
    await services.members.remove(project, user, visitor, expected=expected_versions(if_match))


@routes.get("/api/v1/audit", right=Right.MANAGE, errors=(InvalidCursor, Invalid))
async def list_audit(
    services: Services,
    visitor: Visitor,
    project: ProjectFilter = None,
    actor: Annotated[
        Text | None, Field(max_length=100, description="Name of a user or key.", examples=["ada"])
    ] = None,
    action: Annotated[
        Text | None,
        Field(max_length=60, description="What was done, or how it begins.", examples=["key."]),
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> AuditPage:
    """
    List what was done, and by whom; the newest first.

    Administrators see everything, others what was done in projects that they manage.
    """
    return await services.audit.page(
        visitor,
        project=project,
        actor=actor,
        action=action,
        since=since,
        until=until,
        limit=limit,
        cursor=cursor,
    )


@routes.get("/api/v1/audit/{entry_id}", right=Right.MANAGE, errors=(NotFound,))
async def read_audit_entry(
    services: Services,
    visitor: Visitor,
    entry_id: Annotated[int, Number, Field(description="The entry's `id`.")],
) -> AuditEntry:
    """Return one entry of the audit log."""
    return await services.audit.one(entry_id, visitor)
