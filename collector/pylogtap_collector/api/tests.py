"""What is known of tests beyond one run."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.parameters import (
    Cursor,
    Limit,
    Number,
    ProjectFilter,
    Since,
    Text,
    Until,
)
from pylogtap_collector.api.routing import Routes
from pylogtap_collector.api.test_runs import RUN, BranchFilter, RunId, RunIdFilter, ServiceFilter
from pylogtap_collector.errors import Invalid, InvalidCursor, NotFound, QueryTooSlow
from pylogtap_collector.models.cases import CasePage, CaseState, Standing
from pylogtap_collector.models.tests import FailureGroups, RunReport, Test, TestOrder, TestPage, Trend
from pylogtap_collector.services import Services
from pylogtap_collector.storage.test_rows import WantedTests

TESTS = "/api/v1/tests"
TEST = f"{TESTS}/{{test}}"
TestNumber = Annotated[int, Number, Field(description="The test's `id`.")]
NodePart = Annotated[
    Text | None,
    Field(
        max_length=2_000,
        description="A part of the node, or of one that it had before; case does not count.",
        examples=["test_cart"],
    ),
]
StateFilter = Annotated[
    CaseState | None, Field(description="What became of it when it ran last.", examples=["failed"])
]
StandingFilter = Annotated[
    Standing | None,
    Field(description="How that compares with the runs before.", examples=["new_failure"]),
]
FlakyFilter = Annotated[bool | None, Field(description="Flaky ones, or those that are not.", examples=[True])]
SlowerFilter = Annotated[
    bool | None, Field(description="Those that take longer than they did, or the others.", examples=[True])
]
GoneFilter = Annotated[
    bool | None, Field(description="Those that are never run any more, or the others.", examples=[False])
]
Sorting = Annotated[
    TestOrder,
    Field(
        description="`node`: by name; `flaky` (by what the score is at least, so few commits count little), "
        "`slowest` (by median), `slower` (by ratio): the most first; "
        "`last_seen`: the latest first."
    ),
]
Runs = Annotated[int, Field(ge=1, le=500, description="How many of the newest runs.", examples=[50])]

routes = Routes("tests", "Tests over many runs: history, flakiness, slowness, failures alike, trends.")


@routes.get(TESTS, right=Right.READ, errors=(InvalidCursor, QueryTooSlow))
async def list_tests(
    services: Services,
    visitor: Visitor,
    project: ProjectFilter = None,
    service: ServiceFilter = None,
    node: NodePart = None,
    state: StateFilter = None,
    standing: StandingFilter = None,
    flaky: FlakyFilter = None,
    slower: SlowerFilter = None,
    gone: GoneFilter = None,
    order: Sorting = "node",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> TestPage:
    """
    List tests, with what is known of them.

    That is brought up to date when a run has ended.
    """
    seen = visitor.where(Right.READ)
    wanted = WantedTests(seen, project, service, node, state, standing, flaky, slower, gone)
    return await services.test_knowledge.page(wanted, order=order, limit=limit, cursor=cursor)


@routes.get(f"{TESTS}/failures", right=Right.READ, errors=(Invalid, NotFound, QueryTooSlow))
async def list_test_failures(
    services: Services,
    visitor: Visitor,
    project: ProjectFilter = None,
    service: ServiceFilter = None,
    run: RunIdFilter = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
) -> FailureGroups:
    """
    List failures that are alike, taken together.

    They have the class of the exception in common, and the message but for values. The largest groups first;
    the range is that in which the cases began.
    """
    return await services.test_knowledge.failures(
        visitor, project=project, service=service, run=run, since=since, until=until, limit=limit
    )


@routes.get(f"{TESTS}/trend", right=Right.READ, errors=(QueryTooSlow,))
async def read_test_trend(
    services: Services,
    visitor: Visitor,
    project: ProjectFilter = None,
    service: ServiceFilter = None,
    branch: BranchFilter = None,
    runs: Runs = 50,
) -> Trend:
    """Return the course of a suite: its newest runs, oldest first."""
    return await services.test_knowledge.trend(
        visitor, project=project, service=service, branch=branch, runs=runs
    )


@routes.get(f"{RUN}/report", right=Right.READ, errors=(NotFound, QueryTooSlow))
async def read_test_report(services: Services, visitor: Visitor, run: RunId) -> RunReport:
    """
    Return what a run says that the runs before it did not.

    Each list has at most 200 tests. A run that goes on has not been compared yet, and has empty lists.
    """
    return await services.test_knowledge.report(run, visitor)


@routes.get(TEST, right=Right.READ, errors=(NotFound,))
async def read_test(services: Services, visitor: Visitor, test: TestNumber) -> Test:
    """Return a test, with what is known of it."""
    return await services.test_knowledge.one(test, visitor)


@routes.get(f"{TEST}/history", right=Right.READ, errors=(NotFound, InvalidCursor))
async def read_test_history(
    services: Services, visitor: Visitor, test: TestNumber, limit: Limit = 100, cursor: Cursor = None
) -> CasePage:
    """Return the cases of a test, those of the newest runs first."""
    return await services.test_knowledge.history(test, visitor, limit=limit, cursor=cursor)
