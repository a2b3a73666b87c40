"""The index and what is stored while it looks: nothing may fall between the two."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from benchmarks.slices import build_stream
from pylogtap_collector.services.bus import Bus
from pylogtap_collector.services.counters import Counters
from pylogtap_collector.services.index import Index
from pylogtap_collector.services.ingest import Ingest
from pylogtap_collector.settings import Settings
from pylogtap_collector.storage.engine import Engine

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_a_slice_stored_while_the_index_reads_is_indexed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index finds nothing new; before it hears of that, a slice is stored: it is indexed all the same."""
    settings = Settings(data=tmp_path)
    engine = Engine(settings.database, functions=lambda _: None)
    await engine.open()
    counters = Counters()
    index = Index(engine, Bus(), counters)
    ingest = Ingest(engine, index, counters, settings)
    stream = build_stream(1, "shop/checkout/web-1", 16 << 10, compress=True)
    identity, parts = stream.fresh_id(), iter(stream.slices[:5])
    read, all_came = engine.read, asyncio.Event()

    async def late_answer(job: Any, **options: Any) -> Any:
        answer = await read(job, **options)
        if answer == []:  # the answer is on its way to the index: time for another slice
            part = next(parts, None)
            if part is None:
                all_came.set()
            else:
                await ingest.accept(identity, part.offset, part.body, encoding="zstd")
        return answer

    monkeypatch.setattr(engine, "read", late_answer)
    task = asyncio.create_task(index.run())
    async with asyncio.timeout(20):
        await all_came.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    rows = await read(lambda connection: connection.execute("SELECT count(*) FROM recent").fetchone())
    await engine.close()
    assert rows[0] == counters.records == sum(part.records for part in stream.slices[:5])
