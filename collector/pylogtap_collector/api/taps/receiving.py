"""What all taps do with a request: decompress and decode it, take its records, say what was not taken."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, TypeVar

from pylogtap_collector.api.bodies import BODIES
from pylogtap_collector.errors import MissingRight, TooLarge
from pylogtap_collector.services.intake import default_place
from pylogtap_collector.taps.coding import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiohttp import web

    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.services import Services
    from pylogtap_collector.services.intake import Taken
    from pylogtap_collector.taps.entries import Entry
    from pylogtap_collector.taps.otlp import Batch
    from pylogtap_collector.wire import Place

T = TypeVar("T")

_SMALL = 16 << 10  # bytes: decoded on the event loop, in about the time that a thread takes to begin
_SMALL_PACKED = 4 << 10
_MOST_VALUES = 300_000  # objects and arrays of JSON: an empty one takes two bytes, and as long as any other


async def decoded(
    services: Services,
    request: web.Request,
    body: bytes,
    decode: Callable[[bytes], T],
    *,
    packed: bool = True,
) -> T:
    """
    Decompress and decode a body; a large one in a thread.

    Args:
        services: Know the limit.
        request: Says what it is compressed with.
        body: As it came.
        decode: Gets it decompressed.
        packed: Whether it may have a content coding; not so where the protocol itself compresses.

    Raises:
        Undecodable: It is not what it should be.
        TooLarge: Decompressed, it has more than the limit.
    """
    encoding = request.headers.get("Content-Encoding") if packed else None
    limit = services.settings.tap_max_bytes

    def work() -> T:
        data = opened(body, encoding, limit)
        if data.lstrip()[:1] in {b"{", b"["} and data.count(b"{") + data.count(b"[") > _MOST_VALUES:
            raise TooLarge(
                f"The body holds more than {_MOST_VALUES:,} objects and arrays; send less at once."
            )
        return decode(data)

    if len(body) <= (_SMALL if encoding is None else _SMALL_PACKED):
        return work()
    async with request.app[BODIES].opening:
        return await asyncio.to_thread(work)


def is_json(request: web.Request, body: bytes) -> bool:
    """
    Tell whether a body is JSON, by its content type, or by its first byte where that says nothing.

    Args:
        request: Says what it is.
        body: As it came.
    """
    kind = request.content_type
    if "json" in kind:
        return True
    if "protobuf" in kind:
        return False
    return body.lstrip()[:1] in {b"{", b"["}


def place_for(visitor: Visitor, service: str) -> Place:
    """
    Return the place of records that do not say where they come from.

    Args:
        visitor: Who delivers them.
        service: Name of the protocol.
    """
    return default_place(visitor, service, visitor.address)


def identity_of(protocol: str, place: Place, body: bytes, entries: Sequence[Entry]) -> bytes | None:
    """
    Return what tells a delivery from all others, should it be sent again; None: nothing does.

    Records without a time may well be sent twice and be two: nothing tells them apart.

    Args:
        protocol: In which it came.
        place: Of what does not say where it comes from.
        body: Decompressed.
        entries: What is in it.
    """
    if not entries or any(entry.time_ns is None for entry in entries):
        return None
    digest = hashlib.sha256("\0".join((protocol, *place, "")).encode())
    digest.update(body)
    return digest.digest()


async def take(
    services: Services, visitor: Visitor, batch: Batch, identity: bytes | None = None
) -> tuple[int, list[str]]:
    """
    Store what a body holds.

    Args:
        services: Store it.
        visitor: Who delivers it.
        batch: What it holds.
        identity: What tells it from others, should it be sent again.

    Returns:
        How many records are stored, and what is wrong with each of the others.

    Raises:
        MissingRight: None of them may be delivered by him.
    """
    taken = await take_entries(services, visitor, batch.entries, identity)
    return taken.stored, [*batch.bad, *(each.reason for each in taken.refused)]


async def take_entries(
    services: Services, visitor: Visitor, entries: Sequence[Entry], identity: bytes | None = None
) -> Taken:
    """
    Store entries.

    Args:
        services: Store them.
        visitor: Who delivers them.
        entries: What is stored.
        identity: What tells them from others, should they be sent again.

    Raises:
        MissingRight: None of them may be delivered by him.
    """
    taken = await services.intake.take(entries, visitor, identity=identity)
    if taken.refused and not taken.stored:
        raise MissingRight(f"{len(taken.refused)} not taken: {taken.refused[0].reason}.")
    return taken
