"""The database as a whole: copies of it, pieces of it, and its size."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

from aiohttp import web

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.parameters import QueryText, Since, Until
from pylogtap_collector.api.routing import Routes
from pylogtap_collector.api.streams import write
from pylogtap_collector.errors import DataUnusable, Invalid, InvalidQuery, ReadOnly
from pylogtap_collector.services import Services

if TYPE_CHECKING:
    from pylogtap_collector.services.backup import Ready

_PIECE = 256 << 10  # bytes
_SQLITE = "application/vnd.sqlite3"
_HEADERS = {
    "Repr-Digest": "SHA-256 of the file (RFC 9530).",
    "Pylogtap-Records": "How many records the file holds.",
}

routes = Routes("database", "The database as a whole: copies of it, pieces of it, and its size.")


# POST, although nothing changes: no web page from elsewhere may make a browser ask for so much work.
@routes.post(
    "/api/v1/backup",
    right=Right.ADMINISTER,
    errors=(DataUnusable,),
    content={_SQLITE: "A database that a collector can be started on."},
    headers=_HEADERS,
)
async def back_up(services: Services, request: web.Request) -> web.StreamResponse:
    """
    Copy the whole database as it is now.

    The collector goes on meanwhile. It makes the copy on its own disk first and checks it, then sends it:
    there has to be room for it. `pylogtap backup` fetches one and compares it with its check sum.
    """
    async with services.backup.made() as ready:
        return await _send(request, ready, "pylogtap-backup.db")


@routes.post(
    "/api/v1/logs/incident",
    right=Right.READ,
    errors=(InvalidQuery, Invalid, DataUnusable),
    content={_SQLITE: "A database of these records alone, for `pylogtap open`."},
    headers=_HEADERS,
)
async def export_incident(
    services: Services,
    visitor: Visitor,
    request: web.Request,
    q: QueryText = "",
    since: Since = None,
    until: Until = None,
) -> web.StreamResponse:
    """
    Write the records that match to an incident file, with their places, labels and notes.

    It is small enough to be sent by mail; `pylogtap open` shows it.
    """
    async with services.incidents.made(
        q, since=since, until=until, projects=visitor.where(Right.READ)
    ) as ready:
        return await _send(request, ready, "pylogtap-incident.db")


async def _send(request: web.Request, ready: Ready, name: str) -> web.StreamResponse:
    digest = base64.b64encode(bytes.fromhex(ready.copied.sha256)).decode()
    answer = web.StreamResponse(
        headers={
            "Content-Type": _SQLITE,
            "Content-Length": str(ready.copied.bytes),
            "Content-Disposition": f'attachment; filename="{name}"',
            "Repr-Digest": f"sha-256=:{digest}:",
            "Pylogtap-Records": str(ready.copied.records),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
    )
    await answer.prepare(request)
    with ready.path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            await write(answer, piece)
    return answer


@routes.post(
    "/api/v1/compact",
    right=Right.ADMINISTER,
    errors=(ReadOnly,),
    content={"application/x-ndjson": "A `Compaction` in each line, as it goes on; the last one is `done`."},
)
async def compact(services: Services, request: web.Request) -> web.StreamResponse:
    """
    Pack old records tighter, and give the room to the disk.

    It joins small neighbouring blocks, one short transaction each, while the collector goes on. Whoever hangs
    up ends it; what is done so far stays done.
    """
    steps = services.compactor.run()
    first = await anext(steps)  # a collector that changes nothing says so
    answer = web.StreamResponse(
        headers={
            "Content-Type": "application/x-ndjson; charset=utf-8",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
    )
    await answer.prepare(request)
    try:
        await write(answer, first.model_dump_json().encode() + b"\n")
        async for step in steps:
            await write(answer, step.model_dump_json().encode() + b"\n")
    except Exception:
        if request.transport is not None:
            request.transport.abort()
        raise
    finally:
        await steps.aclose()
    return answer
