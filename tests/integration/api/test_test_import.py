"""Reports of other runners become runs, each once, in the place that its bringer may deliver to."""

from __future__ import annotations

import gzip
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.reports import REPORTS, report
from tests.support.rights import OTHER, OWN, world

if TYPE_CHECKING:
    from tests.support.api import Caller, Reply

PATH = "/api/v1/tests/import"
PLACE = {"project": "shop", "service": "checkout", "instance": "ci"}
XML = {"Content-Type": "application/xml"}
HALF = b"""<testsuite name="pytest"><testcase classname="tests.test_a" name="test_one" time="0.5"/>
<testcase classname="tests.test_a" name="test_two"><failure message="assert 0">"""


async def brought(call: Caller, body: bytes, headers: dict[str, str] | None = None, **query: str) -> Reply:
    """Bring a report."""
    return await call("POST", PATH, params={**PLACE, **query}, data=BytesIO(body), headers=headers or XML)


async def cases_of(call: Caller, run: str) -> dict[str, dict[str, Any]]:
    """Return the cases of a run by their nodes."""
    page = await call("GET", "/api/v1/tests/cases", params={"run": run, "limit": "1000"})
    return {case["node"]: case for case in page.json["items"]}


async def test_a_report_becomes_a_run(call: Caller) -> None:
    """The answer holds the run as the API shows it from then on, with the counts of its cases."""
    reply = await brought(call, report("pytest-xunit2.xml"), commit="0c1d2e3f", branch="main")
    assert reply.status == 201, reply.body
    answer = reply.json
    (run,) = answer["runs"]
    assert (answer["cases"], answer["repeated"], answer["skipped"]) == (16, False, [])
    assert (run["runner"], run["source"], run["state"], run["commit"], run["branch"]) == (
        "pytest", "import", "failed", "0c1d2e3f", "main",
    )  # fmt: skip
    assert run["counts"] == {
        "passed": 8, "failed": 3, "error": 3, "skipped": 1, "xfailed": 1, "xpassed": 0, "running": 0,
        "reran": 6,
    }  # fmt: skip
    read = await call("GET", f"/api/v1/tests/runs/{run['id']}")
    assert read.json == run
    cases = await cases_of(call, run["id"])
    case = cases["tests/test_cart.py::TestCart::test_total[usd]"]
    assert (case["state"], case["group"], case["failure"]["type"]) == ("failed", "TestCart", "AssertionError")


async def test_the_same_report_twice(call: Caller) -> None:
    """The same bytes for the same place are stored once; for another place they are another run."""
    body = report("surefire.xml")
    first = await brought(call, body)
    again = await brought(call, body)
    packed = await brought(call, gzip.compress(body), {**XML, "Content-Encoding": "gzip"})
    other = await brought(call, body, instance="nightly")
    assert [each.status for each in (first, again, packed, other)] == [201, 200, 200, 201]
    assert again.json["repeated"] is packed.json["repeated"] is True
    assert again.json["runs"][0]["id"] == packed.json["runs"][0]["id"] == first.json["runs"][0]["id"]
    assert other.json["runs"][0]["id"] != first.json["runs"][0]["id"]
    runs = await call("GET", "/api/v1/tests/runs")
    assert len(runs.json["items"]) == 2
    logs = await call("GET", "/api/v1/logs", params={"q": "project:shop"})
    told = [log["test_id"] for log in logs.json["items"] if log["test_id"]]
    assert len(told) == len(set(told)) == 4  # two cases failed, in each of the two runs


@pytest.mark.parametrize("name", REPORTS)
async def test_all_formats(call: Caller, name: str) -> None:
    """Each format is told by its content; every case of the report is found, and its detail can be read."""
    reply = await brought(call, report(name), {"Content-Type": "application/octet-stream"})
    assert reply.status == 201, reply.body
    (run,) = reply.json["runs"]
    cases = await cases_of(call, run["id"])
    assert len(cases) == reply.json["cases"] == sum(run["counts"].values()) - run["counts"]["reran"]
    for case in cases.values():
        detail = await call("GET", f"/api/v1/tests/cases/{case['id']}")
        assert detail.status == 200
        assert detail.json["earlier_attempts"] == [] or case["attempts"] > 1


async def test_a_case_with_all_that_was_told(call: Caller) -> None:
    """Attempts, phases, parts, output and properties of a report are in the case's detail."""
    reply = await brought(
        call, report("pytest-reportlog-xdist.jsonl"), {"Content-Type": "application/x-ndjson"}
    )
    (run,) = reply.json["runs"]
    assert (run["workers"], run["exit_status"], run["warnings"]) == (2, 1, 1)
    cases = await cases_of(call, run["id"])
    path = "/api/v1/tests/cases/"
    total = (await call("GET", path + cases["tests/test_cart.py::TestCart::test_total[usd]"]["id"])).json
    assert total["output"] == {
        "call stdout": "adding usd\n", "call log": "WARNING  cart:test_cart.py:23 price of usd",
    }  # fmt: skip
    assert [each["failure"]["message"] for each in total["earlier_attempts"]] == ["assert (1 + 2) == 4"]
    assert list(total["phases"]) == ["setup", "call", "teardown"]
    parts = (await call("GET", path + cases["tests/test_cart.py::test_sub"]["id"])).json["subtests"]
    assert [part["outcome"] for part in parts] == ["passed", "failed", "passed"]
    told = (await call("GET", path + cases["tests/test_cart.py::test_properties"]["id"])).json["properties"]
    assert told == [["ticket", "CART-7"]]


