"""Checks of the containers that the collector follows: the engine, their logs, what cannot be measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pylogtap.cli.api import Refused
from pylogtap.cli.checks.finding import Finding, State
from pylogtap.cli.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap.cli.api import Api

_LIMIT = 1000
_NAMED = 5  # of those that something is wrong with
_GOOD_LOGS = frozenset({"begins", "followed", "ended", "delivered", "gone"})


def check(api: Api) -> Iterator[Finding]:
    """
    Check how it goes with the containers.

    Args:
        api: A collector that lets us in.
    """
    try:
        page = api.get("/api/v1/containers", limit=_LIMIT)
        yield from _engine(page["engine"], len(page["items"]))
        if page["engine"]["reachable"]:
            yield from _logs(page["items"])
            yield from _unknown(page["items"], page["engine"]["switch_lines"])
    except Refused:  # a collector of a version that knows no containers
        return
    except Failed as error:
        yield Finding("containers", State.NOTE, f"not looked at: {error.message}")
    except (KeyError, TypeError, AttributeError) as error:
        yield Finding("containers", State.NOTE, f"not looked at: its answer is not understood ({error!r})")


def _engine(engine: dict[str, Any], count: int) -> Iterator[Finding]:
    if not engine["wanted"]:  # whoever said so knows it
        return
    if engine["reachable"]:
        seen = f"{count} containers of engine {engine['version']} are followed"
        yield Finding("containers", State.OK, seen)
    elif engine["error"] is None:
        yield Finding("containers", State.NOTE, "there is no container engine on the collector's machine")
    else:
        reason, _, advice = engine["error"].partition("; ")  # as the collector writes it
        if "ermission" in reason and not advice:  # an older one
            advice = "let the collector's user be of the group of the engine's socket, docker mostly"
        remedies = (advice or "docker version",)
        yield Finding(
            "containers",
            State.WARNING,
            f"the container engine does not answer: {reason}",
            tuple(f"on the collector's machine:  {each}" for each in remedies),
        )


def _logs(containers: list[dict[str, Any]]) -> Iterator[Finding]:
    unreadable = [each for each in containers if each["log"] == "unreadable"]
    if unreadable:
        yield Finding(
            "containers",
            State.WARNING,
            f"the logs of {_names(unreadable)} cannot be read: their log driver keeps nothing here",
            ("give them another one, in the compose file:  logging: {driver: local}",),
        )
    broken = [each for each in containers if each["log"] not in {*_GOOD_LOGS, "unreadable"}]
    if broken:
        why = next((each["error"] for each in broken if each["error"]), "the collector cannot store just now")
        yield Finding("containers", State.PROBLEM, f"the logs of {_names(broken)} do not come in: {why}")


def _unknown(containers: list[dict[str, Any]], switch_lines: list[str]) -> Iterator[Finding]:
    gaps: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for each in containers:
        for gap in each["unknown"]:
            if gap["can_switch_on"]:
                gaps.setdefault((gap["value"], gap["reason"]), []).append(each)
    for (value, reason), whose in gaps.items():
        yield Finding(
            "containers",
            State.NOTE,
            f"{value} of {_names(whose)} is not counted: {reason}",
            tuple(f"as root, after each start of the machine:  {line}" for line in switch_lines),
        )


def _names(containers: list[dict[str, Any]]) -> str:
    names = [each["name"] for each in containers]
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
