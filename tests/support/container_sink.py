"""A durable store for what containers give, in memory: it survives whoever writes to it."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from pylogtap_collector.errors import Overloaded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pylogtap_collector.containers.model import Container
    from pylogtap_collector.taps.entries import Entry, Point


class DurableSink:
    """
    Takes entries and marks together, as a transaction does.

    Attributes:
        entries: All that are stored.
        points: All that were measured.
        known: The marks.
        largest: Entries of the largest take.
        refuses: How many takes are refused yet, because the store is full.
        slow: Whether a take waits before and after it commits, so that its caller is cut there, too.
        followed: Containers that are measured, by id.
    """

    def __init__(self, *, slow: bool = False) -> None:
        """
        Begin empty.

        Args:
            slow: See the attribute.
        """
        self.entries: list[Entry] = []
        self.points: list[Point] = []
        self.known: dict[str, str] = {}
        self.largest = 0
        self.refuses = 0
        self.slow = slow
        self.followed: dict[str, Container] = {}

    async def take(self, entries: Sequence[Entry], marks: Mapping[str, str] | None = None) -> None:
        """Store both, or neither."""
        if self.slow:
            await asyncio.sleep(random.random() / 50)
        if self.refuses:
            self.refuses -= 1
            raise Overloaded("full", retry_after_s=0.05)
        self.entries += entries
        self.largest = max(self.largest, len(entries))
        self.known.update(marks or {})
        for name in [name for name, value in self.known.items() if not value]:
            del self.known[name]
        if self.slow:
            await asyncio.sleep(random.random() / 50)

    async def marks(self, beginning: str) -> Mapping[str, str]:
        """Return the marks."""
        return {name: value for name, value in self.known.items() if name.startswith(beginning)}

    async def measure(self, points: Sequence[Point]) -> None:
        """Keep points."""
        self.points += points

    def follow(self, container: Container) -> None:
        """Note that a container is measured."""
        if container.running:
            self.followed[container.id] = container
        else:
            self.followed.pop(container.id, None)

    def forget(self, container_id: str) -> None:
        """Note that it is not."""
        self.followed.pop(container_id, None)

    def of(self, container_id: str) -> list[Entry]:
        """Return what is stored of a container's log."""
        return [each for each in self.events_and_logs(container_id) if each.logger != "docker"]

    def events(self, container_id: str) -> list[Entry]:
        """Return what is stored of what became of a container."""
        return [each for each in self.events_and_logs(container_id) if each.logger == "docker"]

    def events_and_logs(self, container_id: str) -> list[Entry]:
        """Return all that is stored of a container."""
        return [each for each in self.entries if each.fields.get("container.id") == container_id[:12]]


async def until(true: Callable[[], object], seconds: float = 30.0) -> None:
    """
    Wait until something is so.

    Args:
        true: Tells it.
        seconds: How long that may take before the test has failed.
    """
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for comes from another process
            await asyncio.sleep(0.02)
