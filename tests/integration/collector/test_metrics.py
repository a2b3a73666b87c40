"""Metrics: samples make them, lists and single ones show them, people describe and delete them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pylogtap_collector.access.rights import OF_ADMIN
from pylogtap_collector.access.visitor import Visitor, local
from pylogtap_collector.errors import Conflict, Invalid, InvalidCursor, NotFound, StaleVersion
from pylogtap_collector.models import MetricPatch, SampleIn, SamplesIn
from pylogtap_collector.services.metrics import Metrics
from pylogtap_collector.services.positions import read_position, write_position
from pylogtap_collector.services.versions import version_of
from pylogtap_collector.storage.sample_deletion import delete_samples
from pylogtap_collector.storage.series import Filter
from tests.support.segments import numbered_segment
from tests.support.stores import deliver, running_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pylogtap_collector.assembly import Collector
    from pylogtap_collector.models import Metric

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ALL = frozenset({"shop", "bank"})
SHOP_ADMIN = Visitor("user", "ada", 1, projects={"shop": OF_ADMIN})


def sample(value: float = 1.0, second: float = 0.0, **facts: Any) -> SampleIn:
    """Return a sample of a shop's checkout, so many seconds after noon."""
    usual = {"project": "shop", "service": "checkout", "instance": "web-1", "name": "http.requests"}
    return SampleIn(**{"time": NOON + timedelta(seconds=second), **usual, **facts}, value=value)


@pytest.fixture(params=["memory", "disk"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Collector]:
    """Return a collector with its database in memory, and one with a file."""
    async with running_store(tmp_path if request.param == "disk" else None) as collector:
        yield collector


@pytest.fixture
def metrics(store: Collector) -> Metrics:
    """Return its metrics."""
    return Metrics(store.engine)


async def put(metrics: Metrics, *samples: SampleIn) -> list[int]:
    """Store samples, and return the ids of their metrics."""
    return (await metrics.add(SamplesIn(samples=list(samples)), local())).metrics


async def listed(metrics: Metrics, projects: frozenset[str] | None = None, **options: Any) -> list[int]:
    """Return the ids of the metrics of a list."""
    return [metric.id for metric in (await metrics.page(Filter(projects, **options))).items]


async def test_a_sample_makes_its_metric_and_its_place(store: Collector, metrics: Metrics) -> None:
    """The first sample makes the metric as it says, and the places it names."""
    first = sample(2.5, unit="ms", kind="counter", labels={"b": "2", "a": "1"})
    answer = await metrics.add(SamplesIn(samples=[first]), local())
    (metric,) = (await metrics.page()).items
    assert (answer.stored, answer.metrics) == (1, [metric.id])
    assert (metric.project, metric.service, metric.instance) == ("shop", "checkout", "web-1")
    assert (metric.name, metric.unit, metric.kind) == ("http.requests", "ms", "counter")
    assert (metric.labels, metric.description) == ({"a": "1", "b": "2"}, "")
    assert (metric.last_time, metric.last_value, metric.samples) == (NOON, 2.5, 1)
    assert (await store.services.catalog.instance("shop", "checkout", "web-1")).records == 0


async def test_what_tells_metrics_apart(metrics: Metrics) -> None:
    """Place, name and labels make another metric; the order of labels, the unit and the time do not."""
    answer = await metrics.add(
        SamplesIn(
            samples=[
                sample(labels={"a": "1", "b": "2"}, unit="s"),
                sample(labels={"b": "2", "a": "1"}, second=1),
                sample(labels={"a": "1"}),
                sample(instance="web-2"),
                sample(instance="web-2", name="http.errors"),
                sample(instance="web-2", second=2, unit="ms"),
            ]
        ),
        local(),
    )
    assert answer.stored == 6
    assert len(set(answer.metrics)) == len(answer.metrics) == 4
    found = (await metrics.page()).items
    assert [metric.id for metric in found] == answer.metrics
    assert [(metric.samples, metric.unit) for metric in found] == [(2, "s"), (1, None), (2, None), (1, None)]


async def test_the_same_time_replaces(metrics: Metrics) -> None:
    """A request that is repeated changes nothing; another value of the same time replaces the first."""
    for _ in range(2):
        await put(metrics, sample(1.0), sample(2.0, second=1))
    (number,) = await put(metrics, sample(3.0), sample(4.0), sample(5.0, second=2))
    found = await metrics.one(number)
    assert [point.value for point in found.points] == [4.0, 2.0, 5.0]
    assert (found.samples, found.last_value) == (3, 5.0)


async def test_samples_without_a_time_are_of_now(metrics: Metrics) -> None:
    """What says no time is of when it came, and what is read can be sent again without another sample."""
    before = datetime.now(UTC)
    (number,) = await put(metrics, sample(7.0, time=None))
    (point,) = (await metrics.one(number)).points
    assert before - timedelta(microseconds=1) <= point.time <= datetime.now(UTC)
    await put(metrics, sample(8.0, time=point.time))
    assert (await metrics.one(number)).samples == 1


async def test_a_metric_keeps_its_kind(metrics: Metrics) -> None:
    """A gauge takes no samples of a counter, and nothing of such a request is stored."""
    (number,) = await put(metrics, sample())
    with pytest.raises(Conflict, match=r"is a gauge, not a counter"):
        await put(metrics, sample(second=1), sample(name="other"), sample(second=2, kind="counter"))
    assert await listed(metrics) == [number]
    assert (await metrics.one(number)).samples == 1


async def test_lists_are_narrowed(metrics: Metrics) -> None:
    """A list is narrowed by place, by name, and by how names begin."""
    numbers = await put(
        metrics,
        sample(),
        sample(name="http.errors"),
        sample(name="httpd", service="mail"),
        sample(name="http_requests", instance="all", project="bank"),
    )
    first, second, third, fourth = numbers
    assert await listed(metrics) == numbers
    assert await listed(metrics, project="shop") == [first, second, third]
    assert await listed(metrics, service="checkout") == [first, second, fourth]
    assert await listed(metrics, instance="all") == [fourth]
    assert await listed(metrics, name="http.errors") == [second]
    assert await listed(metrics, name="http.*") == [first, second]
    assert await listed(metrics, name="http_*") == [fourth]
    assert await listed(metrics, name="*") == numbers
    assert await listed(metrics, name="http") == []
    assert await listed(metrics, project="shop", service="mail", name="h*") == [third]


async def test_lists_go_on_by_cursor(metrics: Metrics) -> None:
    """Pages follow each other without gaps, also when metrics come and go in between."""
    numbers = await put(metrics, *(sample(name=f"m{number}") for number in range(25)))
    found: list[int] = []
    page = await metrics.page(limit=10)
    while page.next is not None:
        found += [metric.id for metric in page.items]
        await metrics.delete(found[-1], local())
        page = await metrics.page(limit=10, cursor=page.next)
    assert found + [metric.id for metric in page.items] == numbers


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "é", "!!!!", "W10", write_position("a"), write_position(1, 2), write_position(2**63)],
)
async def test_cursors_that_are_none(metrics: Metrics, cursor: str) -> None:
    """A text that is no cursor of this list is refused."""
    with pytest.raises(InvalidCursor):
        await metrics.page(cursor=cursor)


