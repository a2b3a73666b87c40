"""Questions about stored records: pages, context, counts, annotations, deletion."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from pylogtap import wire
from pylogtap_collector.access.visitor import local
from pylogtap_collector.errors import Invalid, InvalidCursor, InvalidQuery, NotFound, QueryTooSlow
from pylogtap_collector.models import LogPatch
from pylogtap_collector.services import logs as services
from pylogtap_collector.storage import sealing
from tests.support.segments import SegmentBuilder, numbered_segment
from tests.support.stores import deliver, messages, running_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pylogtap_collector.assembly import Collector
    from pylogtap_collector.models import Log

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


@pytest.fixture
async def store() -> AsyncIterator[Collector]:
    """A running collector in memory."""
    async with running_store() as running:
        yield running


@pytest.fixture
async def timeline(store: Collector) -> Collector:
    """A collector with 60 records, one each second, of two levels and three users; every tenth failed."""
    segment = SegmentBuilder()
    good = segment.site("user %s came", level="info", severity=9)
    bad = segment.site("user %s failed", level="error", severity=17, logger="auth")
    for number in range(60):
        user = ("ann", "bob", "cy")[number % 3]
        segment.record(
            bad if number % 10 == 0 else good,
            [user],
            {"user": user, "n": number, "tags": ["all", f"mod{number % 2}"], "nested": {"ok": True}},
            when=START + number * SECOND,
        )
    await deliver(store, segment)
    return store


async def all_pages(store: Collector, q: str, order: str, limit: int, **span: str) -> list[Log]:
    """Follow the cursors to the end."""
    found: list[Log] = []
    cursor: str | None = None
    while True:
        page = await store.services.logs.page(q, order=order, limit=limit, cursor=cursor, **span)  # type: ignore[arg-type]
        assert len(page.items) <= limit
        found += page.items
        cursor = page.next
        if cursor is None:
            return found


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 7, 60, 100])
async def test_pages_are_complete(timeline: Collector, order: str, limit: int) -> None:
    """Page by page, every record comes once, in order; the last page says that it is the last."""
    found = [log.attributes["n"] for log in await all_pages(timeline, "", order, limit)]
    assert found == sorted(range(60), reverse=order == "desc")


async def test_records_of_one_moment_keep_their_order(store: Collector) -> None:
    """A cursor between records of the same nanosecond skips and repeats none."""
    segment = SegmentBuilder()
    site = segment.site("%d")
    for number in range(25):
        segment.record(site, [number], when=START)
    await deliver(store, segment)
    found = await all_pages(store, "", "asc", 4)
    assert [log.message for log in found] == [str(number) for number in range(25)]


async def test_a_range_is_half_open(timeline: Collector) -> None:
    """The beginning belongs to a range, its end does not."""
    found = await all_pages(timeline, "", "asc", 50, since=str(START // SECOND + 5), until="1700000008")
    assert [log.attributes["n"] for log in found] == [5, 6, 7]


async def test_a_relative_range_stays_between_pages(
    store: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`since=2s` means the same for all pages of one search, however long somebody reads."""
    now = time.time_ns()
    clock = SimpleNamespace(time_ns=lambda: now)
    monkeypatch.setattr(services, "time", clock)
    segment = SegmentBuilder()
    site = segment.site("%d")
    for number in range(4):
        segment.record(site, [number], when=now - 1_900_000_000 + number)
    await deliver(store, segment)
    first = await store.services.logs.page("", since="2s", order="asc", limit=2)
    assert first.next is not None
    clock.time_ns = lambda: now + SECOND
    rest = await store.services.logs.page("", since="2s", order="asc", limit=2, cursor=first.next)
    assert [log.message for log in [*first.items, *rest.items]] == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    "cursor", ["", "nonsense", "WzFd", "AAAA", "é", "W10=" * 100, "WzEsImRlc2MiLDAsbnVsbCxudWxsLDEsMV1d"]
)
async def test_what_is_no_cursor_is_refused(timeline: Collector, cursor: str) -> None:
    """A made-up cursor gets an error that says how to begin."""
    with pytest.raises(InvalidCursor, match="leave it out"):
        await timeline.services.logs.page("", cursor=cursor)


