"""Bodies of requests: each has its limit, and all together have one."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader
from aiohttp.test_utils import make_mocked_request

from pylogtap_collector.api.bodies import Bodies
from pylogtap_collector.api.problems import Refusal
from pylogtap_collector.errors import Overloaded

KIB = 1 << 10


def coming(body: bytes, *, ends: bool = True) -> tuple[web.Request, StreamReader]:
    """Return a request whose body has come, or is still to come in part."""
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    protocol.connection_made(asyncio.Transport())
    stream = StreamReader(protocol, 1 << 20, loop=loop)
    stream.feed_data(body)
    if ends:
        stream.feed_eof()
    return make_mocked_request("POST", "/", payload=stream), stream


async def test_one_that_is_too_large() -> None:
    """It is refused as soon as that is known."""
    request, _ = coming(b"x" * 101, ends=False)
    with pytest.raises(web.HTTPRequestEntityTooLarge):
        await Bodies(1000).receive(request, 100, 1.0)


async def test_one_that_does_not_come() -> None:
    """It is given up after its time."""
    request, _ = coming(b"x", ends=False)
    with pytest.raises(Refusal, match="did not come in time"):
        await Bodies(1000).receive(request, 100, 0.01)


async def test_many_large_ones() -> None:
    """Beyond what all may have together a large one has to come again; small ones, and one alone, go on."""
    bodies = Bodies(64 * KIB)
    alone, _ = coming(b"x" * 100 * KIB)
    assert len(await bodies.receive(alone, 1000 * KIB, 1.0)) == 100 * KIB
    bodies.release(alone)
    held, rest = coming(b"x" * 60 * KIB, ends=False)
    waiting = asyncio.create_task(bodies.receive(held, 1000 * KIB, 5.0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    large, _ = coming(b"x" * 20 * KIB)
    with pytest.raises(Overloaded, match="More large bodies"):
        await bodies.receive(large, 1000 * KIB, 1.0)
    small, _ = coming(b"x" * 10 * KIB)
    assert len(await bodies.receive(small, 1000 * KIB, 1.0)) == 10 * KIB
    rest.feed_eof()
    assert len(await waiting) == 60 * KIB


async def test_one_that_is_worked_on() -> None:
    """A body counts until its request is answered, also one that was refused halfway."""
    bodies = Bodies(64 * KIB)
    first, _ = coming(b"x" * 60 * KIB)
    await bodies.receive(first, 100 * KIB, 1.0)
    second, _ = coming(b"x" * 20 * KIB)
    with pytest.raises(Overloaded):
        await bodies.receive(second, 100 * KIB, 1.0)
    bodies.release(second)
    bodies.release(first)
    third, _ = coming(b"x" * 60 * KIB)
    assert len(await bodies.receive(third, 100 * KIB, 1.0)) == 60 * KIB
