"""Envelopes of sentry's SDKs (https://develop.sentry.dev/sdk/data-model/envelopes/)."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from aiohttp import web
from pydantic import Field, StringConstraints

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.parameters import PlaceName, ServiceName
from pylogtap_collector.api.routing import Raw, Routes
from pylogtap_collector.api.taps.dialects import Sentry
from pylogtap_collector.api.taps.receiving import decoded, place_for, take
from pylogtap_collector.errors import MissingRight, TooLarge, Undecodable
from pylogtap_collector.models.taps import SentryAnswer
from pylogtap_collector.services import Services
from pylogtap_collector.taps.entries import place_of
from pylogtap_collector.taps.otlp import Batch
from pylogtap_collector.taps.sentry import decode_envelope

if TYPE_CHECKING:
    from pylogtap_collector.wire import Place

Body = Annotated[bytes, Raw("application/x-sentry-envelope")]
DsnNumber = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{1,19}$"),
    Field(description="The number in the DSN; any.", examples=["1"]),
]
_OPTIONS: dict[str, Any] = {
    "right": Right.DELIVER,
    "dialect": Sentry(),
    "errors": (Undecodable, TooLarge, MissingRight),
}

routes = Routes(
    "sentry", "Errors and logs of sentry's SDKs: the DSN is `http://KEY@HOST:PORT/PROJECT/SERVICE/1`."
)


@routes.post("/api/{number}/envelope/", **_OPTIONS)
async def deliver_envelope(
    services: Services,
    visitor: Visitor,
    request: web.Request,
    number: DsnNumber,  # noqa: ARG001 - a part of the path
    body: Body,
) -> SentryAnswer:
    """
    Store the events and logs of an envelope.

    What else is in it, such as sessions and transactions, is passed over. The answer comes when they are on
    the disk; an event that is sent again is stored once.
    """
    return await _take(services, visitor, request, body, place_for(visitor, "sentry"))


@routes.post("/{project}/{service}/api/{number}/envelope/", **_OPTIONS)
async def deliver_envelope_of(
    services: Services,
    visitor: Visitor,
    request: web.Request,
    project: PlaceName,
    service: ServiceName,
    number: DsnNumber,  # noqa: ARG001 - a part of the path
    body: Body,
) -> SentryAnswer:
    """Store the events and logs of an envelope, with the place that the DSN names."""
    place = place_of(project, service, None, place_for(visitor, "sentry"))
    return await _take(services, visitor, request, body, place)


async def _take(
    services: Services, visitor: Visitor, request: web.Request, body: bytes, place: Place
) -> SentryAnswer:
    read = partial(decode_envelope, default=place, now_ns=time.time_ns())
    envelope = await decoded(services, request, body, read)
    if envelope.bad and not envelope.entries:
        raise Undecodable(f"None of it could be read: {envelope.bad[0]}")
    await take(services, visitor, Batch(envelope.entries, envelope.bad), envelope.identity(place))
    return SentryAnswer(id=envelope.event_id)
