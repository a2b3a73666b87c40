"""JSON and msgpack as Fluent Bit, Vector and curl send them."""

from __future__ import annotations

import time
from typing import Annotated

from aiohttp import web
from pydantic import Field

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.parameters import Text
from pylogtap_collector.api.routing import Header, Raw, Routes
from pylogtap_collector.api.taps.dialects import JSON, TEXT, Problems
from pylogtap_collector.api.taps.receiving import decoded, place_for, take_entries
from pylogtap_collector.errors import MissingRight, TooLarge, Undecodable
from pylogtap_collector.models.taps import RefusedRecord, ShipmentAnswer, ShownRecord
from pylogtap_collector.services import Services
from pylogtap_collector.taps.entries import Entry
from pylogtap_collector.taps.shipments import Shipment, decode_json, decode_msgpack, place_of_tag
from pylogtap_collector.times import to_datetime

_MSGPACK = "application/msgpack"
_MOST_SHOWN = 100
_RECORDS = {"anyOf": [{"type": "object"}, {"type": "array"}]}
_EXAMPLE = {"message": "no answer", "level": "warn", "project": "shop", "service": "checkout", "took_ms": 250}

routes = Routes("shipments", "Records as JSON or msgpack, of Fluent Bit, Vector and curl.")


@routes.post(
    "/ingest",
    right=Right.DELIVER,
    dialect=Problems(),
    errors=(Undecodable, TooLarge, MissingRight),
)
async def ship(
    services: Services,
    visitor: Visitor,
    request: web.Request,
    body: Annotated[
        bytes, Raw(JSON, "application/x-ndjson", _MSGPACK, TEXT, example=_EXAMPLE, schema=_RECORDS)
    ],
    debug: Annotated[bool, Field(description="Show how records are understood, and store none.")] = False,
    tag: Annotated[
        Text | None,
        Header("FLUENT-TAG"),
        Field(max_length=200, description="The prefix: `project.service.instance`, or a service alone."),
    ] = None,
) -> ShipmentAnswer:
    """
    Store records of any shape.

    A JSON array, JSON objects one a line, one behind another or one alone, a stream of msgpack, or lines of
    text; compressed by `gzip`, `zstd`, `deflate`, `br` or `snappy` or not. The answer comes when they are on
    the disk. What begins like JSON and is broken is refused. Well-known names are understood: `message`,
    `msg`, `log`; `time`, `timestamp`, `date`; `level`, `severity`; `service`, `host`; `trace_id`; others
    become fields.
    """
    place, now_ns = place_of_tag(tag, place_for(visitor, "http")), time.time_ns()

    def read(data: bytes) -> Shipment:
        if _is_msgpack(request, data):
            return decode_msgpack(data, place, now_ns)
        return decode_json(data, place, now_ns, as_text="json" not in request.content_type)

    shipment = await decoded(services, request, body, read)
    entries, refused = shipment.entries, shipment.bad
    if refused and not entries:
        raise Undecodable(f"None of it could be read: {next(iter(refused.values()))}.")
    if debug:
        shown = [_shown(entry) for entry in entries[:_MOST_SHOWN]]
        return ShipmentAnswer(stored=0, refused=_told(refused), records=shown)
    taken = await take_entries(services, visitor, entries)
    if taken.refused:
        places = shipment.places
        refused |= {places[each.index]: each.reason for each in taken.refused}
    return ShipmentAnswer(stored=taken.stored, refused=_told(refused))


def _is_msgpack(request: web.Request, data: bytes) -> bool:
    """Tell whether a body is msgpack, by its type, or by a first byte that no text begins with."""
    return "msgpack" in request.content_type or b"\x80" <= data[:1] <= b"\x9f"


def _told(refused: dict[int, str]) -> list[RefusedRecord]:
    return [RefusedRecord(index=index, reason=reason) for index, reason in sorted(refused.items())]


def _shown(entry: Entry) -> ShownRecord:
    return ShownRecord(
        project=entry.place.project,
        service=entry.place.service,
        instance=entry.place.instance,
        time=None if entry.time_ns is None else to_datetime(entry.time_ns),
        level=entry.level,
        severity_number=entry.severity,
        logger=entry.logger,
        message=entry.message,
        template=entry.template,
        attributes=dict(entry.fields),
        exception=None if entry.exception is None else dict(entry.exception),
        trace_id=entry.trace_id,
        span_id=entry.span_id,
    )
