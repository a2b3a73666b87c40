"""Runs and cases that are added by hand, as what happened in them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pylogtap import wire
from pylogtap.cases.identity import case_id
from pylogtap_collector.errors import Conflict, Invalid
from pylogtap_collector.storage.test_case_rows import known_case
from pylogtap_collector.storage.test_cases import BAD
from pylogtap_collector.storage.test_nodes import derived_name
from pylogtap_collector.taps.test_events import TestEvent
from pylogtap_collector.times import to_ns
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from pylogtap_collector.models.cases import CaseAttempt, CaseIn, NewCase, TestRunIn

_FACTS = ("runner", "runner_version", "command", "commit", "branch", "dirty", "whole")


def case_event(place: Place, run: str, case: NewCase, case_identity: str, started_ns: int) -> TestEvent:
    """
    Return what happened in a case that is added.

    Args:
        place: Of the run.
        run: Its id.
        case: The case.
        case_identity: Its id.
        started_ns: When it began, where it does not say so.
    """
    started = started_ns if case.started is None else to_ns(case.started)
    file, group, name = derived_name(case.node)
    facts: dict[str, Any] = {
        **case.model_dump(
            include={"node", "line", "outcome", "reason", "failure", "output"}, exclude_none=True
        ),
        "id": case_identity,
        "file": case.file or file,
        "group": case.group or group,
        "name": case.name or name,
        "started": started,
        "duration": case.duration_s,
        "attempts": [_attempt(each) for each in case.attempts],
        "done": True,
    }
    return TestEvent(started + int((case.duration_s or 0) * 1e9), place, run, wire.TEST_CASE, facts)


def _attempt(attempt: CaseAttempt) -> dict[str, Any]:
    failure = None if attempt.failure is None else attempt.failure.model_dump()
    return {"outcome": attempt.outcome, "duration": attempt.duration_s, "failure": failure}


def check_case_ids(connection: sqlite3.Connection, cases: Sequence[str]) -> None:
    """
    Make sure that there are no cases of some ids.

    Raises:
        Conflict: There is one.
    """
    if (known := known_case(connection, cases)) is not None:
        raise Conflict(f"There is a test case {known} already; leave `id` out, and it gets a new one.")


def run_events(new: TestRunIn, run: str, now_ns: int) -> list[TestEvent]:
    """
    Return what happened in a run that is added.

    Args:
        new: The run.
        run: Its id.
        now_ns: When it began, where it does not say so.

    Raises:
        Invalid: A case is of another run, or two have the same id; or a time lies too far away.
    """
    place = Place(new.project, new.service, new.instance)
    started = now_ns if new.started is None else to_ns(new.started)
    facts = {"source": "api", "ci": new.ci, **{name: getattr(new, name) for name in _FACTS}}
    if new.committed is not None:
        facts["committed"] = to_ns(new.committed)
    events = [TestEvent(started, place, run, wire.TEST_BEGIN, facts)]
    for case, identity in zip(new.cases, _identities(new.cases, run), strict=True):
        events.append(case_event(place, run, case, identity, started))
    outcomes = {case.outcome for case in new.cases}
    outcome = "failed" if outcomes & BAD else ("passed" if outcomes else "empty")
    duration = new.duration_s
    if duration is None:
        duration = sum(case.duration_s or 0 for case in new.cases)
    end = {"outcome": outcome, "duration": duration}
    return [*events, TestEvent(started + int(duration * 1e9), place, run, wire.TEST_END, end)]


def _identities(cases: Iterable[CaseIn], run: str) -> list[str]:
    before: Counter[str] = Counter()
    found: list[str] = []
    for index, case in enumerate(cases):
        if case.run not in {None, run}:
            raise Invalid(f"Case {index} is of the run {case.run}; leave `run` out within a run.")
        found.append(case.id or case_id(run, case.node, before[case.node]))
        before[case.node] += 1
    if len(set(found)) < len(found):
        raise Invalid("Two cases have the same id; leave `id` out, and each gets its own.")
    return found
