"""
What is told of a test run and of its cases, and how much of it.

A run is one execution of a suite. A case is one test in one run; its node is the name by which it is found
again in other runs. The maps here are what :data:`pylogtap.wire.KIND_TEST` carries: plain values alone, each
member left out where it is not known.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

Outcome = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed"]
RunOutcome = Literal["passed", "failed", "interrupted", "error", "empty"]

MAX_TEXT = 24 << 10  # characters of one captured text; its ends are kept
MAX_STACK = 24 << 10  # characters of one traceback
MAX_MESSAGE = 4 << 10  # characters of one message
MAX_NAME = 2_000  # characters of a node or a name
MAX_ITEMS = 100  # of each list and map in a case
MAX_SUBTESTS = 500


class RunFacts(TypedDict, total=False):
    """
    What is known of a run.

    Attributes:
        runner: What runs: `pytest`, `unittest`, `go test`, `jest`, `tap`, or a name of its own.
        runner_version: Its version.
        source: How we know: `plugin`, `output`, `import`, `api`.
        command: The command line, secrets left out.
        commit: The revision of the working tree, hex digits.
        committed: When that was committed, ns since the epoch.
        parents: The revisions before it.
        branch: The branch.
        dirty: The working tree differs from the revision.
        ci: Where a CI service runs it: `provider`, `job`, `url`, `run`, `attempt`, each a text.
        python: Version and implementation.
        platform: Operating system and machine.
        host: The machine's name.
        pid: Of the process that runs it.
        plugins: Names and versions of the runner's plugins.
        seed: What makes its order or data random.
        workers: How many processes run cases.
        root: The directory that nodes are relative to.
        collected: How many cases are to run.
        deselected: How many more there are, that are not to run.
        whole: Nothing was chosen: the runner was asked for the whole suite.
    """

    runner: str
    runner_version: str
    source: str
    command: str
    commit: str
    committed: int
    parents: list[str]
    branch: str
    dirty: bool
    ci: dict[str, str]
    python: str
    platform: str
    host: str
    pid: int
    plugins: dict[str, str]
    seed: str
    workers: int
    root: str
    collected: int
    deselected: int
    whole: bool


class Failure(TypedDict, total=False):
    """
    Why something failed.

    Attributes:
        type: Of the exception, with its module where it is not built in.
        message: What it says, with what the runner explains of an assertion.
        stacktrace: As the runner prints it.
        file: Where it was raised.
        line: The line there, from 1 on.
    """

    type: str
    message: str
    stacktrace: str
    file: str
    line: int


class Phase(TypedDict, total=False):
    """
    A phase of a case.

    Attributes:
        outcome: `passed`, `failed`, `skipped`.
        duration: Seconds.
        failure: Why it failed.
    """

    outcome: str
    duration: float
    failure: Failure


class Attempt(TypedDict, total=False):
    """
    One try of a case that was run again.

    Attributes:
        outcome: As of a case.
        duration: Seconds.
        failure: Why it failed.
    """

    outcome: str
    duration: float
    failure: Failure


class Subtest(TypedDict, total=False):
    """
    A part of a case with an outcome of its own.

    Attributes:
        name: What tells it from the others.
        outcome: As of a case.
        duration: Seconds.
        failure: Why it failed.
    """

    name: str
    outcome: str
    duration: float
    failure: Failure


class CaseFacts(TypedDict, total=False):
    """
    What is known of a case.

    Attributes:
        id: 32 hex digits, see :func:`pylogtap.cases.identity.case_id`.
        node: The name that finds it again, such as `tests/test_cart.py::TestCart::test_total[eur]`.
        file: The file it stands in, relative to the root.
        line: Its line there, from 1 on.
        group: The class or describing block it stands in.
        name: Its name without file and class.
        parameters: The parameters, by name, as short texts.
        markers: Names of its markers or tags.
        worker: Which of several processes ran it.
        started: When it began, ns since the epoch.
        duration: Seconds, all phases of all attempts together.
        outcome: Left out while it runs.
        phase: The phase that made it no `passed`: `setup`, `call`, `teardown`, `collect`.
        reason: Why it was skipped, or was expected to fail.
        failure: Why it failed.
        phases: Its last attempt's, by name.
        attempts: All attempts but the last, oldest first.
        subtests: Its parts; of those that passed, at most some.
        subtest_count: How many parts there were.
        fixtures: Seconds that setting up took, by fixture.
        properties: What it recorded, pairs of name and text.
        output: Captured text by what it was, such as `setup stdout`, `call log`.
        crashed: The process that ran it died.
        done: Nothing will follow.
        cut: Names of the members that are not all there.
    """

    id: str
    node: str
    file: str
    line: int
    group: str
    name: str
    parameters: dict[str, str]
    markers: list[str]
    worker: str
    started: int
    duration: float
    outcome: str
    phase: str
    reason: str
    failure: Failure
    phases: dict[str, Phase]
    attempts: list[Attempt]
    subtests: list[Subtest]
    subtest_count: int
    fixtures: dict[str, float]
    properties: list[tuple[str, str]]
    output: dict[str, str]
    crashed: bool
    done: bool
    cut: list[str]


def shorten(text: str, most: int = MAX_TEXT) -> str:
    """
    Keep the beginning and the end of a long text.

    Args:
        text: The text.
        most: Characters to keep.
    """
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n… [{len(text) - 2 * half} characters left out]\n{text[-half:]}"


def fit(facts: dict[str, Any], measure: int, limit: int) -> dict[str, Any]:
    """
    Return facts of a case that take less room: what people miss least goes first.

    Args:
        facts: Of a case.
        measure: Bytes that they take packed.
        limit: Bytes that they may take.

    Returns:
        Facts with `cut`; the same where they fit.
    """
    if measure <= limit:
        return facts
    smaller, cut = dict(facts), set(facts.get("cut", ()))
    for name in ("output", "attempts", "subtests", "properties", "fixtures", "parameters", "phases"):
        if name in smaller:
            cut.add(name)
            smaller[name] = _smaller(smaller[name])
    smaller["cut"] = sorted(cut)
    return smaller


def _smaller(value: Any) -> Any:
    """Return a quarter of a value: of each text, and of each list."""
    if isinstance(value, str):
        return shorten(value, max(64, len(value) // 4))
    if isinstance(value, dict):
        return {name: _smaller(item) for name, item in list(value.items())[: max(8, len(value) // 4)]}
    if isinstance(value, list):
        return [_smaller(item) for item in value[: max(8, len(value) // 4)]]
    return value
