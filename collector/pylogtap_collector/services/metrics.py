"""Metrics: they appear with their first sample, and people may describe and delete them."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from pylogtap_collector.access.rights import Right
from pylogtap_collector.models import Metric, MetricPage, MetricWithSamples, Sample, SamplesStored
from pylogtap_collector.services.positions import read_position, write_position
from pylogtap_collector.services.versions import Expected, check_version
from pylogtap_collector.storage import audit, samples, series
from pylogtap_collector.storage.series import Filter
from pylogtap_collector.times import parse_time, to_datetime

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.access.visitor import Projects, Visitor
    from pylogtap_collector.models import MetricPatch, SamplesIn
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.series import SeriesRow


class Metrics:
    """
    The metrics of all places.

    Deleting one deletes its samples; it appears again, under another id, when another sample comes. A metric
    of a project that may not be seen is treated as one that is not there.
    """

    def __init__(self, engine: Engine) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
        """
        self._engine = engine

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
        job = partial(samples.store_samples, samples=new.samples, now_ns=time.time_ns())
        stored, metrics = await self._engine.write(job, urgent=True)
        return SamplesStored(stored=stored, metrics=metrics)

    async def page(
        self,
        projects: Projects = None,
        *,
        project: str | None = None,
        service: str | None = None,
        instance: str | None = None,
        name: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> MetricPage:
        """
        Return metrics by their ids.

        Args:
            projects: Those that may be seen.
            project: Only of this one.
            service: Only of services of this name.
            instance: Only of instances of this name.
            name: Only of this name, or of names that begin so where it ends with `*`.
            limit: How many.
            cursor: From the page before.

        Raises:
            InvalidCursor: It is none of this list.
        """
        behind = None if cursor is None else read_position(cursor, int)[0]
        wanted = Filter(projects, project, service, instance, name)
        job = partial(series.list_series, wanted=wanted, limit=limit + 1, behind=behind)
        rows = await self._engine.read(job)
        more, rows = len(rows) > limit, rows[:limit]
        return MetricPage(
            items=[_metric(row) for row in rows], next=write_position(rows[-1].id) if more else None
        )

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


def _facts(row: SeriesRow) -> dict[str, Any]:
    last = None if row.last_time is None else to_datetime(row.last_time)
    return {**row._asdict(), "created": to_datetime(row.created), "last_time": last}
