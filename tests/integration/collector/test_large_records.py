"""Records that are large, or made of lists and maps: what they take in memory is bounded by what was sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap import wire
from pylogtap_collector.parts.structures import may_abound
from pylogtap_collector.services import logs as services_logs
from pylogtap_collector.storage import hot, sealing
from pylogtap_collector.wire import payloads
from tests.support.segments import SegmentBuilder
from tests.support.stores import deliver, messages, running_store

if TYPE_CHECKING:
    from pathlib import Path

    from pylogtap_collector.assembly import Collector
    from pylogtap_collector.models import Log, Order

EMPTY: list[Any] = [{} for _ in range(1_001)]


async def stored(store: Collector, segment: SegmentBuilder) -> list[Log]:
    """Store a segment, and return its records, the first first."""
    await deliver(store, segment)
    page = await store.services.logs.page("", limit=1_000)
    return sorted(page.items, key=lambda log: log.id)


@pytest.mark.parametrize("sealed", [False, True])
async def test_large_records_are_sealed_by_their_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, sealed: bool
) -> None:
    """Some large records make a part and a block, long before there are thousands of them."""
    monkeypatch.setattr(hot, "CHUNK_BYTES", 20_000)
    monkeypatch.setattr(sealing, "BLOCK_BYTES", 50_000)
    monkeypatch.setattr(sealing, "SPARE_BYTES", 30_000)
    async with running_store(tmp_path) as store:
        await store.tasks.stop()
        for number in range(40):
            segment = SegmentBuilder()
            segment.record(segment.site("no %d: %s"), [number, "x" * 5_000])
            await deliver(store, segment)
        if sealed:
            assert await store.keeper.seal()
            assert await store.keeper.seal()
            assert not await store.keeper.seal()
        chunks = await store.engine.read(store.keeper._tiers.hot.chunks)
        assert max(chunk.records for chunk in chunks) == 4
        assert sum(chunk.size for chunk in chunks) < (90_000 if sealed else 250_000)
        assert sorted(await messages(store)) == sorted(f"no {number}: {'x' * 5_000}" for number in range(40))


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_a_page_of_large_records_has_fewer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: Order
) -> None:
    """A page ends where its records are large; going on by the cursor, each is there once, in order."""
    monkeypatch.setattr(hot, "CHUNK_BYTES", 20_000)
    monkeypatch.setattr(sealing, "BLOCK_BYTES", 50_000)
    monkeypatch.setattr(sealing, "SPARE_BYTES", 30_000)
    monkeypatch.setattr(services_logs, "_PAGE_BYTES", 12_000)
    async with running_store(tmp_path) as store:
        await store.tasks.stop()
        for number in range(40):
            segment = SegmentBuilder()
            large = {"large": [{"text": "x" * 5_000}]} if number % 3 else None
            segment.record(segment.site("no %d"), [number], large, when=1_700_000_000_000_000_000 + number)
            await deliver(store, segment)
        assert await store.keeper.seal()
        pages: list[list[int]] = []
        cursor: str | None = None
        while not pages or cursor:
            page = await store.services.logs.page("", order=order, limit=10, cursor=cursor)
            pages.append([int(log.message.split()[1]) for log in page.items])
            cursor = page.next
        found = [number for numbers in pages for number in numbers]
        assert found == sorted(range(40), reverse=order == "desc")
        assert 10 > max(map(len, pages)) >= 3


async def test_too_many_structures_become_text(tmp_path: Path) -> None:
    """Of a record that is made of a thousand maps, lists and maps are kept as their JSON; that is told."""
    segment = SegmentBuilder()
    site = segment.site("got %s of %s")
    segment.record(site, [EMPTY, "ann"], {"all": {"of": EMPTY}, "one": 1})
    segment.record(site, [1, "bob"], {"all": EMPTY[:900]})
    async with running_store(tmp_path) as store:
        large, usual = await stored(store, segment)
        text = json.dumps(EMPTY, separators=(",", ":"))
        assert large.message == f"got {text} of ann"
        assert large.attributes == {"all": f'{{"of":{text}}}', "one": 1, "pylogtap.degraded": ["all"]}
        assert usual.attributes == {"all": EMPTY[:900]}


async def test_what_is_deep_or_odd_as_well(tmp_path: Path) -> None:
    """What is no JSON, or nested without end, is named; exceptions, traces and other records stay."""
    deep: list[Any] = []
    for _ in range(400):
        deep = [deep]
    segment = SegmentBuilder()
    site = segment.site(None)
    kept = {wire.MORE_TRACE: "0" * 32, wire.MORE_EXCEPTION: {"type": "E", "message": "m", "stacktrace": "s"}}
    segment.record(site, "deep", {"value": [deep, deep, deep]}, kept)
    segment.record(site, "odd", {"value": [*EMPTY, {1: b"x"}]}, {wire.MORE_EXCEPTION: EMPTY})
    segment.record(site, "usual", {"value": {"a": []}})
    async with running_store(tmp_path) as store:
        first, odd, usual = await stored(store, segment)
        assert str(first.attributes["value"])[:8] in {"[[[[[[[[", "(list ne"}
        assert (first.trace_id, first.exception and first.exception.type) == ("0" * 32, "E")
        assert str(odd.attributes["value"]).endswith('{"1":"eA=="}]')
        assert odd.exception is not None
        assert (usual.message, usual.attributes) == ("usual", {"value": {"a": []}})


async def test_very_many_attributes(tmp_path: Path) -> None:
    """A record with thousands of attributes has the first by themselves, and the others as one text."""
    segment = SegmentBuilder()
    segment.record(segment.site("wide"), [], {f"a{number}": number for number in range(1_500)})
    async with running_store(tmp_path) as store:
        (log,) = await stored(store, segment)
        others = json.loads(str(log.attributes.pop("pylogtap.others")))
        assert log.attributes.pop("pylogtap.degraded") == ["pylogtap.others"]
        assert log.attributes == {f"a{number}": number for number in range(100)}
        assert others == {f"a{number}": number for number in range(100, 1_500)}


async def test_very_many_arguments(tmp_path: Path) -> None:
    """Arguments that are a thousand lists and maps are shown as one text behind the template."""
    segment = SegmentBuilder()
    segment.record(segment.site("got %s"), EMPTY)
    async with running_store(tmp_path) as store:
        (log,) = await stored(store, segment)
        assert log.message.startswith("got %s '[{},{},{}")
        assert log.attributes == {"pylogtap.degraded": ["message"]}


async def test_slices_made_of_structures(tmp_path: Path) -> None:
    """A slice of many small records that are all maps keeps what it has room for, the rest as text."""
    segment = SegmentBuilder()
    site = segment.site("maps")
    for number in range(300):
        segment.record(site, [], {"maps": [{} for _ in range(100)], "n": number})
    async with running_store(tmp_path) as store:
        found = await stored(store, segment)
        assert [log.attributes["n"] for log in found] == list(range(300))
        kinds = [type(log.attributes["maps"]) for log in found]
        assert kinds == sorted(kinds, key=lambda kind: kind is str)
        assert {list, str} == set(kinds)


def test_usual_slices_are_not_looked_at_closely() -> None:
    """Neither templates with arguments and attributes nor long texts of any language count as structures."""
    segment = SegmentBuilder()
    site = segment.site("user %s paid %d")
    for number in range(500):
        segment.record(site, ["ann", number], {"order": number, "cart": {"items": [1, 2]}})
    segment.record(site, ["x" * 100_000, 1])
    data = segment.slice()
    assert not may_abound(data, payloads(data))
    segment.record(site, [EMPTY, 1])
    data = segment.slice()
    assert may_abound(data, payloads(data))


async def test_long_texts_are_texts(tmp_path: Path) -> None:
    """A text whose bytes could be structures, as Cyrillic ones are, arrives as it was."""
    segment, words = SegmentBuilder(), "сервер остановлен, повторите попытку позже; " * 100
    site = segment.site("%s")
    for _ in range(20):
        segment.record(site, [words])
    assert may_abound(segment.slice(), payloads(segment.slice()))
    async with running_store(tmp_path) as store:
        await deliver(store, segment)
        assert await messages(store) == [words] * 20


async def test_few_parts_of_structures_are_kept_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read of slices is kept by what it takes in memory: of lists and maps far fewer records."""
    monkeypatch.setattr(hot, "CHUNK", 100)
    monkeypatch.setattr(hot, "_PARTS_BYTES", 200_000)
    kept = {}
    for kind, value in (("texts", "x"), ("maps", {"a": 1})):
        async with running_store(tmp_path / kind) as store:
            await store.tasks.stop()
            for _ in range(20):
                segment = SegmentBuilder()
                site = segment.site("usual")
                for _ in range(100):
                    segment.record(site, [], {"value": value})
                await deliver(store, segment)
            assert len(await messages(store)) == 2_000
            kept[kind] = len(store.keeper._tiers.hot._parts)
    assert kept["texts"] == 20
    assert 0 < kept["maps"] < 10
