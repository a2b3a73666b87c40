"""What `pylogtap doctor` checks. Each check is a function that says what it saw; none changes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap.cli.api import Api
from pylogtap.cli.checks import collector, containers, forwards, program, rights, spool, stored
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
    yield from _collector(settings)
    yield from spool.check(settings)
    yield from program.check(settings)


def _collector(settings: Settings) -> Iterator[Finding]:
    yield from collector.secrecy(settings)
    stranger = Api(settings.url, None)  # with a wrong key not even health is told
    finding, look = collector.reach(stranger)
    yield finding
    if look is None:  # the rest would only say the same
        return
    yield collector.version(look)
    yield collector.clock(look)
    yield collector.readiness(stranger)
    api = Api(settings.url, settings.key)
    finding, me = rights.admission(api, settings)
    yield finding
    if me is None:
        return
    if me.may_watch:
        yield collector.senders_clocks(api)
    if me.may_read:
        yield from stored.check(api)
        yield from containers.check(api)
        yield from forwards.check(api)
