"""Every operation, tried as everybody, does what docs/reference/rights.md says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from pylogtap_collector.api import GROUPS, OPENAPI
from pylogtap_collector.app import build
from pylogtap_collector.settings import Settings
from pylogtap_collector.web import Pages
from tests.support.documents import DOCS, code, rows
from tests.support.outcomes import outcome, outcomes
from tests.support.rights import OTHER, OWN, TRIES, VISITORS, world

if TYPE_CHECKING:
    from tests.support.api import Reply

PAGE = DOCS / "reference" / "rights.md"
OPERATIONS = [operation for group in GROUPS for operation in group.operations]
_STRANGER = "giraffe"  # a project that nobody has heard of


@pytest.mark.timeout(300)
async def test_the_table_is_what_happens() -> None:
    """Each operation of the routes has a row, and each cell is what a real attempt is answered."""
    found = await outcomes(OPERATIONS)
    written = {code(row[0]): row[1:] for row in rows(PAGE, "operation")}
    assert found == written


def test_every_operation_can_be_tried() -> None:
    """Who adds an operation says how to try it, and writes its row."""
    assert set(TRIES) == {operation.name for operation in OPERATIONS}


@pytest.mark.timeout(300)
async def test_the_key_of_the_environment_and_the_open_collector() -> None:
    """PYLOGTAP_KEY may do what a key for everything may."""
    async with world() as here:
        for operation in OPERATIONS:
            for project in (OWN, OTHER):
                as_key, as_server = [
                    outcome(operation, await here.attempt(operation, visitor, project))
                    for visitor in ("admin key of all", "server key")
                ]
                assert as_key == as_server, operation.name


@pytest.mark.timeout(300)
async def test_another_project_is_as_if_it_were_not_there() -> None:
    """
    Who may see one project finds no trace of another.

    No answer to anything that he can read names it, and an attempt on it is answered, byte by byte, like one
    on a project that is not there.
    """
    limited = [visitor for visitor in VISITORS if "of all" not in visitor and visitor != "administrator"]
    async with world() as here:
        for operation in OPERATIONS:
            for visitor in limited:
                if operation.is_open:
                    continue
                seen = await here.attempt(operation, visitor, OWN)
                if operation.method == "GET":
                    assert OTHER.encode() not in seen.body, (operation.name, visitor)
                if "{" not in operation.path and not operation.body:
                    continue
                on_other, on_nothing = [
                    await here.attempt(operation, visitor, project) for project in (OTHER, _STRANGER)
                ]
                assert plain(on_other, OTHER) == plain(on_nothing, _STRANGER), (operation.name, visitor)


def plain(reply: Reply, project: str) -> tuple[int, str]:
    """Return status and words of an answer, without the name and the number that were asked for."""
    if reply.status < 300:  # what was found is looked at above
        return reply.status, ""
    text = reply.body.decode().replace(project, "PROJECT")
    return reply.status, re.sub(r"\d+", "N", text)


async def test_no_route_is_left_out() -> None:
    """What the server routes is an operation, or a page that is known to be open."""
    app = build(Settings(memory=True, adopt=False))
    known = {(operation.method, operation.path) for operation in OPERATIONS}
    pages = {OPENAPI, *Pages().open_paths}
    routes = [(route.method, route.resource.canonical) for route in app.router.routes() if route.resource]
    assert len(routes) > len(OPERATIONS)
    for method, path in routes:
        assert ("GET" if method == "HEAD" else method, path) in known or path in pages, (method, path)


async def test_a_route_that_is_not_listed_is_refused() -> None:
    """Deny by default: a route that somebody adds beside the operations is reached by nobody."""

    async def secret(_: web.Request) -> web.Response:
        return web.Response(text="secret")

    app = build(Settings(memory=True, adopt=False, key=SecretStr("key of the environment")))
    app.router.add_get("/secret", secret)
    async with TestClient(TestServer(app)) as client:
        nobody = await client.get("/secret")
        administrator = await client.get(
            "/secret", headers={"Authorization": "Bearer key of the environment"}
        )
        assert (nobody.status, administrator.status) == (401, 403)
