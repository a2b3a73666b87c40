"""Keys, members of projects, and the audit log."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap import wire
from pylogtap_collector.access.tokens import digest_of
from tests.support.api import Caller, calling
from tests.support.rights import PASSWORD, sign_in
from tests.support.segments import SegmentBuilder, numbered_segment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SERVER = {"Authorization": "Bearer key of the environment"}
SLICE = {"Content-Type": "application/vnd.pylogtap.slice"}


@pytest.fixture
async def call() -> AsyncIterator[Caller]:
    """A collector that was started with a key."""
    async with calling(key="key of the environment") as running:
        yield running


async def make_key(call: Caller, **body: Any) -> tuple[int, dict[str, str]]:
    """Make a key, and return its number and the header that shows it."""
    reply = await call("POST", "/api/v1/keys", json={"name": "k", "project": None, **body}, headers=SERVER)
    assert reply.status == 201, reply.json
    return reply.json["id"], {"Authorization": f"Bearer {reply.json['secret']}"}


def content_of(folder: Path) -> bytes:
    """Return what the files of a folder hold."""
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


async def deliver(
    call: Caller, segment: SegmentBuilder, headers: dict[str, str], start: int = wire.HEADER_SIZE
) -> Any:
    """Deliver a segment from an offset on."""
    params = {"stream": segment.identity.hex(), "offset": str(start)}
    return await call(
        "POST", "/api/v1/ingest", params=params, data=segment.slice(start), headers={**headers, **SLICE}
    )


async def test_a_key_is_shown_once(tmp_path: Path) -> None:
    """Its secret is in the answer that made it alone; the database has a check sum."""
    async with calling(key="key of the environment", memory=False, data=tmp_path) as call:
        number, shown = await make_key(call, project="shop", role="read")
        secret = shown["Authorization"].removeprefix("Bearer ")
        found = (await call("GET", f"/api/v1/keys/{number}", headers=SERVER)).json
        assert secret.startswith(f"{found['prefix']}_")
        assert "secret" not in found
        assert (await call("GET", "/api/v1/logs", headers=shown)).status == 200
    held = content_of(tmp_path)
    assert secret.encode() not in held
    assert digest_of(secret) in held


async def test_a_key_that_ends(call: Caller) -> None:
    """Past its end a key is none; until then it says when it was used last."""
    past, future = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 1))
    _, ended = await make_key(call, project="shop", role="read", expires=past.isoformat())
    number, good = await make_key(call, project="shop", role="read", expires=future.isoformat())
    assert (await call("GET", "/api/v1/logs", headers=ended)).json["code"] == "wrong_key"
    assert (await call("GET", f"/api/v1/keys/{number}", headers=SERVER)).json["last_used"] is None
    assert (await call("GET", "/api/v1/logs", headers=good)).status == 200
    assert (await call("GET", f"/api/v1/keys/{number}", headers=SERVER)).json["last_used"] is not None
    changed = {"expires": past.isoformat()}
    assert (await call("PATCH", f"/api/v1/keys/{number}", json=changed, headers=SERVER)).status == 200
    assert (await call("GET", "/api/v1/logs", headers=good)).status == 401


async def test_a_revoked_key(call: Caller) -> None:
    """A revoked key ends at once and for good, and stays listed; a deleted one is listed no more."""
    number, shown = await make_key(call, project="shop", role="read")
    path = f"/api/v1/keys/{number}"
    assert (await call("PATCH", path, json={"revoked": True}, headers=SERVER)).json["revoked"] is not None
    assert (await call("GET", "/api/v1/logs", headers=shown)).status == 401
    assert (await call("PATCH", path, json={"revoked": False}, headers=SERVER)).status == 422
    assert [key["id"] for key in (await call("GET", "/api/v1/keys", headers=SERVER)).json["items"]] == [
        number
    ]
    assert (await call("DELETE", path, headers=SERVER)).status == 204
    assert (await call("GET", "/api/v1/keys", headers=SERVER)).json["items"] == []


async def test_use_outlives_a_restart(tmp_path: Path) -> None:
    """Keys, and when they were used last, are there after a restart."""
    async with calling(key="key of the environment", memory=False, data=tmp_path) as call:
        number, shown = await make_key(call, project="shop", role="read")
        await call("GET", "/api/v1/logs", headers=shown)
    async with calling(key="key of the environment", memory=False, data=tmp_path) as call:
        key = (await call("GET", f"/api/v1/keys/{number}", headers=SERVER)).json
        assert key["last_used"] is not None
        assert (await call("GET", "/api/v1/logs", headers=shown)).status == 200


async def test_a_key_writes_into_its_project_alone(call: Caller) -> None:
    """No slice brings a record into another project: not by its places, a loss, or a stream of others."""
    _, shown = await make_key(call, project="shop")
    assert (await deliver(call, numbered_segment(3, prefix="shop/web/1"), shown)).status == 200
    hostile: list[SegmentBuilder] = [numbered_segment(1, prefix="zebra/web/1")]
    second = SegmentBuilder("shop/web/1")
    second.place(2, "zebra/web/1")
    second.record(second.site(place=2), ["x", 1])
    loss = SegmentBuilder("shop/web/1")
    from pylogtap.record import loss_payload

    loss.put(loss_payload("zebra/web/1", {"full": 3}))
    hostile += [second, loss]
    for segment in hostile:
        refused = await deliver(call, segment, shown)
        assert (refused.status, refused.json["code"]) == (403, "missing_right"), refused.body
    nowhere = SegmentBuilder("shop/web/1")
    start = nowhere.end
    nowhere.record(1, ["x"])
    # Bytes that name no place, sent as if those before had been set aside.
    params = {"stream": nowhere.identity.hex(), "offset": str(start), "skipped_from": "4096"}
    reply = await call(
        "POST", "/api/v1/ingest", params=params, data=nowhere.slice(start), headers={**shown, **SLICE}
    )
    assert reply.status == 403
    assert (await call("GET", "/api/v1/logs/count", headers=SERVER)).json["total"] == 3
    assert [
        each["name"] for each in (await call("GET", "/api/v1/projects", headers=SERVER)).json["items"]
    ] == ["shop"]


async def test_a_stream_that_others_began(call: Caller) -> None:
    """Who knows the id of another's stream cannot go on with it; a key for everything can."""
    segment = numbered_segment(2, prefix="zebra/web/1")
    assert (await deliver(call, segment, SERVER)).status == 200
    start = segment.end
    segment.record(1, [7])
    _, shown = await make_key(call, project="shop")
    assert (await deliver(call, segment, shown, start)).status == 403
    assert (await deliver(call, segment, SERVER, start)).json["next"] == segment.end


