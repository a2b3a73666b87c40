"""Saved searches over real HTTP: their life, and who sees and changes which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.people import guarded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.api import Caller
    from tests.support.people import Guarded, Person

SEARCHES = "/api/v1/saved-searches"
FAILED = {"name": "failed payments", "query": "level:error service:pay"}


@pytest.fixture
async def shop() -> AsyncIterator[Guarded]:
    """A collector with the projects shop and bank, where everybody has to show who he is."""
    async with guarded() as collector:
        await collector.project("shop")
        await collector.project("bank")
        yield collector


async def save(person: Person | Caller, **more: Any) -> str:
    """Save a search and return its path."""
    made = await person("POST", SEARCHES, json={**FAILED, **more})
    assert made.status == 201, made.json
    return str(made.headers["Location"])


async def names(person: Person | Caller, **params: str) -> list[str]:
    """Return the names of the searches that somebody sees."""
    return [each["name"] for each in (await person("GET", SEARCHES, params=params)).json["items"]]


async def test_the_life_of_a_search(call: Caller) -> None:
    """A search is saved, read, listed, changed by who has seen it, and deleted."""
    created = await call("POST", SEARCHES, json={**FAILED, "since": "1h", "until": "2030-01-01"})
    path = created.headers["Location"]
    assert (created.status, path) == (201, f"{SEARCHES}/{created.json['id']}")
    wanted = {**FAILED, "since": "1h", "until": "2030-01-01", "project": None, "owner": None}
    assert wanted.items() <= created.json.items()
    assert created.json["created"] == created.json["changed"]

    read = await call("GET", path)
    assert (read.json, read.headers["ETag"]) == (created.json, created.headers["ETag"])
    assert (await call("GET", SEARCHES)).json == {"items": [created.json], "next": None}

    seen = {"If-Match": read.headers["ETag"]}
    changed = await call("PATCH", path, json={"query": "level:fatal", "until": None}, headers=seen)
    assert changed.json == created.json | {
        "query": "level:fatal",
        "until": None,
        "changed": changed.json["changed"],
    }
    for method, body in (("PATCH", {"name": "third"}), ("DELETE", None)):
        assert (await call(method, path, json=body, headers=seen)).status == 412
    gone = await call("DELETE", path, headers={"If-Match": changed.headers["ETag"]})
    assert (gone.status, gone.body) == (204, b"")
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        reply = await call(method, path, json=body)
        assert (reply.status, reply.json["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"query": "level:>="}, 400, "invalid_query"),
        ({"query": "(a"}, 400, "invalid_query"),
        ({"query": "x" * 4001}, 422, "invalid"),
        ({"query": None}, 422, "invalid"),
        ({"since": "yesterday-ish"}, 422, "invalid"),
        ({"until": "2026-13-01"}, 422, "invalid"),
        ({"until": ""}, 422, "invalid"),
        ({"name": ""}, 422, "invalid"),
        ({"name": "x" * 101}, 422, "invalid"),
        ({"name": "zero\0"}, 422, "invalid"),
        ({"project": "a/b"}, 422, "invalid"),
        ({"owner": "ada"}, 422, "invalid"),
        ({"project": "none"}, 404, "not_found"),
    ],
)
async def test_searches_that_could_not_be_done(
    call: Caller, wrong: dict[str, Any], status: int, code: str
) -> None:
    """What could not be searched for is refused, when it is saved and when it is changed."""
    path = await save(call)
    before = (await call("GET", path)).json
    for method, where, body in (("POST", SEARCHES, {**FAILED, **wrong}), ("PATCH", path, wrong)):
        reply = await call(method, where, json=body)
        assert (reply.status, reply.json["code"]) == (status, code)
    assert (await call("GET", SEARCHES)).json["items"] == [before]


async def test_searches_in_pages(call: Caller) -> None:
    """The list goes on by cursor, by name; searches of one name are told apart by their number."""
    wanted = [f"s{number // 3:02}" for number in range(25)]
    for name in reversed(wanted):
        await save(call, name=name)
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        params = {"limit": "10", **({"cursor": cursor} if cursor else {})}
        page = (await call("GET", SEARCHES, params=params)).json
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert [each["name"] for each in found] == wanted
    assert len({each["id"] for each in found}) == 25
    wrong = await call("GET", SEARCHES, params={"cursor": "abc"})
    assert (wrong.status, wrong.json["code"]) == (400, "invalid_cursor")


async def test_filters_of_the_list(shop: Guarded) -> None:
    """The list is limited to a project, and to a part of the name; case does not count in any script."""
    for name, project in (("Größe", "shop"), ("größer", "bank"), ("klein", "shop"), ("GRÖSSE", None)):
        await save(shop.root, name=name, project=project)
    assert await names(shop.root, project="shop") == ["Größe", "klein"]
    assert await names(shop.root, name="GRÖSSE") == ["GRÖSSE", "Größe", "größer"]
    assert await names(shop.root, name="größe", project="bank") == ["größer"]
    assert await names(shop.root, project="none") == []


async def test_private_searches_are_seen_by_their_owner_alone(shop: Guarded) -> None:
    """A viewer keeps private searches; nobody else sees them, not even who may read everything."""
    ada, bob = await shop.user("ada", shop="viewer"), await shop.user("bob", shop="admin")
    path = await save(ada)
    assert (await ada("GET", path)).json["owner"] == "ada"
    assert await names(ada) == ["failed payments"]
    nothing = (await ada("GET", f"{SEARCHES}/4711")).json["detail"]
    for other in (bob, shop.root, await shop.key("read"), await shop.key("admin", "shop")):
        assert await names(other) == []
        for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
            reply = await other(method, path, json=body)
            assert reply.status == 404
            assert reply.json["detail"].replace(path.rpartition("/")[2], "4711") == nothing
    assert (await ada("PATCH", path, json={"name": "mine"})).json["name"] == "mine"
    assert (await ada("DELETE", path)).status == 204


async def test_shared_searches_are_changed_by_who_writes_there(shop: Guarded) -> None:
    """Who reads the project sees its searches, who writes in it changes them, all others know of none."""
    ada = await shop.user("ada", shop="editor")
    path = await save(ada, project="shop")
    viewers = (await shop.user("bob", shop="viewer", bank="admin"), await shop.key("read", "shop"))
    for viewer in viewers:
        assert (await viewer("GET", path)).json["owner"] == "ada"
        assert await names(viewer, project="shop") == ["failed payments"]
        for method, where, body in (
            ("POST", SEARCHES, {**FAILED, "project": "shop"}),
            ("PATCH", path, {"name": "x"}),
            ("DELETE", path, None),
        ):
            reply = await viewer(method, where, json=body)
            assert (reply.status, reply.json["code"]) == (403, "missing_right")
    for stranger in (await shop.user("eve", bank="admin"), await shop.key("read", "bank")):
        assert await names(stranger) == []
        for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
            assert (await stranger(method, path, json=body)).status == 404
    for writer in (await shop.user("dan", shop="editor"), await shop.key("admin", "shop"), shop.root):
        assert (await writer("PATCH", path, json={"query": "x"})).status == 200
    assert (await writer("DELETE", path)).status == 204


async def test_projects_that_cannot_be_seen(shop: Guarded) -> None:
    """Saving into a project that may not be seen says the same as one that is not there."""
    eve = await shop.user("eve", bank="admin")
    mine = await save(eve)
    for project in ("shop", "none"):
        for method, path in (("POST", SEARCHES), ("PATCH", mine)):
            body = {**FAILED, "project": project}
            reply = await eve(method, path, json=body)
            assert (reply.status, reply.json["detail"]) == (404, f"There is no project {project}.")
    assert (await eve("GET", mine)).json["project"] is None


async def test_searches_of_nobody(shop: Guarded) -> None:
    """Without project and user, a search is that of all who read and write everywhere."""
    path = await save(shop.root)
    reader, admin = await shop.key("read"), await shop.key("admin")
    assert (await reader("GET", path)).json["owner"] is None
    assert (await reader("PATCH", path, json={"name": "x"})).status == 403
    assert (await reader("POST", SEARCHES, json=FAILED)).status == 403
    assert (await admin("PATCH", path, json={"name": "x"})).status == 200
    member = await shop.user("ada", shop="admin")
    for other in (member, await shop.key("admin", "shop")):
        assert (await other("GET", path)).status == 404
    assert (await other("POST", SEARCHES, json=FAILED)).status == 403
    deliverer = await shop.key("ingest")
    assert (await deliverer("GET", SEARCHES)).status == 403


async def test_sharing_a_search_and_taking_it_back(shop: Guarded) -> None:
    """A private search is shared by giving it a project, and belongs to whoever takes it out again."""
    ada, bob = await shop.user("ada", shop="editor", bank="viewer"), await shop.user("bob", shop="editor")
    path = await save(ada)
    assert (await ada("PATCH", path, json={"project": "bank"})).status == 403
    shared = await ada("PATCH", path, json={"project": "shop"})
    assert (shared.json["project"], shared.json["owner"]) == ("shop", "ada")
    assert (await bob("PATCH", path, json={"project": "bank"})).status == 404
    taken = await bob("PATCH", path, json={"project": None})
    assert (taken.json["project"], taken.json["owner"]) == (None, "bob")
    assert (await ada("GET", path)).status == 404


async def test_the_audit_log_tells_of_shared_searches(shop: Guarded) -> None:
    """What is done to shared searches is in the audit log, what is done to private ones is not."""
    ada = await shop.user("ada", shop="editor")
    for project in ("shop", None):
        path = await save(ada, project=project)
        assert (await ada("PATCH", path, json={"query": "x"})).status == 200
        assert (await ada("DELETE", path)).status == 204
    entries = (await shop.root("GET", "/api/v1/audit", params={"action": "search."})).json["items"]
    assert [(each["action"], each["actor"], each["project"], each["target"]) for each in entries] == [
        (f"search.{action}", "ada", "shop", FAILED["name"]) for action in ("delete", "change", "create")
    ]


async def test_searches_go_with_their_project(shop: Guarded) -> None:
    """Deleting a project deletes its searches, also where a project of its name comes again."""
    ada = await shop.user("ada", shop="admin")
    shared, private = await save(ada, project="shop"), await save(ada, name="mine")
    await save(shop.root, name="other", project="bank")
    assert (await ada("DELETE", "/api/v1/projects/shop")).status == 204
    await shop.project("shop")
    assert (await shop.root("GET", shared)).status == 404
    assert await names(shop.root) == ["other"]
    assert (await ada("GET", private)).status == 403  # who is a member of nothing reads nothing


async def test_searches_go_with_their_owner(shop: Guarded) -> None:
    """Deleting a user deletes his private searches; those that he shared stay, without owner."""
    ada = await shop.user("ada", shop="editor")
    shared, private = await save(ada, project="shop"), await save(ada)
    users = (await shop.root("GET", "/api/v1/users")).json["items"]
    assert (await shop.root("DELETE", f"/api/v1/users/{users[0]['id']}")).status == 204
    assert (await shop.root("GET", shared)).json["owner"] is None
    assert (await shop.root("GET", private)).status == 404
    again = await shop.user("ada", shop="editor")
    assert await names(again) == ["failed payments"]
