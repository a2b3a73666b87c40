"""An incident file has the metrics of the places whose records it has, of the time of these."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from pylogtap_collector.assembly import Collector
from pylogtap_collector.services.measures import Over
from pylogtap_collector.settings import Settings
from pylogtap_collector.storage.series import Filter
from pylogtap_collector.taps.entries import Point
from pylogtap_collector.wire import Place
from tests.support.segments import SegmentBuilder
from tests.support.stores import deliver, running_store

if TYPE_CHECKING:
    from pathlib import Path

MINUTE_NS = 60 * 10**9
DAY_NS = 1440 * MINUTE_NS
WEB, MAIL = Place("shop", "web", "web-1"), Place("bank", "mail", "mail-1")


def record_at(when: int) -> SegmentBuilder:
    """Return a segment with one record of the shop's web server at a time."""
    segment = SegmentBuilder("/".join(WEB))
    segment.record(segment.site("declined"), when=when)
    return segment


async def incident_of(folder: Path, when: int, days: int) -> Path:
    """Return an incident file of a record; around it points were measured in two places, and packed later."""
    file = folder / "incident.db"
    async with running_store(folder / "data") as store:
        await deliver(store, record_at(when))
        points = [
            Point(place, "cpu", float(minute), when + minute * MINUTE_NS)
            for minute in range(-60, 61)
            for place in (WEB, MAIL)
        ]
        counts = [point._replace(name="hits", kind="counter") for point in points]
        assert (await store.services.metrics.take([*points, *counts])).stored == len(points) * 2
        await store.roller.roll(when + days * DAY_NS)
        async with store.services.incidents.made("project:shop") as ready:
            shutil.copy(ready.path, file)
    return file


async def shown(file: Path, folder: Path, over: Over) -> list[tuple[str, str, list[float]]]:
    """Return place, name and values of the metrics that a collector shows of a file."""
    collector = Collector(Settings(data=folder / "none"), shown=file)
    async with collector.running() as services:
        page = await services.metrics.page(Filter(), over)
        return [(item.project, item.name, [point.last for point in item.points or ()]) for item in page.items]


async def test_samples_of_the_time_around_records(tmp_path: Path) -> None:
    """Samples of five minutes before the first record to five minutes behind the last are in the file."""
    when = time.time_ns() // MINUTE_NS * MINUTE_NS - 3 * 60 * MINUTE_NS
    file = await incident_of(tmp_path, when, 0)
    since = str(when // 10**9 - 3600)
    values = [float(minute) for minute in range(-5, 6)]
    for step in ("1m", "30s"):
        found = await shown(file, tmp_path, Over(since, None, step))
        assert found == [("shop", "cpu", values), ("shop", "hits", values)]


async def test_minutes_where_samples_are_gone(tmp_path: Path) -> None:
    """Where there are no samples any more, the file has the minutes of that time, and hours of these."""
    when = (time.time_ns() - 5 * DAY_NS) // (60 * MINUTE_NS) * 60 * MINUTE_NS + 30 * MINUTE_NS
    file = await incident_of(tmp_path, when, 5)
    since, until = (str(when // 10**9 + seconds) for seconds in (-3600, 3600))
    found = await shown(file, tmp_path, Over(since, until, "1m"))
    assert found[0] == ("shop", "cpu", [float(minute) for minute in range(-5, 6)])
    assert (await shown(file, tmp_path, Over(since, until, "1h")))[0] == ("shop", "cpu", [5.0])
