"""Samples that are packed, and asked for over steps, are what a plain list of what was sent would say."""

from __future__ import annotations

import math
from contextlib import closing
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pylogtap_collector.storage import rolling, samples, series, settling, sketches
from pylogtap_collector.storage.buckets import (
    Samples,
    bucketed,
    pack_buckets,
    pack_samples,
    percentile,
    regroup,
    unpack_buckets,
    unpack_samples,
)
from pylogtap_collector.storage.chunks import HOUR_US, MINUTE_US, SECOND_US
from pylogtap_collector.storage.connections import open_writer
from pylogtap_collector.storage.sample_deletion import delete_samples
from pylogtap_collector.storage.steps import Steps, values_over
from pylogtap_collector.taps.entries import Point
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    import sqlite3

START_US = 1_700_000_000_000_000 // HOUR_US * HOUR_US
WHERE = Place("shop", "web", "web-1")
plain = st.floats(-1e9, 1e9, allow_subnormal=False) | st.integers(-5, 5).map(float)
any_value = st.floats(allow_nan=False, allow_infinity=False) | plain
offsets = st.one_of(
    st.integers(0, 4 * 3600).map(lambda second: second * SECOND_US),
    st.integers(0, 4 * 3_600_000).map(lambda milli: milli * 1000),
    st.sampled_from([HOUR_US, HOUR_US - 1000, 2 * HOUR_US, 90 * MINUTE_US]),
)
sample = st.tuples(st.sampled_from("gc"), offsets, any_value)
act = st.one_of(
    st.lists(sample, min_size=1, max_size=20).map(lambda sent: ("send", sent)),
    offsets.map(lambda until: ("pack", until)),
    offsets.map(lambda until: ("settle", until)),
    st.tuples(st.sampled_from("gc"), offsets, offsets).map(lambda gone: ("delete", gone)),
)


def rank(values: list[float], share: float = 0.95) -> float:
    """Return the quantile as DDSketch defines it."""
    return sorted(values)[math.floor(share * (len(values) - 1))]


def near(found: float, right: float) -> bool:
    """Tell whether a quantile is within 1 %, and the rounding of floats."""
    return abs(found - right) <= abs(right) * (sketches.ERROR + 1e-9) + 1e-300


