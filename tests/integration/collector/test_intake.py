"""Entries of other protocols are stored whole, once, with the marks of their sources, where they may be."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pylogtap_collector.access.rights import OF_EDITOR
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.services.intake import LOCAL, default_place
from pylogtap_collector.storage import streams
from pylogtap_collector.storage.sealing import BLOCK
from pylogtap_collector.taps.entries import Entry, Source
from pylogtap_collector.wire import Place
from tests.support.stores import messages, running_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pylogtap_collector.assembly import Collector
    from pylogtap_collector.models import Log

WEB = Place("shop", "web", "web-1")
OF_SHOP = Visitor("key", "shop", 1, projects={"shop": OF_EDITOR})


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Collector]:
    """Return a collector with a file."""
    async with running_store(tmp_path, adopt=False) as collector:
        yield collector


async def stored(store: Collector, q: str = "") -> list[Log]:
    """Return the records that a query finds, oldest first."""
    found: list[Log] = []
    async for logs in store.services.logs.export(q):
        found += logs
    return found


async def test_all_that_an_entry_says(store: Collector) -> None:
    """Each part of an entry stands in the record."""
    entry = Entry(
        WEB, "card 7 declined", 1_700_000_000_123_456_789, 17, "error", "shop.pay",
        {"card": 7, "deep": {"list": [1, None, "x"]}},
        {"type": "Declined", "message": "no", "stacktrace": "at 1"},
        "card {id} declined", "ab" * 16, "cd" * 8, Source("pay.py", 12, "pay"), 4711, "test_pay.py::test",
    )  # fmt: skip
    assert (await store.services.intake.take([entry], LOCAL)).stored == 1
    (log,) = await stored(store)
    assert (log.project, log.service, log.instance) == ("shop", "web", "web-1")
    assert (log.message, log.template) == ("card 7 declined", "card {id} declined")
    assert (log.level, log.severity_number, log.logger) == ("error", 17, "shop.pay")
    assert log.time.isoformat() == "2023-11-14T22:13:20.123456+00:00"
    assert log.attributes == {"card": 7, "deep": {"list": [1, None, "x"]}}
    assert log.exception is not None
    assert (log.exception.type, log.exception.stacktrace) == ("Declined", "at 1")
    assert (log.trace_id, log.span_id) == ("ab" * 16, "cd" * 8)
    assert (log.source.file, log.source.line, log.source.function) == ("pay.py", 12, "pay")
    assert (log.process.pid, log.test_id) == (4711, "test_pay.py::test")


async def test_the_same_delivery_again(store: Collector) -> None:
    """A delivery that comes again is acknowledged and not stored twice; another one of the same text is."""
    entries = [Entry(WEB, f"line {number}", number) for number in range(300)]
    for _ in range(2):
        assert (await store.services.intake.take(entries, LOCAL, identity=b"one")).stored == 300
    await store.services.intake.take(entries[:1], LOCAL, identity=b"two")
    assert len(await messages(store)) == 301


async def test_it_is_known_over_a_restart(tmp_path: Path) -> None:
    """What a delivery is known by survives that the collector starts anew, and that it is sealed."""
    entries = [Entry(WEB, "once", number) for number in range(BLOCK)]
    for _ in range(3):
        async with running_store(tmp_path, adopt=False) as store:
            await store.services.intake.take(entries, LOCAL, identity=b"one")
            while await store.keeper.seal(spare=0):
                pass
            assert await messages(store) == ["once"] * BLOCK


async def test_marks_are_stored_with_the_entries(tmp_path: Path) -> None:
    """How far sources were read is there after a restart; a source that is forgotten is not."""
    async with running_store(tmp_path, adopt=False) as store:
        intake = store.services.intake
        await intake.take([Entry(WEB, "one")], LOCAL, marks={"docker:a": "1", "docker:b": "1", "file:a": "9"})
        await intake.take([], LOCAL, marks={"docker:a": "2", "docker:b": ""})
    async with running_store(tmp_path, adopt=False) as store:
        assert await store.services.intake.marks("docker:") == {"docker:a": "2"}
        assert await messages(store) == ["one"]


async def test_entries_of_other_projects(store: Collector) -> None:
    """What the key is not good for is refused by its place; all else is stored."""
    entries = [Entry(Place(project, "web", "1"), project) for project in ("shop", "zebra", "shop")]
    taken = await store.services.intake.take(entries, OF_SHOP)
    assert (taken.stored, [each.index for each in taken.refused]) == (2, [1])
    assert "zebra" in taken.refused[0].reason
    assert await messages(store) == ["shop", "shop"]


def test_the_place_of_those_that_say_none() -> None:
    """A key for one project means that; else the project is called default."""
    assert default_place(OF_SHOP, "fluent bit", "10.0.0.1") == Place("shop", "fluent-bit", "10.0.0.1")
    assert default_place(LOCAL, "syslog", "::1") == Place("default", "syslog", "1")


async def test_secrets_are_left_out(store: Collector) -> None:
    """Values whose names say that they are secrets are not stored, at any depth."""
    await store.services.intake.take(
        [Entry(WEB, "login", fields={"password": "p", "user": {"token": "t"}})], LOCAL
    )
    (log,) = await stored(store)
    assert log.attributes == {"password": "[redacted]", "user": {"token": "[redacted]"}}


async def test_what_is_too_large_is_cut_and_named(store: Collector) -> None:
    """A record that would be too large is kept in part, and says which part."""
    huge = Entry(WEB, "m" * 400_000, fields={f"f{number}": "v" * 10_000 for number in range(100)})
    await store.services.intake.take([huge, Entry(WEB, "next")], LOCAL)
    cut, following = await stored(store)
    assert cut.message.startswith("mmmm")
    assert "message" in cut.attributes["pylogtap.degraded"]
    assert following.message == "next"


async def test_more_than_a_segment_holds(store: Collector) -> None:
    """A delivery of any size is stored in one piece, in its order."""
    entries = [Entry(WEB, f"{number:05} " + "x" * 2_000, number) for number in range(2_000)]
    await store.services.intake.take(entries, LOCAL, identity=b"large")
    await store.services.intake.take(entries, LOCAL, identity=b"large")
    assert [text[:5] for text in await messages(store)] == [f"{number:05}" for number in range(2_000)]


async def test_streams_of_deliveries_are_forgotten(store: Collector) -> None:
    """What deliveries are known by goes after a day, their definitions as soon as they are sealed."""
    await store.services.intake.take([Entry(WEB, "one")] * BLOCK, LOCAL, identity=b"one")

    async def left(table: str) -> int:
        return int(
            await store.engine.read(lambda own: own.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
        )

    async def forget(before_ns: int) -> int:
        return await store.engine.write(lambda own: streams.forget_made(own, before_ns))

    assert await forget(time.time_ns() + 1) == 0, "it is not sealed"
    while await store.keeper.seal(spare=0):
        pass
    assert await forget(0) == 0
    assert (await left("stream"), await left("definition")) == (1, 0)
    assert await forget(time.time_ns() + 1) == 1
    assert len(await messages(store)) == BLOCK


async def test_names_that_are_no_text(store: Collector) -> None:
    """A field whose name UTF-8 cannot carry is kept, and named, by what it looks like."""
    await store.services.intake.take([Entry(WEB, "x", fields={"\ud800": "\udfff"}, logger="\ud801")], LOCAL)
    (log,) = await stored(store)
    assert log.attributes == {"\\ud800": "\\udfff", "pylogtap.degraded": ["logger", "\\ud800"]}
    assert log.logger == "\\ud801"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
SURROGATES = st.text(st.characters(), max_size=30)  # lone halves of pairs among them


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=SURROGATES,
    fields=st.dictionaries(SURROGATES, VALUES, max_size=5),
    time_ns=st.none() | st.integers(-(2**70), 2**70),
    logger=SURROGATES,
)
async def test_any_values(
    store: Collector, text: str, fields: dict[str, Any], time_ns: int | None, logger: str
) -> None:
    """Whatever a protocol carries can be stored, read back, and written as JSON."""
    await store.services.intake.take([Entry(WEB, text, time_ns, fields=fields, logger=logger)], LOCAL)
    for log in await stored(store):
        json.dumps(log.model_dump(mode="json"), allow_nan=False)
