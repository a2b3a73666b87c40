"""Text that would be SQL: it is compared with what is stored, and is never executed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from tests.security.checking import check_answer, check_refused, hostile_segment
from tests.security.corpus import MARK, SQL
from tests.support.api import Caller, calling
from tests.support.segments import numbered_segment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATCH = {"Content-Type": "application/merge-patch+json"}
OTHERS = 20  # records that no payload may find
STEADY = (
    "hot", "block", "stream", "definition", "project", "service", "instance", "user", "member", "key",
    "session",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder."""
    return tmp_path_factory.mktemp("data")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(folder: Path) -> AsyncIterator[Caller]:
    """A collector with a record for each payload, and some others; at the end, its database is as it was."""
    async with calling(memory=False, data=folder) as caller:
        await caller.deliver(hostile_segment(SQL.values()))
        await caller.deliver(numbered_segment(OTHERS))
        before = contents(folder)
        yield caller
        assert contents(folder) == before


def contents(folder: Path) -> tuple[list[Any], dict[str, int]]:
    """Return the schema of the database, and how many rows each table has that nothing here adds to."""
    with closing(sqlite3.connect(f"file:{folder}/pylogtap.db?mode=ro", uri=True)) as connection:
        schema = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()
        tables = [name for kind, name, _ in schema if kind == "table" and name in STEADY]
        counts = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}
    assert len(tables) >= 6
    return schema, counts


def phrase(text: str) -> str:
    """Return a text as a value in a query."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.mark.parametrize("name", SQL)
async def test_a_value_is_that_value(filled: Caller, name: str) -> None:
    """As the value of a field, a payload finds records that hold this very text, and no others."""
    payload = SQL[name]
    for field in ("value", "logger"):
        reply = await filled(
            "GET", "/api/v1/logs", params={"q": f"{field}:{phrase(payload)}", "limit": "1000"}
        )
        check_answer(reply, payload)
        if "\0" in payload:
            assert reply.status == 422
            continue
        if reply.status == 200:
            found = [log["logger"] for log in reply.json["items"]]
            assert payload in found, field
            assert len(found) < len(SQL), field
            assert all(MARK in log["message"] for log in reply.json["items"])


@pytest.mark.parametrize("name", SQL)
async def test_a_query_is_a_query(filled: Caller, name: str) -> None:
    """As a whole query, a payload is words or a mistake, wherever queries are taken."""
    payload = SQL[name]
    for path in ("", "/count", "/histogram", "/facets", "/patterns"):
        reply = await filled("GET", f"/api/v1/logs{path}", params={"q": payload})
        check_answer(reply, payload)
        assert reply.status in {200, 400, 422}
    for text in (f"{payload}:1", f"has:{payload}", f"n:>{payload}", f"label.{payload}:1", f'"{payload}"'):
        check_answer(await filled("GET", "/api/v1/logs/count", params={"q": text}), payload)


@pytest.mark.parametrize("name", SQL)
async def test_names_and_filters(filled: Caller, name: str) -> None:
    """In filters, fields, cursors, ranges and paths, a payload matches what is named so, which is nothing."""
    payload = SQL[name]
    for path, parameter in (
        ("/api/v1/projects", "name"),
        ("/api/v1/projects/shop/services", "name"),
        ("/api/v1/projects/shop/services/hostile/instances", "name"),
        ("/api/v1/users", "name"),
        ("/api/v1/keys", "project"),
        ("/api/v1/audit", "project"),
        ("/api/v1/audit", "actor"),
        ("/api/v1/audit", "action"),
    ):
        reply = await filled("GET", path, params={parameter: payload})
        check_answer(reply, payload)
        if reply.status == 200:
            assert reply.json["items"] == [], (path, parameter)
    for path, parameter in (
        ("/api/v1/logs", "cursor"), ("/api/v1/logs", "since"), ("/api/v1/projects", "cursor"),
        ("/api/v1/projects", "limit"), ("/api/v1/audit", "cursor"), ("/api/v1/audit", "until"),
        ("/api/v1/logs", "order"), ("/api/v1/logs/histogram", "buckets"),
    ):  # fmt: skip
        check_refused(await filled("GET", path, params={parameter: payload}), payload)
    facets = await filled("GET", "/api/v1/logs/facets", params={"fields": payload})
    check_answer(facets, payload)
    for path in (
        "projects/{}",
        "projects/shop/services/{}",
        "projects/{}/members",
        "logs/{}",
        "keys/{}",
        "audit/{}",
    ):
        reply = await filled("GET", f"/api/v1/{path.format(quote(payload, safe=''))}")
        check_refused(reply, payload)


@pytest.mark.parametrize("name", SQL)
async def test_what_is_stored(filled: Caller, name: str) -> None:
    """Labels and notes hold a payload as it is; it is found by them; bodies with odd names are refused."""
    payload = SQL[name]
    number = 65536 + list(SQL).index(name)
    document = {"labels": {"sql": payload}, "note": payload}
    reply = await filled("PATCH", f"/api/v1/logs/{number}", json=document, headers=PATCH)
    check_answer(reply, payload)
    if reply.status == 200:
        assert (reply.json["labels"]["sql"], reply.json["note"]) == (payload, payload)
        asked = {"q": f"label.sql:{phrase(payload)}"}
        found = await filled("GET", "/api/v1/logs", params=asked)
        check_answer(found, payload)
        assert found.status != 200 or number in [log["id"] for log in found.json["items"]]
    for path, body in (
        ("projects", {"name": payload}),
        ("projects", {payload: "x", "name": "x"}),
        ("saved-searches", {"name": "x", "query": "x", "project": payload}),
        ("keys", {"name": "x", "project": payload}),
        ("users", {"name": payload, "password": "correct horse battery"}),
        ("sessions", {"name": payload, "password": payload}),
    ):
        check_refused(await filled("POST", f"/api/v1/{path}", json=body), payload)
    patched = {"labels": {payload: "x"}}
    check_refused(await filled("PATCH", f"/api/v1/logs/{number}", json=patched, headers=PATCH), payload)


async def test_deletion_takes_what_is_meant(filled: Caller) -> None:
    """Deleting what a payload finds deletes no record that does not hold it."""
    for payload in SQL.values():
        reply = await filled(
            "DELETE", "/api/v1/logs", params={"q": f"message:{phrase('nowhere ' + payload)}"}
        )
        check_answer(reply, payload)
        assert reply.json.get("deleted", 0) == 0
    assert (await filled("GET", "/api/v1/logs/count")).json["total"] == len(SQL) + OTHERS
