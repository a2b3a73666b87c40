"""Which test runs are meant: conditions on `test_run`. Times are ns since the epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pylogtap_collector.access.visitor import Projects


class RunFilter(NamedTuple):
    """
    Which runs are meant; None: any.

    Attributes:
        projects: Those that may be seen.
        project: The project.
        service: The service.
        branch: The branch.
        commit: How the revision begins.
        states: Words of :data:`pylogtap_collector.models.cases.RunState`.
        since_ns: Those that began from then on.
        until_ns: Those that began before.
        label: Name and value of a label; without a value, any is right.
    """

    projects: Projects = None
    project: str | None = None
    service: str | None = None
    branch: str | None = None
    commit: str | None = None
    states: Collection[str] = ()
    since_ns: int | None = None
    until_ns: int | None = None
    label: tuple[str, str | None] | None = None


def conditions_of(wanted: RunFilter, alive: int) -> tuple[list[str], dict[str, Any]]:
    """
    Return conditions on a `test_run AS r`, and their values.

    Args:
        wanted: Which runs.
        alive: From :func:`alive_after`.
    """
    where = ["1"]
    params: dict[str, Any] = {"alive": alive}
    given: Mapping[str, tuple[str, Any]] = {
        "project": ("r.project = :project", wanted.project),
        "service": ("r.service = :service", wanted.service),
        "branch": ("r.branch = :branch", wanted.branch),
        "commit": ("substr(r.commit_id, 1, length(:commit)) = :commit", wanted.commit),
        "since": ("r.started >= :since", wanted.since_ns),
        "until": ("r.started < :until", wanted.until_ns),
    }
    for name, (condition, value) in given.items():
        if value is not None:
            where.append(condition)
            params[name] = value
    if wanted.projects is not None:
        where.append("r.project IN (SELECT value FROM json_each(:projects))")
        params["projects"] = msgspec.json.encode(sorted(wanted.projects)).decode()
    if wanted.states:
        where.append(f"({' OR '.join(_is_in(state) for state in sorted(set(wanted.states)))})")
    if wanted.label is not None:
        name, value = wanted.label
        where.append(label_condition("r"))
        params |= {"label": name, "label_value": value}
    return where, params


def label_condition(table: str) -> str:
    """
    Return the condition that a row has the label `:label`, of the value `:label_value` unless that is NULL.

    Args:
        table: What the row's table is called in the statement.
    """
    return (
        f"EXISTS (SELECT 1 FROM json_each({table}.labels) AS l WHERE l.key = :label"
        " AND (:label_value IS NULL OR l.value = :label_value))"
    )


def _is_in(state: str) -> str:
    if state == "running":
        return "(r.outcome IS NULL AND r.heard > :alive)"
    if state == "interrupted":
        return "(r.outcome = 'interrupted' OR (r.outcome IS NULL AND r.heard <= :alive))"
    return f"r.outcome = '{state}'" if state.isalpha() else "0"
