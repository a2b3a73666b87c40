"""CRUD of projects, services and instances. They appear by themselves with their first record, too."""

from __future__ import annotations

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.parameters import (
    Cursor,
    IfMatch,
    InstanceName,
    Limit,
    NamePart,
    PlaceName,
    ServiceName,
    etag,
    expected_versions,
)
from pylogtap_collector.api.routing import Answer, Routes
from pylogtap_collector.errors import Conflict, InvalidCursor, NotFound, StaleVersion
from pylogtap_collector.models import (
    Instance,
    InstanceIn,
    InstancePage,
    PlacePatch,
    Project,
    ProjectIn,
    ProjectPage,
    ProjectRetention,
    RetentionPatch,
    Service,
    ServiceIn,
    ServicePage,
)
from pylogtap_collector.services import Services
from pylogtap_collector.services.versions import version_of

PROJECTS = "/api/v1/projects"
PROJECT = f"{PROJECTS}/{{project}}"
SERVICES = f"{PROJECT}/services"
SERVICE = f"{SERVICES}/{{service}}"
INSTANCES = f"{SERVICE}/instances"
INSTANCE = f"{INSTANCES}/{{instance}}"
_TAG = {"ETag": "Version of the description; give it as If-Match when you change or delete it."}
_CREATED = {**_TAG, "Location": "Address of what was created."}

routes = Routes("places", "Projects, services and instances: the three segments of a prefix.")