@given(st.integers(-(2**63), 2**63 - 1), st.text(st.characters(exclude_categories=["Cs"])))
def test_positions_come_back(number: int, text: str) -> None:
    """A position is read as it was written, and only as what it is."""
    assert read_position(write_position(number, text), int, str) == (number, text)
    with pytest.raises(InvalidCursor):
        read_position(write_position(number, text), str, int)


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_text_as_a_position(text: str) -> None:
    """Whatever somebody hands back, it is read or refused."""
    try:
        (part,) = read_position(text, int)
    except InvalidCursor:
        return
    assert -(2**63) <= part < 2**63


async def test_the_samples_of_a_range(metrics: Metrics) -> None:
    """One metric comes with the newest samples of a range, the oldest first; its end is not part of it."""
    (number,) = await put(metrics, *(sample(float(second), second) for second in range(10)))

    async def values(**options: Any) -> tuple[list[float], bool]:
        found = await metrics.one(number, **options)
        assert (found.samples, found.last_value) == (10, 9.0)
        return [point.value for point in found.points], found.truncated

    assert await values() == ([float(second) for second in range(10)], False)
    assert await values(limit=3) == ([7.0, 8.0, 9.0], True)
    inside = {"since": "2026-01-31T12:00:02Z", "until": "2026-01-31T12:00:06Z"}
    assert await values(**inside) == ([2.0, 3.0, 4.0, 5.0], False)
    assert await values(**inside, limit=4) == ([2.0, 3.0, 4.0, 5.0], False)
    assert await values(**inside, limit=1) == ([5.0], True)
    assert await values(until="2026-01-31T12:00:00Z") == ([], False)
    with pytest.raises(Invalid, match="cannot read the time"):
        await values(since="yesterday")


