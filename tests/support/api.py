"""Requests to a collector's API in tests."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from pylogtap import wire
from tests.support.collector import running_collector

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.support.segments import SegmentBuilder


@dataclass(frozen=True)
class Reply:
    """
    An answer that was read.

    Attributes:
        status: Of HTTP.
        headers: Of the answer.
        body: Its bytes.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as a document."""
        return json.loads(self.body)


class Caller:
    """Sends requests to one collector."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """
        Bind a session.

        Args:
            session: Sends.
            url: The collector's address.
        """
        self.session = session
        self.url = url

    async def __call__(self, method: str, path: str, **options: Any) -> Reply:
        """
        Send a request and read the answer.

        Args:
            method: Of HTTP.
            path: Below the address.
            options: Of aiohttp.
        """
        async with self.session.request(method, self.url + path, **options) as answer:
            return Reply(answer.status, answer.headers.copy(), await answer.read())

    async def deliver(self, segment: SegmentBuilder, start: int = wire.HEADER_SIZE) -> Reply:
        """
        Deliver a segment in one slice.

        Args:
            segment: The segment.
            start: Offset at which the slice begins.
        """
        return await self(
            "POST",
            "/api/v1/ingest",
            params={"stream": segment.identity.hex(), "offset": str(start)},
            data=segment.slice(start),
            headers={"Content-Type": "application/vnd.pylogtap.slice"},
        )


@asynccontextmanager
async def calling(**settings: Any) -> AsyncIterator[Caller]:
    """
    Run a collector, and yield what calls it.

    Args:
        settings: Of the collector.
    """
    async with running_collector(**settings) as collector, aiohttp.ClientSession() as session:
        yield Caller(session, collector.url)
