"""Checks of the key: whether the collector takes it, and programs started from here may deliver by it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from pylogtap.cli.api import Refused
from pylogtap.cli.checks.finding import Finding, State
from pylogtap.cli.checks.program import place_of
from pylogtap.cli.errors import Failed
from pylogtap.errors import PrefixError

if TYPE_CHECKING:
    from pylogtap.cli.api import Api
    from pylogtap.settings import Settings

_MAKE = "make one, where the collector is administered:  pylogtap key add NAME --project {project}"
_TAKE = "then, where the program runs:  export PYLOGTAP_KEY=…"


class Rights(NamedTuple):
    """
    What the collector tells us more about.

    Attributes:
        may_watch: How it is doing.
        may_read: What all projects hold.
    """

    may_watch: bool
    may_read: bool


def admission(api: Api, settings: Settings) -> tuple[Finding, Rights | None]:
    """
    Ask the collector who we are for it, and compare that with what programs started from here need.

    Args:
        api: The collector.
        settings: Key and prefix.

    Returns:
        The finding, and what we may do; None where that is nothing.
    """
    project = _project(settings)
    try:
        me = api.get("/api/v1/me")
    except Refused as error:
        if error.status == 401:
            return _problem(
                "the collector does not take the key: it is unknown, revoked or past its end", project
            ), None
        return Finding("key", State.PROBLEM, error.message, error.remedies), None
    except Failed as error:
        return Finding("key", State.PROBLEM, error.message, error.remedies), None
    if me.get("kind") == "nobody":
        return _problem("the collector wants a key, none is set", project), None
    everywhere, there = _rights(me, project)
    rights = Rights("watch" in everywhere, "read" in everywhere)
    if project is not None and "deliver" not in there:
        return _problem(_lacking(me, project), project), rights
    seen = "the collector wants no key" if settings.key is None else "the collector takes the key"
    return Finding("key", State.OK, seen), rights


def _rights(me: dict[str, Any], project: str | None) -> tuple[set[str], set[str]]:
    """Return our rights in all projects, and in one; of a collector that does not say them, all."""
    if not isinstance(me.get("everywhere"), list) or not isinstance(me.get("projects"), dict):
        return {"watch", "read"}, {"deliver"}
    everywhere = set(me["everywhere"])
    return everywhere, everywhere | set(me["projects"].get(project, ()))


def _lacking(me: dict[str, Any], project: str) -> str:
    delivers = sorted(name for name, rights in me["projects"].items() if "deliver" in rights)
    others = f", only to {', '.join(delivers)}" if delivers else ""
    return (
        f"the key {me.get('name', '')!r} may not deliver to {project}, where programs started from here log"
        f"{others}: they keep their records"
    )


def _project(settings: Settings) -> str | None:
    try:
        return place_of(settings).project
    except PrefixError:  # another check tells
        return None


def _problem(seen: str, project: str | None) -> Finding:
    return Finding("key", State.PROBLEM, seen, (_MAKE.format(project=shlex.quote(project or "P")), _TAKE))
