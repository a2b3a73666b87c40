"""From rows of cases to the API's types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from pylogtap_collector.models.cases import (
    Case,
    CaseAttempt,
    CaseDetail,
    CaseFailure,
    CasePhase,
    CaseWarning,
    Subtest,
)
from pylogtap_collector.storage.test_cases import PHASES, unpack_details
from pylogtap_collector.storage.test_courses import read_slower, unpack_failing
from pylogtap_collector.storage.test_nodes import derived_name
from pylogtap_collector.storage.test_warnings import warnings_of
from pylogtap_collector.times import to_datetime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.models.cases import CaseState
    from pylogtap_collector.storage.test_case_rows import CaseRow

_ALIKE = (
    "test", "project", "service", "instance", "node", "line", "standing", "phase", "reason", "attempts",
    "worker", "note", "commit", "branch",
)  # fmt: skip
_decode_labels = msgspec.json.Decoder(dict[str, str]).decode
_decode_details = msgspec.json.Decoder(dict[str, Any]).decode


def case_of(row: CaseRow, alive: int) -> Case:
    """
    Describe a case.

    Args:
        row: Its row.
        alive: From :func:`pylogtap_collector.storage.test_run_rows.alive_after`.
    """
    return Case.model_construct(**_members(row, unpack_details(row.details), alive, whole=False))


def detail_of(row: CaseRow, alive: int) -> CaseDetail:
    """
    Describe a case with all that was told of it.

    Args:
        row: Its row, with its details.
        alive: From :func:`pylogtap_collector.storage.test_run_rows.alive_after`.
    """
    details = unpack_details(row.details)
    run_details = _decode_details(row.run_details or "{}")
    return CaseDetail.model_construct(
        **_members(row, details, alive, whole=True),
        parameters=details.get("parameters", {}),
        markers=details.get("markers", []),
        phases=_phases(row, details),
        earlier_attempts=[CaseAttempt.model_construct(**_part(each)) for each in details.get("attempts", ())],
        subtests=[
            Subtest.model_construct(name=each.get("name", ""), **_part(each))
            for each in details.get("subtests", ())
        ],
        subtest_count=max(details.get("subtest_count", 0), len(details.get("subtests", ()))),
        fixtures=details.get("fixtures", {}),
        properties=[(name, value) for name, value in details.get("properties", ())],
        output=details.get("output", {}),
        warnings=[
            CaseWarning.model_construct(
                category=each.get("category", ""),
                message=each.get("message", ""),
                file=each.get("file"),
                line=each.get("line"),
                when=each.get("when"),
            )
            for each in warnings_of(row.warnings, run_details, row.case_id)
        ],
        cut=details.get("cut", []),
    )


def cases_of(rows: Sequence[CaseRow], alive: int) -> list[Case]:
    """Describe cases, see :func:`case_of`."""
    return [case_of(row, alive) for row in rows]


def state_of(row: CaseRow, alive: int) -> CaseState:
    """
    Return what became of a case, or that it runs, or that its run ended first.

    Args:
        row: Its row.
        alive: From :func:`pylogtap_collector.storage.test_run_rows.alive_after`.
    """
    if row.outcome is not None:
        return cast("CaseState", row.outcome)
    goes_on = not row.done and row.run_outcome is None and row.heard > alive
    return "running" if goes_on else "interrupted"


def course_of(row: CaseRow) -> dict[str, Any]:
    """
    Return what held for a case beyond its run, when that was assessed.

    Args:
        row: Its row.
    """
    failing = unpack_failing(row.failing)
    return {
        "failing_since": None if failing.since is None else to_datetime(failing.since),
        "first_bad_commit": failing.first_bad,
        "last_good_commit": failing.last_good,
        "slowdown": None if row.slowdown is None else read_slower(row.slowdown).told(row.slow_since),
    }


def _members(row: CaseRow, details: dict[str, Any], alive: int, *, whole: bool) -> dict[str, Any]:
    file, group, name = row.file, row.group, row.name
    if row.node != row.test_node:  # the test has another name now
        file, group, name = derived_name(row.node)
        if "name" in details:
            file, group, name = details.get("file"), details.get("group"), details["name"]
    return {
        **{member: getattr(row, member) for member in _ALIKE},
        "id": row.case_id,
        "run": row.run_id,
        "file": file,
        "group": group,
        "name": name,
        "state": state_of(row, alive),
        "started": to_datetime(row.started),
        "duration_s": row.duration,
        "setup_s": row.setup,
        "call_s": row.call,
        "teardown_s": row.teardown,
        "failure": _own_failure(row, details, whole=whole),
        "failure_group": row.failure,
        **course_of(row),
        "labels": _decode_labels(row.labels),
        "changed": to_datetime(row.changed),
    }


def _own_failure(row: CaseRow, details: dict[str, Any], *, whole: bool) -> CaseFailure | None:
    rest = details.get("failure", {})
    if row.exception_type is None and row.exception_message is None and not rest:
        return None
    return CaseFailure.model_construct(
        type=row.exception_type or "",
        message=row.exception_message or "",
        stacktrace=rest.get("stacktrace", "") if whole else "",
        file=rest.get("file"),
        line=rest.get("line"),
    )


def _failure(told: dict[str, Any] | None) -> CaseFailure | None:
    return (
        None
        if not told
        else CaseFailure.model_construct(
            type=told.get("type", ""),
            message=told.get("message", ""),
            stacktrace=told.get("stacktrace", ""),
            file=told.get("file"),
            line=told.get("line"),
        )
    )


def _part(told: dict[str, Any]) -> dict[str, Any]:
    return {
        "outcome": told.get("outcome", ""),
        "duration_s": told.get("duration"),
        "failure": _failure(told.get("failure")),
    }


def _phases(row: CaseRow, details: dict[str, Any]) -> dict[str, CasePhase]:
    told = details.get("phases")
    if told is None:  # all was well: columns have it
        times = {name: getattr(row, name) for name in PHASES}
        told = {
            name: {"outcome": "passed", "duration": time} for name, time in times.items() if time is not None
        }
    return {
        name: CasePhase.model_construct(
            outcome=each.get("outcome", ""),
            duration_s=each.get("duration", 0.0),
            failure=_failure(each.get("failure")),
        )
        for name, each in told.items()
    }