async def test_a_cursor_belongs_to_its_query(timeline: Collector) -> None:
    """Going on with another query or order would skip records; it is refused."""
    page = await timeline.services.logs.page("user", limit=5)
    with pytest.raises(InvalidCursor, match="another query"):
        await timeline.services.logs.page("came", limit=5, cursor=page.next)
    with pytest.raises(InvalidCursor, match="order"):
        await timeline.services.logs.page("user", order="asc", limit=5, cursor=page.next)


async def test_a_query_that_cannot_be_read_is_refused(timeline: Collector) -> None:
    """The mistake is pointed at, by every question."""
    logs = timeline.services.logs
    for question in (logs.page("("), logs.histogram("("), logs.patterns("("), logs.delete("(", local())):
        with pytest.raises(InvalidQuery):
            await question
    with pytest.raises(InvalidQuery):
        logs.tail("(")


async def test_context_is_of_the_same_instance(store: Collector) -> None:
    """Around a record stand the lines of its own instance, in the order of time."""
    here, there = SegmentBuilder(), SegmentBuilder("shop/checkout/web-2")
    for segment, name in ((here, "here"), (there, "there")):
        site = segment.site(f"{name} %d")
        for number in range(10):
            segment.record(site, [number], when=START + number * SECOND)
        await deliver(store, segment)
    middle = (await store.services.logs.page('"here 5"')).items[0]
    found = await store.services.logs.one(middle.id, context=2)
    assert [log.message for log in found.before] == ["here 3", "here 4"]
    assert [log.message for log in found.after] == ["here 6", "here 7"]
    assert found.message == "here 5"
    alone = await store.services.logs.one(middle.id)
    assert (alone.before, alone.after) == ([], [])
    first = (await store.services.logs.page('"here 0"')).items[0]
    assert (await store.services.logs.one(first.id, context=3)).before == []


async def test_one_that_is_not_there(store: Collector) -> None:
    """Asking for a record that does not exist, or was deleted, says so."""
    for question in (
        store.services.logs.one(7),
        store.services.notes.annotate(7, LogPatch(note="x"), local()),
    ):
        with pytest.raises(NotFound, match="no log 7"):
            await question


async def test_histogram(timeline: Collector) -> None:
    """All buckets of the range are there, and their levels add up to the number of records."""
    found = await timeline.services.logs.histogram("", since="1700000000", until="1700000060", buckets=6)
    assert [bucket.total for bucket in found.buckets] == [10] * 6
    assert [bucket.levels["error"] for bucket in found.buckets] == [1] * 6
    assert set(found.buckets[0].levels) == {
        "trace", "debug", "info", "warning", "error", "critical", "unknown",
    }  # fmt: skip
    assert (found.total, found.step_s) == (60, 10.0)
    assert found.buckets[1].start == datetime.fromtimestamp(1_700_000_010, UTC)
    wide = await timeline.services.logs.histogram("failed", since="1699999940", until="1700000120", buckets=9)
    assert [bucket.total for bucket in wide.buckets] == [0, 0, 0, 2, 2, 2, 0, 0, 0]


@pytest.mark.parametrize("sealed", [False, True])
async def test_histogram_by_step(
    timeline: Collector, monkeypatch: pytest.MonkeyPatch, *, sealed: bool
) -> None:
    """Stretches of a given length begin at its multiples and end behind the last record, sealed or not."""
    if sealed:
        monkeypatch.setattr(sealing, "BLOCK", 8)
        while await timeline.keeper.seal(spare=0):
            pass
    found = await timeline.services.logs.histogram("", step_s=60)
    assert [bucket.total for bucket in found.buckets] == [40, 20]
    assert [bucket.start.second for bucket in found.buckets] == [0, 0]
    odd = await timeline.services.logs.histogram("", since="1700000005", step_s=7)
    assert (odd.total, odd.step_s) == (55, 7.0)
    with pytest.raises(Invalid, match="larger `step`"):
        await timeline.services.logs.histogram("", since="0", step_s=1)