async def test_a_report_that_breaks_off(call: Caller) -> None:
    """What stands before the break is imported; the run is interrupted, and the answer says where it ends."""
    reply = await brought(call, HALF)
    assert reply.status == 201
    (run,) = reply.json["runs"]
    assert (run["state"], run["counts"]["passed"]) == ("interrupted", 1)
    assert reply.json["skipped"] == ["line 2, column 80: no element found; what follows there is not read"]
    assert "line 2" in run["reason"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "empty"),
        (b"<html></html>", "begins with <testsuites> or <testsuite>"),
        (b"<testsuite><testcase", "line 1, column 12"),
        (b'{"results": {}}', 'no list "tests"'),
        (b'{"a": ', "no well-formed JSON"),
        (b'{"$report_type": 1}\n', "no line of pytest-reportlog"),
        (b"PASS\n", "begins like no report that we know: 'PASS"),
        (b"\xff\xfe\x00\x01", "no well-formed XML"),
    ],
)
async def test_no_report(call: Caller, body: bytes, said: str) -> None:
    """What is no report is refused with what is wrong, and nothing is stored."""
    reply = await brought(call, body)
    assert reply.status == 422, reply.body
    assert said in reply.json["detail"]
    assert (await call("GET", "/api/v1/tests/runs")).json["items"] == []


async def test_mistakes_of_the_request(call: Caller) -> None:
    """A place, a commit or a format that cannot be is refused before the report is read."""
    body = report("jest.xml")
    assert (await brought(call, body, project="no project")).status == 422
    assert (await brought(call, body, commit="main")).status == 422
    assert (await brought(call, body, format="xunit")).status == 422
    assert (await brought(call, body, format="ctrf")).status == 422
    assert (await brought(call, body, {"Content-Type": "text/html"})).status == 415
    assert (await brought(call, body, {**XML, "Content-Encoding": "gzip"})).status == 400


async def test_when_it_began(call: Caller) -> None:
    """`started` moves the run with all its cases; a report without times ended just now."""
    reply = await brought(call, report("gradle.xml"), started="2026-01-02T03:04:05Z")
    (run,) = reply.json["runs"]
    assert run["started"].startswith("2026-01-02T03:04:05")
    cases = await cases_of(call, run["id"])
    assert cases["com.shop.StockTest::counts()"]["started"].startswith("2026-01-02T03:04:05Z")
    assert cases["com.shop.StockTest::orders()"]["started"].startswith("2026-01-02T03:04:05.05")


async def test_very_many_cases(call: Caller) -> None:
    """A report of very many cases is imported as a whole."""
    count = 20_000
    cases = "".join(
        f'<testcase classname="com.shop.T{at % 500}" name="t{at}" time="0.001"/>' for at in range(count)
    )
    body = f'<testsuite name="all" timestamp="2026-11-20T10:15:30">{cases}</testsuite>'.encode()
    reply = await brought(call, gzip.compress(body), {**XML, "Content-Encoding": "gzip"})
    assert reply.status == 201, reply.body
    (run,) = reply.json["runs"]
    assert run["counts"]["passed"] == count


async def test_who_may_only_deliver() -> None:
    """A key that delivers gets the run that it brought, but not what people say of it since."""
    async with world() as here:
        asked: dict[str, Any] = {
            "params": {**PLACE, "project": OWN}, "data": report("gradle.xml"), "headers": XML,
        }  # fmt: skip
        first = await here.as_("ingest key", "POST", PATH, **asked)
        assert first.status == 201
        path = f"/api/v1/tests/runs/{first.json['runs'][0]['id']}"
        said = {"note": "ours alone", "labels": {"ticket": "SHOP-1"}}
        assert (await here.as_("admin key", "PATCH", path, json=said)).status == 200
        again = await here.as_("ingest key", "POST", PATH, **asked)
        assert (again.status, again.json["runs"][0]["note"], again.json["runs"][0]["labels"]) == (
            200,
            None,
            {},
        )
        reader = await here.as_("admin key", "POST", PATH, **asked)
        assert reader.json["runs"][0]["note"] == "ours alone"
        assert (await here.as_("read key", "POST", PATH, **asked)).status == 403
        other = {**asked, "params": {**PLACE, "project": OTHER}}
        assert (await here.as_("ingest key", "POST", PATH, **other)).status == 404
