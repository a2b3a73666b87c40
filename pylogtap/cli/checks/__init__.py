"""What `pylogtap doctor` checks. Each check is a function that says what it saw; none changes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap.cli.api import Api
from pylogtap.cli.checks import collector, program, spool, stored
from pylogtap.cli.checks.finding import Finding, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap.settings import Settings

__all__ = ["Finding", "State", "examine"]


def examine(settings: Settings) -> Iterator[Finding]:
    """
    Check everything, and yield what is found as soon as it is.

    Args:
        settings: Which collector, and where the spool is.
    """
    api = Api(settings.url, settings.key)
    yield from _collector(settings, api)
    yield from spool.check(settings)
    yield from program.check(settings)


def _collector(settings: Settings, api: Api) -> Iterator[Finding]:
    yield from collector.secrecy(settings)
    finding, look = collector.reach(api)
    yield finding
    if look is None:  # the rest would only say the same
        return
    yield collector.version(look)
    yield collector.clock(look)
    yield collector.readiness(api)
    admitted = collector.admission(api, has_key=settings.key is not None)
    yield admitted
    if admitted.state is State.OK:
        yield collector.senders_clocks(api)
        yield from stored.check(api)
