"""The background task that keeps the database small: forget old streams, give back free pages."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

from pylogtap_collector.storage import streams

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylogtap_collector.storage.engine import Engine

PERIOD_S = 10.0
_REPEAT_NS = 86_400_000_000_000  # how long a shipper may go on trying to deliver what it has delivered
_DAY_NS = 86_400_000_000_000


async def tidy(
    engine: Engine, stream_days: float, is_calm: Callable[[], bool], *, period_s: float = PERIOD_S
) -> None:
    """
    Tidy up now and then, until cancelled.

    Args:
        engine: The database.
        stream_days: How long a stream that sends nothing is remembered.
        is_calm: Whether little comes in, so that free pages are not needed again at once.
        period_s: How long to wait in between.
    """
    while True:
        before = time.time_ns() - int(stream_days * _DAY_NS)
        await engine.write(partial(streams.forget_streams, before_ns=before))
        await engine.write(partial(streams.forget_made, before_ns=time.time_ns() - _REPEAT_NS))
        while is_calm() and await engine.write(streams.release_pages):
            pass  # a little at a time: others write in between
        await asyncio.sleep(period_s)
