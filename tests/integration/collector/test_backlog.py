"""Much that is not sealed yet: what was found out once is not read again, and little of it is in memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.access.visitor import local
from pylogtap_collector.parts.building import build
from pylogtap_collector.query import query_of
from pylogtap_collector.query.ast import Everything
from pylogtap_collector.services import keeper, reader
from pylogtap_collector.storage import hot, sealing
from pylogtap_collector.storage.logs import Selection, arrivals
from tests.support.segments import numbered_segment
from tests.support.stores import deliver, running_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pylogtap_collector.assembly import Collector
    from pylogtap_collector.parts.reading import Batch

SLICES, OF_EACH, OF_A_PART = 60, 5, 10
PARTS = SLICES * OF_EACH // OF_A_PART


@pytest.fixture
async def backlog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    """Give a collector with many more parts than it keeps in memory, none of them sealed."""
    monkeypatch.setattr(hot, "CHUNK", OF_A_PART)
    monkeypatch.setattr(hot, "_PARTS", 3)
    async with running_store(tmp_path) as store:
        await store.tasks.stop()
        for first in range(0, SLICES * OF_EACH, OF_EACH):
            await deliver(store, numbered_segment(OF_EACH, first=first, prefix=f"shop/s{first % 3}/i"))
        yield store


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note how many slices each part was built of."""
    found: list[int] = []

    def noting(batches: list[Batch], gone: frozenset[int]) -> object:
        found.append(len(batches))
        return build(batches, gone)

    monkeypatch.setattr(hot, "build", noting)
    return found


async def test_counts_over_time_are_found_out_once(backlog: Collector, builds: list[int]) -> None:
    """The first histogram reads each part once, the second none; neither do the counts of places."""
    for _ in range(2):
        found = await backlog.services.logs.histogram("", step_s=60)
        assert found.total == SLICES * OF_EACH
        assert len(builds) == PARTS
    assert (await backlog.services.catalog.project("shop")).records == SLICES * OF_EACH
    assert len(builds) == PARTS


async def test_counts_of_a_query_are_found_out_once(backlog: Collector, builds: list[int]) -> None:
    """What a query counted in a part is not counted again; what came since is."""
    assert (await backlog.services.logs.count("n:>=0")).total == SLICES * OF_EACH
    known = len(builds)
    assert (await backlog.services.logs.count("n:>=0")).total == SLICES * OF_EACH
    assert (await backlog.services.logs.histogram("", step_s=60)).total == SLICES * OF_EACH
    assert len(builds) == known
    await deliver(backlog, numbered_segment(OF_EACH, first=1_000))
    assert (await backlog.services.logs.count("n:>=0")).total == (SLICES + 1) * OF_EACH


async def test_what_is_new_is_found_without_the_rest(backlog: Collector, builds: list[int]) -> None:
    """Whoever asks for what came behind a record, or for one record, has no part before it read."""
    [log] = (await backlog.services.logs.page("n:280")).items
    tiers, everything = backlog.keeper._tiers, Selection(query_of(Everything()))
    tiers.hot._parts.clear()
    builds.clear()
    found, _ = await backlog.engine.read(
        lambda connection: arrivals(tiers, connection, everything, log.id, 5)
    )
    assert [each.attributes["n"] for each in found] == [281, 282, 283, 284, 285]
    assert (await backlog.services.logs.one(log.id)).id == log.id
    assert len(builds) <= 2


async def test_deleted_records_are_not_counted(backlog: Collector) -> None:
    """Records that are deleted before they are sealed leave every count, also one that was known."""
    logs = backlog.services.logs
    for _ in range(2):
        assert (await logs.count("n:>=0")).total == SLICES * OF_EACH
    await logs.delete("n:<7 n:>2", local())
    assert (await logs.count("n:>=0")).total == SLICES * OF_EACH - 4
    assert (await logs.histogram("", step_s=60)).total == SLICES * OF_EACH - 4
    assert (await backlog.services.catalog.project("shop")).records == SLICES * OF_EACH - 4


@pytest.mark.parametrize("sealing_goes_on", [True, False])
async def test_a_slow_question_waits_for_sealing(
    backlog: Collector, monkeypatch: pytest.MonkeyPatch, *, sealing_goes_on: bool
) -> None:
    """A question for which a backlog is too much waits while it is sealed, as long as that goes on."""
    monkeypatch.setattr(sealing, "BLOCK", 2 * OF_A_PART)
    monkeypatch.setattr(keeper, "_SETTLING_S", 0.05)
    monkeypatch.setattr(reader, "_FIRST_S", 0.0)
    monkeypatch.setattr(backlog.keeper, "_spare", 0)
    assert backlog.keeper.is_behind
    running = asyncio.ensure_future(backlog.keeper.run()) if sealing_goes_on else None
    assert (await backlog.services.logs.count("n:>=0")).total == SLICES * OF_EACH
    assert backlog.keeper.is_behind is not sealing_goes_on
    if running is not None:
        running.cancel()
