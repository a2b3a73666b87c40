"""Types of what is known of tests beyond a single run: their history, and what follows from it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from pylogtap_collector.models.base import Model
from pylogtap_collector.models.cases import Case, CaseState, Standing, TestRun
from pylogtap_collector.models.slowdowns import Slowdown

TestOrder = Literal["node", "flaky", "slowest", "slower", "last_seen"]


class Flakiness(Model):
    """How far a test gives both outcomes where nothing was changed."""

    score: float = Field(
        description="0 to 1: the share of the commits it ran on, newer ones counting more, on which it gave "
        "both outcomes or passed in a later attempt."
    )
    commits: int = Field(description="Commits it ran on, of those looked at.")
    mixed_commits: int = Field(description="Of these, those with both outcomes.")
    reruns_passed: int = Field(description="How often a later attempt passed in the same run.")
    lone_failures: int = Field(
        description="How often it failed on one commit of the default branch alone; these count from two on."
    )
    last: datetime | None = Field(description="When it was seen last, RFC 3339, UTC.")
    evidence: list[str] = Field(description="Ids of cases that show it, newest first; at most 10.")


class Test(Model):
    """A test, found again in each run by its node."""

    __test__ = False  # no class of tests, though its name begins as theirs do

    id: int = Field(description="Stable, and never given twice; kept when its file is renamed or moved.")
    project: str = Field(description="First part of the prefix.")
    service: str = Field(description="Second part of the prefix.")
    node: str = Field(description="Its name now.", examples=["tests/test_cart.py::test_total[eur]"])
    file: str | None = Field(description="File it stands in.")
    group: str | None = Field(description="Class or describing block it stands in.")
    name: str = Field(description="Its name without file and group.")
    former_nodes: list[str] = Field(description="Names it had before.")
    first_seen: datetime = Field(description="When it ran first, RFC 3339, UTC.")
    last_seen: datetime = Field(description="When it ran last, RFC 3339, UTC.")
    state: CaseState = Field(description="What became of it when it ran last.")
    standing: Standing | None = Field(description="How that compares with the runs before.")
    last_case: str = Field(description="Id of the case in the run in which it ran last.")
    failing_since: datetime | None = Field(description="When it began to fail; null: it does not.")
    first_bad_commit: str | None = Field(description="The first commit of those it fails on in a row.")
    last_good_commit: str | None = Field(description="The last commit before, on which it passed.")
    gone: bool = Field(description="It is never run any more, though what it stood beside is.")
    flakiness: Flakiness | None = Field(description="null: nothing shows that it is flaky.")
    slowdown: Slowdown | None = Field(description="null: it takes as long as it did.")
    median_s: float | None = Field(
        description="Median of what it takes now, seconds: of the last 10 that passed."
    )
    runs: int = Field(description="How often it ran, of the runs looked at.")
    failures: int = Field(description="How often it failed, of these.")
    recent: list[CaseState] = Field(description="What became of it in the last 30 runs, oldest first.")


class TestPage(Model):
    """Some tests, and where to go on."""

    __test__ = False

    items: list[Test] = Field(description="In the order that was asked for.")
    next: str | None = Field(description="Give it as `cursor` to get the following page; null at the end.")


class FailureGroup(Model):
    """Failures of one exception whose messages are alike but for values."""

    id: int = Field(description="Stable, and never given twice.")
    project: str = Field(description="First part of the prefix.")
    service: str = Field(description="Second part of the prefix.")
    type: str = Field(description="Class of the exception.")
    pattern: str = Field(description="The message, with `<*>` where values differ.")
    message: str = Field(description="The message of the newest failure, whole.")
    first_seen: datetime = Field(description="When it was seen first, RFC 3339, UTC.")
    last_seen: datetime = Field(description="When it was seen last, RFC 3339, UTC.")
    cases: int = Field(description="How many cases failed so, in the time asked for.")
    tests: int = Field(description="How many different tests.")
    runs: int = Field(description="In how many runs.")
    newest: list[Case] = Field(description="The newest cases, at most 5.")


class FailureGroups(Model):
    """Groups of failures, the largest first."""

    items: list[FailureGroup] = Field(description="At most as many as asked for.")


class TrendPoint(Model):
    """One run in the course of a suite."""

    run: str = Field(description="Id of the run.")
    started: datetime = Field(description="When it began, RFC 3339, UTC.")
    commit: str | None = Field(description="Revision.")
    branch: str | None = Field(description="Branch.")
    state: str = Field(description="As of a run.")
    cases: int = Field(description="How many cases it had.")
    passed: int = Field(description="Passed, or failed as expected.")
    failed: int = Field(description="Failed, in the test or around it.")
    skipped: int = Field(description="Skipped.")
    flaky: int = Field(description="Passed in a later attempt.")
    duration_s: float | None = Field(description="Seconds from begin to end.")
    work_s: float = Field(description="Seconds that its cases took together.")


class Trend(Model):
    """The course of a suite."""

    points: list[TrendPoint] = Field(description="Runs, oldest first.")


class Finding(Model):
    """A test that a report of a run names, and its case there."""

    test: Test = Field(
        description="The test. Since when it fails and how far it is slower is here what held for the case."
    )
    case: Case | None = Field(description="Its case in the run; null: it did not run.")


class RunReport(Model):
    """What a run says that the runs before it did not."""

    run: TestRun = Field(description="The run.")
    baseline: TestRun | None = Field(
        description="The newest run that it is compared with, of the whole suite or of half of its tests."
    )
    totals: dict[str, int] = Field(
        description="How many there are of each list below, which has 200 at most.",
        examples=[{"new_failures": 1, "fixed": 2}],
    )
    new_failures: list[Finding] = Field(description="Failed, and had passed, or are new.")
    still_failing: list[Finding] = Field(description="Failed again.")
    flaky_failures: list[Finding] = Field(description="Failed, and are known to do so now and then.")
    reran: list[Finding] = Field(description="Passed in a later attempt.")
    fixed: list[Finding] = Field(description="Passed, and had failed.")
    slower: list[Finding] = Field(description="Took longer than they did, in this run as well.")
    new: list[Finding] = Field(description="Ran for the first time, and did not fail.")
    gone: list[Finding] = Field(description="Were run before, and are not any more.")


Limit = Annotated[int, Field(ge=1, le=500)]
