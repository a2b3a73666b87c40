"""Test runs and cases over real HTTP: their life, lists of them, and who sees and changes which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.people import guarded
from tests.support.told_suites import RUN, Suite, failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.api import Caller
    from tests.support.people import Guarded, Person

RUNS, CASES = "/api/v1/tests/runs", "/api/v1/tests/cases"
FAILED = {
    "node": "tests/test_cart.py::TestCart::test_total",
    "outcome": "failed",
    "duration_s": 0.5,
    "failure": {
        "type": "AssertionError",
        "message": "assert 3 == 4",
        "stacktrace": "test_cart.py:3",
        "line": 3,
    },
    "attempts": [{"outcome": "failed", "duration_s": 0.25}],
    "output": {"call stdout": "hello"},
    "labels": {"team": "pay"},
}
PASSED = {"node": "tests/test_cart.py::test_empty", "outcome": "passed", "duration_s": 0.25}
SUITE = {
    "project": "shop",
    "service": "checkout",
    "runner": "cargo test",
    "commit": "5b8efff798",
    "branch": "main",
    "ci": {"provider": "github"},
    "started": "2026-01-31T12:00:00Z",
    "cases": [FAILED, PASSED],
    "labels": {"ticket": "SHOP-17"},
    "note": "by hand",
}

JUDGED = {"standing", "failing_since", "first_bad_commit", "last_good_commit", "slowdown"}


@pytest.fixture
async def shop() -> AsyncIterator[Guarded]:
    """A collector with the projects shop and bank, where everybody has to show who he is."""
    async with guarded() as collector:
        await collector.project("shop")
        await collector.project("bank")
        yield collector


async def add(person: Person | Caller, **more: Any) -> Any:
    """Add a run and return it."""
    made = await person("POST", RUNS, json={**SUITE, **more})
    assert made.status == 201, made.json
    return made.json


async def found(person: Person | Caller, path: str, **params: str) -> list[str]:
    """Return the ids of the runs or cases that somebody finds."""
    reply = await person("GET", path, params=params)
    assert reply.status == 200, reply.json
    return [each["id"] for each in reply.json["items"]]


def told(case: dict[str, Any]) -> dict[str, Any]:
    """Return what was told of a case; not what follows from runs before, which comes a moment later."""
    return {name: value for name, value in case.items() if name not in JUDGED}


async def test_the_life_of_a_run(call: Caller) -> None:
    """A run is added, read, listed, annotated by who has seen it, and deleted with its cases."""
    created = await call("POST", RUNS, json=SUITE)
    path = created.headers["Location"]
    assert (created.status, path) == (201, f"{RUNS}/{created.json['id']}")
    wanted = {name: value for name, value in SUITE.items() if name != "cases"}
    assert wanted.items() <= created.json.items()
    assert created.json["state"] == "failed"
    assert (created.json["duration_s"], created.json["ended"]) == (0.75, "2026-01-31T12:00:00.750000Z")
    assert {name: count for name, count in created.json["counts"].items() if count} == {
        "passed": 1, "failed": 1, "reran": 1,
    }  # fmt: skip

    read = await call("GET", path)
    assert (read.json, read.headers["ETag"]) == (created.json, created.headers["ETag"])
    assert (await call("GET", RUNS)).json == {"items": [created.json], "next": None}

    seen = {"If-Match": read.headers["ETag"]}
    changed = await call(
        "PATCH", path, json={"labels": {"ticket": None, "x": "y"}, "note": None}, headers=seen
    )
    assert changed.json == {
        **created.json,
        "labels": {"x": "y"},
        "note": None,
        "changed": changed.json["changed"],
    }
    assert changed.json["changed"] > created.json["changed"]
    for method, body in (("PATCH", {"note": "third"}), ("DELETE", None)):
        assert (await call(method, path, json=body, headers=seen)).status == 412
    gone = await call("DELETE", path, headers={"If-Match": changed.headers["ETag"]})
    assert (gone.status, gone.body) == (204, b"")
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        reply = await call(method, path, json=body)
        assert (reply.status, reply.json["code"]) == (404, "not_found")
    assert await found(call, CASES) == []
    actions = [each["action"] for each in (await call("GET", "/api/v1/audit")).json["items"]]
    assert actions[:2] == ["test_run.delete", "test_run.change"]


async def test_the_life_of_a_case(call: Caller) -> None:
    """A case is added to a run, counted there, read, annotated, found in the logs, and deleted."""
    run = await add(call, cases=[])
    assert run["state"] == "empty"
    created = await call("POST", CASES, json={**FAILED, "run": run["id"]})
    path = created.headers["Location"]
    assert (created.status, path) == (201, f"{CASES}/{created.json['id']}")
    case = created.json
    assert (case["file"], case["group"], case["name"]) == ("tests/test_cart.py", "TestCart", "test_total")
    assert (case["state"], case["attempts"], case["labels"]) == ("failed", 2, {"team": "pay"})
    assert case["failure"] == {**FAILED["failure"], "file": None}  # type: ignore[dict-item]
    assert case["earlier_attempts"] == [{"outcome": "failed", "duration_s": 0.25, "failure": None}]
    assert case["started"] == run["started"] == "2026-01-31T12:00:00Z"
    assert (await call("GET", f"{RUNS}/{run['id']}")).json["counts"]["failed"] == 1
    again = await call("POST", CASES, json={**PASSED, "node": FAILED["node"], "run": run["id"]})
    assert again.status == 201
    assert (again.json["test"], again.json["id"] != case["id"]) == (case["test"], True)

    read = await call("GET", path)
    assert (told(read.json), read.headers["ETag"]) == (told(case), created.headers["ETag"])
    (listed,) = (await call("GET", CASES, params={"state": "failed"})).json["items"]
    assert told(listed) == {
        **{name: case[name] for name in told(listed)},
        "failure": {**case["failure"], "stacktrace": ""},
    }
    logs = (await call("GET", "/api/v1/logs", params={"q": "level:error"})).json["items"]
    assert [(log["test_id"], log["message"]) for log in logs] == [
        (case["id"], f"{FAILED['node']} failed: assert 3 == 4")
    ]

    changed = await call("PATCH", path, json={"note": "known", "labels": {"team": None}})
    assert (changed.json["note"], changed.json["labels"]) == ("known", {})
    stale = {"If-Match": read.headers["ETag"]}
    assert (await call("DELETE", path, headers=stale)).status == 412
    assert (await call("DELETE", path)).status == 204
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        assert (await call(method, path, json=body)).status == 404
    assert (await call("GET", f"{RUNS}/{run['id']}")).json["counts"]["failed"] == 0


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        (RUNS, {**SUITE, "id": RUN}, 409, "already"),
        (RUNS, {**SUITE, "cases": [{**PASSED, "id": "1" * 32}]}, 409, "already"),
        (RUNS, {**SUITE, "cases": [{**PASSED, "run": "2" * 32}]}, 422, "another run|leave `run` out"),
        (RUNS, {**SUITE, "cases": [{**PASSED, "id": "3" * 32}, {**PASSED, "id": "3" * 32}]}, 422, "same id"),
        (RUNS, {**SUITE, "id": "X"}, 422, "32 hex"),
        (RUNS, {**SUITE, "commit": "main"}, 422, "hex"),
        (CASES, {**PASSED, "run": "4" * 32}, 404, "no test run"),
        (CASES, PASSED, 422, "`run`"),
        (CASES, {**PASSED, "run": RUN, "id": "1" * 32}, 409, "already"),
    ],
)
async def test_refusals(call: Caller, path: str, body: Any, status: int, words: str) -> None:
    """What cannot be added is refused with words, and nothing of it is stored."""
    await add(call, id=RUN, cases=[{**PASSED, "id": "1" * 32}])

    async def stored() -> list[list[dict[str, Any]]]:
        return [[told(each) for each in (await call("GET", of)).json["items"]] for of in (RUNS, CASES)]

    before = await stored()
    reply = await call("POST", path, json=body)
    assert reply.status == status
    assert any(word in reply.json["detail"] for word in words.split("|")), reply.json
    assert await stored() == before


async def test_runs_are_found(call: Caller) -> None:
    """Runs are found by each of the filters, newest first, page by page."""
    ids = {}
    added: tuple[dict[str, Any], ...] = (
        {"branch": "main", "cases": [PASSED]},
        {"branch": "dev", "commit": "abcdef0123", "labels": {"ticket": "A=B"}},
        {"service": "stock", "cases": []},
        {"project": "bank", "branch": None},
    )
    for number, more in enumerate(added):
        ids[number] = (await add(call, **{"started": f"2026-01-31T12:0{number}:00Z", **more}))["id"]
    suite = Suite("f" * 32)
    suite.begin(branch="main")
    await call.deliver(suite)
    ids[4] = suite.run
    for params, numbers in (
        ({}, [4, 3, 2, 1, 0]),
        ({"project": "shop"}, [4, 2, 1, 0]),
        ({"service": "stock"}, [2]),
        ({"branch": "main"}, [4, 2, 0]),
        ({"commit": "abcd"}, [1]),
        ({"state": "failed,running"}, [4, 3, 1]),
        ({"state": "empty"}, [2]),
        ({"label": "ticket"}, [3, 2, 1, 0]),
        ({"label": "ticket=A=B"}, [1]),
        ({"since": "2026-01-31T12:01:00Z", "until": "2026-01-31T12:03:00Z"}, [2, 1]),
        ({"project": "shop", "branch": "main", "state": "passed"}, [0]),
        ({"project": "nowhere"}, []),
    ):
        assert await found(call, RUNS, **params) == [ids[number] for number in numbers], params
    paged: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await call("GET", RUNS, params={"limit": "2", **cursor})).json
        paged += [run["id"] for run in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert paged == [ids[number] for number in (4, 3, 2, 1, 0)]


async def test_cases_are_found(call: Caller) -> None:
    """Cases are found by each of the filters: newest run first, within it the newest first."""
    first = await add(call, id="1" * 32, started="2026-01-31T12:00:00Z")
    await add(call, id="2" * 32, started="2026-01-31T13:00:00Z", service="stock", cases=[PASSED])
    everything = (await call("GET", CASES)).json["items"]
    assert [(case["run"][0], case["name"]) for case in everything] == [
        ("2", "test_empty"), ("1", "test_empty"), ("1", "test_total"),
    ]  # fmt: skip
    newest, empty, total = everything
    for params, wanted in (
        ({"run": first["id"]}, [empty, total]),
        ({"test": str(total["test"])}, [total]),
        ({"project": "shop", "service": "stock"}, [newest]),
        ({"state": "failed,error"}, [total]),
        ({"state": "running"}, []),
        ({"standing": "flaky_failure"}, []),
        ({"node": "TESTCART::"}, [total]),
        ({"node": "test_"}, everything),
        ({"file": "tests/test_cart.py"}, everything),
        ({"failure": str(total["failure_group"])}, [total]),
        ({"label": "team=pay"}, [total]),
        ({"since": "2026-01-31T12:30:00Z"}, [newest]),
        ({"until": "2026-01-31T12:30:00Z"}, [empty, total]),
        ({"changed_after": total["changed"]}, [newest]),
        ({"changed_after": "2020-01-01"}, [total, empty, newest]),
        ({"run": first["id"], "changed_after": empty["changed"]}, []),
    ):
        assert await found(call, CASES, **params) == [case["id"] for case in wanted], params
    for params in ({}, {"changed_after": "2020-01-01"}, {"run": first["id"]}, {"file": "tests/test_cart.py"}):
        whole = await found(call, CASES, **params)
        one = await call("GET", CASES, params={**params, "limit": "1"})
        rest = await call("GET", CASES, params={**params, "cursor": one.json["next"]})
        assert [case["id"] for case in one.json["items"] + rest.json["items"]] == whole


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        (RUNS, {"state": "late"}, "invalid"),
        (RUNS, {"cursor": "x"}, "invalid_cursor"),
        (CASES, {"run": "x"}, "invalid"),
        (CASES, {"changed_after": "soon"}, "invalid"),
        (f"{RUNS}/x", {}, "invalid"),
    ],
)
async def test_mistakes_in_questions(call: Caller, path: str, params: Any, code: str) -> None:
    """What cannot be understood is refused."""
    assert (await call("GET", path, params=params)).json["code"] == code


async def test_who_sees_and_changes_what(shop: Guarded) -> None:
    """Who sees one project sees its runs alone; editors add and annotate, admins delete."""
    people = {role: await shop.user(role, shop=role) for role in ("viewer", "editor", "admin")}
    own = await add(people["editor"])
    theirs = await add(shop.root, project="bank", service="vault")
    case = (await found(people["viewer"], CASES))[0]
    their_case = (await found(shop.root, CASES, project="bank"))[0]
    for person in people.values():
        assert await found(person, RUNS) == [own["id"]]
        assert await found(person, CASES, run=theirs["id"]) == []
        for path in (f"{RUNS}/{theirs['id']}", f"{CASES}/{their_case}"):
            for method in ("GET", "PATCH", "DELETE"):
                reply = await person(method, path, json={"note": "x"} if method == "PATCH" else None)
                assert reply.status == (404 if method == "GET" or reply.json["code"] == "not_found" else 403)
    for path, body in ((RUNS, SUITE), (CASES, {**PASSED, "run": own["id"]})):
        assert (await people["viewer"]("POST", path, json=body)).status == 403
        assert (await people["editor"]("POST", path, json=body)).status == 201
    for path in (f"{CASES}/{case}", f"{RUNS}/{own['id']}"):
        assert (await people["viewer"]("PATCH", path, json={"note": "x"})).status == 403
        assert (await people["editor"]("PATCH", path, json={"note": "x"})).status == 200
        assert (await people["editor"]("DELETE", path)).status == 403
        assert (await people["admin"]("DELETE", path)).status == 204
    assert (await people["editor"]("POST", RUNS, json={**SUITE, "project": "bank"})).status == 404
    assert (await people["editor"]("POST", CASES, json={**PASSED, "run": theirs["id"]})).status == 404


async def test_the_collector_counts_them(call: Caller) -> None:
    """The collector's own metrics say how many runs and cases it has stored."""
    suite = Suite()
    suite.case("test_a", "failed", failure=failure())
    await call.deliver(suite)
    lines = (await call("GET", "/metrics")).body.decode().splitlines()
    assert "pylogtap_collector_test_runs_total 1" in lines
    assert "pylogtap_collector_test_cases_total 1" in lines
