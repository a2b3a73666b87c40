"""What ports deliver: in batches that are bounded by entries and by bytes, and not too much of it at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from pylogtap_collector.access.visitor import local
from pylogtap_collector.ports.delivery import BATCH, BATCH_BYTES, Batch, Courier
from pylogtap_collector.services.counters import Tally
from pylogtap_collector.services.intake import Taken
from pylogtap_collector.taps.entries import Entry
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.ports.gate import Gate

ENTRY = Entry(Place("shop", "api", "one"), "hello")
VISITOR = local("test")


class Shelf:
    """Takes entries once it is opened."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.at_once = self.most_at_once = 0
        self.opened = asyncio.Event()

    async def take(
        self,
        entries: Sequence[Entry],
        visitor: Visitor,
        *,
        identity: bytes | None = None,
        marks: Mapping[str, str] | None = None,
    ) -> Taken:
        """Take entries, and note how often that happens at once."""
        assert visitor == VISITOR
        assert not identity
        assert not marks
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.opened.wait()
        self.at_once -= 1
        self.taken.append(len(entries))
        return Taken(len(entries))

    async def marks(self, beginning: str) -> Mapping[str, str]:
        """Nobody asks for marks."""
        raise NotImplementedError(beginning)


def courier_to(shelf: Shelf) -> Courier:
    """Return who delivers to a shelf; nothing is refused there, so nobody has to be told."""
    return Courier(shelf, cast("Gate", None), Tally())


@pytest.mark.parametrize(
    ("size", "expected"),
    [(100, [BATCH]), (BATCH_BYTES // 4, [4] * (BATCH // 4)), (BATCH_BYTES * 9, [1] * BATCH)],
    ids=["short", "long", "longer"],
)
async def test_batches_are_full_by_entries_or_by_bytes(size: int, expected: list[int]) -> None:
    """A batch goes when it has many entries, or few that were read from much."""
    shelf = Shelf()
    shelf.opened.set()
    batch = Batch(courier_to(shelf))
    for _ in range(BATCH):
        await batch.add([ENTRY], VISITOR, size)
    assert shelf.taken == expected
    await batch.flush()
    assert shelf.taken == expected


async def test_many_connections_do_not_fill_the_memory() -> None:
    """Of many that deliver much, few do at once; the others wait, and all is stored."""
    shelf = Shelf()
    courier = courier_to(shelf)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        for _ in range(100):
            group.create_task(courier.deliver([ENTRY], VISITOR, size=1 << 20))
        for _ in range(300):
            await asyncio.sleep(0)
        assert shelf.most_at_once == 8
        shelf.opened.set()
    assert len(shelf.taken) == 100
    assert shelf.most_at_once == 8
