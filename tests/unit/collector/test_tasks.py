"""Background tasks end when the collector does, whatever they are busy with."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.daemon import serving
from pylogtap_collector.errors import Overloaded
from pylogtap_collector.services.assessor import Assessor
from pylogtap_collector.services.tasks import Tasks
from pylogtap_collector.settings import Settings
from pylogtap_collector.storage.engine import Engine

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_task_that_missed_being_cancelled_is_cancelled_again() -> None:
    """What swallows one cancellation does not keep the collector from ending."""
    swallowed = 0

    async def deaf() -> None:
        nonlocal swallowed
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        swallowed += 1
        await asyncio.sleep(60)

    tasks = Tasks()
    tasks.supervise("deaf", deaf)
    await asyncio.sleep(0)
    await asyncio.wait_for(tasks.stop(), 10)
    assert swallowed == 1
    assert tasks.states() == []


@pytest.mark.parametrize("steps", range(6))
async def test_the_assessor_is_cancelled_while_news_come(steps: int) -> None:
    """However few steps of the loop lie between news and the end, one cancellation is enough."""
    engine = Engine(None)
    await engine.open()
    assessor = Assessor(engine)
    task = asyncio.create_task(assessor.run(period_s=60))
    await asyncio.sleep(0.1)
    assessor.notice(1)
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=5)
    task.cancel()
    await engine.close()
    assert done


async def test_a_collector_ends_at_once_after_it_has_begun(tmp_path: Path) -> None:
    """Nothing that has only just begun keeps it."""
    async with asyncio.timeout(20):
        for _ in range(3):
            chosen = Settings(data=tmp_path, port=0, adopt=False, host_metrics=False, docker="off")
            async with serving(chosen):
                pass


async def test_what_is_known_to_be_wrong_is_told_in_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """A task that cannot go on for a reason with words, such as a damaged database, leaves no traceback."""
    failed = asyncio.Event()

    async def work() -> None:
        failed.set()
        raise Overloaded("The collector stores nothing: the database is damaged.")

    tasks = Tasks(first_wait_s=60)
    tasks.supervise("tidy", work)
    async with asyncio.timeout(10):
        await failed.wait()
    await asyncio.sleep(0)
    await tasks.stop()
    (record,) = caplog.records
    assert record.getMessage() == (
        "task tidy failed, and is started again: The collector stores nothing: the database is damaged."
    )
    assert record.exc_info is None
