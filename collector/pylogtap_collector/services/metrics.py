"""Metrics: they appear with their first sample, and people may describe and delete them."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from pylogtap_collector.access.rights import Right
from pylogtap_collector.models import (
    Metric,
    MetricPage,
    MetricWithSamples,
    MetricWithSteps,
    Sample,
    SamplesStored,
)
from pylogtap_collector.services import measures
from pylogtap_collector.services.counters import Counters
from pylogtap_collector.services.exposition import expose
from pylogtap_collector.services.latest import Latest
from pylogtap_collector.services.measures import NOTHING, Over
from pylogtap_collector.services.points import Points
from pylogtap_collector.services.positions import read_position, write_position
from pylogtap_collector.services.versions import Expected, check_version
from pylogtap_collector.settings import Settings
from pylogtap_collector.storage import audit, samples, series, steps
from pylogtap_collector.storage.series import Filter
from pylogtap_collector.taps.entries import Point
from pylogtap_collector.times import parse_time, to_datetime, to_ns
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from pylogtap_collector.access.visitor import Projects, Visitor
    from pylogtap_collector.models import MetricPatch, SampleIn, SamplesIn
    from pylogtap_collector.services.points import TakenPoints
    from pylogtap_collector.services.reserve import Reserve
    from pylogtap_collector.storage.buckets import Buckets
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.series import SeriesRow

_ANY = Filter()


class Metrics:
    """
    The metrics of all places.

    Deleting one deletes its samples; it appears again, under another id, when another sample comes. A metric
    of a project that may not be seen is treated as one that is not there.

    Attributes:
        latest: Their newest samples, in memory.
        points: The way in for points that come together with records.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings | None = None,
        counters: Counters | None = None,
        reserve: Reserve | None = None,
    ) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
            settings: How long samples and minutes are kept.
            counters: Counts points.
            reserve: Room for a full disk: once it is given away, no points are stored.
        """
        self._engine = engine
        self._settings = settings or Settings()
        self._counters = counters or Counters()
        self.latest = Latest(engine)
        self.points = Points(engine, self.latest, self._counters, reserve)

    async def take(self, points: Sequence[Point], projects: Projects = None) -> TakenPoints:
        """
        Store points that were measured; what cannot be stored now is dropped and counted, and nobody waits.

        Args:
            points: The points; metrics and places that are not there are made.
            projects: Where they may be of; None: of any.

        Returns:
            How many were stored, and why others never can be.
        """
        return await self.points.take(points, projects)

    async def add(self, new: SamplesIn, visitor: Visitor) -> SamplesStored:
        """
        Store samples: all of them, or none. To repeat that changes nothing, where they have their times.

        Args:
            new: The samples; metrics and places that are not there are made.
            visitor: Who does it.

        Raises:
            NotFound: There is no such project for him.
            MissingRight: He may not add to one of the projects.
            Conflict: A metric is of another kind.
        """
        for project in sorted({sample.project for sample in new.samples}):
            visitor.demand(Right.DELIVER, project)
        now = time.time_ns()
        job = partial(samples.store_samples, samples=new.samples, now_ns=now)
        stored = await self._engine.write(job, urgent=True)
        self.latest.note([_point(sample, now) for sample in new.samples], stored.each, stored.directory)
        self._counters.points += stored.stored
        return SamplesStored(stored=stored.stored, metrics=stored.series)

    async def page(
        self,
        wanted: Filter = _ANY,
        over: Over = NOTHING,
        *,
        limit: int = 100,
        cursor: str | None = None,
    ) -> MetricPage:
        """
        Return metrics by their ids, with what they have been over a range if one is given.

        Args:
            wanted: Which.
            over: The range, and its steps.
            limit: How many.
            cursor: From the page before.

        Raises:
            InvalidCursor: It is none of this list.
            Invalid: A time cannot be read.
            TooManyPoints: There would be too many.
        """
        behind = None if cursor is None else read_position(cursor, int)[0]
        cut = measures.cut(over, limit, self._settings, time.time_ns())

        def job(connection: sqlite3.Connection) -> tuple[list[SeriesRow], dict[int, Buckets]]:
            rows = series.list_series(connection, wanted, limit + 1, behind)
            if cut is None:
                return rows, {}
            measures.check_size(cut, len(rows[:limit]))
            kinds = {row.id: row.kind == "counter" for row in rows[:limit]}
            return rows, steps.values_over(connection, kinds, cut)

        rows, values = await self._engine.read(job)
        more, rows = len(rows) > limit, rows[:limit]
        return MetricPage(
            items=[_with_steps(row, values.get(row.id), asked=cut is not None) for row in rows],
            next=write_position(rows[-1].id) if more else None,
            step_s=None if cut is None else cut.width // 1_000_000,
            resolution=None if cut is None else cut.resolution,
        )

    async def expose(self, projects: Projects = None, *, reserved: str = "") -> str:
        """
        Return their newest samples in Prometheus' text format.

        Args:
            projects: Those that may be seen.
            reserved: How names begin that are not given to them.
        """
        return expose(await self.latest.all(Filter(projects)), time.time_ns(), reserved)

    async def one(
        self,
        metric_id: int,
        projects: Projects = None,
        *,
        since: str | None = None,
        until: str | None = None,
        limit: int = 1000,
    ) -> MetricWithSamples:
        """
        Return a metric with its newest samples of a range.

        Args:
            metric_id: Its id.
            projects: Those that may be seen.
            since: Beginning of the range.
            until: End of the range, not included.
            limit: How many samples.

        Raises:
            NotFound: There is no such metric.
            Invalid: A time cannot be read.
        """
        now = time.time_ns()
        first, end = (None if text is None else parse_time(text, now) for text in (since, until))

        def job(connection: sqlite3.Connection) -> tuple[SeriesRow, list[tuple[int, float]]]:
            row = series.get_series(connection, metric_id, projects)
            return row, samples.newest_samples(connection, metric_id, first, end, limit + 1)

        row, newest = await self._engine.read(job)
        points = [Sample(time=to_datetime(when), value=value) for when, value in newest[:limit]]
        return MetricWithSamples(points=points[::-1], truncated=len(newest) > limit, **_facts(row))

    async def change(
        self, metric_id: int, patch: MetricPatch, visitor: Visitor, *, expected: Expected = None
    ) -> Metric:
        """
        Change what people say of a metric.

        Args:
            metric_id: Its id.
            patch: What changes.
            visitor: Who does it.
            expected: The versions it may have.

        Raises:
            NotFound: There is no such metric.
            MissingRight: He may see it, and not do this.
            StaleVersion: It is none of the versions expected.
        """

        def job(connection: sqlite3.Connection) -> SeriesRow:
            row = series.get_series(connection, metric_id, visitor.where(Right.READ))
            visitor.demand(Right.WRITE, row.project)
            check_version(_metric(row), expected)
            said = {"description": row.description, "unit": row.unit, **patch.model_dump(exclude_unset=True)}
            series.describe_series(connection, metric_id, said["description"] or "", said["unit"])
            return series.get_series(connection, metric_id)

        return _metric(await self._engine.write(job, urgent=True))

    async def delete(self, metric_id: int, visitor: Visitor, *, expected: Expected = None) -> None:
        """
        Remove a metric and all of its samples.

        Args:
            metric_id: Its id.
            visitor: Who does it.
            expected: The versions it may have.

        Raises:
            NotFound: There is no such metric.
            MissingRight: He may see it, and not do this.
            StaleVersion: It is none of the versions expected.
        """

        def job(connection: sqlite3.Connection) -> None:
            row = series.get_series(connection, metric_id, visitor.where(Right.READ))
            visitor.demand(Right.MANAGE, row.project)
            check_version(_metric(row), expected)
            series.delete_series(connection, metric_id)
            audit.note(
                connection, visitor, time.time_ns(), "metric.delete", row.name, row.project,
                samples=row.samples,
            )  # fmt: skip

        await self._engine.write(job, urgent=True)


def _metric(row: SeriesRow) -> Metric:
    return Metric(**_facts(row))


def _with_steps(row: SeriesRow, values: Buckets | None, *, asked: bool) -> MetricWithSteps:
    told = [] if values is None else measures.told(values, counter=row.kind == "counter")
    return MetricWithSteps(points=told if asked else None, **_facts(row))


def _facts(row: SeriesRow) -> dict[str, Any]:
    last = None if row.last_time is None else to_datetime(row.last_time)
    return {**row._asdict(), "created": to_datetime(row.created), "last_time": last}


def _point(sample: SampleIn, now_ns: int) -> Point:
    place = Place(sample.project, sample.service, sample.instance)
    when = now_ns // 1000 * 1000 if sample.time is None else to_ns(sample.time)
    labels = tuple(sorted(sample.labels.items()))
    return Point(place, sample.name, sample.value, when, sample.unit, sample.kind, labels)
