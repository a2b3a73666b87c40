"""The API of logs over real HTTP, on the production schema."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.api import Caller

LOGS = "/api/v1/logs"
LOG_MEMBERS = {
    "id", "time", "received", "level", "severity_number", "project", "service", "instance", "logger",
    "message", "template", "pattern_id", "attributes", "exception", "trace_id", "span_id", "source",
    "process", "test_id", "labels", "note",
}  # fmt: skip


async def all_pages(call: Caller, path: str, **params: str) -> list[Any]:
    """Return the items of all pages."""
    items: list[Any] = []
    cursor = None
    while True:
        reply = await call("GET", path, params={**params, **({"cursor": cursor} if cursor else {})})
        assert reply.status == 200, reply.body
        items += reply.json["items"]
        cursor = reply.json["next"]
        if cursor is None:
            return items


async def test_a_log_has_the_members_of_the_contract(filled: Caller) -> None:
    """A log in JSON has just the members that users rely on."""
    (log,) = (await filled("GET", LOGS, params={"q": "article:tea"})).json["items"]
    assert set(log) == LOG_MEMBERS
    assert (log["project"], log["service"], log["instance"]) == ("shop", "stock", "a")
    assert (log["level"], log["severity_number"], log["logger"]) == ("warning", 13, "stock")
    assert (log["message"], log["template"]) == ("low stock of tea", "low stock of %s")
    assert log["attributes"] == {"article": "tea"}
    assert log["time"].endswith("Z")


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_give_each_record_once(filled: Caller, order: str) -> None:
    """Going on by the cursor gives every record once, in the order asked for."""
    logs = await all_pages(filled, LOGS, order=order, limit="7", q="service:checkout")
    numbers = [log["attributes"]["n"] for log in logs]
    assert numbers == sorted(range(250), reverse=order == "desc")


async def test_a_mistake_in_a_query_is_pointed_at(filled: Caller) -> None:
    """A query that cannot be read is refused with the column of the mistake."""
    reply = await filled("GET", LOGS, params={"q": "level:error ("})
    assert reply.status == 400
    assert reply.headers["Content-Type"].startswith("application/problem+json")
    assert reply.json["code"] == "invalid_query"
    assert reply.json["column"] == 14
    assert reply.json["detail"]


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"order": "up"}, "order"),
        ({"qq": "x"}, "qq"),
        ({"q": "a\0b"}, "q"),
        ({"q": "x" * 4001}, "q"),
    ],
)
async def test_wrong_parameters_are_named(filled: Caller, params: dict[str, str], name: str) -> None:
    """A parameter that does not fit, or is not known, is refused by its name."""
    reply = await filled("GET", LOGS, params=params)
    assert reply.status == 422
    assert reply.json["code"] == "invalid"
    assert reply.json["errors"][0]["name"] == name
    assert f"`{name}`" in reply.json["detail"]


async def test_a_parameter_given_twice_is_refused(filled: Caller) -> None:
    """What can only be meant once is not silently taken from one of two places."""
    reply = await filled("GET", f"{LOGS}?limit=1&limit=2")
    assert reply.status == 422


@pytest.mark.parametrize("params", [{"since": "yesterday-ish"}, {"until": "2026-13-01"}])
async def test_wrong_times_are_explained(filled: Caller, params: dict[str, str]) -> None:
    """A time that cannot be read is refused, with an example of one that can."""
    reply = await filled("GET", LOGS, params=params)
    assert reply.status == 422
    assert "15m" in reply.json["detail"]


async def test_a_foreign_cursor_is_refused(filled: Caller) -> None:
    """A cursor of another query is refused instead of giving wrong pages."""
    cursor = (await filled("GET", LOGS, params={"limit": "2"})).json["next"]
    reply = await filled("GET", LOGS, params={"limit": "2", "cursor": cursor, "q": "tea"})
    assert (reply.status, reply.json["code"]) == (400, "invalid_cursor")


async def test_one_log_with_its_context(filled: Caller) -> None:
    """One record comes with the lines of its instance around it, oldest first."""
    (log,) = (await filled("GET", LOGS, params={"q": "n:100"})).json["items"]
    found = (await filled("GET", f"{LOGS}/{log['id']}", params={"context": "2"})).json
    assert [each["attributes"]["n"] for each in found["before"]] == [98, 99]
    assert [each["attributes"]["n"] for each in found["after"]] == [101, 102]
    assert found["message"] == "number 100"


@pytest.mark.parametrize(("log_id", "status"), [("7", 404), ("x", 404), ("-1", 422), ("9" * 30, 422)])
async def test_a_log_that_is_not_there(filled: Caller, log_id: str, status: int) -> None:
    """An id without a record, and a word, give 404; a number that no record can have 422."""
    assert (await filled("GET", f"{LOGS}/{log_id}")).status == status


async def test_counts_agree(filled: Caller) -> None:
    """Histogram, facets, patterns and search count the same records."""
    histogram = (await filled("GET", f"{LOGS}/histogram", params={"buckets": "7"})).json
    assert len(histogram["buckets"]) == 7
    assert sum(bucket["total"] for bucket in histogram["buckets"]) == histogram["total"] == 253
    assert sum(bucket["levels"]["warning"] for bucket in histogram["buckets"]) == 3
    facets = await filled("GET", f"{LOGS}/facets?fields=level,service&fields=article&limit=5")
    found = {
        facet["field"]: {each["value"]: each["count"] for each in facet["values"]}
        for facet in facets.json["items"]
    }
    assert found["level"] == {"info": 250, "warning": 3}
    assert found["service"] == {"checkout": 250, "stock": 3}
    assert found["article"] == {"tea": 1, "rice": 1, "salt": 1}
    patterns = (await filled("GET", f"{LOGS}/patterns")).json["items"]
    assert [(each["template"], each["count"]) for each in patterns] == [
        ("number %d", 250),
        ("low stock of %s", 3),
    ]
    found_by_pattern = await all_pages(filled, LOGS, q=f"pattern:{patterns[1]['id']}")
    assert len(found_by_pattern) == 3


async def test_labels_and_note_by_merge_patch(filled: Caller) -> None:
    """A merge patch adds, changes and removes labels, and they are searchable."""
    log = (await filled("GET", LOGS, params={"q": "article:salt"})).json["items"][0]
    path = f"{LOGS}/{log['id']}"
    first = await filled("PATCH", path, json={"labels": {"cause": "flood", "team": "a"}, "note": "seen"})
    assert first.status == 200
    assert first.json["labels"] == {"cause": "flood", "team": "a"}
    second = await filled("PATCH", path, json={"labels": {"team": None}, "note": None})
    assert (second.json["labels"], second.json["note"]) == ({"cause": "flood"}, None)
    found = (await filled("GET", LOGS, params={"q": "label.cause:flood"})).json["items"]
    assert [each["id"] for each in found] == [log["id"]]
    assert second.json["message"] == log["message"]


async def test_nobody_overwrites_what_he_has_not_seen(filled: Caller) -> None:
    """A change with the ETag of an older version is refused; with the current one it is made."""
    log = (await filled("GET", LOGS, params={"limit": "1"})).json["items"][0]
    path = f"{LOGS}/{log['id']}"
    tag = (await filled("GET", path)).headers["ETag"]
    changed = await filled("PATCH", path, json={"note": "mine"}, headers={"If-Match": tag})
    assert changed.status == 200
    late = await filled("PATCH", path, json={"note": "theirs"}, headers={"If-Match": tag})
    assert (late.status, late.json["code"]) == (412, "stale_version")
    again = await filled("PATCH", path, json={"note": "both"}, headers={"If-Match": changed.headers["ETag"]})
    assert again.json["note"] == "both"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"message": "forged"}, "message"),
        ({"labels": {"a b": "x"}}, "labels"),
        ({"note": 7}, "note"),
        ({"note": "x" * 10_001}, "note"),
    ],
)
async def test_what_was_logged_cannot_be_changed(filled: Caller, body: dict[str, Any], name: str) -> None:
    """A patch of anything but labels and note, or of the wrong kind, is refused by name."""
    log = (await filled("GET", LOGS, params={"limit": "1"})).json["items"][0]
    reply = await filled("PATCH", f"{LOGS}/{log['id']}", json=body)
    assert reply.status == 422
    assert reply.json["errors"][0]["name"].startswith(name)


async def test_delete_by_query(filled: Caller) -> None:
    """A delete removes what matches, and only that; without a query it wants to be told twice."""
    refused = await filled("DELETE", LOGS)
    assert refused.status == 422
    assert "all=true" in refused.json["detail"]
    reply = await filled("DELETE", LOGS, params={"q": "n:>=200"})
    assert reply.json == {"deleted": 50}
    assert len(await all_pages(filled, LOGS, limit="1000")) == 203
    assert (await filled("DELETE", LOGS, params={"all": "true"})).json == {"deleted": 203}
    assert (await filled("GET", LOGS)).json["items"] == []


async def test_export_as_json_lines(filled: Caller) -> None:
    """An export holds every record that matches, oldest first, one log in each line."""
    reply = await filled("GET", f"{LOGS}/export", params={"q": "service:checkout"})
    assert reply.headers["Content-Type"].startswith("application/x-ndjson")
    logs = [json.loads(line) for line in reply.body.splitlines()]
    assert [log["attributes"]["n"] for log in logs] == list(range(250))
    assert set(logs[0]) == LOG_MEMBERS


async def test_export_as_csv(filled: Caller) -> None:
    """A CSV export has a header and a row for each record."""
    reply = await filled("GET", f"{LOGS}/export", params={"format": "csv", "q": "service:stock"})
    rows = list(csv.DictReader(io.StringIO(reply.body.decode())))
    assert [row["message"] for row in rows] == ["low stock of tea", "low stock of rice", "low stock of salt"]
    assert json.loads(rows[0]["attributes"]) == {"article": "tea"}


async def test_an_export_of_nothing(filled: Caller) -> None:
    """No match gives an empty file; a mistake a refusal instead of a file."""
    assert (await filled("GET", f"{LOGS}/export", params={"q": "nosuchword"})).body == b""
    assert (await filled("GET", f"{LOGS}/export", params={"q": "("})).status == 400


@pytest.mark.parametrize("number", ["+5", " 5", "5 ", "1_0", "+0.0", "5.5", "five", ""])
async def test_what_is_no_number_of_json(filled: Caller, number: str) -> None:
    """Python reads more as a number than JSON does; what the document calls no integer is refused."""
    reply = await filled("GET", LOGS, params={"limit": number})
    assert reply.status == 422
    assert reply.json["code"] == "invalid"
    assert "limit" in reply.json["detail"]
    headers = {"Last-Event-ID": number}
    reply = await filled("GET", f"{LOGS}/tail", headers=headers) if number.strip() == number else reply
    assert reply.status == 422


@pytest.mark.parametrize("number", ["5", "05", "5.0"])
async def test_numbers_as_people_and_json_write_them(filled: Caller, number: str) -> None:
    """An integer may have a point with nothing but zeros behind it, as JSON Schema has it."""
    reply = await filled("GET", LOGS, params={"limit": number})
    assert len(reply.json["items"]) == 5


async def test_fields_that_are_separated_by_commas(filled: Caller) -> None:
    """A comma ends the name of a field, and the document says that a name has none."""
    reply = await filled("GET", f"{LOGS}/facets", params={"fields": "level,service"})
    assert [each["field"] for each in reply.json["items"]] == ["level", "service"]
    document = (await filled("GET", "/openapi.json")).json
    parameters = document["paths"][f"{LOGS}/facets"]["get"]["parameters"]
    (fields,) = (each for each in parameters if each["name"] == "fields")
    assert "," in fields["schema"]["items"]["pattern"].removesuffix("]*$")
