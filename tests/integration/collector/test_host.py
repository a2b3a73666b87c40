"""The task that measures the machine and the collector, on a real database."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import psutil
import pytest

from pylogtap.prefix import host_name
from pylogtap_collector.storage.series import Filter
from tests.support.stores import running_store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pylogtap_collector.assembly import Collector
    from pylogtap_collector.models import Metric


async def metrics_of(store: Collector, project: str, awaited: str) -> Mapping[str, Metric]:
    """Return the metrics of a project by name, once one of them is there."""
    async with asyncio.timeout(20):
        while True:
            page = await store.services.metrics.page(Filter(project=project), limit=200)
            found = {each.name: each for each in page.items}
            if awaited in found:
                return found
            await asyncio.sleep(0.05)


async def test_machine_and_collector(tmp_path: Path) -> None:
    """Both are measured at once, each under a place of its own, with values like those seen from outside."""
    async with running_store(tmp_path, adopt=False, host_metrics=True, host_period_s=0.2) as store:
        store.reach_out(0)
        machine = await metrics_of(store, "system", "system.uptime")
        itself = await metrics_of(store, "pylogtap", "process.event_loop.lag")
    assert machine["system.memory.limit"].last_value == psutil.virtual_memory().total
    assert {(each.service, each.instance) for each in machine.values()} == {("host", host_name())}
    assert {(each.service, each.instance) for each in itself.values()} == {("collector", host_name())}
    resident = psutil.Process(os.getpid()).memory_info().rss
    assert itself["process.memory.rss"].last_value == pytest.approx(resident, rel=0.3)


async def test_its_task_is_watched(tmp_path: Path) -> None:
    """The task is one of those that health shows; without the setting there is none."""
    async with running_store(tmp_path, adopt=False, host_metrics=True) as store:
        store.reach_out(0)
        assert "host" in {each.name for each in store.tasks.states()}
    async with running_store(tmp_path, adopt=False, host_metrics=False) as store:
        store.reach_out(0)
        assert "host" not in {each.name for each in store.tasks.states()}
