"""Checks of what the collector delivers to other systems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap.cli.api import Refused
from pylogtap.cli.checks.finding import Finding, State
from pylogtap.cli.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap.cli.api import Api

_LIMIT = 1000


def check(api: Api) -> Iterator[Finding]:
    """
    Look whether what is forwarded gets on; only administrators learn it.

    Args:
        api: A collector that lets us in.
    """
    try:
        items = api.get("/api/v1/forwards", limit=_LIMIT)["items"]
        waiting = [each for each in items if each["enabled"] and each["last_error"]]
        refused = [each for each in items if each["refused"]]
    except Refused:  # not for us, or a collector of a version that has none
        return
    except Failed as error:
        yield Finding("forwards", State.NOTE, f"not looked at: {error.message}")
        return
    except (KeyError, TypeError) as error:
        yield Finding("forwards", State.NOTE, f"not looked at: its answer is not understood ({error!r})")
        return
    for each in waiting:
        yield Finding(
            "forwards",
            State.WARNING,
            f"{each['name']} does not get on, and waits: {each['last_error']}",
            (f"change its address or headers:  PATCH /api/v1/forwards/{each['id']}",),
        )
    for each in refused:
        yield Finding(
            "forwards",
            State.WARNING,
            f"{each['name']}: the other system has refused {each['refused']:,} records for good",
        )
    if items and not waiting and not refused:
        yield Finding("forwards", State.OK, f"all of {len(items)} get on")
