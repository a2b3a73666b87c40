"""CRUD of projects, services and instances over real HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.api import Caller

PROJECTS = "/api/v1/projects"
SERVICES = f"{PROJECTS}/shop/services"
INSTANCES = f"{SERVICES}/checkout/instances"


async def test_places_appear_with_their_first_record(filled: Caller) -> None:
    """Nobody has to create a place: the first record of a prefix does."""
    (project,) = (await filled("GET", PROJECTS)).json["items"]
    assert (project["name"], project["records"], project["services"]) == ("shop", 253, 2)
    services = (await filled("GET", SERVICES)).json["items"]
    assert [(each["name"], each["records"]) for each in services] == [("checkout", 250), ("stock", 3)]
    (instance,) = (await filled("GET", INSTANCES)).json["items"]
    assert (instance["name"], instance["records"]) == ("web-1", 250)


@pytest.mark.parametrize(
    ("collection", "place"),
    [(PROJECTS, "new"), (SERVICES, "mail"), (INSTANCES, "web-2")],
)
async def test_the_life_of_a_place(filled: Caller, collection: str, place: str) -> None:
    """Every kind of place is created, read, changed by who has seen it, and deleted."""
    created = await filled("POST", collection, json={"name": place, "description": "first"})
    assert created.status == 201
    path = created.headers["Location"]
    assert path == f"{collection}/{place}"
    read = await filled("GET", path)
    assert read.json == created.json
    assert read.headers["ETag"] == created.headers["ETag"]
    twice = await filled("POST", collection, json={"name": place})
    assert (twice.status, twice.json["code"]) == (409, "conflict")
    changed = await filled(
        "PATCH", path, json={"description": "second"}, headers={"If-Match": read.headers["ETag"]}
    )
    assert changed.json["description"] == "second"
    for method, body in (("PATCH", {"description": "third"}), ("DELETE", None)):
        late = await filled(method, path, json=body, headers={"If-Match": read.headers["ETag"]})
        assert late.status == 412
    deleted = await filled("DELETE", path, headers={"If-Match": changed.headers["ETag"]})
    assert (deleted.status, deleted.body) == (204, b"")
    assert (await filled("GET", path)).status == 404
    assert (await filled("DELETE", path)).status == 404


async def test_deleting_a_place_deletes_what_hangs_on_it(filled: Caller) -> None:
    """With a service go its instances and its records, and nothing of another one."""
    assert (await filled("DELETE", f"{SERVICES}/checkout")).status == 204
    assert (await filled("GET", INSTANCES)).status == 404
    logs = (await filled("GET", "/api/v1/logs")).json["items"]
    assert {log["service"] for log in logs} == {"stock"}
    assert len(logs) == 3


@pytest.mark.parametrize("name", ["", "a/b", "-x", "x" * 64, "ü", "a b"])
async def test_names_that_no_prefix_can_have(filled: Caller, name: str) -> None:
    """A name that cannot be a segment of a prefix is refused."""
    reply = await filled("POST", PROJECTS, json={"name": name})
    assert reply.status == 422
    assert reply.json["errors"][0]["name"] == "name"


async def test_places_in_pages(call: Caller) -> None:
    """Lists go on by cursor, by name."""
    names = [f"p{number:02}" for number in range(25)]
    for name in reversed(names):
        assert (await call("POST", PROJECTS, json={"name": name})).status == 201
    found: list[str] = []
    cursor = None
    while True:
        params = {"limit": "10", **({"cursor": cursor} if cursor else {})}
        page = (await call("GET", PROJECTS, params=params)).json
        found += [each["name"] for each in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == names


async def test_a_service_of_no_project(call: Caller) -> None:
    """A service cannot be created under a project that is not there."""
    reply = await call("POST", f"{PROJECTS}/none/services", json={"name": "x"})
    assert (reply.status, reply.json["code"]) == (404, "not_found")
