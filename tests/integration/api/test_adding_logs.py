"""Adding records by hand over real HTTP: they arrive as they were sent, like all others, or not at all."""

from __future__ import annotations

import asyncio
import io
import json
import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.api import calling
from tests.support.people import guarded
from tests.support.segments import numbered_segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.support.api import Caller, Reply
    from tests.support.people import Person

LOGS = "/api/v1/logs"
DEPLOYED = {"project": "shop", "service": "checkout", "message": "deployed 2.4.1"}
MARK = "pylogtap.degraded"


async def add(person: Caller | Person, *logs: dict[str, Any]) -> Reply:
    """Add records; what they leave out is that of a deployment."""
    return await send(person, json.dumps({"logs": [{**DEPLOYED, **log} for log in logs]}, ensure_ascii=False))


async def send(person: Caller | Person, document: str) -> Reply:
    """Send a document as it is."""
    headers = {"Content-Type": "application/json"}
    return await person("POST", LOGS, data=io.BytesIO(document.encode()), headers=headers)


async def added(call: Caller, *logs: dict[str, Any]) -> list[dict[str, Any]]:
    """Add records, and return them as they are shown."""
    reply = await add(call, *logs)
    assert reply.status == 201, reply.json
    assert reply.headers["Location"] == f"{LOGS}/{reply.json['ids'][0]}"
    shown = [(await call("GET", f"{LOGS}/{log_id}")).json for log_id in reply.json["ids"]]
    return [{name: log[name] for name in log if name not in {"before", "after"}} for log in shown]


async def test_a_deployment_is_marked(filled: Caller) -> None:
    """One JSON document marks a deployment; it is found at once, among what programs logged."""
    document = {"logs": [{**DEPLOYED, "attributes": {"version": "2.4.1", "by": "ada"}}]}
    before = datetime.now(UTC) - timedelta(microseconds=1)
    reply = await filled(
        "POST", LOGS, data=json.dumps(document), headers={"Content-Type": "application/json"}
    )
    assert reply.status == 201
    (log,) = (await filled("GET", LOGS, params={"q": "version:2.4.1 deployed"})).json["items"]
    assert reply.json == {"ids": [log["id"]]}
    assert (await filled("GET", reply.headers["Location"])).json["message"] == "deployed 2.4.1"
    assert {
        "level": "info", "severity_number": 9, "project": "shop", "service": "checkout", "instance": "api",
        "logger": "api", "message": "deployed 2.4.1", "template": None, "exception": None, "test_id": None,
        "attributes": {"version": "2.4.1", "by": "ada"},
    }.items() <= log.items()  # fmt: skip
    assert log["process"]["pid"] is None
    assert before <= datetime.fromisoformat(log["time"]) <= datetime.now(UTC)
    patterns = (await filled("GET", f"{LOGS}/patterns", params={"q": "logger:api"})).json["items"]
    assert [each["template"] for each in patterns] == ["deployed <*>"]
    instances = "/api/v1/projects/shop/services/checkout/instances"
    assert [each["name"] for each in (await filled("GET", instances)).json["items"]] == ["api", "web-1"]


async def test_everything_that_a_record_can_have(call: Caller) -> None:
    """Every member of a record arrives; ids of traces are in lower case, as the standard writes them."""
    exception = {"type": "ValueError", "message": "no\nsuch", "stacktrace": "Traceback …\n  x"}
    (log,) = await added(
        call,
        {
            "instance": "web-1", "level": "Error", "logger": "pay.card",
            "time": "2026-03-01T12:00:00.123456+02:00", "attributes": {"order": 7}, "exception": exception,
            "trace_id": "AB" * 16, "span_id": "cd" * 8,
            "test_id": "tests/test_pay.py::test_card",
        },
    )  # fmt: skip
    assert {
        "instance": "web-1", "level": "error", "severity_number": 17, "logger": "pay.card",
        "time": "2026-03-01T10:00:00.123456Z", "attributes": {"order": 7},
        "exception": {**exception, "arguments": None}, "trace_id": "ab" * 16, "span_id": "cd" * 8,
        "test_id": "tests/test_pay.py::test_card",
    }.items() <= log.items()  # fmt: skip


@pytest.mark.parametrize(
    ("level", "name", "severity"),
    [
        ("trace", "trace", 1),
        ("Debug", "debug", 5),
        ("warn", "warn", 13),
        ("err", "err", 17),
        ("FATAL", "fatal", 21),
        ("crit", "crit", 21),
        ("11", "11", 11),
        ("notice", "notice", 0),
        ("99", "99", 0),
        ("ÄRGER", "ärger", 0),
    ],
)
async def test_levels(call: Caller, level: str, name: str, severity: int) -> None:
    """Names that the query language knows have their severity; other words are kept, and have none."""
    (log,) = await added(call, {"level": level})
    assert (log["level"], log["severity_number"]) == (name, severity)


