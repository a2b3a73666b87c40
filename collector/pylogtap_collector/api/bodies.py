"""Bodies of requests, received within bounds: of each, of its time, and of all together."""

from __future__ import annotations

import asyncio

from aiohttp import web

from pylogtap_collector.api.problems import Refusal
from pylogtap_collector.errors import Overloaded

_SMALL = 16 << 10  # bytes of a body that is taken whatever else comes in
_SIZE = web.RequestKey("body size", int)


class Bodies:
    """
    Receives bodies; knows how much of all of them is in memory.

    Attributes:
        opening: Held while a large one is decompressed and read, which may take several times its size.
    """

    def __init__(self, most: int) -> None:
        """
        Hold nothing yet.

        Args:
            most: Bytes of all bodies together; a single one may be larger.
        """
        self._most = most
        self._held = 0
        self.opening = asyncio.Lock()

    async def receive(self, request: web.BaseRequest, most: int, timeout_s: float) -> bytes:
        """
        Return the body of a request; it counts until it is released.

        Args:
            request: Its header has come.
            most: Bytes that it may have.
            timeout_s: How long it may take.

        Raises:
            web.HTTPRequestEntityTooLarge: It has more.
            Refusal: It did not come in time.
            Overloaded: Others that come in take all the room.
        """
        if (request.content_length or 0) > most:
            raise web.HTTPRequestEntityTooLarge(most, request.content_length or 0)
        body = bytearray()
        try:
            async with asyncio.timeout(timeout_s):
                async for piece in request.content.iter_any():
                    body += piece
                    self._held += len(piece)
                    self._check(len(body), most)
        except TimeoutError as error:
            raise Refusal(
                408,
                "body_too_slow",
                "The body did not come in time; send smaller pieces.",
                Connection="close",
            ) from error
        finally:
            request[_SIZE] = len(body)
        return bytes(body)

    def release(self, request: web.BaseRequest) -> None:
        """
        Count the body of a request no longer, however far it came.

        Args:
            request: It is answered.
        """
        self._held -= request.pop(_SIZE, 0)

    def _check(self, size: int, most: int) -> None:
        if size > most:
            raise web.HTTPRequestEntityTooLarge(most, size)
        # Of two large ones each could wait for the other for ever; so one that is alone is let through.
        if size > _SMALL and self._held > self._most and self._held - size >= self._most // 2:
            raise Overloaded("More large bodies come in than the collector keeps in memory at once.")


BODIES = web.AppKey("bodies", Bodies)
