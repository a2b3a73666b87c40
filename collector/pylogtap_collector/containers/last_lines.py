"""What a container said last before something happened to it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from pylogtap_collector.containers.engine import EngineRefusal, EngineUnreachable
from pylogtap_collector.containers.frames import FrameReader, LineJoiner, LogBroken, stamp_ns
from pylogtap_collector.containers.happenings import moment
from pylogtap_collector.containers.history import BOTH, path_of
from pylogtap_collector.containers.transcript import RECENT, STREAMS

if TYPE_CHECKING:
    from pylogtap_collector.containers.engine import Engine
    from pylogtap_collector.containers.happenings import Happening
    from pylogtap_collector.containers.model import Container

_PATIENCE_S = 2.0  # others wait meanwhile
_TAIL = 4 * RECENT  # it may have been started anew since
_RECENT_S = 30
_LONGEST = 2_000  # characters of a line
_EARLY_NS = 100_000_000  # a first line may be stamped before the start: engines wait so long between two runs


async def last_lines(engine: Engine, container: Container, happening: Happening) -> list[str] | None:
    """
    Return the last lines of the run that something happened in, in their order; None: they cannot be read.

    Args:
        engine: Connected.
        container: Whose.
        happening: Until when, by the engine's clock, and since when.
    """
    until_ns = happening.entry.time_ns or time.time_ns()
    since_ns = happening.since_ns or _start_of(container, until_ns)
    reader = FrameReader(tty=container.tty)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            params = {**BOTH, "follow": "0", "tail": str(_TAIL)}
            if engine.is_podman:  # its last N lines are joined in another way
                params |= {"tail": "all", "since": str(until_ns // 1_000_000_000 - _RECENT_S)}
            async with engine.get(path_of(container), params) as answer:
                frames = reader.feed(await answer.read()) + reader.close()
    except (EngineRefusal, EngineUnreachable, LogBroken, TimeoutError):
        return None
    joiners = {name: LineJoiner() for name in STREAMS}
    lines = []
    for number, frame in enumerate(frames):
        if since_ns < stamp_ns(frame.stamp) <= until_ns:
            lines += joiners[frame.stream].take(frame, number)
    for joiner in joiners.values():
        lines += joiner.finish()
    return [line.data.decode().rstrip("\r")[:_LONGEST] for line in lines[-RECENT:]]


def _start_of(container: Container, until_ns: int) -> int:
    """Return since when the run may have written; 0: that is not known, it has been started anew since."""
    started_ns = moment(container.started_at, 0)
    return started_ns - _EARLY_NS if 0 < started_ns <= until_ns else 0
