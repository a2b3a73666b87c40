"""What is known of tests, over real HTTP: lists, histories, reports, failures, trends, and who sees which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.people import guarded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.api import Caller
    from tests.support.people import Guarded

TESTS = "/api/v1/tests"


@pytest.fixture
async def shop() -> AsyncIterator[Guarded]:
    """Return a collector with keys, and the projects `shop` and `zebra`."""
    async with guarded() as made:
        await made.project("shop")
        await made.project("zebra")
        yield made


def suite(number: int, outcomes: str, project: str = "shop") -> dict[str, Any]:
    """Return a run to post: a letter per test, `p` or `f`."""
    names = {"p": "passed", "f": "failed"}
    return {
        "project": project,
        "service": "checkout",
        "commit": f"{number:040x}",
        "branch": "main",
        "whole": True,
        "started": f"2026-01-{number:02}T12:00:00Z",
        "cases": [
            {
                "node": f"tests/test_cart.py::test_{index}",
                "file": "tests/test_cart.py",
                "outcome": names[letter],
                "duration_s": 0.1 * (index + 1),
                **({"failure": {"type": "ValueError", "message": f"no {number}"}} if letter == "f" else {}),
            }
            for index, letter in enumerate(outcomes)
        ],
    }


@pytest.fixture
async def told(call: Caller) -> Caller:
    """Return a collector with three runs of a suite: one test fails from the second on, another is mended."""
    for number, outcomes in ((1, "ppf"), (2, "pff"), (3, "pfp")):
        assert (await call("POST", f"{TESTS}/runs", json=suite(number, outcomes))).status == 201
    return call


async def newest(call: Caller) -> str:
    """Return the id of the newest run, once it was compared with the others."""
    runs = (await call("GET", f"{TESTS}/runs?limit=1")).json["items"]
    return str(runs[0]["id"])


async def test_a_report_compares_a_run_with_those_before(told: Caller) -> None:
    """The report of a run says at once what still fails and what is mended, and since when."""
    report = (await told("GET", f"{TESTS}/runs/{await newest(told)}/report")).json
    (failing,) = report["still_failing"]
    assert failing["test"]["node"].endswith("test_1")
    assert failing["test"]["first_bad_commit"] == f"{2:040x}"
    assert failing["test"]["last_good_commit"] == f"{1:040x}"
    assert failing["case"]["standing"] == "still_failing"
    assert [each["test"]["name"] for each in report["fixed"]] == ["test_2"]
    assert report["baseline"]["commit"] == f"{2:040x}"


async def test_an_empty_filter_is_none(told: Caller) -> None:
    """A list without anything is refused, as the document says: it would mean all, or nothing."""
    reply = await told("GET", f"{TESTS}/cases", params={"standing": ""})
    assert reply.status == 422
    assert reply.json["errors"][0]["name"].startswith("standing")


async def test_tests_by_filter_and_order(told: Caller) -> None:
    """Tests are found by what is known of them, in the order that is asked for, page by page."""
    await told("GET", f"{TESTS}/runs/{await newest(told)}/report")

    async def names(**params: str) -> list[str]:
        reply = await told("GET", TESTS, params=params)
        assert reply.status == 200, reply.json
        return [test["name"] for test in reply.json["items"]]

    assert await names() == ["test_0", "test_1", "test_2"]
    assert await names(state="failed") == ["test_1"]
    assert await names(standing="fixed") == ["test_2"]
    assert await names(node="TEST_0") == ["test_0"]
    assert await names(order="slowest") == ["test_2", "test_1", "test_0"]
    assert await names(flaky="true") == []
    assert await names(gone="false", project="shop", service="checkout") == ["test_0", "test_1", "test_2"]
    assert await names(project="zebra") == []
    found: list[str] = []
    params = {"order": "slowest", "limit": "2"}
    while params.get("cursor") != "":
        page = (await told("GET", TESTS, params=params)).json
        found += [test["name"] for test in page["items"]]
        params["cursor"] = page["next"] or ""
    assert found == ["test_2", "test_1", "test_0"]


async def test_a_cursor_of_another_order_is_refused(told: Caller) -> None:
    """A cursor of the order by name says nothing of an order by a number."""
    page = (await told("GET", TESTS, params={"limit": "1"})).json
    reply = await told("GET", TESTS, params={"order": "flaky", "cursor": page["next"]})
    assert (reply.status, reply.json["code"]) == (400, "invalid_cursor")


async def test_a_test_and_its_history(told: Caller) -> None:
    """A test is read by its number; its history has its cases, the newest first, page by page."""
    test = (await told("GET", TESTS, params={"node": "test_1"})).json["items"][0]
    path = f"{TESTS}/{test['id']}"
    await told("GET", f"{TESTS}/runs/{await newest(told)}/report")
    assert (await told("GET", path)).json["node"] == test["node"]
    page = (await told("GET", f"{path}/history", params={"limit": "2"})).json
    rest = (await told("GET", f"{path}/history", params={"limit": "2", "cursor": page["next"]})).json
    cases = [*page["items"], *rest["items"]]
    assert [case["state"] for case in cases] == ["failed", "failed", "passed"]
    assert [(case["commit"], case["branch"]) for case in cases] == [(f"{n:040x}", "main") for n in (3, 2, 1)]
    assert [case["first_bad_commit"] for case in cases] == [f"{2:040x}", f"{2:040x}", None]
    assert rest["next"] is None


async def test_failures_and_trend(told: Caller) -> None:
    """Failures alike are counted together, in a run or in a time; the trend has the runs oldest first."""
    (group,) = (await told("GET", f"{TESTS}/failures")).json["items"]
    assert (group["type"], group["pattern"], group["cases"], group["runs"]) == ("ValueError", "no <*>", 4, 3)
    (alone,) = (await told("GET", f"{TESTS}/failures", params={"run": await newest(told)})).json["items"]
    assert alone["cases"] == 1
    nothing = await told("GET", f"{TESTS}/failures", params={"until": "2026-01-01T00:00:00Z"})
    assert nothing.json["items"] == []
    points = (await told("GET", f"{TESTS}/trend", params={"branch": "main", "runs": "2"})).json["points"]
    assert [(point["passed"], point["failed"]) for point in points] == [(1, 2), (2, 1)]
    assert [round(point["work_s"], 3) for point in points] == [0.6, 0.6]


@pytest.mark.parametrize("path", ["987654", "987654/history", f"runs/{'a' * 32}/report"])
async def test_what_is_not_there(call: Caller, path: str) -> None:
    """What is not there is not found."""
    assert (await call("GET", f"{TESTS}/{path}")).status == 404


async def test_only_those_who_read_a_project_know_its_tests(shop: Guarded) -> None:
    """Whoever may not read a project finds none of its tests, failures and runs, and none by number."""
    made = await shop.root("POST", f"{TESTS}/runs", json=suite(1, "f"))
    other = await shop.root("POST", f"{TESTS}/runs", json=suite(2, "p", "zebra"))
    assert (made.status, other.status) == (201, 201)
    stranger, reader = await shop.key("read", "zebra"), await shop.key("read", "shop")
    (test,) = (await reader("GET", TESTS)).json["items"]
    assert test["project"] == "shop"
    assert [each["project"] for each in (await stranger("GET", TESTS)).json["items"]] == ["zebra"]
    assert (await stranger("GET", f"{TESTS}/failures")).json["items"] == []
    assert len((await stranger("GET", f"{TESTS}/trend")).json["points"]) == 1
    for path in (f"{test['id']}", f"{test['id']}/history", f"runs/{made.json['id']}/report"):
        assert (await reader("GET", f"{TESTS}/{path}")).status == 200
        assert (await stranger("GET", f"{TESTS}/{path}")).status == 404