@routes.get(PROJECTS, right=Right.READ, errors=(InvalidCursor,))
async def list_projects(
    services: Services,
    visitor: Visitor,
    name: NamePart = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> ProjectPage:
    """List projects that one may read, by name."""
    seen = visitor.where(Right.READ)
    return await services.catalog.projects(seen, name=name, limit=limit, cursor=cursor)


@routes.post(PROJECTS, right=Right.ADMINISTER, status=201, errors=(Conflict,), headers=_CREATED)
async def create_project(services: Services, new: ProjectIn) -> Answer[Project]:
    """Create a project, before its first record."""
    made = await services.catalog.create_project(new)
    return Answer(made, etag(version_of(made)) | _location(made.name))


@routes.get(PROJECT, right=Right.READ, errors=(NotFound,), headers=_TAG)
async def read_project(services: Services, project: PlaceName) -> Answer[Project]:
    """Return a project."""
    found = await services.catalog.project(project)
    return Answer(found, etag(version_of(found)))


@routes.patch(PROJECT, right=Right.WRITE, errors=(NotFound, StaleVersion), headers=_TAG)
async def change_project(
    services: Services, project: PlaceName, patch: PlacePatch, if_match: IfMatch = None
) -> Answer[Project]:
    """Change a project's description, by a merge patch (RFC 7396)."""
    changed = await services.catalog.change_project(project, patch, expected=expected_versions(if_match))
    return Answer(changed, etag(version_of(changed)))


@routes.delete(PROJECT, right=Right.MANAGE, errors=(NotFound, Conflict, StaleVersion))
async def delete_project(
    services: Services, visitor: Visitor, project: PlaceName, if_match: IfMatch = None
) -> None:
    """
    Delete a project with all that hangs on it.

    Its services and instances go, all of their records, metrics and test runs, saved searches, members, and
    its keys, so that nobody goes on to deliver by them. Users stay, and so does what the audit log says.
    """
    await services.catalog.delete_project(project, visitor, expected=expected_versions(if_match))


@routes.get(f"{PROJECT}/retention", right=Right.READ, errors=(NotFound,))
async def read_retention(services: Services, project: PlaceName) -> ProjectRetention:
    """Return how long a project's records are kept."""
    return await services.retention.project(project)


@routes.patch(f"{PROJECT}/retention", right=Right.MANAGE, errors=(NotFound,))
async def change_retention(
    services: Services, visitor: Visitor, project: PlaceName, patch: RetentionPatch
) -> ProjectRetention:
    """
    Change how long a project's records are kept, by a merge patch (RFC 7396).

    What is beyond goes within seconds.
    """
    return await services.retention.change(project, patch, visitor)


@routes.get(SERVICES, right=Right.READ, errors=(NotFound, InvalidCursor))
async def list_services(
    services: Services,
    project: PlaceName,
    name: NamePart = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> ServicePage:
    """List the services of a project by name."""
    return await services.catalog.services(project, name=name, limit=limit, cursor=cursor)


@routes.post(SERVICES, right=Right.WRITE, status=201, errors=(NotFound, Conflict), headers=_CREATED)
async def create_service(services: Services, project: PlaceName, new: ServiceIn) -> Answer[Service]:
    """Create a service, before its first record."""
    made = await services.catalog.create_service(project, new)
    return Answer(made, etag(version_of(made)) | _location(project, made.name))


@routes.get(SERVICE, right=Right.READ, errors=(NotFound,), headers=_TAG)
async def read_service(services: Services, project: PlaceName, service: ServiceName) -> Answer[Service]:
    """Return a service."""
    found = await services.catalog.service(project, service)
    return Answer(found, etag(version_of(found)))


@routes.patch(SERVICE, right=Right.WRITE, errors=(NotFound, StaleVersion), headers=_TAG)
async def change_service(
    services: Services, project: PlaceName, service: ServiceName, patch: PlacePatch, if_match: IfMatch = None
) -> Answer[Service]:
    """Change a service's description, by a merge patch (RFC 7396)."""
    expected = expected_versions(if_match)
    changed = await services.catalog.change_service(project, service, patch, expected=expected)
    return Answer(changed, etag(version_of(changed)))


@routes.delete(SERVICE, right=Right.MANAGE, errors=(NotFound, Conflict, StaleVersion))
async def delete_service(
    services: Services, visitor: Visitor, project: PlaceName, service: ServiceName, if_match: IfMatch = None
) -> None:
    """Delete a service with its instances and all of their records, metrics and test runs."""
    await services.catalog.delete_service(project, service, visitor, expected=expected_versions(if_match))


@routes.get(INSTANCES, right=Right.READ, errors=(NotFound, InvalidCursor))
async def list_instances(
    services: Services,
    project: PlaceName,
    service: ServiceName,
    name: NamePart = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> InstancePage:
    """List the instances of a service by name."""
    return await services.catalog.instances(project, service, name=name, limit=limit, cursor=cursor)


@routes.post(INSTANCES, right=Right.WRITE, status=201, errors=(NotFound, Conflict), headers=_CREATED)
async def create_instance(
    services: Services, project: PlaceName, service: ServiceName, new: InstanceIn
) -> Answer[Instance]:
    """Create an instance, before its first record."""
    made = await services.catalog.create_instance(project, service, new)
    return Answer(made, etag(version_of(made)) | _location(project, service, made.name))


@routes.get(INSTANCE, right=Right.READ, errors=(NotFound,), headers=_TAG)
async def read_instance(
    services: Services, project: PlaceName, service: ServiceName, instance: InstanceName
) -> Answer[Instance]:
    """Return an instance."""
    found = await services.catalog.instance(project, service, instance)
    return Answer(found, etag(version_of(found)))


@routes.patch(INSTANCE, right=Right.WRITE, errors=(NotFound, StaleVersion), headers=_TAG)
async def change_instance(
    services: Services,
    project: PlaceName,
    service: ServiceName,
    instance: InstanceName,
    patch: PlacePatch,
    if_match: IfMatch = None,
) -> Answer[Instance]:
    """Change an instance's description, by a merge patch (RFC 7396)."""
    changed = await services.catalog.change_instance(
        project, service, instance, patch, expected=expected_versions(if_match)
    )
    return Answer(changed, etag(version_of(changed)))


@routes.delete(INSTANCE, right=Right.MANAGE, errors=(NotFound, Conflict, StaleVersion))
async def delete_instance(
    services: Services,
    visitor: Visitor,
    project: PlaceName,
    service: ServiceName,
    instance: InstanceName,
    if_match: IfMatch = None,
) -> None:
    """Delete an instance with all of its records, metrics and test runs."""
    expected = expected_versions(if_match)
    await services.catalog.delete_instance(project, service, instance, visitor, expected=expected)


def _location(*names: str) -> dict[str, str]:
    levels = ("projects", "services", "instances")
    path = "".join(f"/{level}/{name}" for level, name in zip(levels, names, strict=False))
    return {"Location": f"/api/v1{path}"}
