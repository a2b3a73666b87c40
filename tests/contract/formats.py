"""Values that no schema can describe: those of the document's own formats, and slices of segments."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import schemathesis
from hypothesis import strategies as st

from pylogtap import wire
from pylogtap_collector.services.cursors import write_cursor
from pylogtap_collector.services.positions import write_position
from tests.contract.seed import PROJECT
from tests.support.reports import report
from tests.support.segments import SegmentBuilder, numbered_segment
from tests.support.shipments import ENVELOPE, one_of_bulk, one_of_loki, one_of_msgpack, one_of_otlp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schemathesis import Case

ALLOWED_URL = "http://127.0.0.1:9"  # the only origin that the collector may call, and nothing listens there
SLICE_TYPE = "application/vnd.pylogtap.slice"
_QUERIES = (
    "", "tea", '"order 1001"', "level:>=warning service:checkout", "order OR charge", "-tea", "cents:>150",
    "(level:error project:shop)", 'message:"no answer"', "NOT slow", "http*", "has:exception",
)  # fmt: skip
_TIMES = ("1h", "15m", "now", "now-2d", "1h30m", "2026-01-31T12:00:00Z", "2026-01-31", "1700000000")
_TAGS = ("*", '"0"', '"0123456789abcdef"', 'W/"weak"', '"a", "b"')
_POSITIONS = {
    "list_audit": (1 << 40,),
    "list_saved_searches": ("a", 0),
    "list_metrics": (0,),
    "list_forwards": (0,),
    "list_keys": (0,),
    "list_users": (0,),
    "list_sessions": (0,),
    "list_test_runs": (0, 0),
    "list_test_cases": (0, 0, 0),
    "read_test_history": (0, 0, 0),
    "list_tests": ("0.5", 0),  # what is ordered by a name, and what by a number, can both go on behind it
}  # all others go on behind a name
FOREIGN_TYPES = (
    "application/x-protobuf", "application/x-ndjson", "application/vnd.elasticsearch+x-ndjson",
    "application/msgpack", "text/plain", "application/x-sentry-envelope", "application/xml", "text/xml",
    "application/jsonl", "application/octet-stream",
)  # fmt: skip


def _otlp(kind: str) -> Callable[[str], Any]:
    def body(media_type: str) -> Any:
        if "json" in media_type:
            return json.loads(one_of_otlp(kind, PROJECT))
        return one_of_otlp(kind, PROJECT, as_json=False)

    return body


def _loki(media_type: str) -> Any:
    return json.loads(one_of_loki(PROJECT)) if "json" in media_type else one_of_loki(PROJECT, as_json=False)


def _shipment(media_type: str) -> Any:
    record = {"message": "x", "project": PROJECT}
    if media_type == "application/json":
        return record
    return one_of_msgpack(PROJECT) if "msgpack" in media_type else json.dumps(record).encode()


def _report(media_type: str) -> Any:
    return (
        json.loads(report("playwright-ctrf.json")) if media_type == "application/json" else report("jest.xml")
    )


# Bodies of other protocols, by operation; each is given the media type.
FOREIGN: Mapping[str, Callable[[str], Any]] = {
    **{
        f"deliver_otlp_{kind}{end}": _otlp(kind)
        for kind in ("logs", "spans", "metrics")
        for end in ("", "_below")
    },
    **{
        f"{put}bulk{into}{below}": lambda _: one_of_bulk(PROJECT)
        for put in ("", "put_")
        for into in ("", "_into")
        for below in ("", "_below")
    },
    "push_to_loki": _loki,
    "ship": _shipment,
    "deliver_envelope": lambda _: ENVELOPE,
    "deliver_envelope_of": lambda _: ENVELOPE,
    "import_test_report": _report,
}


@cache
def register() -> None:
    """Tell schemathesis of all of them."""
    schemathesis.openapi.format("pylogtap-query", st.sampled_from(_QUERIES))
    schemathesis.openapi.format("pylogtap-time", st.sampled_from(_TIMES))
    schemathesis.openapi.format("pylogtap-etags", st.sampled_from(_TAGS))
    schemathesis.openapi.format("pylogtap-cursor", st.sampled_from(["0"]))  # see `fit`
    schemathesis.openapi.format("pylogtap-url", st.just(ALLOWED_URL))
    # RFC 3339 knows the years 0 to 9999; the database counts nanoseconds since 1970, in 63 bits.
    moments = st.datetimes(datetime(1970, 1, 2), datetime(2261, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds it
    schemathesis.openapi.format("date-time", moments.map(datetime.isoformat))
    slices = st.builds(lambda count: numbered_segment(count).slice(), st.integers(1, 3))
    schemathesis.openapi.media_type(SLICE_TYPE, slices)
    for kind in FOREIGN_TYPES:
        schemathesis.openapi.media_type(kind, st.just(b""))  # see `fit`


def fit(case: Case[Any]) -> None:
    """
    Make a valid request valid also in what depends on other parts of it: its cursor, the slice's check sums.

    Args:
        case: The request.
    """
    query = case.query
    if query.get("cursor") is not None:
        query["cursor"] = cursor_for(case)
    name = case.operation.definition.raw["operationId"]
    if name in FOREIGN and case.media_type is not None:
        case.body = FOREIGN[name](case.media_type)
    is_slice = name == "ingest"
    if is_slice and query.keys() >= {"stream", "offset"}:  # it has not, where another method is tried
        case.body = slice_at(query["stream"], int(query["offset"]))
        if "Content-Encoding" in case.headers:
            case.headers["Content-Encoding"] = "identity"


def slice_at(stream: str, offset: int) -> bytes:
    """
    Return a slice whose check sums are those of a place in a segment.

    Args:
        stream: Id of the segment.
        offset: Where the slice begins in it.
    """

    class Shifted(SegmentBuilder):
        @property
        def end(self) -> int:
            return self.offsets[-1] - wire.HEADER_SIZE + offset

    segment = Shifted(identity=bytes.fromhex(stream))
    segment.record(segment.site("number %d"), [1])
    return segment.slice()


def cursor_for(case: Case[Any]) -> str:
    """
    Return a cursor that belongs to a request: it names its list, and of records also its query.

    Args:
        case: The request.
    """
    name = case.operation.definition.raw["operationId"]
    if name == "list_logs":
        query = case.query or {}
        return write_cursor(query.get("order", "desc"), query.get("q", ""), None, None, (0, 1))
    if name == "list_test_cases" and (case.query or {}).get("changed_after") is not None:
        return write_position(0, 0)  # in another order
    return write_position(*_POSITIONS.get(name, ("a",)))
