"""The examples of the OpenAPI document, sent as the page at /docs sends them when somebody tries them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest

from pylogtap import wire
from pylogtap_collector.api import GROUPS
from pylogtap_collector.api.openapi import describe
from tests.contract.formats import SLICE_TYPE
from tests.contract.seed import plant
from tests.support.api import Caller, calling
from tests.support.segments import numbered_segment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DOCUMENT = json.loads(describe(GROUPS, guarded=False))
OPERATIONS = {
    each["operationId"]: (method.upper(), path, each)
    for path, methods in DOCUMENT["paths"].items()
    for method, each in methods.items()
}
WITH_BODY = sorted(name for name, (_, _, each) in OPERATIONS.items() if "requestBody" in each)
OLLAMA = "http://127.0.0.1:11434"
# What an example can do nothing about, on a collector that is open and has the shop's records.
ELSEWHERE = {
    "set_up": (401, "the code is printed when the collector starts"),
    "create_user": (409, "the first one is made by `set_up`"),
    "sign_in": (401, "there is nobody yet"),
    "change_user": (404, "there is nobody yet"),
    "change_password": (404, "there is nobody yet"),
    "change_key": (404, "there is no key yet"),
    "add_member": (404, "there is nobody yet"),
    "change_member": (404, "there is nobody yet"),
    "create_test_case": (404, "the run of the example is nobody's"),
    "change_test_run": (404, "the run of the example is nobody's"),
    "change_test_case": (404, "the case of the example is nobody's"),
}


@pytest.fixture
async def call() -> AsyncIterator[Caller]:
    """Yield what calls an open collector with the shop's records; a trial reaches nobody there."""
    import asyncio

    async with calling(outgoing=(OLLAMA, "https://api.github.com")) as caller:
        await asyncio.to_thread(plant, caller.url, guarded=False, elsewhere=OLLAMA)
        yield caller


def _address(path: str, operation: dict[str, Any]) -> str:
    """Return the path with the examples of what varies in it, and of what has to be in the query."""
    query = {}
    for each in operation["parameters"]:
        example = each.get("example", each["schema"].get("default"))
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", quote(str(example)))
        elif each["in"] == "query" and each["required"]:
            query[each["name"]] = example
    return f"{path}?{urlencode(query)}" if query else path


@pytest.mark.parametrize("name", [name for name in WITH_BODY if name != "ingest"])
async def test_an_example_of_a_body_works_when_it_is_tried(call: Caller, name: str) -> None:
    """Each example is accepted, or refused as its situation explains."""
    method, path, operation = OPERATIONS[name]
    for kind, content in operation["requestBody"]["content"].items():
        if content["schema"].get("format") == "binary":
            continue  # nobody types it
        headers = {"Content-Type": kind}
        reply = await call(method, _address(path, operation), json=content["example"], headers=headers)
        if reply.status == 401 and name not in ELSEWHERE:
            continue  # the first key, or the first account, has closed the collector: it worked
        wanted = ELSEWHERE.get(name, (int(next(iter(operation["responses"]))), ""))[0]
        assert reply.status == wanted, reply.body
        assert str(reply.status) in operation["responses"]


async def test_a_slice_is_taken_as_its_parameters_describe_it(call: Caller) -> None:
    """The one body without an example is a slice, which nobody types."""
    segment = numbered_segment(2)
    query = urlencode({"stream": segment.identity.hex(), "offset": wire.HEADER_SIZE})
    reply = await call(
        "POST", f"/api/v1/ingest?{query}", data=segment.slice(), headers={"Content-Type": SLICE_TYPE}
    )
    assert reply.status == 200
    assert reply.json["next"] == segment.end


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_is_described(name: str) -> None:
    """Each says what it does, who may do it, and how it can fail."""
    _, _, operation = OPERATIONS[name]
    assert operation["summary"]
    assert "Right: " in operation["description"] or "everybody" in operation["description"]
    assert {"401", "403", "500", "503"} <= operation["responses"].keys()
    assert all(each.get("description") for each in operation["parameters"])
