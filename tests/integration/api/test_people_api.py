"""Accounts: the first one, signing in and out, passwords, and what follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pylogtap_collector.assembly import Collector
from pylogtap_collector.services import sessions as session_service
from tests.support.api import Caller, calling
from tests.support.rights import PASSWORD, sign_in
from tests.support.segments import numbered_segment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


KEY = {"Authorization": "Bearer key of the environment"}


@pytest.fixture
async def call() -> AsyncIterator[Caller]:
    """A collector that was started with a key."""
    async with calling(key="key of the environment") as running:
        yield running


async def make_user(call: Caller, name: str = "ada", **more: Any) -> int:
    """Make a user, and return his number."""
    body = {"name": name, "password": PASSWORD, **more}
    reply = await call("POST", "/api/v1/users", json=body, headers=KEY)
    assert reply.status == 201, reply.json
    assert reply.headers["Location"] == f"/api/v1/users/{reply.json['id']}"
    return int(reply.json["id"])


async def is_in(call: Caller, headers: dict[str, str]) -> bool:
    """Tell whether a session is good."""
    return bool((await call("GET", "/api/v1/me", headers=headers)).json["kind"] == "user")


async def test_the_first_account(collector: tuple[Caller, Collector]) -> None:
    """Without accounts everybody on this machine may do everything; the code makes the first one, once."""
    call, parts = collector
    me = (await call("GET", "/api/v1/me")).json
    assert (me["kind"], me["accounts"], me["admin"]) == ("local", False, True)
    new = {"name": "ada", "password": PASSWORD}
    assert (await call("POST", "/api/v1/users", json=new)).json["code"] == "conflict"
    wrong = await call("POST", "/api/v1/setup", json={**new, "code": "AAAA-BBBB-CCCC"})
    assert (wrong.status, wrong.json["code"]) == (401, "wrong_password")
    (refused,) = (await call("GET", "/api/v1/audit")).json["items"]
    assert (refused["action"], refused["target"]) == ("setup.refuse", "ada")
    code = parts.directory.code
    assert code is not None
    typed = {**new, "code": f" {code.lower().replace('-', ' ')}"}  # as people type it
    made = await call("POST", "/api/v1/setup", json=typed)
    assert made.status == 201
    assert made.headers["Set-Cookie"].startswith("pylogtap_session=")
    assert (await call("POST", "/api/v1/setup", json=typed)).status == 409
    assert (await call("GET", "/api/v1/logs")).status == 401
    ada = await sign_in(call, "ada", PASSWORD)
    me = (await call("GET", "/api/v1/me", headers=ada)).json
    assert (me["kind"], me["name"], me["admin"], me["accounts"]) == ("user", "ada", True, True)


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Caller, Collector]]:
    """A collector without accounts and keys, and its parts."""
    found: list[Collector] = []
    make = Collector.__init__

    def make_and_keep(self: Collector, *arguments: Any) -> None:
        make(self, *arguments)
        found.append(self)

    monkeypatch.setattr(Collector, "__init__", make_and_keep)
    async with calling() as running:
        yield running, found[0]


async def test_guessing_the_code_has_to_wait(call: Caller) -> None:
    """After some wrong codes, even the right one is not looked at for a while."""
    body = {"code": "wrong", "name": "mallory", "password": PASSWORD}
    found = [await call("POST", "/api/v1/setup", json=body) for _ in range(6)]
    assert [reply.status for reply in found] == [401] * 5 + [429]
    assert int(found[-1].headers["Retry-After"]) >= 1


async def test_a_session(call: Caller) -> None:
    """Signing in gives a cookie that scripts and other sites do not get; signing out ends it."""
    user = await make_user(call)
    reply = await call("POST", "/api/v1/sessions", json={"name": "ADA", "password": PASSWORD})
    cookie = reply.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=2592000"} <= set(cookie.split("; "))
    assert "Secure" not in cookie  # this is no TLS
    headers = {"Cookie": cookie.partition(";")[0], "Sec-Fetch-Site": "same-origin"}
    listed = (await call("GET", "/api/v1/sessions", headers=headers)).json["items"]
    assert [(each["user"], each["current"]) for each in listed] == [("ada", True)]
    assert (await call("GET", f"/api/v1/users/{user}", headers=headers)).json["last_sign_in"] is not None
    ended = await call("DELETE", "/api/v1/sessions/current", headers=headers)
    assert ended.status == 204
    assert "Max-Age=0" in ended.headers["Set-Cookie"]
    assert not await is_in(call, headers)
    assert (await call("GET", "/api/v1/sessions", headers=headers)).status == 401


async def test_sign_out_everywhere(call: Caller) -> None:
    """All of one's sessions end, in a moment; those of others go on."""
    await make_user(call)
    await make_user(call, "bob")
    first, second = [await sign_in(call, "ada", PASSWORD) for _ in range(2)]
    bob = await sign_in(call, "bob", PASSWORD)
    reply = await call("DELETE", "/api/v1/sessions", headers=first)
    assert (reply.status, reply.json) == (200, {"ended": 2})
    assert [await is_in(call, each) for each in (first, second, bob)] == [False, False, True]


