"""Points of metrics that a collector is given in tests, and what it says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pylogtap_collector.services.measures import Over
from pylogtap_collector.storage.series import Filter
from pylogtap_collector.taps.entries import Point
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from pylogtap_collector.assembly import Collector
    from pylogtap_collector.models import MetricWithSteps

HOUR_NS = 3_600 * 10**9
DAY_NS = 24 * HOUR_NS
START = 1_760_000_000 * 10**9 // DAY_NS * DAY_NS
WEB, MAIL = Place("shop", "web", "web-1"), Place("bank", "mail", "mail-1")


async def send(
    store: Collector, name: str, values: dict[float, float], place: Place = WEB, **facts: Any
) -> int:
    """Store points of a metric, by seconds since the start, and return how many were stored."""
    measured = [
        Point(place, name, value, START + int(second * 10**9), **facts) for second, value in values.items()
    ]
    return (await store.services.metrics.take(measured)).stored


async def counted(store: Collector, query: str) -> Any:
    """Return the rows that a query finds."""
    return await store.engine.read(lambda connection: connection.execute(query).fetchall())


async def over(store: Collector, since: int, until: int, step: str) -> dict[str, MetricWithSteps]:
    """Return what metrics have been between two seconds since the start."""
    first, end = (str(START // 10**9 + second) for second in (since, until))
    page = await store.services.metrics.page(Filter(), Over(first, end, step))
    return {item.name: item for item in page.items}