async def test_a_stream_from_before_projects_were_noted(tmp_path: Path) -> None:
    """Of streams that earlier versions began, the projects are found by their definitions."""
    segment = numbered_segment(2, prefix="shop/web/1")
    other = numbered_segment(2, prefix="zebra/web/1")
    async with calling(key="key of the environment", memory=False, data=tmp_path) as call:
        for each in (segment, other):
            await deliver(call, each, SERVER)
    with closing(sqlite3.connect(tmp_path / "pylogtap.db")) as connection, connection:
        connection.execute("UPDATE stream SET projects = NULL")
    async with calling(key="key of the environment", memory=False, data=tmp_path) as call:
        _, shown = await make_key(call, project="shop")
        for each, status in ((segment, 200), (other, 403)):
            start = each.end
            each.record(1, [7])
            assert (await deliver(call, each, shown, start)).status == status


async def test_who_manages_gives_keys_of_his_project_alone(call: Caller) -> None:
    """An admin key makes keys for its project; none for another, and none for all."""
    _, shown = await make_key(call, project="shop", role="admin")
    for project, status in (("shop", 201), ("zebra", 404), (None, 403)):
        body = {"name": "made", "project": project, "role": "read"}
        assert (await call("POST", "/api/v1/keys", json=body, headers=shown)).status == status
    listed = (await call("GET", "/api/v1/keys", headers=shown)).json["items"]
    assert {key["project"] for key in listed} == {"shop"}
    assert listed[-1]["created_by"] == "k"