async def test_people_change_what_is_said_of_a_metric(metrics: Metrics) -> None:
    """Description and unit are merged in by who has seen the version; later samples leave them."""
    (number,) = await put(metrics, sample(unit="s"))
    seen = version_of(await metrics.one(number))
    await put(metrics, sample(second=1))
    changed = await metrics.change(
        number, MetricPatch(description="Calls."), local(), expected=frozenset({seen})
    )
    assert (changed.description, changed.unit, changed.samples) == ("Calls.", "s", 2)
    for late in (
        metrics.change(number, MetricPatch(unit="ms"), local(), expected=frozenset({seen})),
        metrics.delete(number, local(), expected=frozenset({seen})),
    ):
        with pytest.raises(StaleVersion):
            await late
    assert (await metrics.change(number, MetricPatch(unit=None), local())).unit is None
    await put(metrics, sample(second=2, unit="h"))
    found: Metric = await metrics.change(number, MetricPatch(), local())
    assert (found.description, found.unit, found.samples) == ("Calls.", None, 3)
    assert (await metrics.change(number, MetricPatch(description=None), local())).description == ""


async def test_a_metric_that_is_deleted(metrics: Metrics) -> None:
    """With a metric go its samples and no others; the next sample makes one of another id."""
    number, other = await put(metrics, sample(), sample(second=1), sample(name="other"))
    await metrics.delete(other, local())
    await metrics.delete(number, local(), expected=frozenset({version_of(await metrics.one(number))}))
    for each in (number, other, 0, -1, 2**63):
        with pytest.raises(NotFound):
            await metrics.one(each)
        with pytest.raises(NotFound):
            await metrics.delete(each, local())
        with pytest.raises(NotFound):
            await metrics.change(each, MetricPatch(unit="s"), local())
    (again,) = await put(metrics, sample(second=2))
    assert again not in {number, other}
    assert [point.time for point in (await metrics.one(again)).points] == [NOON + timedelta(seconds=2)]


async def test_projects_that_may_not_be_seen(metrics: Metrics) -> None:
    """Metrics of other projects are as if they were not there, in the same words."""
    mine, other = await put(metrics, sample(), sample(project="bank"))
    shop = frozenset({"shop"})
    assert await listed(metrics, shop) == [mine]
    assert await listed(metrics, ALL) == [mine, other]
    assert await listed(metrics, frozenset()) == []
    assert await listed(metrics, shop, project="bank") == []
    assert (await metrics.one(mine, shop)).id == mine
    for refused in (
        metrics.one(other, shop),
        metrics.change(other, MetricPatch(unit="s"), SHOP_ADMIN, expected=frozenset({"x"})),
        metrics.delete(other, SHOP_ADMIN, expected=frozenset({"x"})),
    ):
        with pytest.raises(NotFound) as hidden:
            await refused
        assert hidden.value.detail == f"There is no metric {other}; it may have been deleted."
    assert (await metrics.change(other, MetricPatch(unit="s"), local())).unit == "s"
    await metrics.delete(other, local())
    with pytest.raises(NotFound, match=f"There is no metric {other}; it may have been deleted"):
        await metrics.one(other)


async def test_metrics_go_with_their_place(store: Collector, metrics: Metrics) -> None:
    """Deleting an instance, a service or a project deletes its metrics and leaves the others."""
    await deliver(store, numbered_segment(3, prefix="shop/checkout/web-1"))
    numbers = await put(
        metrics,
        sample(),
        sample(instance="web-2"),
        sample(service="mail"),
        sample(project="bank"),
        sample(project="shop2"),
    )
    catalog = store.services.catalog
    await catalog.delete_instance("shop", "checkout", "web-1", local())
    assert await listed(metrics) == numbers[1:]
    await catalog.delete_service("shop", "checkout", local())
    assert await listed(metrics) == numbers[2:]
    await catalog.delete_project("shop", local())
    assert await listed(metrics) == numbers[3:]
    left = await store.engine.read(
        lambda connection: connection.execute("SELECT series FROM sample").fetchall()
    )
    assert left == [(number,) for number in numbers[3:]]


async def test_metrics_stay_with_a_place_that_stays(store: Collector, metrics: Metrics) -> None:
    """A place that somebody has changed meanwhile is not deleted, and neither are its metrics."""
    (number,) = await put(metrics, sample())
    with pytest.raises(StaleVersion):
        await store.services.catalog.delete_project("shop", local(), expected=frozenset({"x"}))
    assert await listed(metrics) == [number]


