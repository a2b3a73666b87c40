"""Markup, scripts and templates in whatever is stored: the API gives them back as the text that they are."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.security.checking import check_answer, check_headers, check_refused, hostile_segment
from tests.security.corpus import FORMULAS, MARK, XSS
from tests.support.api import Caller, calling

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATCH = {"Content-Type": "application/merge-patch+json"}
KEY = "only-for-these-tests"
BEARER = {"Authorization": f"Bearer {KEY}"}
ACCOUNT = {"name": "ada", "password": "correct horse battery"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled() -> AsyncIterator[Caller]:
    """A collector with a record for each payload."""
    async with calling() as caller:
        await caller.deliver(hostile_segment(XSS.values()))
        yield caller


async def test_what_was_logged_comes_back_as_text(filled: Caller) -> None:
    """Message, logger, level, names and values, exception: JSON holds each as it was, under its type."""
    reply = await filled(
        "GET", "/api/v1/logs", params={"q": f"{MARK} service:hostile", "order": "asc", "limit": "1000"}
    )
    check_answer(reply)
    assert len(reply.json["items"]) == len(XSS)
    for payload, log in zip(XSS.values(), reply.json["items"], strict=True):
        assert log["message"].endswith(payload)
        assert (log["logger"], log["attributes"]["value"]) == (payload, payload)
        assert log["attributes"][f"name {payload}"] == 1
        assert log["exception"]["message"] == payload


@pytest.mark.parametrize("name", XSS)
async def test_questions_with_markup(filled: Caller, name: str) -> None:
    """As a query, a field and a filter, a payload is found as text or refused, and never in a header."""
    payload = XSS[name]
    for path, parameter in (
        ("/api/v1/logs", "q"),
        ("/api/v1/logs/facets", "fields"),
        ("/api/v1/logs/patterns", "q"),
        ("/api/v1/logs", "cursor"),
        ("/api/v1/logs", "since"),
        ("/api/v1/projects", "name"),
        ("/api/v1/audit", "actor"),
        ("/api/v1/logs", payload),
        (f"/{payload}", "x"),
    ):
        reply = await filled("GET", path, params={parameter: payload})
        check_answer(reply, payload)


@pytest.mark.parametrize("name", XSS)
async def test_what_people_write(filled: Caller, name: str) -> None:
    """Descriptions, labels, notes and names of keys keep a payload as text; names of places refuse it."""
    payload = XSS[name]
    project = f"p{list(XSS).index(name)}"
    made = await filled("POST", "/api/v1/projects", json={"name": project, "description": payload})
    check_answer(made, payload)
    if made.status == 201:
        assert made.json["description"] == payload
    noted = await filled(
        "PATCH", "/api/v1/logs/65536", json={"labels": {"x": payload}, "note": payload}, headers=PATCH
    )
    check_answer(noted, payload)
    if noted.status == 200:
        assert (noted.json["labels"]["x"], noted.json["note"]) == (payload, payload)
    saved = await filled("POST", "/api/v1/saved-searches", json={"name": payload[:100], "query": f'"{name}"'})
    check_answer(saved, payload)
    if saved.status == 201:
        assert saved.json["name"] == payload[:100]
    if name not in {"prototype", "constructor"}:
        for path, body in (
            ("/api/v1/projects", {"name": payload}),
            (f"/api/v1/projects/{project}/services", {"name": payload}),
            ("/api/v1/users", {"name": payload, "password": ACCOUNT["password"]}),
        ):
            check_refused(await filled("POST", path, json=body), payload)
        labels: dict[str, Any] = {"labels": {payload: "x"}}
        check_refused(await filled("PATCH", "/api/v1/logs/65536", json=labels, headers=PATCH), payload)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded() -> AsyncIterator[Caller]:
    """A collector with a key and a user."""
    async with calling(key=KEY) as caller:
        made = await caller("POST", "/api/v1/users", json=ACCOUNT, headers=BEARER)
        assert made.status == 201, made.body
        yield caller


async def test_programs_that_sign_in() -> None:
    """A browser that calls itself by payloads is listed as text; cookie and address hold none of it."""
    payloads = [payload.replace("\0", "") for payload in XSS.values()]
    agents = [" ".join(payloads[first : first + 3])[:200] for first in range(0, len(payloads), 3)]
    async with calling(key=KEY) as own:  # attempts that others let fail would make it wait
        assert (await own("POST", "/api/v1/users", json=ACCOUNT, headers=BEARER)).status == 201
        for agent in agents:
            opened = await own("POST", "/api/v1/sessions", json=ACCOUNT, headers={"User-Agent": agent})
            check_answer(opened, agent)
            assert (opened.status, opened.json["agent"]) == (201, agent)
        listed = await own("GET", "/api/v1/sessions?user=1&limit=1000", headers=BEARER)
        check_answer(listed)
        assert [each["agent"] for each in listed.json["items"]] == agents


@pytest.mark.parametrize("name", XSS)
async def test_keys_and_audit(guarded: Caller, name: str) -> None:
    """The name of a key is text, in its list and in the audit log; a name to sign in with is refused."""
    payload = XSS[name]
    made = await guarded(
        "POST", "/api/v1/keys", json={"name": payload[:100], "project": None}, headers=BEARER
    )
    check_answer(made, payload)
    if "\0" in payload:
        assert made.status == 422
        return
    assert made.json["name"] == payload[:100]
    refused = await guarded("POST", "/api/v1/sessions", json={"name": payload, "password": "x"})
    check_refused(refused, payload)
    if refused.status == 401:  # after some attempts one has to wait
        audit = await guarded("GET", "/api/v1/audit?limit=1&action=session.refuse", headers=BEARER)
        check_answer(audit)
        assert audit.json["items"][0]["target"] == payload[:100]


@pytest.mark.parametrize("name", FORMULAS)
async def test_tables_have_no_formulas(filled: Caller, name: str) -> None:
    """No cell of an exported table begins as a formula does; the text behind the apostrophe is whole."""
    formula = FORMULAS[name]
    await filled.deliver(hostile_segment([formula], f"shop/table/{name}"))
    reply = await filled("GET", "/api/v1/logs/export", params={"format": "csv", "q": f"instance:{name}"})
    check_headers(reply.headers, formula)
    assert reply.headers["Content-Type"].startswith("text/csv")
    assert reply.headers["Content-Disposition"] == 'attachment; filename="pylogtap.csv"'
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    names, row = csv.reader(io.StringIO(reply.body.decode(), newline=""))
    cells = dict(zip(names, row, strict=True))
    assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert cells["logger"] == f"'{formula}"


async def test_what_follows_the_records(filled: Caller) -> None:
    """The live tail sends each payload within one event, under a type that no browser shows as a page."""
    async with filled.session.get(f"{filled.url}/api/v1/logs/tail?after=0&q=service:hostile") as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        found: list[str] = []
        async for line in answer.content:
            assert line.startswith((b"id: ", b"data: ", b":", b"\n")), line
            if line.startswith(b"data: "):
                found.append(json.loads(line[6:])["logger"])
            if len(found) == len(XSS):
                break
    assert found == list(XSS.values())