@pytest.mark.parametrize("sealed", [False, True])
async def test_count(timeline: Collector, monkeypatch: pytest.MonkeyPatch, *, sealed: bool) -> None:
    """Records are counted, all or those of a query, sealed or not; asked again, the same."""
    if sealed:
        monkeypatch.setattr(sealing, "BLOCK", 8)
        while await timeline.keeper.seal(spare=0):
            pass
    logs = timeline.services.logs
    for _ in range(2):
        assert (await logs.count("")).total == 60
        assert (await logs.count("failed")).total == 6
        assert (await logs.count("failed", since="1700000000", until="1700000030")).total == 3
        assert (await logs.count("nowhere")).total == 0


async def test_histogram_without_a_range_has_everything(timeline: Collector) -> None:
    """Without bounds it spans from the first record until now."""
    found = await timeline.services.logs.histogram("", buckets=7)
    assert (found.total, len(found.buckets)) == (60, 7)
    assert found.since == datetime.fromtimestamp(1_700_000_000, UTC)


async def test_histogram_of_nothing(store: Collector) -> None:
    """An empty collector has an empty histogram of the last hour; a range without length is an error."""
    found = await store.services.logs.histogram("", buckets=4)
    assert (found.total, len(found.buckets), found.step_s) == (0, 4, 900.0)
    with pytest.raises(Invalid, match="before"):
        await store.services.logs.histogram("", since="5", until="5")


async def test_facets(timeline: Collector) -> None:
    """The most frequent values come first, of columns, attributes, nested ones and arrays alike."""
    found = await timeline.services.logs.facets(
        "", fields=["level", "user", "tags", "nested.ok", "nested", "gone", "n", "exception"], limit=2
    )
    values = {facet.field: [(each.value, each.count) for each in facet.values] for facet in found.items}
    assert values == {
        "level": [("info", 54), ("error", 6)],
        "user": [("ann", 20), ("bob", 20)],
        "tags": [("all", 60), ("mod0", 30)],
        "nested.ok": [("true", 60)],
        "nested": [],
        "gone": [],
        "n": [("0", 1), ("1", 1)],
        "exception": [],
    }
    errors = await timeline.services.logs.facets("level:error", fields=["user"], limit=5)
    assert sum(each.count for each in errors.items[0].values) == 6


async def test_facets_of_arrays(store: Collector) -> None:
    """Elements of an array are counted one by one, also behind a path; arrays in arrays are not."""
    segment = SegmentBuilder()
    site = segment.site("x")
    for tags in (["a", "b"], ["a", ["c", "c"]], "a"):
        segment.record(site, None, {"tags": tags, "user": {"tags": tags}})
    await deliver(store, segment)
    found = await store.services.logs.facets("", fields=["tags", "user.tags"])
    for facet in found.items:
        assert [(each.value, each.count) for each in facet.values] == [("a", 3), ("b", 1)]


async def test_patterns(timeline: Collector) -> None:
    """Records are grouped by the template they were logged with."""
    found = await timeline.services.logs.patterns("")
    assert [(each.template, each.count, each.levels) for each in found.items] == [
        ("user %s came", 54, {"info": 54}),
        ("user %s failed", 6, {"error": 6}),
    ]
    assert found.items[1].first == datetime.fromtimestamp(1_700_000_000, UTC)
    assert found.items[1].last == datetime.fromtimestamp(1_700_000_050, UTC)
    one = await timeline.services.logs.patterns(f"pattern:{found.items[1].id}", limit=1)
    assert [each.count for each in one.items] == [6]


async def test_annotations(timeline: Collector) -> None:
    """Labels are merged, null removes one, and what people wrote can be searched."""
    logs = timeline.services.logs
    target = (await logs.page("failed", limit=1)).items[0]
    changed = await timeline.services.notes.annotate(
        target.id, LogPatch(labels={"cause": "disk", "seen": "yes"}, note="ask Jo"), local()
    )
    assert (changed.labels, changed.note) == ({"cause": "disk", "seen": "yes"}, "ask Jo")
    changed = await timeline.services.notes.annotate(
        target.id, LogPatch(labels={"seen": None, "new": "1"}), local()
    )
    assert (changed.labels, changed.note) == ({"cause": "disk", "new": "1"}, "ask Jo")
    assert [log.id for log in (await logs.page("label.cause:disk")).items] == [target.id]
    assert [log.id for log in (await logs.page("has:note")).items] == [target.id]
    facets = await logs.facets("", fields=["label.cause", "note"])
    assert [[each.value for each in facet.values] for facet in facets.items] == [["disk"], ["ask Jo"]]
    changed = await timeline.services.notes.annotate(
        target.id, LogPatch(labels={"cause": None, "new": None}, note=None), local()
    )
    assert (changed.labels, changed.note) == ({}, None)
    assert (await logs.page("has:note")).items == []


