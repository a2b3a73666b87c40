"""
Segments as real services fill them, made beforehand, so that sending them costs next to nothing.

Records are of a web shop's services: a dozen call sites, two to four arguments, a request's id in each and
further fields in a third, about 100 bytes each with their frame. A frame's check is tied to its place and to
the first four bytes of its segment's id; so one built segment serves under any number of ids that begin
alike, and a sender never runs out.
"""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass

import msgpack

from pylogtap import wire
from pylogtap.record import place_payload, process_payload, site_payload
from pylogtap.segment import Segment, create_memory

_SITES = (
    ("shop.http", "info", 9, "%s %s answered %d in %.2f ms"),
    ("shop.http", "info", 9, "client %s connected, %d open"),
    ("shop.cart", "info", 9, "cart %s of customer %d now holds %d items"),
    ("shop.pay", "info", 9, "payment %s of %d cents authorised by %s"),
    ("shop.pay", "warning", 13, "payment %s declined: %s"),
    ("shop.stock", "info", 9, "article %s: %d left in %s"),
    ("shop.db", "debug", 5, "query %s took %.2f ms, %d rows"),
    ("shop.mail", "info", 9, "mail %s queued for %s"),
    ("shop.auth", "warning", 13, "login of %s failed from %s"),
    ("shop.jobs", "info", 9, "job %s finished after %d attempts in %.2f s"),
    ("shop.cache", "debug", 5, "cache %s: %d hits, %d misses"),
    ("shop.ship", "error", 17, "parcel %s lost contact with %s"),
)
_RECORDS_PER_REQUEST = 8
_SHARE_WITH_FIELDS = 0.33
_WORDS = ("north", "south", "alpha", "bravo", "paris", "oslo", "GET", "POST", "/cart", "/pay", "visa", "dhl")


@dataclass(frozen=True, slots=True)
class Slice:
    """
    One request's worth of a segment.

    Attributes:
        offset: Where it begins in its segment.
        following: The offset behind it: what the collector should answer.
        body: The bytes to send, compressed if that was asked for.
        records: How many records it holds.
    """

    offset: int
    following: int
    body: bytes
    records: int


@dataclass(frozen=True, slots=True)
class Stream:
    """
    A segment cut into slices.

    Attributes:
        salt: The first four bytes of any id it may be sent under.
        slices: In their order.
    """

    salt: bytes
    slices: tuple[Slice, ...]

    def fresh_id(self) -> bytes:
        """Return an id under which it has not been sent yet."""
        return self.salt + os.urandom(12)


def build_stream(seed: int, prefix: str, slice_bytes: int, *, compress: bool) -> Stream:
    """
    Fill one segment and cut it.

    Args:
        seed: Decides the content.
        prefix: Of its records.
        slice_bytes: Most bytes of a slice, before compression.
        compress: Use zstd, as the client does where it is installed.
    """
    segment = create_memory(wire.MAX_SEGMENT_BYTES)
    end = _fill(segment, random.Random(seed), prefix)
    pack = _zstd if compress else bytes
    slices, start = [], wire.HEADER_SIZE
    while start < end:
        following = _cut(segment, start, min(end, start + slice_bytes))
        raw = segment.memory[start:following]
        slices.append(Slice(start, following, pack(raw), wire.count_records(raw)))
        start = following
    salt = segment.id[:4]
    segment.close()
    return Stream(salt, tuple(slices))


def _fill(segment: Segment, rng: random.Random, prefix: str) -> int:
    """Write definitions and records until the segment is full, and return the offset behind them."""
    offset = segment.put(process_payload("shop", "bench", "0"), wire.HEADER_SIZE)
    offset = segment.put(place_payload(1, prefix), offset)
    for index, (logger, level, severity, template) in enumerate(_SITES):
        site = (
            1,
            logger,
            severity,
            level,
            template,
            f"/srv/shop/{logger}.py",
            40 + index,
            "step",
            wire.STYLE_PERCENT,
        )
        offset = segment.put(site_payload(2 + index, site), offset)
    now, request = time.time() - 60, "0" * 32
    while True:
        now += rng.expovariate(1000)
        index = rng.randrange(len(_SITES))
        args = [_argument(rng, mark) for mark in _marks(_SITES[index][3])]
        if rng.random() < 1 / _RECORDS_PER_REQUEST:
            request = f"{rng.getrandbits(128):032x}"
        fields: dict[str, object] = {"request": request}
        if rng.random() < _SHARE_WITH_FIELDS:
            fields |= {"order": rng.randrange(10**6), "region": rng.choice(_WORDS), "vip": index == 0}
        record = [2 + index, now, args, fields]
        payload = msgpack.packb(record)
        if offset + wire.frame_size(len(payload)) > segment.size:
            return offset
        offset = segment.put(payload, offset)


def _marks(template: str) -> list[str]:
    return [part[:1] if part[:1] in "sd" else "f" for part in template.split("%")[1:]]


def _argument(rng: random.Random, mark: str) -> str | int | float:
    if mark == "d":
        return int(rng.lognormvariate(4, 2))
    if mark == "f":
        return round(rng.lognormvariate(2, 1.5), 2)
    kind = rng.random()
    if kind < 0.3:
        return f"{rng.getrandbits(64):016x}"
    if kind < 0.5:
        return f"10.{rng.randrange(4)}.{rng.randrange(256)}.{rng.randrange(256)}"
    return rng.choice(_WORDS)


def _cut(segment: Segment, start: int, limit: int) -> int:
    """Return the offset behind the last frame that ends within a limit; at least one frame."""
    offset = start
    while True:
        following = offset + wire.frame_size(segment.words[offset >> 2])
        if following > limit and offset > start:
            return offset
        offset = following
        if offset >= limit:
            return offset


def _zstd(raw: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=1).compress(raw)