async def test_one_session_of_somebody_else(call: Caller) -> None:
    """Nobody ends the session of another, or learns that it is there; who administers may."""
    await make_user(call)
    await make_user(call, "bob")
    ada, bob = [await sign_in(call, name, PASSWORD) for name in ("ada", "bob")]
    (session,) = (await call("GET", "/api/v1/sessions", headers=bob)).json["items"]
    path = f"/api/v1/sessions/{session['id']}"
    assert (await call("DELETE", path, headers=ada)).status == 404
    assert await is_in(call, bob)
    assert (await call("DELETE", path, headers=KEY)).status == 204
    assert not await is_in(call, bob)


@pytest.mark.parametrize("name", ["ada", "nobody", "ADA "])
async def test_wrong_passwords(call: Caller, name: str) -> None:
    """A wrong name is answered like a wrong password; after five one has to wait, also with the right one."""
    await make_user(call)
    body = {"name": name, "password": "wrong password"}
    found = [await call("POST", "/api/v1/sessions", json=body) for _ in range(6)]
    assert [reply.status for reply in found] == [401] * 5 + [429]
    assert {reply.json["detail"] for reply in found[:5]} == {"The name or the password is not right."}
    assert int(found[-1].headers["Retry-After"]) >= 1
    right = await call("POST", "/api/v1/sessions", json={"name": name, "password": PASSWORD})
    assert right.status == 429
    assert (await call("GET", "/healthz")).status == 200