async def test_samples_of_a_range_are_removed(store: Collector, metrics: Metrics) -> None:
    """Samples of a range can be removed; the metric stays and says what is left."""
    number, other = await put(
        metrics, *(sample(float(second), second) for second in range(10)), sample(name="other")
    )
    noon = int(NOON.timestamp()) * 10**9
    removed = await store.engine.write(
        lambda connection: delete_samples(connection, number, None, noon + 3 * 10**9)
    )
    found = await metrics.one(number)
    assert (removed, found.samples, found.points[0].value) == (3, 7, 3.0)
    assert await store.engine.write(lambda connection: delete_samples(connection, number, noon, None)) == 7
    empty = await metrics.one(number)
    assert (empty.samples, empty.last_time, empty.last_value, empty.points) == (0, None, None, [])
    assert (await metrics.one(other)).samples == 1


async def test_metrics_outlive_the_collector(tmp_path: Path) -> None:
    """What was stored is there after the collector was started again."""
    async with running_store(tmp_path) as store:
        (number,) = await put(Metrics(store.engine), sample(2.5, unit="ms"))
        before = await Metrics(store.engine).one(number)
    async with running_store(tmp_path) as store:
        assert await Metrics(store.engine).one(number) == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("value", float("nan")),
        ("value", float("inf")),
        ("name", "1st"),
        ("name", "a b"),
        ("name", "a\n"),
        ("name", "a*"),
        ("name", "x" * 201),
        ("instance", "-"),
        ("unit", ""),
        ("unit", "x" * 33),
        ("unit", "\0"),
        ("kind", "histogram"),
        ("time", datetime(2026, 1, 1)),  # noqa: DTZ001 - that is what is refused
        ("time", datetime(1969, 12, 31, tzinfo=UTC)),
        ("time", datetime(2262, 1, 1, tzinfo=UTC)),
        ("labels", {"a b": "x"}),
        ("labels", {"a": "x" * 201}),
        ("labels", {f"l{number}": "x" for number in range(17)}),
    ],
)
def test_samples_that_are_refused(field: str, value: Any) -> None:
    """What cannot be stored, or not be told apart, is refused by its field."""
    facts = {"project": "shop", "service": "checkout", "name": "a", "value": 1.0, field: value}
    with pytest.raises(ValidationError) as refused:
        SampleIn(**facts)
    assert {error["loc"][0] for error in refused.value.errors()} == {field}


facts = st.fixed_dictionaries(
    {
        "project": st.sampled_from(["shop", "bank"]),
        "service": st.sampled_from(["a", "b"]),
        "name": st.from_regex(r"[a-c_][a-c.:/-]{0,2}", fullmatch=True),
        "value": st.floats(allow_nan=False, allow_infinity=False),
        "time": st.datetimes(
            datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis adds the zones
            datetime(2261, 12, 30),  # noqa: DTZ001 - as above
            timezones=st.just(UTC),
        )
        | st.integers(0, 3).map(lambda second: NOON + timedelta(microseconds=second)),
        "labels": st.dictionaries(
            st.sampled_from(["a", "b"]),
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3),
        ),
    }
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(facts, min_size=1, max_size=12), max_size=4))
def test_what_is_stored_is_read(requests: list[list[dict[str, Any]]]) -> None:
    """Whatever samples come in whichever requests: each metric has those that came last for each time."""
    expected: dict[Any, dict[datetime, float]] = {}
    for each in (each for request in requests for each in request):
        labels = tuple(sorted(each["labels"].items()))
        key = (each["project"], each["service"], "all", each["name"], labels)
        expected.setdefault(key, {})[each["time"]] = each["value"]

    async def run() -> None:
        async with running_store() as store:
            metrics = Metrics(store.engine)
            for request in requests:
                await put(metrics, *(SampleIn(**each) for each in request))
            found = {}
            for metric in (await metrics.page(limit=1000)).items:
                one = await metrics.one(metric.id)
                labels = tuple(sorted(one.labels.items()))
                times = [point.time for point in one.points]
                assert times == sorted(times)
                assert (one.samples, one.last_time) == (len(times), times[-1])
                found[one.project, one.service, one.instance, one.name, labels] = {
                    point.time: point.value for point in one.points
                }
            assert found == expected

    asyncio.run(run())
