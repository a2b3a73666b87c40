"""Elasticsearch's own client delivers to a collector, and requests as Filebeat makes them."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.taps.test_otlp import TRACE, post
from tests.support.shippers import only, run_shipper

if TYPE_CHECKING:
    from pylogtap_collector.proofs.daemon import CollectorProcess

NDJSON = "application/x-ndjson"
CLIENT = """
from elasticsearch import Elasticsearch, helpers
client = Elasticsearch(URL + "/elastic", api_key="none-is-needed")
print(client.info()["version"]["number"])
documents = [
    {"_op_type": "create", "_index": "logs-shop-2026.01.31", "_id": str(number), "@timestamp": when,
     "message": f"order {number}", "log": {"level": "warn", "logger": "shop.orders"},
     "service": {"name": "cart"}, "host": {"name": "web-1"}, "project": "elastic", "cents": 100 + number}
    for number, when in enumerate(["2026-01-31T12:00:00Z", "2026-01-31T12:00:01.5+01:00"])
]
print(helpers.bulk(client, documents))
print(helpers.bulk(client, [{"_op_type": "delete", "_index": "x", "_id": "1"}], raise_on_error=False))
"""


def pairs(*documents: Any, action: Any = None) -> bytes:
    """Return a bulk request."""
    head = json.dumps(action or {"create": {"_index": "filebeat-8.11.0-2026.01.31-000001"}})
    return b"".join(f"{head}\n{json.dumps(each)}\n".encode() for each in documents)


def test_documents_of_the_official_client(collector: CollectorProcess) -> None:
    """It finds the product that it looks for, and hears of each document what became of it."""
    said = run_shipper(CLIENT, collector).splitlines()
    assert said[0].startswith("9.")
    assert said[1] == "(2, [])"
    assert "nothing is deleted here" in said[2]
    first = only(collector, 'project:elastic service:cart instance:web-1 "order 0"')
    assert (first["level"], first["logger"]) == ("warning", "shop.orders")
    assert first["time"] == "2026-01-31T12:00:00Z"
    assert first["attributes"] == {"cents": 100}
    second = only(collector, 'project:elastic "order 1"')
    assert second["time"] == "2026-01-31T11:00:01.500000Z"


def test_documents_of_filebeat(collector: CollectorProcess) -> None:
    """The Elastic Common Schema is understood, with objects or with dots; the index is the service, else."""
    body = pairs(
        {
            "@timestamp": "2026-01-31T12:00:00.123Z",
            "message": "boom",
            "log.level": "error",
            "project": "beats",
            "error": {"type": "OSError", "message": "no disk", "stack_trace": "Traceback …"},
            "trace": {"id": TRACE},
            "agent": {"name": "beat"},
        }
    )
    status, _, answer = post(collector, "/_bulk", body, NDJSON)
    items = json.loads(answer)["items"]
    assert (status, items[0]["create"]["status"]) == (200, 201)
    found = only(collector, "project:beats service:filebeat")
    assert (found["level"], found["trace_id"]) == ("error", TRACE)
    assert found["exception"]["type"] == "OSError"
    assert found["exception"]["message"] == "no disk"
    assert found["attributes"] == {"agent": {"name": "beat"}}
    assert found["time"] == "2026-01-31T12:00:00.123000Z"


@pytest.mark.parametrize("path", ["/nginx/_bulk", "/elastic/nginx/_bulk"])
def test_the_index_of_the_path(collector: CollectorProcess, path: str) -> None:
    """It is meant where a pair names none."""
    project = f"index{path.count('/')}"
    body = pairs({"message": "hello", "project": project}, action={"index": {}})
    answer = json.loads(post(collector, path, body, NDJSON)[2])
    assert answer["items"][0]["index"]["_index"] == "nginx"
    assert only(collector, f"project:{project} service:nginx")["message"] == "hello"


def test_each_pair_has_an_answer_of_its_own(collector: CollectorProcess) -> None:
    """One that cannot be taken does not cost the others."""
    body = (
        b'{"create": {}}\n{"message": "good", "project": "mixed"}\n'
        b'{"update": {"_id": "1"}}\n{"doc": {}}\n'
        b'{"delete": {"_id": "1"}}\n'
        b'{"create": {}}\nno json\n'
        b'{"index": {}}\n{"message": "good, too", "project": "mixed"}\n'
    )
    status, _, told = post(collector, "/_bulk", body, NDJSON)
    answer = json.loads(told)
    statuses = [next(iter(each.values()))["status"] for each in answer["items"]]
    assert (status, answer["errors"], statuses) == (200, True, [201, 400, 400, 400, 201])
    assert collector.count("project:mixed") == 2


def test_a_request_that_comes_again_is_stored_once_where_documents_have_ids(
    collector: CollectorProcess,
) -> None:
    """Without ids nothing tells whether it is the same."""
    for action, project, count in (({"create": {"_id": "a"}}, "ids", 1), ({"create": {}}, "no-ids", 2)):
        for _ in range(2):
            post(collector, "/_bulk", pairs({"message": "once", "project": project}, action=action), NDJSON)
        assert collector.count(f"project:{project}") == count


def test_what_is_no_bulk_request_is_refused(collector: CollectorProcess) -> None:
    """As Elasticsearch would, so that its clients understand it."""
    status, _, answer = post(collector, "/_bulk", b'{"message": "hello"}\n', NDJSON)
    told = json.loads(answer)
    assert (status, told["status"]) == (400, 400)
    assert "has to begin with a line that says what to do" in told["error"]["reason"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/_license",
        "/_nodes/http",
        "/_index_template/logs",
        "/_ilm/policy/logs",
        "/_ingest/pipeline/logs",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_shippers_ask_first_is_answered(collector: CollectorProcess, path: str, method: str) -> None:
    """With the header by which they know the product."""
    request = urllib.request.Request(f"{collector.url}/elastic{path}", method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.headers["X-Elastic-Product"] == "Elasticsearch"
        assert bool(answer.read()) == (method == "GET")