async def test_members(call: Caller) -> None:
    """Roles are given, changed and taken away by name, and count with the next request."""
    await call("POST", "/api/v1/users", json={"name": "ada", "password": PASSWORD}, headers=SERVER)
    await call("POST", "/api/v1/projects", json={"name": "shop"}, headers=SERVER)
    ada = await sign_in(call, "ada", PASSWORD)
    assert (await call("GET", "/api/v1/projects/shop", headers=ada)).status == 404
    path = "/api/v1/projects/shop/members"
    new = {"user": "ADA", "role": "viewer"}
    made = await call("POST", path, json=new, headers=SERVER)
    assert (made.status, made.headers["Location"], made.json["user"]) == (201, f"{path}/ada", "ada")
    assert (await call("POST", path, json=new, headers=SERVER)).status == 409
    assert (await call("POST", path, json={**new, "user": "eve"}, headers=SERVER)).status == 404
    assert (await call("GET", "/api/v1/projects/shop", headers=ada)).status == 200
    assert (await call("GET", path, headers=ada)).status == 403
    tag = {"If-Match": made.headers["ETag"]}
    changed = await call("PATCH", f"{path}/ada", json={"role": "admin"}, headers={**SERVER, **tag})
    assert (changed.status, changed.json["role"]) == (200, "admin")
    assert (await call("DELETE", f"{path}/ada", headers={**SERVER, **tag})).status == 412
    assert (await call("GET", path, headers=ada)).json["items"][0]["role"] == "admin"
    assert (await call("DELETE", f"{path}/ada", headers=ada)).status == 204
    assert (await call("GET", "/api/v1/projects/shop", headers=ada)).status == 404


async def test_what_goes_with_a_project(call: Caller) -> None:
    """Members, keys, saved searches and its retention go; a key of it delivers no more."""
    await call("POST", "/api/v1/users", json={"name": "ada", "password": PASSWORD}, headers=SERVER)
    _, shown = await make_key(call, project="shop")
    assert (await deliver(call, numbered_segment(3, prefix="shop/web/1"), shown)).status == 200
    member = {"user": "ada", "role": "viewer"}
    await call("POST", "/api/v1/projects/shop/members", json=member, headers=SERVER)
    await call("PATCH", "/api/v1/projects/shop/retention", json={"keep_days": 3}, headers=SERVER)
    search = {"name": "errors", "query": "level:error", "project": "shop"}
    await call("POST", "/api/v1/saved-searches", json=search, headers=SERVER)
    assert (await call("DELETE", "/api/v1/projects/shop", headers=SERVER)).status == 204
    assert (await deliver(call, numbered_segment(3, prefix="shop/web/1"), shown)).status == 401
    for path in ("/api/v1/keys", "/api/v1/saved-searches", "/api/v1/projects"):
        assert (await call("GET", path, headers=SERVER)).json["items"] == []
    await call("POST", "/api/v1/projects", json={"name": "shop"}, headers=SERVER)
    kept = await call("GET", "/api/v1/projects/shop/retention", headers=SERVER)
    assert kept.json["keep_days"] is None
    assert (await call("GET", "/api/v1/projects/shop/members", headers=SERVER)).json["items"] == []
    audit = (await call("GET", "/api/v1/audit?action=project.", headers=SERVER)).json["items"]
    assert [(entry["action"], entry["target"], entry["detail"]) for entry in audit] == [
        ("project.delete", "shop", {"records": 3})
    ]


