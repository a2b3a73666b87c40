"""Types of test runs and of the cases in them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from pylogtap_collector.models.base import (
    WHOLE,
    LabelKey,
    LabelValue,
    Model,
    Moment,
    Name,
    Readable,
    left_out,
)
from pylogtap_collector.models.slowdowns import Slowdown

CaseOutcome = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed"]
CaseState = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed", "running", "interrupted"]
RunOutcome = Literal["passed", "failed", "interrupted", "error", "empty"]
RunState = Literal["passed", "failed", "interrupted", "error", "empty", "running"]
Standing = Literal["new_failure", "still_failing", "flaky_failure", "fixed", "new", "passing"]
TestId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Seconds = Annotated[float, Field(ge=0, le=10_000_000, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, lt=1 << 31), WHOLE]  # the document says its bounds in this order alone
Text = Annotated[Readable, StringConstraints(max_length=65_536)]
Short = Annotated[Readable, StringConstraints(min_length=1, max_length=2_000)]
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{7,64}$")]
MOST_CASES = 1_000  # of one request

_STANDING = (
    "How it compares with the runs before it, of the same branch where there are such: `new_failure` failed "
    "and had passed; `still_failing` failed again; `flaky_failure` failed, and is known to do so now and "
    "then; `fixed` passed and had failed; `new` was never seen before; `passing` passed as before. null: "
    "nothing can be said, or not yet."
)
_LABELS = "Words of your own."
_NOTE = "What people say of it."


class CaseFailure(Model):
    """Why something failed."""

    type: str = Field("", max_length=500, description="Class of the exception.", examples=["AssertionError"])
    message: Text = Field("", description="What it says.", examples=["assert 3 == 4"])
    stacktrace: Text = Field("", description="Its traceback, as the runner prints it.")
    file: str | None = Field(None, max_length=2_000, description="File in which it was raised.")
    line: Count | None = Field(None, description="Line there, from 1 on.")


class CasePhase(Model):
    """A phase of a case."""

    outcome: str = Field(max_length=20, description="`passed`, `failed` or `skipped`.")
    duration_s: float = Field(description="Seconds.")
    failure: CaseFailure | None = Field(None, description="Why it failed.")


class CaseAttempt(Model):
    """One try of a case that was run again."""

    outcome: str = Field(max_length=20, description="As of a case.")
    duration_s: float | None = Field(None, description="Seconds.")
    failure: CaseFailure | None = Field(None, description="Why it failed.")


class Subtest(Model):
    """A part of a case with an outcome of its own."""

    name: str = Field(description="What tells it from the others.")
    outcome: str = Field(max_length=20, description="As of a case.")
    duration_s: float | None = Field(None, description="Seconds.")
    failure: CaseFailure | None = Field(None, description="Why it failed.")


class CaseWarning(Model):
    """A warning that came while a case ran."""

    category: str = Field(description="Its class.", examples=["DeprecationWarning"])
    message: str = Field(description="What it says.")
    file: str | None = Field(None, description="File that it is about.")
    line: int | None = Field(None, description="Line there, from 1 on.")
    when: str | None = Field(None, description="`config`, `collect` or `runtest`.")


class Case(Model):
    """A test as it ran in one run."""

    id: str = Field(description="32 hex digits; also of the trace that it caused, and `test:` in queries.")
    run: str = Field(description="Id of the run.")
    commit: str | None = Field(description="Revision of the working tree of the run.")
    branch: str | None = Field(description="Branch of the run.")
    test: int = Field(description="Number of the test, whose history it belongs to.")
    project: str = Field(description="First part of the prefix.")
    service: str = Field(description="Second part of the prefix.")
    instance: str = Field(description="Third part of the prefix.")
    node: str = Field(description="Its name in the run.", examples=["tests/test_cart.py::test_total[eur]"])
    file: str | None = Field(description="File it stands in.")
    line: int | None = Field(description="Line there, from 1 on.")
    group: str | None = Field(description="Class or describing block it stands in.")
    name: str = Field(description="Its name without file and group.")
    state: CaseState = Field(description="Its outcome, `running`, or `interrupted`: its run ended first.")
    standing: Standing | None = Field(description=_STANDING)
    failing_since: datetime | None = Field(description="When its test had begun to fail, as of this run.")
    first_bad_commit: str | None = Field(description="The first commit of those it had failed on in a row.")
    last_good_commit: str | None = Field(description="The last commit before, on which it passed.")
    slowdown: Slowdown | None = Field(description="null: it took no longer than it had, or failed.")
    phase: str | None = Field(description="`setup`, `call`, `teardown`, `collect`: what made it no `passed`.")
    reason: str | None = Field(description="Why it was skipped, or was expected to fail.")
    started: datetime = Field(description="When it began, RFC 3339, UTC.")
    duration_s: float | None = Field(description="Seconds, all phases of all attempts together.")
    setup_s: float | None = Field(description="Seconds of setting up, in the last attempt.")
    call_s: float | None = Field(description="Seconds of the test itself, in the last attempt.")
    teardown_s: float | None = Field(description="Seconds of tearing down, in the last attempt.")
    attempts: int = Field(description="How often it was tried.")
    worker: str | None = Field(description="Which of several processes ran it.")
    failure: CaseFailure | None = Field(description="Why it failed; in lists without the traceback.")
    failure_group: int | None = Field(description="Number of the group of failures like it.")
    labels: dict[str, str] = Field(description=_LABELS)
    note: str | None = Field(description=_NOTE)
    changed: datetime = Field(description="When something of it came last, RFC 3339, UTC.")


class CaseDetail(Case):
    """A case with all that was told of it."""

    parameters: dict[str, str] = Field(description="Its parameters, as short texts.")
    markers: list[str] = Field(description="Its markers or tags.")
    phases: dict[str, CasePhase] = Field(description="Its last attempt's phases, by name.")
    earlier_attempts: list[CaseAttempt] = Field(description="Attempts before the last, oldest first.")
    subtests: list[Subtest] = Field(description="Its parts; of those that passed, at most some.")
    subtest_count: int = Field(description="How many parts there were.")
    fixtures: dict[str, float] = Field(description="Seconds that setting up took, by fixture.")
    properties: list[tuple[str, str]] = Field(description="What it recorded.")
    output: dict[str, str] = Field(description="Captured text, such as of `call stdout` and `setup log`.")
    warnings: list[CaseWarning] = Field(description="Warnings, at most 100.")
    cut: list[str] = Field(description="Names of members that are not all there: they were too large.")


class NewCase(Model):
    """What is said of a case to add, wherever it is added."""

    id: TestId | None = Field(None, description="32 hex digits; null: one is made of run and node.")
    node: Short = Field(description="Its name.", examples=["tests/test_cart.py::test_total[eur]"])
    file: Short | None = Field(None, description="File it stands in.")
    line: Count | None = Field(None, description="Line there, from 1 on.")
    group: Short | None = Field(None, description="Class or describing block it stands in.")
    name: Short | None = Field(None, description="Its name without file and group; null: the node's end.")
    outcome: CaseOutcome = Field(description="What became of it.", examples=["passed"])
    started: Moment | None = Field(None, description="When it began, RFC 3339; null: when the run did.")
    duration_s: Seconds | None = Field(None, description="Seconds.", examples=[0.25])
    reason: Text | None = Field(None, description="Why it was skipped, or was expected to fail.")
    failure: CaseFailure | None = Field(None, description="Why it failed.")
    attempts: list[CaseAttempt] = Field([], max_length=100, description="Attempts before the last.")
    output: dict[Short, Text] = Field({}, max_length=20, description="Captured text, by what it was.")
    labels: dict[LabelKey, LabelValue] = Field({}, max_length=32, description=_LABELS)


class CaseIn(NewCase):
    """A case to add with its run."""

    run: TestId | None = Field(None, description="Id of the run; not needed within a run.")


class CaseOfRunIn(NewCase):
    """A case to add to a run that is there."""

    run: TestId = Field(description="Id of the run.", examples=["5b8efff798038103d269b633813fc60c"])


class CasePatch(Model):
    """What people may say of a case. Leave out what stays; null takes a label or the note away."""

    labels: dict[LabelKey, LabelValue | None] = Field(
        {}, max_length=32, description=_LABELS, json_schema_extra=left_out
    )
    note: Text | None = Field(None, description=_NOTE, json_schema_extra=left_out)


class CasePage(Model):
    """Some cases, and where to go on."""

    items: list[Case] = Field(description="In the order that the operation names.")
    next: str | None = Field(description="Give it as `cursor` to get the following page; null at the end.")


class CaseCounts(Model):
    """How many cases of a run ended in which way, so far."""

    passed: int = Field(description="Passed.")
    failed: int = Field(description="Failed in the test itself.")
    error: int = Field(description="Failed before or behind the test, or could not be collected.")
    skipped: int = Field(description="Skipped.")
    xfailed: int = Field(description="Failed as expected.")
    xpassed: int = Field(description="Passed, though a failure was expected.")
    running: int = Field(description="Have begun, and not ended.")
    reran: int = Field(description="Of all, those that took more than one attempt.")


class TestRun(Model):
    """One execution of a suite."""

    __test__ = False  # no class of tests, though its name begins as theirs do

    id: str = Field(description="32 hex digits.")
    project: str = Field(description="First part of the prefix.")
    service: str = Field(description="Second part of the prefix.")
    instance: str = Field(description="Third part of the prefix.")
    state: RunState = Field(
        description="Its outcome, or `running`. Nothing heard of it for a minute: `interrupted`, until it is "
        "heard of again. `error`: the runner failed; `empty`: there was nothing to run."
    )
    reason: str | None = Field(description="Why it was interrupted, or what went wrong in the runner.")
    exit_status: int | None = Field(description="What the runner returned to the shell.")
    started: datetime = Field(description="When it began, RFC 3339, UTC.")
    ended: datetime | None = Field(description="When it ended, RFC 3339, UTC.")
    duration_s: float | None = Field(description="Seconds.")
    runner: str = Field(description="What ran it.", examples=["pytest"])
    runner_version: str | None = Field(description="Its version.")
    source: str = Field(description="How we know: `plugin`, `output`, `import` or `api`.")
    command: str | None = Field(description="The command line.")
    commit: str | None = Field(description="Revision of the working tree.")
    committed: datetime | None = Field(description="When that was committed, RFC 3339, UTC.")
    branch: str | None = Field(description="Branch.")
    dirty: bool | None = Field(description="The working tree differed from the revision.")
    ci: dict[str, str] = Field(description="Where a CI service ran it: provider, job, url and more.")
    python: str | None = Field(description="Version and implementation.")
    platform: str | None = Field(description="Operating system and machine.")
    host: str | None = Field(description="Name of the machine.")
    plugins: dict[str, str] = Field(description="Versions of the runner's plugins.")
    seed: str | None = Field(description="What made its order or data random.")
    workers: int | None = Field(description="How many processes ran cases.")
    whole: bool | None = Field(description="The whole suite was asked for.")
    collected: int | None = Field(description="How many cases were to run.")
    deselected: int | None = Field(description="How many more there were, that were not to run.")
    counts: CaseCounts = Field(description="What became of its cases, so far.")
    dropped: int = Field(description="How much could not be told of it; 0: all is here.")
    warnings: int = Field(description="How many warnings came.")
    labels: dict[str, str] = Field(description=_LABELS)
    note: str | None = Field(description=_NOTE)
    changed: datetime = Field(description="When something of it came last, RFC 3339, UTC.")


class TestRunIn(Model):
    """A run to add, with cases of it."""

    __test__ = False

    id: TestId | None = Field(None, description="32 hex digits; null: one is made.")
    project: Name = Field(description="First part of the prefix.", examples=["shop"])
    service: Name = Field(description="Second part of the prefix.", examples=["mailer"])
    instance: Name = Field("tests", description="Third part of the prefix.")
    runner: Short = Field("api", description="What ran it.", examples=["cargo test"])
    runner_version: Short | None = Field(None, description="Its version.")
    command: Short | None = Field(None, description="The command line.")
    commit: Commit | None = Field(None, description="Revision of the working tree.")
    committed: Moment | None = Field(None, description="When that was committed, RFC 3339.")
    branch: Short | None = Field(None, description="Branch.")
    dirty: bool | None = Field(None, description="The working tree differed from the revision.")
    ci: dict[Short, Short] = Field({}, max_length=20, description="Where a CI service ran it.")
    started: Moment | None = Field(None, description="When it began, RFC 3339; null: now.")
    duration_s: Seconds | None = Field(None, description="Seconds; null: what its cases took together.")
    whole: bool | None = Field(None, description="The whole suite was asked for.")
    cases: list[CaseIn] = Field([], max_length=MOST_CASES, description="Its cases.")
    labels: dict[LabelKey, LabelValue] = Field({}, max_length=32, description=_LABELS)
    note: Text | None = Field(None, description=_NOTE)


class TestRunPatch(Model):
    """What people may say of a run. Leave out what stays; null takes a label or the note away."""

    __test__ = False

    labels: dict[LabelKey, LabelValue | None] = Field(
        {}, max_length=32, description=_LABELS, json_schema_extra=left_out
    )
    note: Text | None = Field(None, description=_NOTE, json_schema_extra=left_out)


class TestRunPage(Model):
    """Some runs, and where to go on."""

    __test__ = False

    items: list[TestRun] = Field(description="In the order that the operation names.")
    next: str | None = Field(description="Give it as `cursor` to get the following page; null at the end.")


class ImportAnswer(Model):
    """What became of a report that was imported."""

    runs: list[TestRun] = Field(description="The runs in it.")
    cases: int = Field(description="How many cases it had.")
    repeated: bool = Field(description="The same report was imported before: nothing was added.")
    skipped: list[str] = Field(description="What could not be read, in words; at most 20.")
