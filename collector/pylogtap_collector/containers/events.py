"""The engine's events, from the last one that is stored."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from pylogtap_collector.containers.happenings import read_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pylogtap_collector.containers.engine import Engine
    from pylogtap_collector.containers.happenings import Event

_FILTER = json.dumps({"type": ["container"]})
_SECOND_NS = 1_000_000_000
_TICK_S = 0.5
_LONGEST = 4 << 20  # bytes of one event: labels may be long


class EventMark:
    """
    Which events are stored.

    Attributes:
        time_ns: When the last of them was; 0: none is.
        count: How many are of that very time.
    """

    def __init__(self, text: str) -> None:
        """
        Read it.

        Args:
            text: As it is stored; what cannot be read means none.
        """
        time_ns, _, count = text.partition(" ")
        known = time_ns.isdecimal() and count.isdecimal()
        self.time_ns, self.count = (int(time_ns), int(count)) if known else (0, 0)
        self._left = self.count

    def __str__(self) -> str:
        """Return it as it is stored."""
        return f"{self.time_ns} {self.count}"

    @property
    def since(self) -> str:
        """From when on to ask for events: those of that very time come again."""
        return f"{self.time_ns // _SECOND_NS}.{self.time_ns % _SECOND_NS:09d}"

    def ask_again(self) -> None:
        """Events are asked for anew: those that are stored come again."""
        self._left = self.count

    def passes(self, event: Event) -> bool:
        """
        Tell whether an event is stored already; else it counts as stored from now on.

        Args:
            event: The next one.
        """
        if event.time_ns == self.time_ns:
            if self._left:
                self._left -= 1
                return True
            self.count += 1
        elif event.time_ns > self.time_ns:
            self.time_ns, self.count, self._left = event.time_ns, 1, 0
        return False


async def stream_events(engine: Engine, mark: EventMark) -> AsyncIterator[Event]:
    """
    Yield what the engine tells of containers, first what it told since the mark; until it hangs up.

    It keeps its last 256 events, and for its own lifetime only (moby `daemon/events/events.go`).

    Args:
        engine: Connected.
        mark: Which events are stored.

    Raises:
        EngineUnreachable: It hung up, or does not answer.
    """
    mark.ask_again()
    params = {"filters": _FILTER}
    if mark.time_ns:
        params["since"] = mark.since
    rest = b""
    async with engine.get("/events", params) as answer:
        async for chunk in answer.content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                event = _read(line)
                if event is not None:
                    yield event
            if len(rest) > _LONGEST:
                rest = b""


def _read(line: bytes) -> Event | None:
    try:
        return read_event(json.loads(line)) if line.strip() else None
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None  # one that cannot be read; the list of containers tells what it would have told


async def next_of(queue: asyncio.Queue[Event | None]) -> list[Event | None]:
    """
    Return all events that wait, or none after a while.

    Args:
        queue: Of events; None wakes up and means nothing more.
    """
    try:
        async with asyncio.timeout(_TICK_S):
            found = [await queue.get()]
    except TimeoutError:
        return []
    while not queue.empty():
        found.append(queue.get_nowait())
    return found