class Store:
    """A store, and what was sent to it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.index = samples.SeriesIndex()
        self.sent: dict[str, dict[int, float]] = {"g": {}, "c": {}}
        self.numbers: dict[str, int] = {}

    def send(self, sent: list[tuple[str, int, float]]) -> None:
        """Store samples."""
        points = [
            Point(
                WHERE, name, value, (START_US + offset) * 1000 + 7, kind="counter" if name == "c" else "gauge"
            )
            for name, offset, value in sent
        ]
        stored = samples.store_points(self.connection, points, 1, self.index)
        stored.keep()
        for (name, offset, value), number in zip(sent, stored.series, strict=True):
            self.sent[name][START_US + offset] = value
            self.numbers[name] = number

    def pack(self, until: int) -> None:
        """Pack what is older."""
        while packed := rolling.pack(self.connection, (START_US + until) * 1000):
            assert rolling.store_packed(self.connection, packed)

    def settle(self, until: int) -> None:
        """Make buckets of hours that are over, as the collector does: after all of their rows are packed."""
        self.pack(until)
        while settled := settling.settle(self.connection, (START_US + until) * 1000):
            assert settling.store_settled(self.connection, settled)

    def delete(self, gone: tuple[str, int, int]) -> None:
        """Delete what is between, minutes as a whole."""
        name, first, end = gone[0], *sorted(each // HOUR_US * HOUR_US for each in gone[1:])
        if name in self.numbers:
            since, until = START_US + first, START_US + end
            count = delete_samples(self.connection, self.numbers[name], since * 1000, until * 1000)
            left = {when: value for when, value in self.sent[name].items() if not since <= when < until}
            assert count >= len(self.sent[name]) - len(left)  # one that came again counts twice until packed
            self.sent[name] = left

    def check(self) -> None:
        """Compare all that can be asked."""
        for name, number in self.numbers.items():
            sent = self.sent[name]
            found = samples.newest_samples(self.connection, number, None, None, 10_000)
            assert [(when // 1000, value) for when, value in found] == sorted(sent.items(), reverse=True)
            assert found[:3] == samples.newest_samples(self.connection, number, None, None, 3)
            row = series.get_series(self.connection, number)
            unpacked = self.connection.execute("SELECT count(*) FROM sample").fetchone()[0]
            assert len(sent) <= row.samples <= len(sent) + unpacked
            if sent:
                assert (row.last_time, row.last_value) == (max(sent) * 1000, sent[max(sent)])
            for width, resolution in ((7, "raw"), (60, "minute"), (300, "minute"), (3600, "hour")):
                self.check_steps(name, width * SECOND_US, resolution, 30 * MINUTE_US)
                self.check_steps(name, width * SECOND_US, resolution, 0)

    def check_steps(self, name: str, width: int, resolution: Any, offset: int) -> None:
        """Compare what is said of the steps of a range."""
        since, until = (
            (START_US + each) // width * width for each in (offset, offset + 3 * HOUR_US + 11 * MINUTE_US)
        )
        counter, number = name == "c", self.numbers[name]
        steps = Steps(since, until, width, resolution)
        buckets = values_over(self.connection, {number: counter}, steps).get(number)
        expected: dict[int, list[tuple[int, float]]] = {}
        ordered = sorted(self.sent[name].items())
        for when, value in ordered:
            if since <= when < until:
                expected.setdefault(when // width * width, []).append((when, value))
        if buckets is None:
            assert not expected
            return
        assert buckets.starts.tolist() == list(expected)
        assert buckets.counts.tolist() == [len(each) for each in expected.values()]
        assert buckets.lasts.tolist() == [each[-1][1] for each in expected.values()]
        if counter:
            self.check_growth(buckets, expected, ordered)
            return
        values = [[value for _, value in each] for each in expected.values()]
        assert buckets.least.tolist() == list(map(min, values))
        assert buckets.greatest.tolist() == list(map(max, values))
        for found, right, scale in zip(buckets.sums.tolist(), values, values, strict=True):
            if max(map(abs, scale)) < 1e300:
                assert found == pytest.approx(math.fsum(right), rel=1e-9, abs=1e-9 * max(map(abs, scale)))
        for quantile, mine in zip(percentile(buckets, 0.95).tolist(), values, strict=True):
            assert near(quantile, rank(mine))

    def check_growth(self, buckets: Any, expected: Any, ordered: list[tuple[int, float]]) -> None:
        """Compare how a counter has grown, and in how long."""
        steps = {}
        for (earlier, base), (when, value) in pairwise(ordered):
            grown = value - base if value >= base else max(value, 0.0)
            steps[when] = (min(grown, 1.7976931348623157e308), when - earlier)
        for number, each in enumerate(expected.values()):
            mine = [steps.get(when, (0.0, 0)) for when, _ in each]
            assert buckets.spans[number] == sum(span for _, span in mine)
            grown = sum(grown for grown, _ in mine)
            assert buckets.grown[number] == pytest.approx(min(grown, 1.7976931348623157e308), rel=1e-9)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(act, min_size=1, max_size=12))
def test_whatever_is_packed_stays_what_it_was(acts: list[tuple[str, Any]]) -> None:
    """Sent, packed, settled, sent late, replaced and deleted in any order: no sample is lost or doubled."""
    with closing(open_writer(None)) as connection:
        store = Store(connection)
        for name, argument in acts:
            getattr(store, name)(argument)
            store.check()
        store.settle(5 * HOUR_US)
        store.check()
        for name, number in store.numbers.items():
            assert series.get_series(connection, number).samples == len(store.sent[name])


@given(st.lists(st.tuples(st.integers(0, HOUR_US - 1), any_value), min_size=1, unique_by=lambda it: it[0]))
def test_samples_come_back_from_a_chunk(sent: list[tuple[int, float]]) -> None:
    """What is packed is read to the last bit, the sign of a zero included."""
    times, values = zip(*sorted(sent), strict=True)
    written = Samples(np.array(times) + START_US, np.array(values))
    read = unpack_samples(pack_samples(written, START_US), START_US)
    assert read.times.tolist() == written.times.tolist()
    assert read.values.tobytes() == written.values.tobytes()


@given(
    st.lists(
        st.tuples(st.integers(0, 3 * HOUR_US), plain), min_size=1, max_size=300, unique_by=lambda it: it[0]
    )
)
def test_quantiles_are_right_within_a_hundredth(sent: list[tuple[int, float]]) -> None:
    """Any quantile is within 1 % of the value of its rank, also of what was packed and merged."""
    times, values = zip(*sorted(sent), strict=True)
    known = Samples(np.array(times) + START_US, np.array(values))
    minutes = bucketed(known, MINUTE_US, counter=False, before=None)
    again = unpack_buckets(pack_buckets(minutes, START_US), START_US)
    for each, other in zip(minutes, again, strict=True):
        assert each.tolist() == other.tolist()
    merged = regroup([again], 24 * HOUR_US * 365)
    assert merged is not None
    for share in (0.0, 0.5, 0.9, 0.95, 0.99, 1.0):
        (found,) = percentile(merged, share).tolist()
        assert near(found, rank(list(values), share))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False), min_size=1))
def test_keys_have_the_order_of_their_numbers(values: list[float]) -> None:
    """A larger number has no smaller key, and each is within 1 % of what its key stands for."""
    floats = np.sort(np.array(values))
    keys = sketches.keys_of(floats)
    assert (np.diff(keys) >= 0).all()
    for value, stands_for in zip(floats.tolist(), sketches.values_of(keys).tolist(), strict=True):
        assert near(min(stands_for, 1.7976931348623157e308), value)
