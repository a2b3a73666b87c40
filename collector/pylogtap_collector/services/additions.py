"""Records that are added by hand, without a client: they take the way that all others take."""

from __future__ import annotations

import asyncio
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from pylogtap import wire
from pylogtap_collector.access.rights import Right
from pylogtap_collector.errors import TooLarge
from pylogtap_collector.models import LogsAdded
from pylogtap_collector.parts.telling import portable_fields
from pylogtap_collector.query.fields import level_class
from pylogtap_collector.services.segments import Made, Segment
from pylogtap_collector.storage.hot import SLICE_BITS
from pylogtap_collector.taps.entries import NOWHERE
from pylogtap_collector.times import to_ns
from pylogtap_collector.wire import encode_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.models import LogIn
    from pylogtap_collector.services.ingest import Ingest


class Additions:
    """Adds records by hand: what happens outside of programs, such as a deployment."""

    def __init__(self, ingest: Ingest) -> None:
        """
        Bind what it needs.

        Args:
            ingest: The way in.
        """
        self._ingest = ingest

    async def add(self, logs: Sequence[LogIn], visitor: Visitor) -> LogsAdded:
        """
        Store records, all or none; when this returns, they are on the disk.

        Args:
            logs: The records.
            visitor: Who adds them.

        Raises:
            NotFound: There is no such project for whoever adds them.
            MissingRight: He may not add records to a project.
            TooLarge: One of them, or all together, take too many bytes.
            Invalid: A time lies too far away.
            Overloaded: Too much waits, or the disk cannot take it.
        """
        for project in dict.fromkeys(log.project for log in logs):
            visitor.demand(Right.DELIVER, project)
        stream = os.urandom(16)  # nobody goes on with it
        data = await asyncio.to_thread(partial(_slice_of, logs, stream, time.time_ns()))
        (stored,) = await self._ingest.add([Made(stream, data)], visitor.where(Right.DELIVER))
        first = stored.slice << SLICE_BITS
        return LogsAdded(ids=list(range(first, first + len(logs))))


def _slice_of(logs: Sequence[LogIn], stream: bytes, now_ns: int) -> bytes:
    segment = Segment(stream)
    for index, log in enumerate(logs):
        prefix = f"{log.project}/{log.service}/{log.instance}"
        site = segment.site(prefix, log.logger, level_class(log.level) or 0, log.level, None, NOWHERE)
        payload = _payload(log, site, now_ns)
        if len(payload) > wire.MAX_RECORD_BYTES:
            raise TooLarge(
                f"Log {index} takes {len(payload)} bytes, and a record may take {wire.MAX_RECORD_BYTES}; "
                "shorten its message, stack trace or attributes. Nothing was stored."
            )
        segment.put(payload)
        if len(segment.data) > wire.MAX_SEGMENT_BYTES:
            raise TooLarge(
                f"These logs take more than {wire.MAX_SEGMENT_BYTES} bytes together, log {index} the last "
                "of these; send them by several requests. Nothing was stored."
            )
    return bytes(segment.data)


def _payload(log: LogIn, site: int, now_ns: int) -> bytes:
    moment = now_ns if log.time is None else to_ns(log.time)
    parts = [site, moment, log.message, portable_fields(log.attributes, [])]
    more = _more(log)
    return encode_record([*parts, more] if more else parts)


def _more(log: LogIn) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if log.exception is not None:
        more[wire.MORE_EXCEPTION] = log.exception.model_dump()
    if log.trace_id is not None:
        more[wire.MORE_TRACE] = log.trace_id.lower()  # as W3C Trace Context has it
    if log.span_id is not None:
        more[wire.MORE_SPAN] = log.span_id.lower()
    if log.test_id is not None:
        more[wire.MORE_TEST] = log.test_id
    return more
