"""Questions about records, and labels, notes and deletion."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.parameters import (
    Cursor,
    IfMatch,
    Limit,
    LogId,
    QueryText,
    Since,
    Sorting,
    Text,
    Until,
    etag,
    expected_versions,
)
from pylogtap_collector.api.routing import Answer, Routes
from pylogtap_collector.errors import (
    Invalid,
    InvalidCursor,
    InvalidQuery,
    MissingRight,
    NotFound,
    Overloaded,
    QueryTooSlow,
    StaleVersion,
    TooLarge,
)
from pylogtap_collector.models import Annotated as AnnotatedLogs
from pylogtap_collector.models import (
    Count,
    Deleted,
    Facets,
    Histogram,
    Log,
    LogInContext,
    LogPage,
    LogPatch,
    LogsAdded,
    LogsIn,
    Patterns,
)
from pylogtap_collector.services import Services
from pylogtap_collector.services.versions import version_of

_ASKED = (InvalidQuery, Invalid, QueryTooSlow)
_LISTED = {"pattern": r"^[^\u0000,]*$"}  # a comma separates
_TAG = {"ETag": "Version of labels and note; give it as If-Match when you change them."}

routes = Routes("logs", "Search, count and annotate records.")


@routes.get("/api/v1/logs", right=Right.READ, errors=(*_ASKED, InvalidCursor))
async def list_logs(
    services: Services,
    visitor: Visitor,
    q: QueryText = "",
    since: Since = None,
    until: Until = None,
    order: Sorting = "desc",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> LogPage:
    """
    Search records.

    Going on by `cursor` neither skips nor repeats a record, also while others arrive. A page has fewer
    records than `limit` where these have more than 8 MiB of text; `next` goes on behind them.
    """
    return await services.logs.page(
        q,
        since=since,
        until=until,
        order=order,
        limit=limit,
        cursor=cursor,
        projects=visitor.where(Right.READ),
    )


@routes.post(
    "/api/v1/logs",
    right=Right.DELIVER,
    status=201,
    errors=(NotFound, MissingRight, Invalid, TooLarge, Overloaded),
    headers={"Location": "Address of the first record."},
)
async def add_logs(services: Services, visitor: Visitor, new: LogsIn) -> Answer[LogsAdded]:
    """
    Add records by hand, such as that something was deployed.

    All or none: the answer comes when they are on the disk, and they are found from then on. Up to 1,000 and
    1 MiB at once, 256 KiB each. Sent again, they are stored again; programs deliver by a client, which
    stores each record once.
    """
    added = await services.additions.add(new.logs, visitor)
    return Answer(added, {"Location": f"/api/v1/logs/{added.ids[0]}"})


@routes.get("/api/v1/logs/count", right=Right.READ, errors=_ASKED)
async def count_logs(
    services: Services, visitor: Visitor, q: QueryText = "", since: Since = None, until: Until = None
) -> Count:
    """Count records."""
    return await services.logs.count(q, since=since, until=until, projects=visitor.where(Right.READ))


@routes.get("/api/v1/logs/histogram", right=Right.READ, errors=_ASKED)
async def count_logs_over_time(
    services: Services,
    visitor: Visitor,
    q: QueryText = "",
    since: Since = None,
    until: Until = None,
    buckets: Annotated[int, Field(ge=1, le=1000, description="Stretches to count in.")] = 60,
    step: Annotated[
        int | None,
        Field(
            ge=1,
            le=366 * 86_400,
            description="Length of a stretch in seconds, instead of a number: they begin at its multiples.",
        ),
    ] = None,
) -> Histogram:
    """
    Count records over time, by level.

    All stretches are returned, also those without a record.
    """
    return await services.logs.histogram(
        q, since=since, until=until, buckets=buckets, step_s=step, projects=visitor.where(Right.READ)
    )


@routes.get("/api/v1/logs/facets", right=Right.READ, errors=_ASKED)
async def count_logs_by_value(
    services: Services,
    visitor: Visitor,
    q: QueryText = "",
    since: Since = None,
    until: Until = None,
    fields: Annotated[
        list[Annotated[Text, Field(min_length=1, max_length=200, json_schema_extra=_LISTED)]],
        Field(
            min_length=1,
            max_length=20,
            description="Fields of the query language, also attributes; repeat it, or separate by commas.",
        ),
    ] = ["level", "project", "service", "instance", "logger"],  # noqa: B006 - pydantic copies it
    limit: Annotated[int, Field(ge=1, le=1000, description="Values of a field.")] = 10,
) -> Facets:
    """Return the most frequent values of fields."""
    return await services.logs.facets(
        q, since=since, until=until, fields=list(fields), limit=limit, projects=visitor.where(Right.READ)
    )


@routes.get("/api/v1/logs/patterns", right=Right.READ, errors=_ASKED)
async def count_logs_by_pattern(
    services: Services,
    visitor: Visitor,
    q: QueryText = "",
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
) -> Patterns:
    """Return the most frequent patterns: messages without what varies in them."""
    return await services.logs.patterns(
        q, since=since, until=until, limit=limit, projects=visitor.where(Right.READ)
    )


@routes.get("/api/v1/logs/{log_id}", right=Right.READ, errors=(NotFound,), headers=_TAG)
async def read_log(
    services: Services,
    visitor: Visitor,
    log_id: LogId,
    context: Annotated[int, Field(ge=0, le=500, description="Lines of its instance on each side.")] = 0,
) -> Answer[LogInContext]:
    """Return one record, with the lines around it."""
    log = await services.logs.one(log_id, context=context, projects=visitor.where(Right.READ))
    return Answer(log, etag(version_of(log)))


@routes.patch(
    "/api/v1/logs/{log_id}", right=Right.WRITE, errors=(NotFound, MissingRight, StaleVersion), headers=_TAG
)
async def annotate_log(
    services: Services, visitor: Visitor, log_id: LogId, patch: LogPatch, if_match: IfMatch = None
) -> Answer[Log]:
    """
    Change labels and note of a record, by a merge patch (RFC 7396).

    What the program logged cannot be changed.
    """
    log = await services.notes.annotate(log_id, patch, visitor, expected=expected_versions(if_match))
    return Answer(log, etag(version_of(log)))


@routes.patch("/api/v1/logs", right=Right.WRITE, errors=_ASKED)
async def annotate_logs(
    services: Services,
    visitor: Visitor,
    q: Annotated[QueryText, Field(min_length=1)],
    patch: LogPatch,
    since: Since = None,
    until: Until = None,
) -> AnnotatedLogs:
    """
    Change labels and note of all records that match, by a merge patch (RFC 7396).

    Up to 10,000 at once, in projects where one may write.
    """
    return await services.notes.annotate_all(q, patch, visitor, since=since, until=until)


@routes.delete("/api/v1/logs", right=Right.MANAGE, errors=_ASKED)
async def delete_logs(
    services: Services,
    visitor: Visitor,
    q: QueryText = "",
    since: Since = None,
    until: Until = None,
    everything: Annotated[
        bool, Field(alias="all", description="Has to be `true` where neither query nor range is given.")
    ] = False,
) -> Deleted:
    """
    Delete the records that match, for good, in projects that one manages.

    Labels and notes on them go, too. Those that come while this runs stay.
    """
    if not (q.strip() or since or until or everything):
        raise Invalid(
            "This would delete every record; give a query or a range, or `all=true` if you mean it."
        )
    return await services.logs.delete(q, visitor, since=since, until=until)
