"""Records that are added by hand, without a client: they take the way that all others take."""

from __future__ import annotations

import asyncio
import os
import time
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any

from pylogtap import wire
from pylogtap_collector.access.rights import Right
from pylogtap_collector.errors import TooLarge
from pylogtap_collector.models import LogsAdded
from pylogtap_collector.parts.telling import portable_fields
from pylogtap_collector.query.fields import level_class
from pylogtap_collector.storage.hot import SLICE_BITS
from pylogtap_collector.times import to_ns
from pylogtap_collector.wire import Site, encode_record

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
        stored = await self._ingest.add(stream, data, visitor.where(Right.DELIVER))
        first = stored.slice << SLICE_BITS
        return LogsAdded(ids=list(range(first, first + len(logs))))


class _Segment:
    """
    A segment that is written in memory, with the definitions that its records need.

    It names no process, because none logged what is in it.
    """

    def __init__(self, identity: bytes) -> None:
        self.data = bytearray()
        self._salt = wire.salt_of(identity)
        self._places: dict[str, int] = {}
        self._sites: dict[tuple[int, str, str], int] = {}

    def put(self, payload: bytes) -> None:
        check = zlib.crc32(payload) ^ self._salt ^ (wire.HEADER_SIZE + len(self.data))
        head = len(payload).to_bytes(4, "little") + check.to_bytes(4, "little")
        self.data += (head + payload).ljust(wire.frame_size(len(payload)), b"\0")

    def place(self, prefix: str) -> int:
        number = self._places.get(prefix)
        if number is None:
            number = self._places[prefix] = len(self._places) + 1
            self.put(encode_record([0, wire.KIND_PLACE, number, prefix]))
        return number

    def site(self, place: int, logger: str, level: str) -> int:
        key = (place, logger, level)
        number = self._sites.get(key)
        if number is None:
            number = self._sites[key] = len(self._sites) + 1
            severity, text = level_class(level) or 0, wire.STYLE_TEXT
            site = Site(
                0, wire.KIND_SITE, number, place, logger, severity, level, None, None, None, None, text
            )
            self.put(encode_record(site))
        return number


def _slice_of(logs: Sequence[LogIn], stream: bytes, now_ns: int) -> bytes:
    segment = _Segment(stream)
    for index, log in enumerate(logs):
        place = segment.place(f"{log.project}/{log.service}/{log.instance}")
        payload = _payload(log, segment.site(place, log.logger, log.level), now_ns)
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
