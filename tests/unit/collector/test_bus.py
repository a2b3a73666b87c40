"""The live bus: each follower gets what it asked for, and what many ask for is looked for once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from pylogtap_collector.models import Log
from pylogtap_collector.query import parse
from pylogtap_collector.services.bus import Bus, News, Subscription

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
NOW_NS = int(NOW.timestamp()) * 1_000_000_000
DAY_NS = 24 * 3_600_000_000_000


def log(number: int, message: str = "") -> Log:
    """Return a record."""
    return Log(
        id=number,
        time=NOW,
        received=NOW,
        level="info",
        severity_number=9,
        project="shop",
        service="web",
        instance="1",
        logger="",
        message=message,
        template=None,
        pattern_id=0,
    )


async def test_what_many_ask_for_is_looked_for_once() -> None:
    """Followers of the same query share one search, however many they are, and each gets all of it."""
    asked: list[int] = []

    def matches(record: Log) -> bool:
        asked.append(record.id)
        return "two" in record.message

    bus = Bus()
    followers = [bus.subscribe(replace(parse("two"), _matches=matches), 10) for _ in range(5)]
    assert await bus.publish([log(1, "one"), log(2, "two")]) == 0
    assert asked == [1, 2]
    for follower in followers:
        taken, skipped = follower.take()
        assert [news.id for news in taken] == [2]
        assert not skipped


async def test_queries_of_different_moments_differ() -> None:
    """`time:>-1h` of today and of the day before are two queries, `level:error` is one."""
    early, late = (parse("time:>-1h", now_ns=moment) for moment in (NOW_NS, NOW_NS + DAY_NS))
    assert early.meaning != late.meaning
    assert parse("level:error", now_ns=NOW_NS).meaning == parse("level:error", now_ns=NOW_NS + 1).meaning
    bus = Bus()
    first, second = bus.subscribe(early, 10), bus.subscribe(late, 10)
    await bus.publish([log(1)])
    assert [news.id for news in first.take()[0]] == [1]
    assert second.take() == ([], 0)


@given(st.integers(1, 6), st.lists(st.integers(0, 9), max_size=8))
def test_a_full_subscription_keeps_the_newest_and_counts_the_rest(size: int, offers: list[int]) -> None:
    """Whatever comes, the newest are kept, as many as there is room for; all others are counted."""
    subscription = Subscription(parse(""), size)
    everything: list[News] = []
    told = 0
    for count in offers:
        news = [News(len(everything) + number, b"{}") for number in range(count)]
        everything += news
        told += subscription.offer(news)
    taken, skipped = subscription.take()
    assert taken == everything[-size:]
    assert told == skipped == len(everything) - len(taken)
