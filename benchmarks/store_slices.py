"""Slices as clients send them, written to a file beforehand and sent in the order of time."""

from __future__ import annotations

import http.client
import struct
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import msgpack
import zstandard

from pylogtap import wire
from pylogtap.record import place_payload, process_payload, site_payload
from pylogtap.segment import Segment, create_memory
from pylogtap.wire import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

SLICE_BYTES = 256 << 10  # before compression: half of what a client sends at once when there is much
_HEAD = struct.Struct("<16sIII")  # id of the segment, offset, bytes, records
_SEVERITIES = {"DEBUG": 5, "INFO": 9, "WARNING": 13, "ERROR": 17, "CRITICAL": 21}


@dataclass(frozen=True, slots=True)
class Piece:
    """A slice to be sent: id of its segment, offset, body, and how many records it holds."""

    segment: bytes
    offset: int
    body: bytes
    records: int


class _Instance:
    """What one running copy of a service writes."""

    def __init__(self, prefix: str, out: BinaryIO) -> None:
        self._prefix = prefix
        self._out = out
        self._compress = zstandard.ZstdCompressor(level=1).compress
        self._segment: Segment | None = None
        self._sites: dict[tuple[str, str, str | None], int] = {}
        self._start = self._offset = self._records = 0

    def add(self, record: dict[str, Any]) -> None:
        while not self._try_add(record):
            self._open()
        if self._offset - self._start >= SLICE_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._segment is not None and self._offset > self._start:
            body = self._compress(bytes(self._segment.memory[self._start : self._offset]))
            self._out.write(_HEAD.pack(self._segment.id, self._start, len(body), self._records) + body)
            self._start, self._records = self._offset, 0

    def _open(self) -> None:
        self.flush()
        if self._segment is not None:
            self._segment.close()
        self._segment = create_memory(wire.MAX_SEGMENT_BYTES)
        self._sites = {}
        self._start = self._offset = wire.HEADER_SIZE
        self._put(process_payload(self._prefix.split("/")[1], "host", "0"))
        self._put(place_payload(1, self._prefix))

    def _try_add(self, record: dict[str, Any]) -> bool:
        if self._segment is None:
            return False
        key = (record["logger"], record["level"], record["template"])
        number = self._sites.get(key)
        if number is None:
            number = self._sites[key] = len(self._sites) + 2
            if not self._put(site_payload(number, _site(*key))):
                return False
        fields = {name: record[name] for name in ("pid", "trace_id", "took_ms") if record[name] is not None}
        args = record["msg"] if record["template"] is None else record["args"] or None
        if not self._put(msgpack.packb([number, record["ts"] / 1e6, args, fields])):
            return False
        self._records += 1
        return True

    def _put(self, payload: bytes) -> bool:
        assert self._segment is not None
        if self._offset + wire.frame_size(len(payload)) > self._segment.size:
            return False
        self._offset = self._segment.put(payload, self._offset)
        return True


def _site(logger: str, level: str, template: str | None) -> tuple[Any, ...]:
    line = zlib.crc32(f"{level}{template}".encode()) % 2000 + 1  # a call stands in one line of its program
    style = wire.STYLE_TEXT if template is None else wire.STYLE_PERCENT
    return (1, logger, _SEVERITIES[level], level.lower(), template, f"/srv/{logger}.py", line, "step", style)


class SliceFile:
    """Writes records of many instances as the slices that each of them would send."""

    def __init__(self, path: Path) -> None:
        """
        Begin a file.

        Args:
            path: Where.
        """
        self._out = path.open("wb")
        self._instances: dict[str, _Instance] = {}

    def __enter__(self) -> Self:
        """Write inside."""
        return self

    def __exit__(self, *_: object) -> None:
        """Write what is left."""
        for instance in self._instances.values():
            instance.flush()
        self._out.close()

    def add(self, record: dict[str, Any]) -> None:
        """Add a record; of those before, none is later."""
        prefix = f"{record['project']}/{record['service']}/{record['instance']}"
        instance = self._instances.get(prefix)
        if instance is None:
            instance = self._instances[prefix] = _Instance(prefix, self._out)
        instance.add(record)


def read_slices(path: Path) -> Iterator[Piece]:
    """Yield the slices of a file."""
    with path.open("rb") as stream:
        while head := stream.read(_HEAD.size):
            segment, offset, size, records = _HEAD.unpack(head)
            yield Piece(segment, offset, stream.read(size), records)


class Sender:
    """
    Sends slices over one kept-open connection, one behind the other, so that they arrive in their order.

    Attributes:
        latencies_ms: From sending a slice to its acknowledgement, with when it was sent (time.monotonic).
        records: Acknowledged.
    """

    def __init__(self, url: str) -> None:
        """
        Connect with the first slice.

        Args:
            url: The collector's address.
        """
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        self.latencies_ms: list[tuple[float, float]] = []
        self.records = 0

    def send(self, piece: Piece) -> None:
        """Send a slice, again where it is refused for the moment."""
        path = f"/api/v1/ingest?stream={piece.segment.hex()}&offset={piece.offset}"
        while True:
            began = time.perf_counter()
            headers = {
                "Content-Type": CONTENT_TYPE,
                "Content-Encoding": "zstd",
                "Pylogtap-Sent": str(time.time_ns()),
            }
            self._connection.request("POST", path, piece.body, headers)
            answer = self._connection.getresponse()
            body = answer.read()
            if answer.status in {429, 503}:
                time.sleep(0.1)
                continue
            if answer.status != 200:
                raise RuntimeError(f"HTTP {answer.status}: {body[:300]!r}")
            self.latencies_ms.append((time.monotonic(), (time.perf_counter() - began) * 1e3))
            self.records += piece.records
            return
