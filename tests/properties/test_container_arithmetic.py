"""Answers of engines in any shape: a reading or none, never an exception, never a negative rate."""

from __future__ import annotations

import copy
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pylogtap_collector.containers.arithmetic import points_of
from pylogtap_collector.containers.gaps import gaps_of
from pylogtap_collector.containers.readings import Reading, read_stats
from tests.support.readings import DATA, NOW_NS, answers, container

RECORDED = [answer for path in sorted(DATA.glob("*.json")) for answer in answers(path.stem)]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from([0, -1, 1 << 64, "1", 1.5, [], {}, [None], {"eth0": None}]),
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the ways to all that is inside."""
    if isinstance(value, dict):
        inside = list(value.items())
    else:
        inside = list(enumerate(value)) if isinstance(value, list) else []
    return [*([at] if at else []), *(path for key, each in inside for path in paths(each, (*at, key)))]


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """Take a recorded answer; drop some of it, and put other things in the place of some."""
    answer = copy.deepcopy(draw(st.sampled_from(RECORDED)))
    for path in draw(st.lists(st.sampled_from(paths(answer)), max_size=6)):
        inner = answer
        try:
            for key in path[:-1]:
                inner = inner[key]
            if draw(st.booleans()):
                del inner[path[-1]]
            else:
                inner[path[-1]] = draw(anything)
        except (KeyError, IndexError, TypeError):  # an earlier one has removed it
            continue
    return answer


def check(reading: Reading | None, previous: Reading | None, **own: Any) -> None:
    """See that points can be stored, and that no rate is negative."""
    if reading is None:
        return
    assert all(value is None or isinstance(value, str) or value >= 0 for value in reading)
    of = container(**own)
    for point in points_of(of, reading, previous):
        assert math.isfinite(point.value)
        assert point.value >= 0
    assert all(gap.reason for gap in gaps_of(of, reading))


@given(damaged(), damaged(), st.sampled_from([None, 0.5, 64.0]), st.booleans())
@settings(max_examples=500, deadline=None)
def test_damaged_answers(first: Any, second: Any, cpus: float | None, host_network: bool) -> None:
    """Keys are missing, values are of other kinds, counters go back, the order is wrong: no exception."""
    own = container(cpus=cpus, host_network=host_network)
    previous, reading = (read_stats(own, answer, NOW_NS) for answer in (first, second))
    check(previous, None, cpus=cpus, host_network=host_network)
    check(reading, previous, cpus=cpus, host_network=host_network)


@given(anything)
@settings(max_examples=300, deadline=None)
def test_any_json(answer: Any) -> None:
    """Whatever an engine says is a reading or none."""
    check(read_stats(container(), answer, NOW_NS), None)


counters = st.one_of(st.none(), st.integers(0, 1 << 63))
any_reading = st.builds(
    Reading,
    st.integers(1, 1 << 62),
    st.sampled_from(["2026-11-23T02:08:40Z", "2026-11-24T02:08:40Z", "", "0001-01-01T00:00:00Z"]),
    *[counters for _ in Reading._fields[2:]],
)


@given(any_reading, any_reading)
@settings(max_examples=500, deadline=None)
def test_any_two_readings(previous: Reading, reading: Reading) -> None:
    """Whatever counters say, no rate is negative or endless, and other starts give none."""
    check(reading, previous)
    found = {point.name for point in points_of(container(), reading, previous)}
    if reading.started_at != previous.started_at:
        assert "container.cpu.percent" not in found