async def test_a_thousand_at_once(call: Caller) -> None:
    """A thousand records of many places are stored together, each under the id that the answer gives it."""
    sent = [
        {"service": f"s{number % 7}", "instance": f"i{number % 300}", "message": f"number {number}"}
        for number in range(1000)
    ]
    reply = await add(call, *sent)
    ids = reply.json["ids"]
    assert ids == sorted(set(ids))
    found = (await call("GET", LOGS, params={"limit": "1000", "order": "asc"})).json
    assert found["next"] is None
    assert [log["id"] for log in found["items"]] == ids
    names = ("service", "instance", "message")
    assert [{name: log[name] for name in names} for log in found["items"]] == sent
    again = await add(call, {"message": "later"})
    assert again.json["ids"][0] > ids[-1]


async def test_added_records_reach_tails(call: Caller) -> None:
    """Whoever watches sees an added record when it comes."""
    async with call.session.get(f"{call.url}{LOGS}/tail", params={"q": "deployed"}) as answer:
        await answer.content.readline()
        (log,) = await added(call, {})
        async with asyncio.timeout(10):
            async for line in answer.content:
                if line.startswith(b"data: "):
                    break
    assert json.loads(line.removeprefix(b"data: ")) == log


async def test_added_records_stay(tmp_path: Path) -> None:
    """What was acknowledged is there after a restart, under the same id, beside what clients deliver."""
    async with calling(memory=False, data=tmp_path) as call:
        await call.deliver(numbered_segment(3))
        (log,) = await added(call, {"attributes": {"version": "2"}})
    async with calling(memory=False, data=tmp_path) as call:
        assert (await call("GET", f"{LOGS}/{log['id']}")).json.items() >= log.items()
        assert (await call("GET", f"{LOGS}/count")).json == {"total": 4}


@pytest.mark.parametrize(
    "value",
    [
        2**63 - 1,
        -(2**63),
        1.7976931348623157e308,
        5e-324,
        0.1,
        1.0,
        -0.0,
        True,
        None,
        "",
        "\0\x01\x02\x1b[31m\u2028\ufeff",
        "👩‍🚀 ﷽ مرحبا Ü",
        {"": [{"a.b": [None, True, 1, 1.5, "x"]}, []], "ü": {}},
        json.loads("[" * 100 + "1" + "]" * 100),
    ],
)
async def test_odd_values(call: Caller, value: Any) -> None:
    """What JSON can say arrives exactly, at the top and below, in attributes and in texts."""
    message = value if isinstance(value, str) and value else "m"
    (log,) = await added(call, {"attributes": {"v": value, "in": [value]}, "message": message})
    assert repr(log["attributes"]) == repr({"v": value, "in": [value]})
    assert log["message"] == message


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (str(2**63), str(2**63)),
        (str(-(2**200)), str(-(2**200))),
        ("NaN", "NaN"),
        ("1e999", "Infinity"),
        ("-Infinity", "-Infinity"),
    ],
)
async def test_numbers_that_not_every_program_reads(call: Caller, text: str, shown: str) -> None:
    """A number that readers of JSON do not agree on arrives as text, and the record says so."""
    log = json.dumps(DEPLOYED)[:-1] + f', "attributes": {{"v": {text}, "w": [{text}], "x": 1}}}}'
    reply = await send(call, f'{{"logs": [{log}]}}')
    (found,) = (await call("GET", LOGS)).json["items"]
    assert reply.status == 201
    assert found["attributes"] == {"v": shown, "w": [shown], "x": 1, MARK: ["v", "w"]}


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | texts,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(texts, below, max_size=4),
    max_leaves=8,
)
attributes = st.dictionaries(texts.filter(lambda name: name not in {"", MARK}), values, max_size=6)


