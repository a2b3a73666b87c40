"""Settings that are changed while the collector runs."""

from __future__ import annotations

import asyncio
import json
import stat
import sys
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.api import Caller, calling
from tests.support.segments import numbered_segment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SETTINGS = "/api/v1/settings"
SECRET = "ghp_0123456789abcdef"


async def change(call: Caller, body: Any, **headers: str) -> Any:
    """Change settings, and return the answer."""
    return await call("PATCH", SETTINGS, json=body, headers=headers)


async def test_a_change_counts_at_once_and_outlives_a_restart(tmp_path: Path) -> None:
    """What is set is shown, works, and is there after a restart; null takes it back."""
    async with calling(memory=False, data=tmp_path) as call:
        before = await call("GET", SETTINGS)
        assert before.json["retention"] == {"keep_days": None, "keep_bytes": None}
        reply = await change(call, {"retention": {"keep_days": 7}, "limits": {"query_timeout_s": 3}})
        assert reply.status == 200
        assert (reply.json["retention"]["keep_days"], reply.json["limits"]["query_timeout_s"]) == (7, 3)
        await call("POST", "/api/v1/projects", json={"name": "shop"})
        kept = (await call("GET", "/api/v1/projects/shop/retention")).json
        assert kept["default_keep_days"] == 7
    async with calling(memory=False, data=tmp_path) as call:
        assert (await call("GET", SETTINGS)).json["retention"]["keep_days"] == 7
        assert (await change(call, {"retention": {"keep_days": None}})).json["retention"] == {
            "keep_days": None,
            "keep_bytes": None,
        }
        assert (await call("GET", "/api/v1/projects/shop/retention")).json["default_keep_days"] is None


async def test_a_limit_takes_effect() -> None:
    """A lower limit refuses what a higher one took."""
    async with calling() as call:
        assert (await change(call, {"retention": {"keep_days": 1}})).status == 200
        old = numbered_segment(0)
        old.record(old.site("old"), [], when=1_700_000_000_000_000_000)
        old.record(1, [])
        assert (await call.deliver(old)).status == 200
        for _ in range(100):
            if (await call("GET", "/api/v1/logs/count")).json["total"] == 1:
                break
            await asyncio.sleep(0.1)
        assert (await call("GET", "/api/v1/logs/count")).json["total"] == 1


async def test_what_the_collector_was_started_with_stays() -> None:
    """A setting of the environment is shown as fixed, and changing it says where it is."""
    async with calling(keep_days=30) as call:
        found = (await call("GET", SETTINGS)).json
        assert found["retention"]["keep_days"] == 30
        assert "retention.keep_days" in found["fixed"]
        refused = await change(call, {"retention": {"keep_days": 5}, "ai": {"model": "x"}})
        assert (refused.status, refused.json["code"]) == (409, "conflict")
        assert "PYLOGTAP_COLLECTOR_KEEP_DAYS" in refused.json["detail"]
        assert (await call("GET", SETTINGS)).json["ai"]["model"] is None  # all of it, or nothing


async def test_changes_by_version() -> None:
    """Nobody overwrites what he has not seen."""
    async with calling() as call:
        version = (await call("GET", SETTINGS)).headers["ETag"]
        first = await change(call, {"ai": {"model": "a"}}, **{"If-Match": version})
        assert first.status == 200
        assert first.headers["ETag"] != version
        assert (await change(call, {"ai": {"model": "b"}}, **{"If-Match": version})).status == 412


@pytest.mark.parametrize(
    "body",
    [
        {"retention": {"keep_days": 0}},
        {"retention": {"keep_days": -1}},
        {"limits": {"query_timeout_s": 1e9}},
        {"redaction": {"keys": ["has space"]}},
        {"ai": {"provider": "magic"}},
        {"ai": {"token": ""}},
        {"ai": {"token": {"is_set": True}}},
        {"unknown": {}},
        {"ai": {"unknown": 1}},
        {"ai": None},
        [],
    ],
    ids=json.dumps,
)
async def test_what_cannot_be(body: Any) -> None:
    """A value out of range, or of another kind, is refused, and says which."""
    async with calling() as call:
        reply = await change(call, body)
        assert (reply.status, reply.json["code"]) == (422, "invalid")


async def test_a_name_that_is_not_there_names_those_that_are() -> None:
    """A wrong name within a group is answered by the names of that group."""
    async with calling() as call:
        reply = await change(call, {"retention": {"keep_dayz": 1}})
        assert "there is: keep_bytes, keep_days" in reply.json["detail"]
        named = await call("POST", "/api/v1/projects", json={"name": "two words"})
        assert "letters, digits, dots, dashes and underscores" in named.json["detail"]


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://evil.example",
        "file:///etc/passwd",
        "http://api.github.com",
        "https://api.github.com@evil.example",
        "https://api.github.com:8443",
        "http://127.0.0.1:22",
    ],
)
@pytest.mark.parametrize("group", ["ai", "github"])
async def test_addresses_that_may_not_be_called(group: str, url: str) -> None:
    """An address beyond those that the collector may call is refused."""
    async with calling() as call:
        reply = await change(call, {group: {"url": url}})
        assert (reply.status, reply.json["code"]) == (422, "url_refused")
        assert (await call("GET", SETTINGS)).json["ai"]["url"] is None


