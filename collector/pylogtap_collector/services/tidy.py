"""The background task that keeps the database small: forget old streams, give back free pages."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

from pylogtap_collector.storage import streams

if TYPE_CHECKING:
    from pylogtap_collector.storage.engine import Engine

PERIOD_S = 60.0
_DAY_NS = 86_400_000_000_000


async def tidy(engine: Engine, stream_days: float, *, period_s: float = PERIOD_S) -> None:
    """
    Tidy up now and then, until cancelled.

    Args:
        engine: The database.
        stream_days: How long a stream that sends nothing is remembered.
        period_s: How long to wait in between.
    """
    while True:
        before = time.time_ns() - int(stream_days * _DAY_NS)
        await engine.write(partial(streams.forget_streams, before_ns=before))
        while await engine.write(streams.release_pages):
            pass  # a little at a time: others write in between
        await asyncio.sleep(period_s)