def portable(value: Any) -> Any:
    """Return a value as it is shown."""
    if isinstance(value, dict):
        return {name: portable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [portable(each) for each in value]
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if type(value) is int and not -(2**63) <= value < 2**63:
        return str(value)
    return value


@pytest.fixture(scope="module")
def adding() -> Iterator[Callable[..., list[dict[str, Any]]]]:
    """A collector for a test without a loop of its own; adds records and returns them as they are shown."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        collector = calling()
        call = runner.run(enter(collector))
        yield lambda *logs: runner.run(added(call, *logs))
        runner.run(leave(collector))


async def enter(collector: AbstractAsyncContextManager[Caller]) -> Caller:
    """Begin."""
    return await collector.__aenter__()


async def leave(collector: AbstractAsyncContextManager[Caller]) -> None:
    """End."""
    await collector.__aexit__(None, None, None)


@given(sent=st.lists(attributes, min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_any_attributes(adding: Callable[..., list[dict[str, Any]]], sent: list[dict[str, Any]]) -> None:
    """Whatever attributes are added arrive: as they were, or as text and marked."""
    for given_, log in zip(sent, adding(*[{"attributes": each} for each in sent]), strict=True):
        expected = {name: portable(value) for name, value in given_.items()}
        lost = [name for name, value in given_.items() if repr(value) != repr(expected[name])]
        assert log["attributes"].pop(MARK, []) == lost
        assert repr(sorted(log["attributes"].items())) == repr(sorted(expected.items()))


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"project": "a/b"}, "project"),
        ({"instance": ""}, "instance"),
        ({"level": ""}, "level"),
        ({"level": "two words"}, "level"),
        ({"level": "x" * 21}, "level"),
        ({"message": ""}, "message"),
        ({"message": "x" * 65_537}, "message"),
        ({"logger": ""}, "logger"),
        ({"time": "2026-01-01T00:00:00"}, "time"),
        ({"attributes": {str(number): 1 for number in range(101)}}, "attributes"),
        ({"attributes": [1]}, "attributes"),
        ({"trace_id": "ab"}, "trace_id"),
        ({"span_id": "g" * 16}, "span_id"),
        ({"exception": {"message": "no type"}}, "exception.type"),
        ({"pid": 7}, "pid"),
    ],
)
async def test_records_that_cannot_be(call: Caller, wrong: dict[str, Any], name: str) -> None:
    """A record with a mistake is refused, with the place of it, and none of those beside it is stored."""
    reply = await add(call, {}, wrong)
    assert (reply.status, reply.json["code"]) == (422, "invalid")
    assert reply.json["errors"][0]["name"] == f"logs.1.{name}"
    assert (await call("GET", f"{LOGS}/count")).json == {"total": 0}


@pytest.mark.parametrize("count", [0, 1001])
async def test_how_many_at_once(call: Caller, count: int) -> None:
    """There is at least one record in a request, and at most a thousand."""
    reply = await add(call, *[{}] * count)
    assert (reply.status, reply.json["errors"][0]["name"]) == (422, "logs")


async def test_half_a_character(call: Caller) -> None:
    """Half of a surrogate pair is no text, and refused."""
    reply = await send(call, json.dumps({"logs": [{**DEPLOYED, "message": "\ud800"}]}))
    assert (reply.status, reply.json["code"]) == (422, "invalid")


async def test_times_too_far_away(call: Caller) -> None:
    """A time that the store cannot hold is refused."""
    for year in (1969, 2263):
        reply = await add(call, {"time": f"{year}-12-31T00:00:00Z"})
        assert (reply.status, reply.json["code"]) == (422, "invalid")
        assert "1970 to 2262" in reply.json["detail"]


@pytest.mark.parametrize(
    ("logs", "advice"),
    [
        ([{}, {"attributes": {"x": "y" * 262_200}}], "Log 1 takes"),
        ([{"message": "ü" * 20_000}] * 30, "several requests"),
    ],
)
async def test_too_much(call: Caller, logs: list[dict[str, Any]], advice: str) -> None:
    """What is larger than a record or a slice may be is refused, with what to do, and nothing is stored."""
    reply = await add(call, *logs)
    assert (reply.status, reply.json["code"]) == (413, "too_large")
    assert advice in reply.json["detail"]
    assert (await call("GET", f"{LOGS}/count")).json == {"total": 0}


async def test_as_much_as_goes(call: Caller) -> None:
    """Records almost as large as allowed, that fill a slice almost, arrive."""
    sent = [{"attributes": {"x": letter * 261_000}} for letter in "abcd"]
    logs = await added(call, *sent)
    assert [log["attributes"] for log in logs] == [log["attributes"] for log in sent]


async def test_who_may_add() -> None:
    """Keys add to their projects alone, all records or none; of other projects nobody hears."""
    async with guarded() as collector:
        await collector.project("shop")
        await collector.project("bank")
        for role, project in (("ingest", "shop"), ("admin", "shop"), ("ingest", None), ("admin", None)):
            person = await collector.key(role, project)
            assert (await add(person, {})).status == 201
            mixed = await add(person, {}, {"project": "bank"}, {"project": "new"})
            if project is None:
                assert mixed.status == 201
            else:
                assert (mixed.status, mixed.json["detail"]) == (404, "There is no project bank.")
        for reader in (await collector.key("read"), await collector.key("read", "shop")):
            refused = await add(reader, {})
            assert (refused.status, refused.json["code"]) == (403, "missing_right")
        editor = await collector.user("ada", shop="editor", bank="viewer")
        assert (await add(editor, {})).status == 201
        assert (await add(editor, {}, {"project": "bank"})).status == 403
        assert (await add(await collector.user("bob", shop="viewer"), {})).status == 403
        found = (await collector.root("GET", f"{LOGS}/facets", params={"fields": "project"})).json["items"]
        counts = {each["value"]: each["count"] for each in found[0]["values"]}
        assert counts == {"shop": 7, "bank": 2, "new": 2}


async def test_too_much_waits() -> None:
    """Where more is stored than could be sealed, nothing is added before there is room."""
    async with calling(backlog_max_bytes=1) as call:
        assert (await add(call, {})).status == 201
        reply = await add(call, {})
        assert (reply.status, reply.json["code"], reply.headers["Retry-After"]) == (503, "overloaded", "10")
