"""
The background task that fetches what dead programs on this machine left for this collector.

A program that is killed cannot deliver its last records; they lie in its spool. Its next start delivers them,
and so does `pylogtap drain`; this task makes neither necessary where program and collector share a machine.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pylogtap.client import DESTINATION_FILE, drain
from pylogtap.settings import Settings as ClientSettings
from pylogtap.settings import default_spool_dir
from pylogtap_collector.settings import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pylogtap_collector.settings import Settings

PERIOD_S = 5.0
_log = logging.getLogger("pylogtap.collector")


async def adopt(settings: Settings, port: int, key: str, *, period_s: float = PERIOD_S) -> None:
    """
    Look for what dead programs left, and take it in, until cancelled.

    Args:
        settings: Host and certificate of this collector, and where the spool is.
        port: It listens on.
        key: The collector's own, good for all projects: whoever could write to the spool has logged this.
        period_s: How long to wait in between.
    """
    root = settings.spool_dir or default_spool_dir()
    while True:
        await asyncio.sleep(period_s)
        await asyncio.to_thread(_take_in, root, settings, port, key)


def _take_in(root: Path, settings: Settings, port: int, key: str) -> None:
    for url in _addresses(root):
        if not leads_here(url, settings.host, port, secure=settings.tls_certificate is not None):
            continue
        report = drain(ClientSettings(url=url, key=key, spool_dir=root, prefix="pylogtap/collector"))
        if report.records:
            _log.info("took in %d records that ended programs had left", report.records)
        if report.damaged or report.set_aside:
            _log.warning(
                "set %d damaged files and %d unreadable pieces aside that ended programs had left",
                report.damaged,
                report.set_aside,
            )
        if report.error:
            _log.warning("what dead programs left for %s could not be taken: %s", url, report.error)


def _addresses(root: Path) -> Iterator[str]:
    """Yield the addresses that programs on this machine deliver to."""
    for path in sorted(root.glob(f"*/{DESTINATION_FILE}")):
        try:
            yield path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            continue  # another user's, or gone


def leads_here(url: str, host: str, port: int, *, secure: bool = False) -> bool:
    """
    Tell whether an address is that of the collector on this machine that listens there.

    Args:
        url: The address.
        host: The collector listens on.
        port: The collector listens on.
        secure: It speaks HTTPS, and nothing else.
    """
    scheme, usual = ("https", 443) if secure else ("http", 80)
    try:
        parts = urlsplit(url)
        given = parts.port or usual
    except ValueError:
        return False
    name = parts.hostname or ""
    if parts.scheme != scheme or given != port:
        return False
    return name in {host.lower(), socket.gethostname().lower()} or is_loopback(name)