async def test_secrets_are_written_only(tmp_path: Path) -> None:
    """No answer, backup or file has a secret in the clear; its key lies beside the database, for us alone."""
    data = tmp_path / "data"
    async with calling(memory=False, data=data) as call:
        reply = await change(call, {"github": {"token": SECRET}})
        state = reply.json["github"]["token"]
        assert (state["is_set"], state["readable"]) == (True, True)
        backup = await call("POST", "/api/v1/backup")
        answers = [
            reply,
            backup,
            await call("GET", SETTINGS),
            await call("GET", "/api/v1/audit"),
            await call("POST", "/api/v1/logs/incident"),
        ]
        assert all(SECRET.encode() not in each.body for each in answers)
    assert stat.S_IMODE((data / "secret.key").stat().st_mode) == 0o600
    assert all(SECRET.encode() not in path.read_bytes() for path in data.iterdir() if path.is_file())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "pylogtap.db").write_bytes(backup.body)
    async with calling(memory=False, data=elsewhere) as call:  # the backup alone gives nothing away
        state = (await call("GET", SETTINGS)).json["github"]["token"]
        assert (state["is_set"], state["readable"]) == (True, False)
        assert (await change(call, {"github": {"token": "another"}})).json["github"]["token"]["readable"]
        assert (await change(call, {"github": {"token": None}})).json["github"]["token"]["is_set"] is False


async def test_a_key_for_secrets_from_the_environment(tmp_path: Path) -> None:
    """With a key of the environment nothing lies beside the database; another key reads nothing."""
    async with calling(memory=False, data=tmp_path, secret_key="ab" * 32) as call:
        await change(call, {"github": {"token": SECRET}})
        assert not (tmp_path / "secret.key").exists()
    async with calling(memory=False, data=tmp_path, secret_key="cd" * 32) as call:
        assert (await call("GET", SETTINGS)).json["github"]["token"]["readable"] is False


@pytest.fixture
async def provider() -> AsyncIterator[tuple[str, list[web.Request]]]:
    """A server that answers as a provider does, and what it was asked."""
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        if request.path == "/moved/api/version":
            raise web.HTTPFound("http://127.0.0.1:1/stolen")
        if request.path.startswith("/v1") and request.headers.get("Authorization") != "Bearer good token":
            return web.json_response({}, status=401)
        return web.json_response({"version": "0.1"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/")).rstrip("/"), asked


async def test_trying_a_provider(provider: tuple[str, list[web.Request]]) -> None:
    """The collector asks the provider as the settings say, with the stored token, and tells how it went."""
    url, asked = provider

    async def tried(call: Caller) -> tuple[bool, str]:
        reply = await call("POST", f"{SETTINGS}/try", json={"service": "ai"})
        assert reply.status == 200
        return reply.json["works"], reply.json["detail"]

    async with calling(outgoing=(url, "http://127.0.0.1:1")) as call:
        assert await tried(call) == (False, "Say first which provider, and its address.")
        await change(call, {"ai": {"provider": "ollama", "url": url}})
        assert await tried(call) == (True, "It answers.")
        assert asked[-1].path == "/api/version"
        await change(call, {"ai": {"provider": "openai", "url": f"{url}/v1", "token": "bad token"}})
        assert (await tried(call))[0] is False
        await change(call, {"ai": {"token": "good token"}})
        assert await tried(call) == (True, "It answers.")
        await change(call, {"ai": {"provider": "ollama", "url": f"{url}/moved"}})
        works, detail = await tried(call)
        assert (works, "302" in detail) == (False, True)  # it is not followed
        await change(call, {"ai": {"url": "http://127.0.0.1:1"}})
        assert (await tried(call))[0] is False


async def test_words_for_programs() -> None:
    """Programs hear with each answer which further fields are secret."""
    async with calling() as call:
        assert (await call.deliver(numbered_segment(1))).json["words"] == {}
        await change(call, {"redaction": {"keys": ["iban"]}})
        assert (await call.deliver(numbered_segment(1))).json["words"] == {"redact": ["iban"]}


LOGGING = """
import logging, sys, pylogtap
pylogtap.init("shop/web/1", url=sys.argv[1], spool_dir=sys.argv[2])
for number in range(2):
    logging.warning("paid", extra={"customer_iban": f"DE{number}", "order": number})
    assert pylogtap.flush(20)
"""


async def test_programs_leave_out_what_the_settings_say(tmp_path: Path) -> None:
    """A name that the settings add is left out of what a program logs after its next answer."""
    async with calling() as call:
        await change(call, {"redaction": {"keys": ["iban"]}})
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-c", LOGGING, call.url, str(tmp_path / "spool")
        )
        assert await program.wait() == 0
        found = (await call("GET", "/api/v1/logs?order=asc&q=paid")).json["items"]
        assert [log["attributes"] for log in found] == [
            {"customer_iban": "DE0", "order": 0},
            {"customer_iban": "[redacted]", "order": 1},
        ]
