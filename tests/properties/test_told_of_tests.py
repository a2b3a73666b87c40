"""Whatever is told of test runs, in whatever order and however often: the same is kept, nothing breaks."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylogtap import wire
from pylogtap.cases.facts import MAX_NAME, MAX_TEXT
from pylogtap.cases.identity import case_id
from pylogtap_collector.access.visitor import local
from pylogtap_collector.storage.connections import open_writer
from pylogtap_collector.storage.test_case_models import detail_of
from pylogtap_collector.storage.test_case_rows import CaseFilter, get_case, list_cases
from pylogtap_collector.storage.test_run_rows import get_run, run_of
from pylogtap_collector.storage.test_runs import apply_events
from pylogtap_collector.taps.test_events import read_test_events
from tests.support.segments import numbered_segment
from tests.support.stores import deliver, kept_store, messages
from tests.support.told_suites import RUN, START_NS, failure, told

if TYPE_CHECKING:
    import asyncio
    import sqlite3
    from collections.abc import Iterator

    from pylogtap_collector.assembly import Collector

LOCAL = local()
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=6,
)
MEMBERS = (
    "id", "node", "file", "line", "group", "name", "parameters", "markers", "worker", "started", "duration",
    "outcome", "phase", "reason", "failure", "phases", "attempts", "subtests", "subtest_count", "fixtures",
    "properties", "output", "crashed", "done", "cut", "runner", "commit", "committed", "parents", "ci",
    "plugins", "workers", "whole", "exit", "dropped", "case", "category", "message", "when",
)  # fmt: skip
sound_part = st.fixed_dictionaries(
    {"outcome": st.sampled_from(["passed", "failed"]), "duration": st.floats(0, 100)},
    optional={"failure": st.just(failure()) | anything},
)
facts = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(MEMBERS, anything),
        "id": st.sampled_from([case_id(RUN, str(number)) for number in range(3)]) | anything,
        "case": st.sampled_from([case_id(RUN, str(number)) for number in range(3)]) | anything,
        "node": st.sampled_from(["test_a.py::test_b", "test_a.py::test_c[\0]", "n" * 9_000]) | anything,
        "outcome": st.sampled_from(["passed", "failed", "xfailed", "interrupted"]) | anything,
        "failure": st.just(failure("m" * 90_000)) | anything,
        "attempts": st.lists(sound_part, max_size=3) | anything,
        "phases": st.dictionaries(st.sampled_from(["setup", "call", "x"]), sound_part) | anything,
        "output": st.dictionaries(st.text(max_size=4), st.text(max_size=9)) | anything,
    },
)
payload = st.one_of(
    st.builds(
        lambda *parts: msgpack.packb([0, wire.KIND_TEST, *parts]),
        st.integers(0, (1 << 63) - 1) | anything,
        st.sampled_from(["shop/checkout/tests", "bank", ""]) | anything,
        st.sampled_from([RUN, "0" * 32, RUN.upper(), "x"]) | anything,
        st.integers(0, 8) | anything,
        facts | anything,
    ),
    st.lists(anything, max_size=6).map(lambda parts: msgpack.packb([0, wire.KIND_TEST, *parts])),
    st.binary(max_size=60).map(lambda rest: b"\x97\x00\x06" + rest),
)


def sizes(value: Any) -> Iterator[int]:
    """Yield how long the texts and lists in a value are."""
    if isinstance(value, str):
        value.encode()
        assert "\0" not in value
        yield len(value)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from sizes(name)
            yield from sizes(item)
    elif isinstance(value, list):
        assert len(value) <= 500
        for item in value:
            yield from sizes(item)


@settings(deadline=None)
@given(st.lists(payload, max_size=4))
def test_what_is_read_is_sound(payloads: list[bytes]) -> None:
    """Whatever is sent, what is read of it is bounded, and can be stored."""
    for event in read_test_events(payloads):
        assert len(event.run) == 32
        assert 0 <= event.time_ns < 1 << 63
        assert event.kind in range(1, 7)
        assert max(sizes(event.facts), default=0) <= MAX_TEXT + 64
        if event.kind in {wire.TEST_START, wire.TEST_CASE}:
            assert len(event.facts["id"]) == 32
            assert 0 < len(event.facts["node"]) <= MAX_NAME + 64


@pytest.fixture(scope="module")
def collected() -> Iterator[tuple[asyncio.Runner, Collector]]:
    """Return a collector that keeps what all examples send, and what runs it."""
    with kept_store() as kept:
        yield kept


@settings(max_examples=60, deadline=None)
@given(payloads=st.lists(payload, min_size=1, max_size=4))
def test_records_beside_it_arrive(collected: tuple[asyncio.Runner, Collector], payloads: list[bytes]) -> None:
    """The slice is taken to its end, its records are all there, and all cases and runs can be read."""
    runner, store = collected

    async def send() -> None:
        before = len(await messages(store))
        segment = numbered_segment(1)
        for each in payloads:
            segment.put(each)
        segment.record(1, [1], {"n": 1})
        assert await deliver(store, segment) == segment.end
        assert await deliver(store, segment) == segment.end
        assert len(await messages(store)) == before + 2
        runs, cases = store.services.test_runs, store.services.test_cases
        for row in await store.engine.read(
            lambda connection: list_cases(connection, CaseFilter(), 99, alive=0)
        ):
            detail = await cases.one(row.case_id, LOCAL)
            assert type(detail).model_validate_json(detail.model_dump_json()) == detail
            run = await runs.one(row.run_id, LOCAL)
            assert type(run).model_validate_json(run.model_dump_json()) == run

    runner.run(send())


def story() -> list[bytes]:
    """Return the payloads of a run: cases that pass, fail, are skipped, and one that never ends."""
    moments = iter(range(START_NS, START_NS + 1_000))

    def tell(event: int, **facts: Any) -> bytes:
        return told(event, facts, when=next(moments))

    ids = [case_id(RUN, f"test_a.py::test_{name}") for name in "abcd"]
    nodes = [f"test_a.py::test_{name}" for name in "abcd"]
    known = [
        {"id": identity, "node": node, "file": "test_a.py", "name": node[11:], "started": START_NS + 10}
        for identity, node in zip(ids, nodes, strict=True)
    ]
    return [
        tell(wire.TEST_BEGIN, runner="pytest", commit="5b8efff798", branch="main"),
        tell(wire.TEST_BEGIN, collected=4, python="CPython 3.14"),
        *[tell(wire.TEST_START, **facts) for facts in known],
        tell(wire.TEST_WARNING, category="UserWarning", message="of none"),
        tell(wire.TEST_CASE, **known[0], outcome="failed", failure=failure("not yet"), duration=0.1),
        tell(wire.TEST_WARNING, case=ids[0], category="UserWarning", message="one"),
        tell(wire.TEST_WARNING, case=ids[0], category="UserWarning", message="two"),
        tell(wire.TEST_CASE, **known[0], outcome="passed", attempts=[{"outcome": "failed"}], done=True),
        tell(wire.TEST_BEAT),
        tell(wire.TEST_CASE, **known[1], outcome="failed", failure=failure("assert 1 == 2"), done=True),
        tell(
            wire.TEST_CASE,
            **known[2],
            outcome="skipped",
            reason="no",
            output={"call stdout": "x" * 999},
            done=True,
        ),
        tell(wire.TEST_END, outcome="failed", exit=1, duration=2.5, dropped=3),
    ]


def kept(connection: sqlite3.Connection) -> Any:
    """Return all that is kept of the run, without numbers and the times at which it came."""
    row = get_run(connection, RUN, None)
    run = run_of(row, 0).model_dump(exclude={"changed"})
    cases = {}
    for each in list_cases(connection, CaseFilter(), 99, alive=0):
        detail = detail_of(get_case(connection, each.case_id, None), 0)
        cases[each.case_id] = detail.model_dump(exclude={"changed", "test", "failure_group"})
    tests = connection.execute('SELECT node, file, "group", name, first_seen, last_seen FROM test ORDER BY 1')
    groups = connection.execute(  # those that a failure was in that was told of, and is none, may remain
        "SELECT type, pattern, first_seen FROM test_failure"
        " WHERE id IN (SELECT failure FROM test_case) ORDER BY 1, 2"
    )
    return run, cases, tests.fetchall(), groups.fetchall()


def after(*slices: list[bytes]) -> Any:
    """Return what is kept when slices have come one after the other."""
    with closing(open_writer(None)) as connection:
        for payloads in slices:
            apply_events(connection, read_test_events(payloads), START_NS)
        return kept(connection)


STORY = story()


@pytest.fixture(scope="module")
def expected() -> Any:
    """Return what is kept when all is told once, in its order."""
    return after(STORY)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_order_and_repetition_do_not_matter(expected: Any, data: st.DataObject) -> None:
    """The same events in any order, cut into slices anywhere, some of them again: the same rows."""
    again = data.draw(st.lists(st.sampled_from(STORY), max_size=6))
    shuffled = data.draw(st.permutations(STORY + again))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    ends = zip([0, *cuts], [*cuts, len(shuffled)], strict=True)
    assert after(*[shuffled[first:end] for first, end in ends]) == expected
