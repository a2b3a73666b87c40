"""CRUD of test runs and of the cases in them."""

from __future__ import annotations

import time
from typing import Annotated

from pydantic import Field, StringConstraints

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.parameters import (
    Cursor,
    IfMatch,
    Limit,
    Number,
    ProjectFilter,
    Since,
    Text,
    Until,
    etag,
    expected_versions,
)
from pylogtap_collector.api.routing import Answer, Routes
from pylogtap_collector.errors import (
    Conflict,
    Invalid,
    InvalidCursor,
    MissingRight,
    NotFound,
    Overloaded,
    QueryTooSlow,
    StaleVersion,
)
from pylogtap_collector.models.base import Format
from pylogtap_collector.models.cases import (
    CaseDetail,
    CaseOfRunIn,
    CasePage,
    CasePatch,
    CaseState,
    RunState,
    Standing,
    TestRun,
    TestRunIn,
    TestRunPage,
    TestRunPatch,
)
from pylogtap_collector.services import Services
from pylogtap_collector.services.versions import version_of
from pylogtap_collector.storage.test_case_rows import CaseFilter
from pylogtap_collector.storage.test_filters import RunFilter
from pylogtap_collector.times import parse_time

RUNS = "/api/v1/tests/runs"
RUN = f"{RUNS}/{{run}}"
CASES = "/api/v1/tests/cases"
CASE = f"{CASES}/{{case}}"
_TAG = {"ETag": "Version of labels and note; give it as If-Match when you change or delete it."}
_CREATED = {**_TAG, "Location": "Address of what was created."}
_ASKED = (Invalid, InvalidCursor, QueryTooSlow)
_ADDED = (NotFound, MissingRight, Conflict, Invalid, Overloaded)
_ID = r"^[0-9a-f]{32}$"
_EXAMPLE = "5b8efff798038103d269b633813fc60c"

Id = Annotated[str, StringConstraints(pattern=_ID)]
RunId = Annotated[Id, Field(description="The run's `id`: 32 hex digits.", examples=[_EXAMPLE])]
CaseId = Annotated[Id, Field(description="The case's `id`: 32 hex digits.", examples=[_EXAMPLE])]
RunIdFilter = Annotated[Id | None, Field(description="Of the run of this `id`.", examples=[_EXAMPLE])]
TestFilter = Annotated[int | None, Number, Field(description="Of the test of this `id`.")]
FailureFilter = Annotated[int | None, Number, Field(description="Of this group of failures.")]
ServiceFilter = Annotated[
    Text | None, Field(max_length=63, description="Of services of this name.", examples=["checkout"])
]
BranchFilter = Annotated[
    Text | None, Field(max_length=2_000, description="Of this branch.", examples=["main"])
]
CommitFilter = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{1,64}$")] | None,
    Field(description="Of the revision that begins so.", examples=["5b8efff"]),
]
RunStates = Annotated[
    list[RunState],
    Field(
        max_length=6, description="Of one of these states; repeat it, or separate by commas. Default: any."
    ),
]
CaseStates = Annotated[
    list[CaseState],
    Field(
        max_length=8, description="Of one of these states; repeat it, or separate by commas. Default: any."
    ),
]
Standings = Annotated[
    list[Standing],
    Field(
        max_length=6,
        description="Of one of these standings; repeat it, or separate by commas. Default: any.",
    ),
]
NodePart = Annotated[
    Text | None,
    Field(max_length=2_000, description="A part of the node; case does not count.", examples=["test_cart"]),
]
FileFilter = Annotated[
    Text | None, Field(max_length=2_000, description="In this file.", examples=["tests/test_cart.py"])
]
LabelFilter = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,62}(=[^\x00]{0,1000})?$")]
    | None,
    Field(description="With this label: `name`, or `name=value`.", examples=["ticket=SHOP-17"]),
]
ChangedAfter = Annotated[
    Text | None,
    Field(
        max_length=64,
        description="Those of which something came later than this time, in the order in which it came: to "
        "follow a run, give the `changed` of the last one that you have. RFC 3339, seconds since the epoch "
        "(or ms, µs, ns), or how long ago.",
        examples=["15m"],
    ),
    Format("pylogtap-time"),
]

routes = Routes("test runs", "Executions of test suites, and what became of each test in them.")


