"""Whatever stands in a payload of metrics, nothing breaks, and records beside it arrive."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylogtap import wire
from pylogtap.record import samples_payload
from pylogtap_collector.taps.shipped_samples import points_of
from pylogtap_collector.wire import Place
from tests.support.segments import numbered_segment
from tests.support.stores import deliver, kept_store, messages

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from pylogtap_collector.assembly import Collector

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
label = st.dictionaries(
    st.from_regex(r"[a-z_]{1,9}", fullmatch=True),
    st.text(st.characters(categories=["L", "N", "P"]), max_size=9),
    max_size=3,
)
sound = st.tuples(
    st.from_regex(r"[a-z_][a-z0-9_.:/-]{0,20}", fullmatch=True),
    st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(1 << 63), (1 << 64) - 1),
    st.none() | st.sampled_from(["s", "bytes", "%"]),
    st.sampled_from(["gauge", "counter"]),
    st.none() | label,
)
sample = (
    sound
    | anything
    | st.tuples(anything, anything, anything, anything, anything)
    | st.tuples(
        st.text(max_size=5), st.floats(), st.none(), st.sampled_from(["gauge", "counter", "x"]), label
    )
)
time_ns = st.integers(0, (1 << 63) - 1)
place = st.sampled_from(["shop/checkout/web-1", "bank", ""]) | st.text(max_size=30)
payload = st.one_of(
    st.builds(
        lambda *parts: msgpack.packb([0, wire.KIND_SAMPLES, *parts]),
        time_ns | anything,
        place | anything,
        st.lists(sample, max_size=6) | anything,
    ),
    st.lists(anything, max_size=5).map(lambda parts: msgpack.packb([0, wire.KIND_SAMPLES, *parts])),
    st.binary(max_size=60).map(lambda rest: b"\x95\x00\x05" + rest),
)


@given(time_ns, st.lists(sound, max_size=10))
def test_what_is_sound_is_read(when: int, samples: list[Any]) -> None:
    """Everything that a client can write is read as it was."""
    found = points_of([samples_payload(when, "shop/checkout/web-1", samples)])
    assert [(point.name, point.value, point.unit, point.kind, dict(point.labels)) for point in found] == [
        (name, float(value), unit, kind, labels or {}) for name, value, unit, kind, labels in samples
    ]
    assert {(point.place, point.time_ns) for point in found} <= {(Place("shop", "checkout", "web-1"), when)}


@given(st.lists(payload, max_size=4))
def test_what_is_read_is_sound(payloads: list[bytes]) -> None:
    """Whatever is sent, what is read of it can be stored."""
    for point in points_of(payloads):
        assert math.isfinite(point.value)
        assert 0 <= point.time_ns < 1 << 63
        assert point.kind in {"gauge", "counter"}
        assert 0 < len(point.name) <= 200
        assert list(point.labels) == sorted(point.labels)


@pytest.fixture(scope="module")
def collected() -> Iterator[tuple[asyncio.Runner, Collector]]:
    """Return a collector that keeps what all examples send, and what runs it."""
    with kept_store() as kept:
        yield kept


@settings(max_examples=60, deadline=None)
@given(payloads=st.lists(payload, min_size=1, max_size=3))
def test_records_beside_it_arrive(collected: tuple[asyncio.Runner, Collector], payloads: list[bytes]) -> None:
    """The slice is taken to its end, and its records are all there, whatever becomes of the values."""
    runner, store = collected

    async def send() -> tuple[int, int]:
        before = len(await messages(store))
        segment = numbered_segment(1)
        for each in payloads:
            segment.put(each)
        segment.record(1, [1], {"n": 1})
        assert await deliver(store, segment) == segment.end
        assert await deliver(store, segment) == segment.end
        return before, len(await messages(store))

    before, after = runner.run(send())
    assert after == before + 2