async def test_delete_by_query(timeline: Collector) -> None:
    """Exactly what matches goes, with its words, its annotations and its share of the counts."""
    logs = timeline.services.logs
    target = (await logs.page("failed", limit=1)).items[0]
    await timeline.services.notes.annotate(target.id, LogPatch(note="x"), local())
    assert (await logs.delete("failed user:ann", local())).deleted == 2
    assert (await logs.delete("failed", local())).deleted == 4
    assert (await logs.delete("failed", local())).deleted == 0
    assert len(await messages(timeline)) == 54
    assert (await timeline.services.catalog.instance("shop", "checkout", "web-1")).records == 54
    assert (await logs.page("failed")).items == []
    assert (await logs.delete("", local(), since="1700000030")).deleted == 27
    assert (await logs.delete("", local())).deleted == 27


async def test_delete_reaches_what_came_right_before(store: Collector) -> None:
    """Records that were acknowledged are deleted also when nobody could search them yet."""
    for number in range(5):
        await deliver(store, numbered_segment(300, first=number * 300))
    assert (await store.services.logs.delete("", local())).deleted == 1500
    assert await messages(store) == []


async def test_export_is_bounded_by_its_beginning(store: Collector) -> None:
    """An export ends although records keep coming, has each record once, and comes in chunks."""
    await deliver(store, numbered_segment(2500))
    found, chunks = [], 0
    async for logs in store.services.logs.export(""):
        chunks += 1
        found += [log.message for log in logs]
        await deliver(store, numbered_segment(10, first=10_000 + chunks * 10))
    assert chunks == 4  # the first shows how large records are
    assert found == [f"number {number}" for number in range(2500)]


async def test_export_of_large_records_has_few_in_memory(store: Collector) -> None:
    """Chunks are bounded by bytes as well: behind the first, of few records, none has half a MiB."""
    for first in range(0, 60, 10):
        segment = SegmentBuilder("shop/checkout/web-1")
        site = segment.site("%s")
        for number in range(first, first + 10):
            segment.record(site, [f"{number} {'x' * 100_000}"])
        await deliver(store, segment)
    chunks = [chunk async for chunk in store.services.logs.export_as(_written, "")]
    assert [int(line.split()[0]) for line in b"".join(chunks).splitlines()] == list(range(60))
    assert max(map(len, chunks[1:])) < 512 << 10


def _written(logs: list[Log]) -> bytes:
    return b"".join(log.message.encode() + b"\n" for log in logs)


async def test_a_slow_query_is_ended() -> None:
    """A question that takes too long gets an error that says how to narrow it, and harms no other."""
    async with running_store(query_timeout_s=0.001) as store:
        await deliver(store, numbered_segment(8_000))
        with pytest.raises(QueryTooSlow, match="narrow it"):
            await store.services.logs.facets("n:/x+y/ -n:/z/ OR n:/q/", fields=["n", "thread", "message"])
        assert (await store.services.logs.one((1 << 16) + 5)).message == "number 5"


async def test_odd_texts_are_found(store: Collector) -> None:
    """Words of any script, and with what no database likes in them, are searchable and come back whole."""
    segment = SegmentBuilder()
    site = segment.site(None, style=wire.STYLE_TEXT)
    texts = [
        "Straße gesperrt",
        "日本語 テスト",
        "a\x00b zero",
        "İstanbul",
        "emoji 🚀 go",
        "'; DROP TABLE recent; --",
    ]
    for text in texts:
        segment.record(site, text)
    await deliver(store, segment)
    for q, number in (("STRASSE", 0), ("テスト", 1), ("zero", 2), ("🚀", 4), ('"drop table"', 5)):
        assert await messages(store, q) == [texts[number]], q
