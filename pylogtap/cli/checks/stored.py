"""Checks of what the collector has stored lately: losses, missing prefixes, doubled records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pylogtap.cli.checks.doubled import describe, find_twins
from pylogtap.cli.checks.finding import Finding, State
from pylogtap.cli.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap.cli.api import Api

LATELY = "1h"
_SERVICES = 30  # looked at, the latest
_SAMPLE = 500  # newest records of each
_LIMIT = 1000


def check(api: Api) -> Iterator[Finding]:
    """
    Check the records of the last hour.

    Args:
        api: A collector that lets us in.
    """
    for name, look in (("losses", losses), ("places", unplaced), ("handlers", doubled)):
        try:
            yield from look(api)
        except Failed as error:  # one question too slow, for example: the others may be answered
            yield Finding(name, State.NOTE, f"not looked at: {error.message}")
        except (KeyError, TypeError, ValueError, AttributeError) as error:  # a collector of another version
            yield Finding(name, State.NOTE, f"not looked at: its answer is not understood ({error!r})")


def losses(api: Api) -> Iterator[Finding]:
    """Look for notices of records that were dropped: clients send them as soon as they can."""
    page = api.get("/api/v1/logs", q="logger:pylogtap level:warning has:dropped", since=LATELY, limit=_LIMIT)
    dropped: dict[str, int] = {}
    places = set()
    for log in page.get("items", []):
        reasons = log["attributes"].get("dropped")
        if isinstance(reasons, dict):
            places.add(f"{log['project']}/{log['service']}/{log['instance']}")
            for reason, count in reasons.items():
                dropped[reason] = dropped.get(reason, 0) + int(count)
    if not dropped:
        yield Finding("losses", State.OK, "no program has dropped records within the last hour")
        return
    reasons_told = ", ".join(f"{count:,} {reason}" for reason, count in sorted(dropped.items()))
    yield Finding(
        "losses",
        State.PROBLEM,
        f"records were dropped within the last hour ({reasons_told}), of {', '.join(sorted(places)[:5])}",
        (
            "more room while the collector is away:  export PYLOGTAP_SPOOL_MAX_BYTES=256M",
            "which ones:  pylogtap query logger:pylogtap has:dropped --since 1h",
        ),
    )


def unplaced(api: Api) -> Iterator[Finding]:
    """Look for programs that log without a prefix of their own."""
    facets = api.get("/api/v1/logs/facets", q="project:default", since=LATELY, fields="service", limit=10)
    values = [value for facet in facets.get("items", []) for value in facet["values"]]
    if not values:
        yield Finding("places", State.OK, "all programs of the last hour have a project of their own")
        return
    names = ", ".join(f"default/{value['value']}" for value in values)
    yield Finding(
        "places",
        State.WARNING,
        f"programs log without a prefix: {names} ({sum(value['count'] for value in values):,} records)",
        (
            "programs of ours, each with its own:  export PYLOGTAP_PREFIX=project/service",
            "other shippers:  name it in their settings, or give them a key of one project",
        ),
    )


def doubled(api: Api) -> Iterator[Finding]:
    """Look for records that two handlers of one process have stored."""
    services = _latest_services(api)
    sample = [log for project, service in services for log in _newest(api, project, service)]
    found = list(find_twins(sample))
    alike = {(each.place.rpartition("/")[0], each.loggers): each for each in found}  # instances of a program
    yield from map(describe, alike.values())
    if not found:
        yield Finding(
            "handlers",
            State.OK,
            f"no handler has stored a record twice, of the newest {len(sample):,} that programs have shipped",
        )


def _latest_services(api: Api) -> list[tuple[str, str]]:
    seen = []
    for project in api.get("/api/v1/projects", limit=_LIMIT).get("items", []):
        path = f"/api/v1/projects/{quote(project['name'])}/services"
        services = api.get(path, limit=_LIMIT).get("items", [])
        seen += [(each["last_seen"], project["name"], each["name"]) for each in services if each["last_seen"]]
    return [(project, service) for _, project, service in sorted(seen, reverse=True)[:_SERVICES]]


def _newest(api: Api, project: str, service: str) -> Iterator[dict[str, Any]]:
    """
    Yield the newest records of a service, of each instance's newest process alone.

    What an earlier process did wrong may have been mended since.
    """
    text = f'project:"{project}" service:"{service}"'
    page = api.get("/api/v1/logs", q=text, since=LATELY, order="desc", limit=_SAMPLE)
    newest: dict[str, int] = {}
    for log in page.get("items", []):
        pid = log["process"]["pid"]
        if pid and newest.setdefault(log["instance"], pid) == pid:
            yield log