async def test_a_session_that_ended_by_itself(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session has an end, however often it is used."""
    monkeypatch.setattr(session_service, "LIFE_S", 0)
    await make_user(call)
    assert not await is_in(call, await sign_in(call, "ada", PASSWORD))


async def test_a_changed_password(call: Caller) -> None:
    """One's own takes the current one, and ends all other sessions; the old one is good for nothing."""
    user = await make_user(call)
    here, elsewhere = [await sign_in(call, "ada", PASSWORD) for _ in range(2)]
    path = f"/api/v1/users/{user}/password"
    wrong = await call("POST", path, json={"new": "another long one", "current": "?"}, headers=here)
    assert (wrong.status, wrong.json["code"]) == (401, "wrong_password")
    good = await call("POST", path, json={"new": "another long one", "current": PASSWORD}, headers=here)
    assert good.status == 204
    assert [await is_in(call, each) for each in (here, elsewhere)] == [True, False]
    old = await call("POST", "/api/v1/sessions", json={"name": "ada", "password": PASSWORD})
    assert old.status == 401
    await sign_in(call, "ada", "another long one")


async def test_a_stolen_session_does_not_find_the_password_out(call: Caller) -> None:
    """Guessing the current password has to wait after some attempts."""
    user = await make_user(call)
    headers = await sign_in(call, "ada", PASSWORD)
    body = {"new": "another long one", "current": "guess"}
    path = f"/api/v1/users/{user}/password"
    found = [(await call("POST", path, json=body, headers=headers)).status for _ in range(6)]
    assert found == [401] * 5 + [429]


async def test_a_disabled_user(call: Caller) -> None:
    """Whoever is disabled is out at once, and cannot come in before he is enabled again."""
    user = await make_user(call)
    headers = await sign_in(call, "ada", PASSWORD)
    path = f"/api/v1/users/{user}"
    assert (await call("PATCH", path, json={"disabled": True}, headers=KEY)).status == 200
    assert not await is_in(call, headers)
    signing = {"name": "ada", "password": PASSWORD}
    assert (await call("POST", "/api/v1/sessions", json=signing)).status == 401
    assert (await call("PATCH", path, json={"disabled": False}, headers=KEY)).status == 200
    assert not await is_in(call, headers)
    await sign_in(call, "ada", PASSWORD)


async def test_the_last_administrator_stays(call: Caller) -> None:
    """Neither deleting, disabling nor a lost right leaves a collector without anybody who administers it."""
    user = await make_user(call, admin=True)
    path = f"/api/v1/users/{user}"
    for method, body in (("DELETE", None), ("PATCH", {"disabled": True}), ("PATCH", {"admin": False})):
        refused = await call(method, path, json=body, headers=KEY)
        assert (refused.status, refused.json["code"]) == (409, "conflict")
    other = await make_user(call, "bob", admin=True)
    assert (await call("DELETE", path, headers=KEY)).status == 204
    assert (await call("DELETE", f"/api/v1/users/{other}", headers=KEY)).status == 409


async def test_what_goes_with_a_user(call: Caller) -> None:
    """Roles, sessions and private searches go; keys that he made stay, and so does the audit log."""
    user = await make_user(call, admin=True)
    await make_user(call, "root", admin=True)
    await call("POST", "/api/v1/projects", json={"name": "shop"}, headers=KEY)
    await call("POST", "/api/v1/projects/shop/members", json={"user": "ada", "role": "admin"}, headers=KEY)
    ada = await sign_in(call, "ada", PASSWORD)
    key = await call("POST", "/api/v1/keys", json={"name": "web", "project": "shop"}, headers=ada)
    await call("POST", "/api/v1/saved-searches", json={"name": "mine", "query": "x"}, headers=ada)
    assert (await call("DELETE", f"/api/v1/users/{user}", headers=KEY)).status == 204
    assert not await is_in(call, ada)
    assert (await call("GET", "/api/v1/projects/shop/members", headers=KEY)).json["items"] == []
    assert (await call("GET", "/api/v1/saved-searches", headers=KEY)).json["items"] == []
    web = {"Authorization": f"Bearer {key.json['secret']}"}
    assert (await call("GET", "/api/v1/me", headers=web)).json["kind"] == "key"
    audit = (await call("GET", "/api/v1/audit?actor=ada", headers=KEY)).json["items"]
    assert {"session.create", "key.create"} <= {entry["action"] for entry in audit}


async def test_changes_by_version(call: Caller) -> None:
    """Nobody overwrites what he has not seen, and names are taken once, whatever their case."""
    user = await make_user(call)
    await make_user(call, "bob")
    path = f"/api/v1/users/{user}"
    version = (await call("GET", path, headers=KEY)).headers["ETag"]
    first = await call("PATCH", path, json={"name": "Ada"}, headers={**KEY, "If-Match": version})
    assert (first.status, first.json["name"]) == (200, "Ada")
    second = await call("PATCH", path, json={"name": "eve"}, headers={**KEY, "If-Match": version})
    assert (second.status, second.json["code"]) == (412, "stale_version")
    assert (await call("PATCH", path, json={"name": "BOB"}, headers=KEY)).status == 409
    listed = (await call("GET", "/api/v1/users?name=AD", headers=KEY)).json["items"]
    assert [each["name"] for each in listed] == ["Ada"]


async def test_lists_go_on_by_cursor(call: Caller) -> None:
    """Pages of users follow each other without gaps or repetition."""
    for number in range(5):
        await make_user(call, f"u{number}")
    found, cursor = [], ""
    while True:
        page = (await call("GET", f"/api/v1/users?limit=2{cursor}", headers=KEY)).json
        found += [each["name"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == [f"u{number}" for number in range(5)]
    assert (await call("GET", "/api/v1/users?cursor=eA", headers=KEY)).json["code"] == "invalid_cursor"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {},
    ],
    ids=str,
)
async def test_other_sites_change_nothing(call: Caller, headers: dict[str, str]) -> None:
    """A request with a session's cookie that does not come from our own page is refused."""
    await make_user(call)
    session = await sign_in(call, "ada", PASSWORD)
    session.pop("Sec-Fetch-Site")
    reply = await call("DELETE", "/api/v1/sessions", headers={**session, **headers})
    assert (reply.status, reply.json["code"]) == (403, "cross_origin")
    assert await is_in(call, session)


async def test_a_tail_ends_with_its_session(call: Caller) -> None:
    """Who is signed out gets no further record, also where he was listening already."""
    await make_user(call, admin=True)
    session = await sign_in(call, "ada", PASSWORD)
    async with call.session.get(f"{call.url}/api/v1/logs/tail", headers=session) as answer:
        assert await answer.content.readline() == b": connected\n"
        await call("DELETE", "/api/v1/sessions", headers=session)
        delivered = numbered_segment(1)
        sent = await call(
            "POST",
            "/api/v1/ingest",
            params={"stream": delivered.identity.hex(), "offset": "4096"},
            data=delivered.slice(),
            headers={**KEY, "Content-Type": "application/vnd.pylogtap.slice"},
        )
        assert sent.status == 200
        assert b"number" not in await answer.content.read()


async def test_a_network_of_addresses_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has a whole IPv6 network has the attempts of one address; another network has its own."""
    monkeypatch.setenv("PYLOGTAP_COLLECTOR_PROXIES", "127.0.0.1")
    async with calling(key="key of the environment") as call:
        await make_user(call)
        body = {"name": "ada", "password": "wrong password"}

        async def attempt(address: str) -> int:
            return (
                await call("POST", "/api/v1/sessions", json=body, headers={"X-Forwarded-For": address})
            ).status

        assert [await attempt(f"2001:db8::{number}") for number in range(1, 7)] == [401] * 5 + [429]
        assert await attempt("2001:db8:0:1::1") == 401
