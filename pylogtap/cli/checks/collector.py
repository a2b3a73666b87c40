"""Checks of the collector: reached, ready, of our version, with a clock like ours."""

from __future__ import annotations

import ipaddress
import re
import socket
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pylogtap.cli.api import Refused
from pylogtap.cli.checks.finding import Finding, State
from pylogtap.cli.errors import Failed
from pylogtap.cli.unreachable import Unreachable
from pylogtap.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap.cli.api import Api, Look
    from pylogtap.settings import Settings

CLOCK_TOLERANCE_S = 2.0
SENDERS_TOLERANCE_S = 5.0  # what is sent takes a while to arrive, more where the network is slow
_SKEW = re.compile(r"^pylogtap_collector_clock_skew_seconds (\S+)$", re.MULTILINE)


def reach(api: Api) -> tuple[Finding, Look | None]:
    """
    Ask the collector whether it lives.

    Args:
        api: The collector.

    Returns:
        The finding, and its answer where it is that of a collector.
    """
    try:
        look = api.look("/healthz")
    except Unreachable as error:
        return Finding("collector", State.PROBLEM, error.message, error.remedies), None
    except Failed as error:
        return _stranger(api.url, f"it answers: {error.message}"), None
    if not isinstance(look.document.get("version"), str):
        return _stranger(api.url, "its answer is not a collector's"), None
    took_ms = max(1, round((look.answered - look.asked) * 1000))
    return Finding("collector", State.OK, f"{api.url} answers within {took_ms} ms"), look


def _stranger(url: str, reason: str) -> Finding:
    return Finding(
        "collector",
        State.PROBLEM,
        f"what runs at {url} is no collector ({reason})",
        ("say where the collector runs:  export PYLOGTAP_URL=http://HOST:8270",),
    )


def readiness(api: Api) -> Finding:
    """Ask the collector whether it can store."""
    try:
        look = api.look("/readyz")
    except Refused as error:
        reasons = [str(each) for each in error.problem.get("reasons", [])] or [error.message]
        return Finding(
            "storage",
            State.PROBLEM,
            f"the collector cannot store: {'; '.join(reasons)}",
            (
                "start it again: it sets the damaged database aside, and goes on"
                if any("damaged" in each for each in reasons)
                else "on its machine, look for a full or broken disk:  df -h",
                "programs keep what they log, and deliver it when the collector can store again",
            ),
        )
    except Failed as error:
        return Finding("storage", State.PROBLEM, error.message, error.remedies)
    if notices := [str(each) for each in look.document.get("notices") or ()]:
        return Finding(
            "storage",
            State.PROBLEM,
            f"the collector can store and search, but: {'; '.join(notices)}",
            ("on its machine, when it is stopped:  pylogtap recover",),
        )
    return Finding("storage", State.OK, "the collector can store and search")


def secrecy(settings: Settings) -> Iterator[Finding]:
    """
    Look whether the key can be read on its way.

    Args:
        settings: Address and key.
    """
    if settings.key is None:
        return
    parts = urlsplit(settings.url)
    host = parts.hostname or ""
    if parts.scheme == "https" or _stays_here(host):
        yield Finding("secrecy", State.OK, "the key cannot be read on its way")
        return
    tunnel = f"ssh -N -L 8270:127.0.0.1:{parts.port or 80} {host}"
    yield Finding(
        "secrecy",
        State.WARNING,
        f"the key, and all that is logged, travels to {host} unencrypted",
        (
            "let something that speaks TLS stand before the collector, and use its https:// address",
            f"or take a tunnel:  {tunnel} & export PYLOGTAP_URL=http://127.0.0.1:8270",
        ),
    )


def _stays_here(host: str) -> bool:
    try:
        addresses = {str(each[4][0]).partition("%")[0] for each in socket.getaddrinfo(host, None)}
    except OSError:  # no such name: it may have one elsewhere
        return False
    return all(ipaddress.ip_address(each).is_loopback for each in addresses)


def version(look: Look) -> Finding:
    """Compare the collector's version with ours."""
    theirs = str(look.document["version"])
    if theirs == __version__:
        return Finding("version", State.OK, f"client and collector are both {__version__}")
    return Finding(
        "version",
        State.WARNING,
        f"the client is {__version__}, the collector {theirs}",
        (
            f"here:                   pip install 'pylogtap=={theirs}'",
            f"or on the collector's:  pip install 'pylogtap[collector]=={__version__}'",
        ),
    )


def clock(look: Look) -> Finding:
    """
    Compare the collector's clock with ours.

    Its Date header says the time of the answer in whole seconds, and the answer was made somewhere between
    request and arrival: only what lies outside of both is a difference.
    """
    try:
        theirs = parsedate_to_datetime(look.date or "").timestamp()
    except ValueError:
        return Finding("clock", State.NOTE, "the collector's answer does not say its time")
    ahead, behind = theirs - look.answered, look.asked - (theirs + 1)
    if max(ahead, behind) <= CLOCK_TOLERANCE_S:
        return Finding("clock", State.OK, "this machine's clock agrees with the collector's")
    direction = "ahead of" if ahead > behind else "behind"
    return Finding(
        "clock",
        State.PROBLEM,
        f"the collector's clock is {max(ahead, behind):,.0f} s {direction} this machine's:"
        " times of records cannot be compared",
        ("on the machine whose clock is wrong:  sudo timedatectl set-ntp true",),
    )


def senders_clocks(api: Api) -> Finding:
    """Ask the collector how far the clocks of those who delivered to it were off."""
    try:
        found = _SKEW.search(api.look("/metrics").body.decode("utf-8", "replace"))
        skew_s = float(found[1]) if found else 0.0
    except (Failed, ValueError) as error:
        return Finding("clocks", State.NOTE, f"the collector does not say how far clocks are off ({error})")
    if skew_s <= SENDERS_TOLERANCE_S:
        return Finding("clocks", State.OK, "the clocks of all that delivered within the last hour agree")
    return Finding(
        "clocks",
        State.WARNING,
        f"a program that delivered within the last hour has a clock that is {skew_s:,.0f} s off",
        (
            "find it, on each machine that logs:  pylogtap doctor",
            "there:  sudo timedatectl set-ntp true",
        ),
    )