@routes.get(RUNS, right=Right.READ, errors=_ASKED)
async def list_test_runs(
    services: Services,
    visitor: Visitor,
    project: ProjectFilter = None,
    service: ServiceFilter = None,
    branch: BranchFilter = None,
    commit: CommitFilter = None,
    state: RunStates = [],  # noqa: B006 - pydantic copies it
    label: LabelFilter = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> TestRunPage:
    """
    List test runs, those that began last first.

    `since` and `until` are about when they began.
    """
    wanted = RunFilter(
        visitor.where(Right.READ),
        project,
        service,
        branch,
        commit,
        state,
        *_range(since, until),
        _label(label),
    )
    return await services.test_runs.page(wanted, limit=limit, cursor=cursor)


@routes.post(RUNS, right=Right.DELIVER, status=201, errors=_ADDED, headers=_CREATED)
async def create_test_run(services: Services, visitor: Visitor, new: TestRunIn) -> Answer[TestRun]:
    """
    Add a run that has ended, with its cases.

    All or none: the answer comes when it is on the disk. It failed where a case did. Each case that failed,
    and how the run ended, is found in the logs, too.
    """
    made = await services.test_runs.create(new, visitor)
    return Answer(made, etag(version_of(made)) | {"Location": f"{RUNS}/{made.id}"})


@routes.get(RUN, right=Right.READ, errors=(NotFound,), headers=_TAG)
async def read_test_run(services: Services, visitor: Visitor, run: RunId) -> Answer[TestRun]:
    """Return a test run."""
    found = await services.test_runs.one(run, visitor)
    return Answer(found, etag(version_of(found)))


@routes.patch(RUN, right=Right.WRITE, errors=(NotFound, MissingRight, StaleVersion), headers=_TAG)
async def change_test_run(
    services: Services, visitor: Visitor, run: RunId, patch: TestRunPatch, if_match: IfMatch = None
) -> Answer[TestRun]:
    """
    Change labels and note of a test run, by a merge patch (RFC 7396).

    What was told of it cannot be changed.
    """
    changed = await services.test_runs.change(run, patch, visitor, expected=expected_versions(if_match))
    return Answer(changed, etag(version_of(changed)))


@routes.delete(RUN, right=Right.MANAGE, errors=(NotFound, MissingRight, StaleVersion))
async def delete_test_run(services: Services, visitor: Visitor, run: RunId, if_match: IfMatch = None) -> None:
    """
    Delete a test run with its cases.

    Tests that ran in no other go with it. Records in the logs stay.
    """
    await services.test_runs.delete(run, visitor, expected=expected_versions(if_match))


@routes.get(CASES, right=Right.READ, errors=_ASKED)
async def list_test_cases(
    services: Services,
    visitor: Visitor,
    run: RunIdFilter = None,
    test: TestFilter = None,
    project: ProjectFilter = None,
    service: ServiceFilter = None,
    state: CaseStates = [],  # noqa: B006 - pydantic copies it
    standing: Standings = [],  # noqa: B006 - likewise
    node: NodePart = None,
    file: FileFilter = None,
    failure: FailureFilter = None,
    label: LabelFilter = None,
    since: Since = None,
    until: Until = None,
    changed_after: ChangedAfter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> CasePage:
    """
    List cases: those of the run that began last first, and within a run the newest first.

    With `changed_after`, in the order in which something of them came. `since` and `until` are about when
    their runs began.
    """
    runs = RunFilter(visitor.where(Right.READ), project, service, None, None, (), *_range(since, until))
    after = None if changed_after is None else parse_time(changed_after, time.time_ns())
    wanted = CaseFilter(runs, run, test, state, standing, node, file, failure, _label(label), after)
    return await services.test_cases.page(wanted, limit=limit, cursor=cursor)


@routes.post(CASES, right=Right.DELIVER, status=201, errors=_ADDED, headers=_CREATED)
async def create_test_case(services: Services, visitor: Visitor, new: CaseOfRunIn) -> Answer[CaseDetail]:
    """
    Add a case to a run.

    The run's counts have it; how the run ended stays as it is.
    """
    made = await services.test_cases.create(new, visitor)
    return Answer(made, etag(version_of(made)) | {"Location": f"{CASES}/{made.id}"})


@routes.get(CASE, right=Right.READ, errors=(NotFound,), headers=_TAG)
async def read_test_case(services: Services, visitor: Visitor, case: CaseId) -> Answer[CaseDetail]:
    """Return a case with all that was told of it: output, phases, attempts, warnings."""
    found = await services.test_cases.one(case, visitor)
    return Answer(found, etag(version_of(found)))


@routes.patch(CASE, right=Right.WRITE, errors=(NotFound, MissingRight, StaleVersion), headers=_TAG)
async def change_test_case(
    services: Services, visitor: Visitor, case: CaseId, patch: CasePatch, if_match: IfMatch = None
) -> Answer[CaseDetail]:
    """
    Change labels and note of a case, by a merge patch (RFC 7396).

    What was told of it cannot be changed.
    """
    changed = await services.test_cases.change(case, patch, visitor, expected=expected_versions(if_match))
    return Answer(changed, etag(version_of(changed)))


@routes.delete(CASE, right=Right.MANAGE, errors=(NotFound, MissingRight, StaleVersion))
async def delete_test_case(
    services: Services, visitor: Visitor, case: CaseId, if_match: IfMatch = None
) -> None:
    """
    Delete a case.

    The run's counts are made anew; how it ended stays as it is. Records in the logs stay.
    """
    await services.test_cases.delete(case, visitor, expected=expected_versions(if_match))


def _range(since: str | None, until: str | None) -> tuple[int | None, int | None]:
    now = time.time_ns()
    return (
        None if since is None else parse_time(since, now),
        None if until is None else parse_time(until, now),
    )


def _label(text: str | None) -> tuple[str, str | None] | None:
    if text is None:
        return None
    name, equals, value = text.partition("=")
    return name, value if equals else None
