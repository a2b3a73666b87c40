"""Answers without an end, or with a far one: the live tail and the export."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Literal

from aiohttp import web
from pydantic import Field

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.parameters import QueryText, Since, Sorting, Until
from pylogtap_collector.api.routing import Header, Routes
from pylogtap_collector.errors import Invalid, InvalidQuery, QueryTooSlow
from pylogtap_collector.models import Log
from pylogtap_collector.services import Services

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pylogtap_collector.services.bus import News
    from pylogtap_collector.services.tail import Tail

HEARTBEAT_S = 15.0  # proxies cut connections that are silent for a minute
WRITE_TIMEOUT_S = 60.0  # a reader that takes nothing for so long is gone
_PIECE = 64 << 10  # bytes that are written at once: who takes nothing has no more of them in memory, twice
_SENT_AHEAD = 256 << 10  # bytes that the system may hold for a reader; Linux would go up to 4 MiB for each
_AT_ONCE = 100  # records: others get their turn between two pieces
COLUMNS = (
    "time", "level", "project", "service", "instance", "logger", "message", "attributes", "exception",
    "trace_id", "id",
)  # fmt: skip
_EVENTS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would keep records back until a buffer is full
    "X-Content-Type-Options": "nosniff",
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
LogNumber = Annotated[int | None, Field(ge=0, le=2**53, description="Begin behind the record of this id.")]

routes = Routes("streams", "Records as they come, and all of them.")


@routes.get(
    "/api/v1/logs/tail",
    right=Right.READ,
    errors=(InvalidQuery,),
    content={
        "text/event-stream": "An event per record: `id` is the log's id, `data` the log as JSON. An event "
        "`skipped` says how many were left out because the reader was too slow."
    },
)
async def tail_logs(
    services: Services,
    visitor: Visitor,
    request: web.Request,
    q: QueryText = "",
    after: LogNumber = None,
    last_event_id: Annotated[LogNumber, Header("Last-Event-ID")] = None,
) -> web.StreamResponse:
    """
    Follow records as they arrive, by server-sent events.

    With `after` or `Last-Event-ID` it begins with what was stored behind that record, so that a reader that
    was cut off misses nothing.
    """
    tail = services.logs.tail(
        q,
        after=after if last_event_id is None else last_event_id,
        projects=visitor.where(Right.READ),
    )
    try:
        answer = web.StreamResponse(headers=_EVENTS)
        _bound_what_is_sent_ahead(request)
        await answer.prepare(request)
        await write(answer, b": connected\n\n")
        await _follow(tail, answer, lambda: services.directory.knows(visitor))
    finally:
        await tail.aclose()
    return answer


async def _follow(tail: Tail, answer: web.StreamResponse, may_go_on: Callable[[], bool]) -> None:
    """Send what comes, as long as its reader would be let in."""
    while may_go_on():
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                first = await anext(tail)
        except TimeoutError:
            await write(answer, b":\n\n")
            continue
        except StopAsyncIteration:
            return
        if not may_go_on():
            return
        await write(answer, _events(first, tail))


def _events(first: News, tail: Tail) -> bytes:
    events = [_event(news) for news in (first, *tail.take_ready(_AT_ONCE))]
    if skipped := tail.take_skipped():
        events.insert(0, b'event: skipped\ndata: {"skipped": %d}\n\n' % skipped)
    return b"".join(events)


def _event(news: News) -> bytes:
    return b"id: %d\ndata: %s\n\n" % (news.id, news.json)


def _bound_what_is_sent_ahead(request: web.Request) -> None:
    """
    Let the system hold little of an answer for a reader that does not take it, now and on this connection.

    Else hundreds of readers that take nothing have gigabytes made for them, and others wait meanwhile.
    """
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        with suppress(OSError):  # the reader has gone: writing says so
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENT_AHEAD)


async def write(answer: web.StreamResponse, data: bytes) -> None:
    """
    Write a piece of an answer.

    Args:
        answer: It has begun.
        data: The piece.

    Raises:
        ConnectionResetError: The reader has gone, or takes nothing any more.
    """
    view = memoryview(data)
    try:
        for start in range(0, len(data), _PIECE):
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await answer.write(view[start : start + _PIECE])
    except TimeoutError as error:
        raise ConnectionResetError("the reader takes nothing any more") from error


@routes.get(
    "/api/v1/logs/export",
    right=Right.READ,
    errors=(InvalidQuery, Invalid, QueryTooSlow),
    content={
        "application/x-ndjson": "A log in each line.",
        "text/csv": "RFC 4180, with a header line. A text that a spreadsheet would take for a formula "
        "has a `'` in front; `pylogtap export` writes it as it is.",
    },
)
async def export_logs(
    services: Services,
    visitor: Visitor,
    request: web.Request,
    q: QueryText = "",
    since: Since = None,
    until: Until = None,
    order: Sorting = "asc",
    form: Annotated[
        Literal["jsonl", "csv"], Field(alias="format", description="JSON lines or CSV.")
    ] = "jsonl",
) -> web.StreamResponse:
    """
    Return all records that match and were there when it began.

    An export that fails on its way is cut off before the end that HTTP wants: no reader takes it for whole.
    """
    kind = "application/x-ndjson" if form == "jsonl" else "text/csv"
    written: Callable[[Sequence[Log]], bytes] = _lines if form == "jsonl" else _rows
    chunks = services.logs.export_as(
        written, q, since=since, until=until, order=order, projects=visitor.where(Right.READ)
    )
    first = await anext(chunks, b"")  # a query that cannot be read is refused before that
    answer = web.StreamResponse(
        headers={
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Disposition": f'attachment; filename="pylogtap.{form}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
    )
    _bound_what_is_sent_ahead(request)
    await answer.prepare(request)
    try:
        if form == "csv":
            await write(answer, (",".join(COLUMNS) + "\r\n").encode())
        await write(answer, first)
        async for chunk in chunks:
            await write(answer, chunk)
    except Exception:
        if request.transport is not None:
            request.transport.abort()
        raise
    return answer


def _lines(logs: Sequence[Log]) -> bytes:
    return b"".join(log.model_dump_json().encode() + b"\n" for log in logs)


def _rows(logs: Sequence[Log]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    for log in logs:
        document = log.model_dump(mode="json")
        writer.writerow([_cell(document[name]) for name in COLUMNS])
    return text.getvalue().encode()


def _cell(value: object) -> str:
    """Return a value for a spreadsheet, which must not take what strangers wrote for a formula."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