async def test_the_audit_log_tells_who_did_what(call: Caller) -> None:
    """Sign-ins, refused ones, keys, settings and deletions are noted, with the address; never a secret."""
    await call("POST", "/api/v1/users", json={"name": "ada", "password": PASSWORD}, headers=SERVER)
    await sign_in(call, "ada", PASSWORD)
    await call("POST", "/api/v1/sessions", json={"name": "ada", "password": "not the right one"})
    number, shown = await make_key(call, project="shop", role="admin")
    await call("DELETE", "/api/v1/logs?q=x", headers=shown)
    await call("PATCH", "/api/v1/settings", json={"ai": {"token": "very secret"}}, headers=SERVER)
    await call("DELETE", f"/api/v1/keys/{number}", headers=SERVER)
    reply = await call("GET", "/api/v1/audit", headers=SERVER)
    entries = reply.json["items"][::-1]
    assert [(each["action"], each["actor_kind"], each["actor"], each["project"]) for each in entries] == [
        ("user.create", "server_key", "PYLOGTAP_KEY", None),
        ("session.create", "user", "ada", None),
        ("session.refuse", "nobody", "", None),
        ("key.create", "server_key", "PYLOGTAP_KEY", "shop"),
        ("logs.delete", "key", "k", "shop"),
        ("settings.change", "server_key", "PYLOGTAP_KEY", None),
        ("key.delete", "server_key", "PYLOGTAP_KEY", "shop"),
    ]
    assert {each["address"] for each in entries} == {"127.0.0.1"}
    assert b"very secret" not in reply.body
    assert PASSWORD.encode() not in reply.body
    one = await call("GET", f"/api/v1/audit/{entries[0]['id']}", headers=SERVER)
    assert one.json == entries[0]
    some = await call("GET", "/api/v1/audit?action=key.&limit=1", headers=SERVER)
    assert some.json["items"] == [entries[-1]]
    rest = await call("GET", f"/api/v1/audit?action=key.&cursor={some.json['next']}", headers=SERVER)
    assert rest.json["items"] == [entries[3]]


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
async def test_the_audit_log_is_only_added_to(tmp_path: Path, statement: str) -> None:
    """The database itself refuses to change or remove an entry."""
    async with calling(key="key of the environment", memory=False, data=tmp_path) as call:
        await make_key(call, project="shop")
    with closing(sqlite3.connect(tmp_path / "pylogtap.db")) as connection:
        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            connection.execute(statement)
        assert connection.execute("SELECT count(*) FROM audit").fetchone() == (1,)


async def test_health_is_told_whatever_is_shown(call: Caller) -> None:
    """A probe with a key that was revoked meanwhile still learns that the collector lives."""
    for path in ("/healthz", "/readyz"):
        assert (await call("GET", path, headers={"Authorization": "Bearer revoked long ago"})).status == 200
    assert (await call("GET", "/api/v1/me", headers={"Authorization": "Bearer revoked"})).status == 401


async def test_a_key_says_for_which_project(call: Caller) -> None:
    """Nobody makes a key for all projects by leaving something out."""
    for body in ({"name": "k"}, {"name": "k", "role": "admin"}):
        reply = await call("POST", "/api/v1/keys", json=body, headers=SERVER)
        assert (reply.status, reply.json["code"]) == (422, "invalid")
    every = await call("POST", "/api/v1/keys", json={"name": "k", "project": None}, headers=SERVER)
    assert (every.status, every.json["project"]) == (201, None)


async def test_a_proxy_that_is_not_named_is_noticed(
    call: Caller, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who forgets to name his proxy hears of it once."""
    monkeypatch.setattr(logging.getLogger("pylogtap.collector"), "disabled", False)  # by other tests
    for _ in range(2):
        await call("GET", "/api/v1/logs", headers={**SERVER, "X-Forwarded-For": "203.0.113.7"})
    (told,) = [each.message for each in caplog.records if "PYLOGTAP_COLLECTOR_PROXIES" in each.message]
    assert told.startswith("a request came through a proxy at 127.0.0.1 that")
