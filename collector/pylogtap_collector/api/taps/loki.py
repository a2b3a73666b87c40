"""The push API of Loki (https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs)."""

from __future__ import annotations

import time
from functools import partial
from typing import Annotated

from aiohttp import web

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.routing import Raw, Routes
from pylogtap_collector.api.taps.dialects import JSON, PROTOBUF, TEXT, Plain
from pylogtap_collector.api.taps.receiving import decoded, identity_of, is_json, place_for, take
from pylogtap_collector.errors import MissingRight, TooLarge, Undecodable
from pylogtap_collector.services import Services
from pylogtap_collector.taps.loki import decode_push, decode_push_json
from pylogtap_collector.taps.otlp import Batch

_NAMED = 3  # so many of the bad lines are told in words
_LOKI = Plain()
_EXAMPLE = {
    "streams": [
        {
            "stream": {"project": "shop", "service_name": "checkout", "level": "warn"},
            "values": [["1767225600000000000", "no answer"]],
        }
    ]
}

routes = Routes(
    "loki", "Lines of Promtail, Alloy, Docker's driver for Loki, and of libraries that push to it."
)


@routes.post(
    "/loki/api/v1/push",
    right=Right.DELIVER,
    dialect=_LOKI,
    status=204,
    errors=(Undecodable, TooLarge, MissingRight),
)
async def push_to_loki(
    services: Services,
    visitor: Visitor,
    request: web.Request,
    body: Annotated[bytes, Raw(JSON, PROTOBUF, example=_EXAMPLE)],
) -> None:
    """
    Store lines as Loki takes them: JSON, or protobuf in a block of snappy.

    The answer comes when they are on the disk. Labels such as `project`, `service_name`, `job` and `instance`
    are the place, `level` or `severity` say how bad it is, the others become fields. Where some lines cannot
    be taken, the others are stored, and the answer is 400 and names them.
    """
    as_json, place = is_json(request, body), place_for(visitor, "loki")
    now_ns, limit = time.time_ns(), services.settings.tap_max_bytes

    def read(data: bytes) -> tuple[Batch, bytes | None]:
        push = decode_push_json if as_json else partial(decode_push, limit=limit)
        batch = push(data, place, now_ns)
        return batch, identity_of("loki", place, data, batch.entries)

    packed = request.headers.get("Content-Encoding") != "snappy"  # which is said of protobuf at times
    batch, identity = await decoded(services, request, body, read, packed=packed or as_json)
    stored, bad = await take(services, visitor, batch, identity)
    if bad:
        told = "; ".join(dict.fromkeys(bad[:_NAMED]))
        raise Undecodable(f"{stored} lines are stored, {len(bad)} are not: {told}. Do not send them again.")


@routes.get("/ready", right=Right.OPEN, anonymous=True, dialect=_LOKI, content={TEXT: "Always `ready`."})
async def read_loki_readiness() -> web.Response:
    """
    Tell shippers for Loki that they may begin.

    Whether records can be stored is told by `/readyz`.
    """
    return web.Response(
        text="ready\n", headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    )
