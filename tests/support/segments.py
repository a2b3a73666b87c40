"""Build segments as a client would, frame by frame, and cut slices out of them."""

from __future__ import annotations

import os
import time
import zlib
from dataclasses import dataclass, field
from typing import Any

import msgpack

from pylogtap import wire
from pylogtap.record import place_payload, process_payload, site_payload, thread_payload

HERE = "shop/checkout/web-1"


@dataclass
class SegmentBuilder:
    """
    A segment that grows in memory.

    Attributes:
        prefix: Of the place that it defines first.
        identity: The segment's id.
        offsets: Where each frame begins, and last, where the next one would.
    """

    prefix: str = HERE
    identity: bytes = field(default_factory=lambda: os.urandom(16))
    offsets: list[int] = field(default_factory=lambda: [wire.HEADER_SIZE])
    _data: bytearray = field(default_factory=bytearray)
    _sites: int = 0

    def __post_init__(self) -> None:
        """Describe the process and its place, as the first frames of each segment do."""
        self.put(process_payload("program", "host", "0"))
        self.put(place_payload(1, self.prefix))

    @property
    def end(self) -> int:
        """Offset behind the last frame."""
        return self.offsets[-1]

    def put(self, payload: bytes, *, flags: int = 0, damaged: bool = False) -> int:
        """
        Append a frame.

        Args:
            payload: Its content.
            flags: Of its length: `wire.RESERVED` or `wire.ABORTED`.
            damaged: Give it a check that does not fit.

        Returns:
            Where it begins.
        """
        offset = self.end
        check = zlib.crc32(payload) ^ wire.salt_of(self.identity) ^ offset ^ damaged
        frame = (len(payload) | flags).to_bytes(4, "little") + check.to_bytes(4, "little") + payload
        self._data += frame.ljust(wire.frame_size(len(payload)), b"\0")
        self.offsets.append(wire.HEADER_SIZE + len(self._data))
        return offset

    def site(
        self,
        template: str | None = "user %s paid %d cents",
        *,
        place: int = 1,
        level: str = "info",
        severity: int = 9,
        logger: str = "pay",
        style: int = wire.STYLE_PERCENT,
    ) -> int:
        """Define a call site and return its number."""
        self._sites += 1
        values = (place, logger, severity, level, template, "/srv/pay.py", 42, "charge", style)
        self.put(site_payload(self._sites, values))
        return self._sites

    def place(self, number: int, prefix: str) -> None:
        """Define a further place."""
        self.put(place_payload(number, prefix))

    def thread(self, number: int, name: str) -> None:
        """Define a thread."""
        self.put(thread_payload(number, 140_000 + number, name))

    def record(
        self,
        site: int,
        args: Any = None,
        fields: dict[Any, Any] | None = None,
        more: dict[str, Any] | None = None,
        *,
        when: float | None = None,
    ) -> int:
        """Append a record, and return where it begins."""
        parts = [site, time.time_ns() if when is None else when, args, fields]
        return self.put(msgpack.packb([*parts, more] if more is not None else parts))

    def slice(self, start: int = wire.HEADER_SIZE, end: int | None = None) -> bytes:
        """Return the bytes between two offsets; default: all there are."""
        stop = len(self._data) if end is None else end - wire.HEADER_SIZE
        return bytes(self._data[start - wire.HEADER_SIZE : stop])


def numbered_segment(count: int, *, prefix: str = HERE, first: int = 0) -> SegmentBuilder:
    """
    Return a segment with records that can be told apart: message `number N`, attribute `n`.

    Args:
        count: How many records.
        prefix: Their place.
        first: The first number.
    """
    segment = SegmentBuilder(prefix)
    site = segment.site("number %d")
    for number in range(first, first + count):
        segment.record(site, [number], {"n": number})
    return segment
